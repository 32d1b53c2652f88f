"""A brief answer as HTML for a notebook: one element of its own that takes the notebook's colours, light or dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from froude.answers import Answer, Fact, Table
from froude.rendering.brief import CutTable, shorten

WIDTH, MOST_LINES = 110, 40
"""The room that a notebook's cell has, in columns and lines of text."""

SHORT = 30
"""Letters of words up to which a cell stands on one line."""

_LINE = "1px solid rgba(128,128,128,.35)"
_CELL = "padding:2px 10px 2px 0;background:none;border:none;vertical-align:top"
_MUTED = "opacity:.7"


def brief_html(answer: Answer) -> str:
    """An answer as one `<div>`: headline, facts, tables, warnings. Everything is escaped, nothing is loaded."""
    brief = shorten(answer, WIDTH, MOST_LINES)
    parts = [
        f'<div style="font-weight:600;margin-bottom:4px">{escape(brief.headline)}</div>',
        *([_facts(brief.facts)] if brief.facts else []),
        *(part for cut in brief.tables for part in _table(cut)),
        *(f'<div style="margin-top:4px">⚠ {escape(warning)}</div>' for warning in brief.warnings),
        *([f'<div style="{_MUTED}">{escape(brief.more)}</div>'] if brief.more else []),
    ]
    style = "font-variant-numeric:tabular-nums;overflow-x:auto"
    return f'<div class="froude" style="{style}">{"".join(parts)}</div>'


def _facts(facts: Sequence[Fact]) -> str:
    rows = (
        f'<tr style="background:none"><td style="{_CELL};text-align:left;{_MUTED};white-space:nowrap">'
        f'{escape(head)}</td><td style="{_CELL};text-align:left">{escape(text)}</td></tr>'
        for head, text in facts
    )
    return f'<table style="border:none;margin:0 0 6px"><tbody>{"".join(rows)}</tbody></table>'


def _table(cut: CutTable) -> Iterator[str]:
    table = cut.table
    if table.title:
        yield f'<div style="font-weight:600;margin-top:6px">{escape(table.title)}</div>'
    head = f'<thead><tr style="background:none;border-bottom:{_LINE}">{"".join(_heads(table))}</tr></thead>'
    rows = "".join(f'<tr style="background:none">{"".join(_cells(table, i))}</tr>' for i in range(len(table.rows)))
    yield f'<table style="border:none;margin:0">{head if table.columns else ""}<tbody>{rows}</tbody></table>'
    if cut.rest:
        yield f'<div style="{_MUTED}">{escape(cut.rest)}</div>'


def _heads(table: Table) -> Iterator[str]:
    for i, head in enumerate(table.columns):
        yield f'<th style="{_CELL};text-align:{_side(table, i)}">{escape(head)}</th>'
    if table.shares and table.columns:
        yield f'<th style="{_CELL}"></th>'


def _cells(table: Table, row: int) -> Iterator[str]:
    for i, cell in enumerate(table.rows[row]):
        wrap = "" if i in table.left and len(cell) > SHORT else ";white-space:nowrap"
        yield f'<td style="{_CELL};text-align:{_side(table, i)}{wrap}">{escape(cell)}</td>'
    if table.shares:
        yield f'<td style="{_CELL};min-width:120px"><div style="{_bar(table.shares[row])}"></div></td>'


def _side(table: Table, column: int) -> str:
    return "left" if column in table.left else "right"


def _bar(share: float) -> str:
    return f"height:.6em;width:{100 * share:.1f}%;background:currentColor;opacity:.35"
