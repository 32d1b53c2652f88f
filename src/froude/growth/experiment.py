"""An experiment on growth: what is measured, at which sizes, by which methods; and the Python file that declares it."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import os.path
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Literal, TypeVar, final

import numpy as np

from froude.documents import DocumentKind
from froude.errors import InputError, shown
from froude.result import Result

EXPERIMENT_FILE = DocumentKind(what="experiment", remedy="give a Python file that declares EXPERIMENT")
RISING = "give at least two positive, rising numbers"
LARGEST = 1e300  # of a size: a few times that is still a number
LONGEST_TEXT = 200  # characters of an error of a user's

NAME = "EXPERIMENT"
"""What a file calls the experiment it declares."""

DECLARATION = f"set {NAME} = growth.Experiment(title=…, source=…, sizes=…, methods=…, prepare=…)"

_FILE = "growth_file_"
"""How the modules of files that were run are named."""

Returned = TypeVar("Returned")
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
    Raises InputError where sizes are not at least two growing positive numbers, a method cannot be called, or a text
    is none.
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
        texts = {"title": self.title, "source": self.source, **self.names}
        for name, text in texts.items():
            if not isinstance(text, str):
                raise InputError(f"{name} = {shown(text)} of an experiment: give a text")
        if not is_rising(self.sizes):
            raise InputError(f"sizes {shown(self.sizes)} of {self.title!r} do not grow: {RISING}")
        object.__setattr__(self, "sizes", tuple(self.sizes))
        if not isinstance(self.methods, Mapping) or not self.methods:
            raise InputError(f"methods {shown(self.methods)} of {self.title!r}: give functions by name, data → result")
        if wrong := [
            name for name, method in self.methods.items() if not callable(method) or not isinstance(name, str)
        ]:
            raise InputError(f"methods {shown(wrong)} of {self.title!r}: give functions by name, data → result")
        if not callable(self.prepare) or not (self.quality is None or callable(self.quality)):
            raise InputError(f"prepare or quality of {self.title!r} is no function: give prepare(size, rng), or none")
        if not isinstance(self.claims, tuple) or not all(isinstance(claim, RowClaim) for claim in self.claims):
            raise InputError(f"claims {shown(self.claims)} of {self.title!r}: give a tuple of RowClaim(row=…, holds=…)")

    @property
    def names(self) -> dict[str, str]:
        """What sizes and the quality are called, and what is expected."""
        return {"size_name": self.size_name, "quality_name": self.quality_name, "expected": self.expected or ""}

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
    if not os.path.isfile(path):  # which is False too for what no path can be
        raise InputError(f"{shown(str(path))} is no file: give a Python file that declares {NAME}")
    code = EXPERIMENT_FILE.bytes_of(path)
    experiment = vars(_run(path)).get(NAME)
    if type(experiment) is not Experiment:
        raise InputError(f"{shown(str(path))} declares no {NAME}: {DECLARATION}")
    return replace(experiment, version=hashlib.sha256(code).hexdigest()[:16])


def ask(what: str, function: Callable[..., Returned], *arguments: Any, remedy: str = "fix it") -> Returned:
    """What a user's function returns; InputError in one line where it fails, also by leaving the program."""
    try:
        return function(*arguments)
    except (InputError, KeyboardInterrupt):
        raise
    except ModuleNotFoundError as error:
        raise InputError(f"{what} needs the library {error.name!r}: install it") from error
    except BaseException as error:  # SystemExit, too, ends no measurement of other methods
        raise InputError(f"{what} fails ({one_line(error)}): {remedy}") from error


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
    ask(shown(str(path)), spec.loader.exec_module, module)
    return module


def is_rising(sizes: Any) -> bool:
    """Whether sizes are at least two positive numbers, each larger than the last."""
    if not isinstance(sizes, Sequence | np.ndarray) or isinstance(sizes, str | bytes) or len(sizes) < 2:
        return False
    if not all(
        isinstance(size, int | float | np.number) and not isinstance(size, bool) and 0 < size < LARGEST
        for size in sizes
    ):
        return False
    return all(a < b for a, b in itertools.pairwise(sizes))


def one_line(error: BaseException) -> str:
    """An error's class and text in one short line; the class alone where its text cannot be had."""
    try:
        text = " ".join(str(error).split())
    except BaseException:  # a user's class may do anything here
        text = ""
    return f"{type(error).__name__}: {text[:LONGEST_TEXT]}".rstrip(": ")
