"""Programs of a user: their command lines read, and run so that they end with whoever asked for them."""

from froude.programs.running import Running, Usage, running
from froude.programs.words import last_line, words_of

__all__ = ["Running", "Usage", "last_line", "running", "words_of"]
