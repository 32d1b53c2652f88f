"""An experiment on growth: what is measured, at which sizes, by which methods; and the Python file that declares it."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Literal, TypeVar, final

import numpy as np

from froude.errors import InputError
from froude.result import Result

NAME = "EXPERIMENT"
"""What a file calls the experiment it declares."""

DECLARATION = f"set {NAME} = growth.Experiment(title=…, source=…, sizes=…, methods=…, prepare=…)"

_FILE = "growth_file_"
"""How the modules of files that were run are named."""

Outcome = TypeVar("Outcome")
"""What a claim is judged by: a `GrowthResult`, which this module does not know."""


@final
@dataclass(frozen=True, kw_only=True)
class RowClaim(Generic[Outcome]):
    """What an experiment shows of a row of the atlas.

    `holds(result)` maps each statement, with the numbers measured, to whether it is true; all of them must be. They are
    the row's own sentence where the claim shows that it "works", and a good part of it where it is "modelled".
    """

    row: str
    holds: Callable[[Outcome], Mapping[str, bool]]
    shows: Literal["works", "modelled"] = "works"


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Experiment(Result):
    """What is to be measured.

    `prepare(size, rng)` makes the data of one size and repetition, untimed; all methods get the same.
    Each of `methods` maps its data to a result, is what is timed, and must leave the data as they are, for it is
    called several times. `quality(data, result)` is one number of a result: an error, a count, a score; without it only
    time and memory are measured. `claims` are judged by the result, `expected` says in words what it should be.
    `version` tells code from other code: `load_experiment` fills in a digest of the file.
    Raises InputError where sizes are not at least two growing positive numbers, or a method cannot be called.
    """

    title: str
    source: str
    sizes: tuple[float, ...]
    methods: Mapping[str, Callable[[Any], Any]]
    prepare: Callable[[Any, np.random.Generator], Any]
    quality: Callable[[Any, Any], float] | None = None
    quality_name: str = "quality"
    size_name: str = "n"
    expected: str | None = None
    claims: tuple[RowClaim[Any], ...] = ()
    version: str | None = None

    def __post_init__(self) -> None:
        sizes = self.sizes
        if len(sizes) < 2 or sizes[0] <= 0 or any(b <= a for a, b in itertools.pairwise(sizes)):
            raise InputError(
                f"sizes {', '.join(map('{:g}'.format, sizes))} of {self.title!r} do not grow: "
                "give at least two positive, rising numbers"
            )
        wrong = [name for name, method in self.methods.items() if not callable(method)]
        if wrong or not self.methods:
            raise InputError(f"methods {wrong or 'none'} of {self.title!r}: give functions by name, data → result")

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: _findable(method) for name, method in self.methods.items()}
        claims = tuple(replace(claim, holds=_findable(claim.holds)) for claim in self.claims)
        functions = {"prepare": _findable(self.prepare), "quality": self.quality and _findable(self.quality)}
        return {**vars(self), **functions, "methods": kept, "claims": claims}

    def __deepcopy__(self, memo: Any) -> Experiment:
        return self


@final
@dataclass(frozen=True)
class LostFunction:
    """In the place of a function that no other process could have found by its name; calling it is an InputError."""

    name: str

    def __call__(self, *_: Any) -> Any:
        raise InputError(f"{self.name} was not pickled with its experiment: load or make the experiment anew")


def load_experiment(path: str | Path) -> Experiment:
    """The experiment that a Python file declares; the file is run.

    Raises InputError if there is no such file, it fails, or declares none.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{str(path)!r} is no file: give a Python file that declares {NAME}")
    experiment = getattr(_run(path), NAME, None)
    if not isinstance(experiment, Experiment):
        raise InputError(f"{str(path)!r} declares no {NAME}: {DECLARATION}")
    return replace(experiment, version=hashlib.sha256(path.read_bytes()).hexdigest()[:16])


def _findable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, or `LostFunction` where another process cannot import it: a lambda, one of a file that was run."""
    name = getattr(function, "__qualname__", type(function).__name__)
    if getattr(function, "__module__", "").startswith(_FILE):
        return LostFunction(name)
    try:
        pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError):
        return LostFunction(name)
    return function


def _run(path: Path) -> ModuleType:
    name = f"{_FILE}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{str(path)!r} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except InputError:
        raise
    except ModuleNotFoundError as error:
        raise InputError(f"{str(path)!r} needs the library {error.name!r}: install it") from None
    except Exception as error:
        raise InputError(f"{str(path)!r} fails ({one_line(error)}): fix it") from None
    return module


def one_line(error: Exception) -> str:
    """An error's class and text in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
