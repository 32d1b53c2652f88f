"""Tables in Markdown."""

from collections.abc import Iterable, Mapping, Sequence


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of these cells; bars in them are escaped."""
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in (heads, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(heads)}", *lines[1:]])


def table_of(rows: Iterable[Mapping[str, str]]) -> str:
    """A table of rows that have the same heads, which are those of the first."""
    listed = list(rows)
    return markdown_table(list(listed[0]), [[row[head] for head in listed[0]] for row in listed])
