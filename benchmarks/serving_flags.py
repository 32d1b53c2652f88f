"""Flags of serving engines and of their load tests, from their published wheels: `planning/serving/engine_flags.json`.

    python benchmarks/serving_flags.py vllm-0.33.0-….whl sglang-0.5.23-….whl

Wheels come from `pip download --no-deps vllm==0.33.0 sglang==0.5.23`. Nothing of them is run: their sources are parsed.
Names of flags alone are kept, with the version.
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

OUT = Path(__file__).parents[1] / "src" / "froude" / "planning" / "serving" / "engine_flags.json"

SOURCES = {
    "vllm": {
        "serve": ("vllm/engine/arg_utils.py", "vllm/entrypoints/openai/cli_args.py"),
        "bench": ("vllm/benchmarks/serve.py", "vllm/benchmarks/datasets/datasets.py"),
    },
    "sglang": {
        "serve": ("sglang/srt/arg_groups/fields/", "sglang/srt/server_args.py"),
        "bench": ("sglang/benchmark/serving.py",),
    },
}
"""By engine, the files in which flags of its server and of its load test are declared; a folder ends in a stroke."""


def main() -> None:
    """Writes the flags of the wheels that are named."""
    found = dict(sorted(flags_of(Path(name)) for name in sys.argv[1:]))
    OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, engine in found.items():
        print(name, engine["version"], {kind: len(engine[kind]) for kind in ("serve", "bench")})


def flags_of(wheel: Path) -> tuple[str, dict[str, Any]]:
    """An engine, and its version and flags by what takes them."""
    name, version = wheel.name.split("-")[:2]
    with zipfile.ZipFile(wheel) as archive:
        names = [one for one in archive.namelist() if one.endswith(".py")]
        kinds = {
            kind: sorted(
                {flag for one in names if one.startswith(paths) for flag in declared(archive.read(one).decode())}
            )
            for kind, paths in SOURCES[name].items()
        }
    return name, {"version": version, **kinds}


def declared(text: str) -> Iterator[str]:
    """Flags that a source declares: by `add_argument`, or as annotated fields `name: A[type, Arg(…)]`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            yield from (str(one.value) for one in node.args if is_flag(one))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and is_argument(node.annotation):
            yield from field_flags(node.target.id, node.annotation)


def is_flag(node: ast.expr) -> TypeGuard[ast.Constant]:
    """Whether an argument is the text of a long flag."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("--")


def is_argument(node: ast.expr) -> bool:
    """Whether an annotation is that of SGLang's arguments."""
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "A"


def field_flags(name: str, annotation: ast.expr) -> Iterator[str]:
    """The flag that a field makes, and other names of it."""
    given = {
        word.arg: word.value
        for call in ast.walk(annotation)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Arg"
        for word in call.keywords
    }
    hidden = given.get("no_cli")
    if isinstance(hidden, ast.Constant) and hidden.value:
        return
    own = given.get("cli_name")
    yield str(own.value) if own is not None and is_flag(own) else "--" + name.replace("_", "-")
    yield from (str(one.value) for one in getattr(given.get("aliases"), "elts", []) if is_flag(one))


if __name__ == "__main__":
    main()
