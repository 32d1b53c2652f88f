"""The engines that there are, by the name that `froude pilot --engine` takes."""

from collections.abc import Callable

from froude.engines.engine import Engine
from froude.engines.local import LocalEngine
from froude.errors import InputError

ENGINES: dict[str, Callable[[int], Engine]] = {"local": LocalEngine}
"""What makes an engine of so many workers, by its name."""


def get_engine(name: str) -> Callable[[int], Engine]:
    """What makes the engine of this name, given a number of workers. InputError for a name that is none."""
    if name not in ENGINES:
        raise InputError(f"no engine {name!r}: this version has {', '.join(map(repr, ENGINES))}")
    return ENGINES[name]
