"""The experiments that Froude brings along: found and described without running one."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

from froude.errors import InputError, close_names
from froude.growth.experiment import Experiment, load_experiment
from froude.result import Result

FOLDER = Path(__file__).parent / "examples"
INSTALL = "pip install 'froude[growth]'"
"""The line that installs what the examples compare."""

AT_HAND = {*sys.stdlib_module_names, "froude", "numpy"}
CLAIM = re.compile(r'RowClaim\(\s*row="([\w.-]+)"')


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class GrowthExample(Result):
    """An experiment that ships with Froude, as its file describes it.

    `about` says in a sentence what is compared, `text` is all that the file says of it, with its paper and what is
    expected. `libraries` are those that it needs beside Froude and NumPy, `rows` the rows of the atlas that it shows.
    """

    name: str
    about: str
    text: str
    libraries: tuple[str, ...]
    rows: tuple[str, ...]
    path: Path

    @classmethod
    def read(cls, path: Path) -> GrowthExample:
        """The example in a file, which is parsed and not run."""
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        text = ast.get_docstring(tree) or ""
        return cls(
            name=path.stem,
            about=text.partition("\n")[0].rstrip("."),
            text=text,
            libraries=tuple(sorted(_imported(tree) - AT_HAND)),
            rows=tuple(dict.fromkeys(CLAIM.findall(source))),
            path=path,
        )

    def load(self) -> Experiment:
        """The experiment, ready to be measured. InputError where a library that it needs is not installed."""
        missing = [library for library in self.libraries if find_spec(library) is None]
        if missing:
            raise InputError(f"example {self.name!r} needs {', '.join(missing)}: {INSTALL}")
        return load_experiment(self.path)

    def to_dict(self) -> dict[str, Any]:
        """The example as JSON."""
        return {
            "name": self.name, "about": self.about, "text": self.text, "libraries": list(self.libraries),
            "rows": list(self.rows), "path": str(self.path),
        }  # fmt: skip


@cache
def growth_examples() -> tuple[GrowthExample, ...]:
    """The experiments that Froude brings along, by name; none of them is run."""
    return tuple(GrowthExample.read(path) for path in sorted(FOLDER.glob("*.py")))


def get_growth_example(name: str) -> GrowthExample:
    """The example of a name. InputError, with the names nearest to it, where there is none."""
    examples = {example.name: example for example in growth_examples()}
    key = name.strip().lower().replace("-", "_").removesuffix(".py")
    if key in examples:
        return examples[key]
    near = close_names(key, examples, n=3)
    hint = f": did you mean {' or '.join(near)}?" if near else ""
    raise InputError(f"no example {name!r}{hint or ': froude grow --list shows all of them'}")


def _imported(tree: ast.AST) -> set[str]:
    """The libraries that code imports, at the top or inside a function."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}
