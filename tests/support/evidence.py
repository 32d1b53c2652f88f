"""The evidence of the atlas: where it is kept, and whether a check that left some is still there."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from paths import ROOT

EVIDENCE = ROOT / "src" / "froude" / "atlas" / "evidence.json"


def is_there(one: Mapping[str, object]) -> bool:
    """Whether the test of some evidence is in its file, and names the row there or in the example that it measures.

    Evidence that a row works is not, where every line that names the row says that it is modelled.
    """
    path, _, name = str(one["check"]).partition("::")
    function, _, parameter = name.partition("[")
    if function not in _functions(ROOT / path):
        return False
    example = ROOT / "src" / "froude" / "growth" / "examples" / f"{parameter.rstrip(']')}.py"
    text = example if function == "test_an_example_shows_what_it_claims" else ROOT / path
    lines = text.read_text(encoding="utf-8").splitlines() if text.is_file() else []
    naming = [line for line in lines if f'"{one["row"]}"' in line]
    return any("modelled" not in line for line in naming) if one["shows"] == "works" else bool(naming)


def listed(values: Mapping[Any, Any], places: str = ".4g") -> str:
    """Values by name, in words: "32: 1.06, 64: 1.12"; several values of one name with slashes between."""

    def in_words(value: Any) -> str:
        return " / ".join(map(in_words, value)) if isinstance(value, list | tuple) else f"{value:{places}}"

    return ", ".join(f"{name}: {in_words(value)}" for name, value in values.items())


@cache
def _functions(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef))
