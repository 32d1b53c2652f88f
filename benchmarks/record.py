"""What every benchmark leaves behind: one JSON file in `results/`, and its table in the documents.

`python benchmarks/record.py` writes every such table again from the results that are there.
"""

import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCUMENTS = HERE.parent / "docs"


def record(name: str, command: str, rows: Sequence[Mapping[str, Any]], **details: Any) -> None:
    """Writes `results/<name>.json` (rows as the documents show them, details beside) and its table."""
    document = {
        "command": command,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit(),
        "machine": machine(),
        "rows": list(rows),
        **details,
    }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    write_tables()


def commit() -> str:
    """The commit measured, with a plus sign where files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"


def machine() -> str:
    """Processor, cores and Python."""
    from froude.host import cores, processor_name

    return f"{processor_name()}, {cores()} cores, Python {platform.python_version()}"


def write_tables() -> None:
    """Puts every result's table between its marks `<!-- table: name -->` and `<!-- end -->` in docs/*.md."""
    results = {path.stem: json.loads(path.read_text()) for path in (HERE / "results").glob("*.json")}
    tables = {"roles": roles(), **{name: table(document) for name, document in results.items()}}
    for page in DOCUMENTS.glob("*.md"):
        text = before = page.read_text()
        for name, block in tables.items():
            marked = f"<!-- table: {name} -->\n{block}\n<!-- end -->"
            text = re.sub(rf"<!-- table: {name} -->.*?<!-- end -->", lambda _, new=marked: new, text, flags=re.DOTALL)
        if text != before:
            page.write_text(text)


def roles() -> str:
    """The roles of columns and some of the names under which each is found."""
    from froude.runs import ROLES

    rows = [f"| `{role.name}` | {role.meaning} | {', '.join(role.synonyms[:6])}, … |" for role in ROLES.values()]
    return "\n".join(["| role | means | found by its own name, or as |", "|---|---|---|", *rows])


def table(document: Mapping[str, Any]) -> str:
    """A result as Markdown."""
    heads = list(document["rows"][0])
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(str(row[head]) for head in heads)} |" for row in document["rows"]]
    notes = "".join(f" {note}" for note in document.get("notes", []))
    source = f"`{document['command']}`, {document['date']}, commit {document['commit']}, {document['machine']}."
    return "\n".join([*lines, "", f"<sub>{source}{notes}</sub>"])


if __name__ == "__main__":
    write_tables()
    sys.exit(0)
