"""Where trunks are trained: an engine runs tasks and tells of them as they go."""

from froude.engines.local import LocalEngine

__all__ = ["LocalEngine"]
