"""Results shown by their answers; see `froude.result`, whose methods come here."""

from __future__ import annotations

from typing import Any

from froude.answers.registry import answer_of
from froude.rendering.html import brief_html
from froude.rendering.text import answer_text, brief_text
from froude.result import Result


def brief_of(result: Result) -> str:
    """A result in a few lines of 80 columns."""
    return brief_text(answer_of(result))


def html_of(result: Result) -> str:
    """A result as a notebook shows it."""
    return brief_html(answer_of(result))


def summary_of(result: Result) -> str:
    """All that is said of a result, as text of 100 columns."""
    return answer_text(answer_of(result))


def data_of(result: Result) -> Any:
    """A result as JSON has it; where a command prints a list of its like, the one item."""
    data = answer_of(result).to_dict()
    return data[0] if isinstance(data, list) and len(data) == 1 else data
