"""An answer as text and as HTML: one home for what a terminal, a notebook and `print` show."""

from froude.rendering.html import brief_html
from froude.rendering.text import answer_lines, answer_text, brief_text

__all__ = ["answer_lines", "answer_text", "brief_html", "brief_text"]
