"""A Python function as the command of a sweep: `python -m froude.sweeps.function PLACES MODULE:NAME CONFIG`.

It is called with the settings of the run and gives what came out of it: a mapping, or one a step from a generator.
What it prints goes to standard error; its rows go to standard output, as those of any trainer.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from froude.errors import InputError
from froude.sweeps.plain import plain
from froude.sweeps.template import escaped

LOADING = "FROUDE_LOADING"
"""Is set in the environment while the file of a function is run to find it."""


def command_of(function: Callable[[Mapping[str, Any]], Any]) -> tuple[str, ...]:
    """The words that call a function with {config}. InputError where no other process can find it."""
    if os.environ.get(LOADING):
        raise InputError(
            "this script sweeps a function of its own, and is run again to find it: put froude.sweep(…) under "
            'if __name__ == "__main__"'
        )
    name, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", "")
    place = getattr(sys.modules.get("__main__"), "__file__", None) if module == "__main__" else module
    if not place or not name.isidentifier():
        shown = name or type(function).__name__
        raise InputError(f"no other process can find {shown!r}: define it at the top of a module or of the script")
    target = f"{os.path.abspath(place) if module == '__main__' else place}:{name}"
    places = json.dumps([os.path.abspath(each) for each in sys.path])
    return (sys.executable, "-P", "-m", "froude.sweeps.function", escaped(places), escaped(target), "{config}")


def main(places: str, target: str, config: str) -> None:
    """Calls the function and prints what it gives."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.path += [place for place in json.loads(places) if place not in sys.path]
    for row in rows_of(_function(target)(json.loads(Path(config).read_bytes()))):
        out.write(json.dumps(row) + "\n")


def rows_of(given: Any) -> Iterator[dict[str, Any]]:
    """The rows that a function gives: one mapping, a loss alone, or those of a generator and then what it returns."""
    if isinstance(given, Mapping):
        yield {str(name): plain(str(name), value) for name, value in given.items()}
    elif isinstance(given, Iterator):
        while True:
            try:
                row = next(given)
            except StopIteration as end:
                yield from rows_of(end.value)
                return
            yield from rows_of(row)
    elif given is not None:
        yield {"loss": plain("loss", given)}


def _function(target: str) -> Callable[[Mapping[str, Any]], Any]:
    place, _, name = target.rpartition(":")
    if not place.endswith(".py"):
        return getattr(importlib.import_module(place), name)
    os.environ[LOADING] = "1"
    try:
        return runpy.run_path(place, run_name="__froude__")[name]
    finally:
        del os.environ[LOADING]


if __name__ == "__main__":
    main(*sys.argv[1:])
