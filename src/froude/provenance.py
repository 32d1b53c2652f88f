"""Where a result comes from: the version, the command or the call, the seed, a hash of the data, and the day.

A public function that computes is marked `recorded`: what it returns says by which call it was made. A call inside
another is no call of the user's, so the outermost counts; and where a command is running, the command as it was typed.
Data are noted where runs are taken (`note_data`); what was given a result takes over that result's data and seed.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar, final

from froude.result import Result
from froude.version import __version__

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST = 60
"""Letters of an argument that a call is shown with; of a longer one its kind is."""


def utc_now() -> str:
    """The time in UTC, "2026-11-21T22:31:47Z"."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@final
@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How a result was made: by `command`, typed at a shell, or by `call`, in Python.

    `seed` is that of random starts and resampling, None where nothing was drawn. `data_sha256` holds the hash of each
    table that was taken, in their order (`Runs.sha256`), `date` is the day in UTC.
    """

    version: str
    command: str | None = None
    call: str | None = None
    seed: int | None = None
    data_sha256: tuple[str, ...] = ()
    date: str

    @classmethod
    def now(cls, seed: int | None = None, data_sha256: Sequence[str] = ()) -> Provenance:
        """That of what is being made now: by the command that runs or by the outermost call of Python, if any."""
        how = _how.get() or {}
        day = time.strftime("%Y-%m-%d", time.gmtime())
        return cls(version=__version__, **how, seed=seed, data_sha256=tuple(data_sha256), date=day)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Provenance:
        """The same from what `to_dict` made."""
        return cls(**{**data, "data_sha256": tuple(data["data_sha256"])})

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "data_sha256": list(self.data_sha256)}

    @property
    def line(self) -> str:
        """In a line, as at the foot of a page; hashes by their first 12 digits."""
        data = ", ".join(each[:12] for each in self.data_sha256)
        parts = (
            f"Froude {self.version}",
            self.command or self.call or "",
            "" if self.seed is None else f"seed {self.seed}",
            f"data {data}" if data else "",
            self.date,
        )
        return " · ".join(part for part in parts if part)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Computed(Result):
    """A result that was computed; `provenance` says how, and is None for one that no public function returned."""

    provenance: Provenance | None = field(default=None, compare=False)

    def stamped(self, provenance: Provenance) -> Self:
        """The same with its provenance."""
        return replace(self, provenance=provenance)

    @property
    def origin(self) -> dict[str, Any]:
        """The provenance as an entry of the result's JSON; none where it is not known."""
        return {} if self.provenance is None else {"provenance": self.provenance.to_dict()}


_how: ContextVar[Mapping[str, str] | None] = ContextVar("how", default=None)
_data: ContextVar[list[str] | None] = ContextVar("data", default=None)


@contextmanager
def by_command(words: Sequence[str]) -> Iterator[None]:
    """Whatever is made inside was made by this command."""
    command = " ".join(["froude", *map(typed, words)])
    # A name of a file may hold bytes that are no text, which no document can.
    token = _how.set({"command": command.encode("utf-8", "backslashreplace").decode()})
    try:
        yield
    finally:
        _how.reset(token)


def note_data(sha256: str) -> None:
    """Say that the call which is running takes data of this hash."""
    noted = _data.get()
    if noted is not None and sha256 not in noted:
        noted.append(sha256)


def recorded(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose results say how they were made."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        noted: list[str] = []
        outer = _how.get()
        how = _how.set(outer or {"call": call_text(function, args, kwargs)})
        data = _data.set(noted)
        try:
            result = function(*args, **kwargs)
            given = [each.provenance for each in (*args, *kwargs.values()) if isinstance(each, Computed)]
            known = [each for each in given if each is not None]
            hashes = dict.fromkeys([*noted, *(sha for each in known for sha in each.data_sha256)])
            seed = _seed(function, kwargs)
            if seed is None and known:
                seed = known[0].seed
            return _stamp(result, Provenance.now(seed, tuple(hashes)))
        finally:
            _data.reset(data)
            _how.reset(how)

    return call


def call_text(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """A call as somebody would type it, data and results by what they are: `froude.fit('chinchilla', runs)`."""
    owner, dot, name = function.__qualname__.rpartition(".")
    home, shown = ("froude", args) if not dot else (owner.lower(), args[1:])
    named = (f"{key}={_shown(value)}" for key, value in kwargs.items() if not callable(value))
    words = [*map(_shown, shown), *named]
    return f"{home}.{name}({', '.join(words)})"


def typed(word: str) -> str:
    """A word of a command so that it can be typed again; the user's home folder is `~`."""
    home = str(Path.home())
    if len(home) > 1 and (word == home or word.startswith(f"{home}/")):
        rest = word[len(home) :]
        return "~" + (rest if rest == shlex.quote(rest) else "/" + shlex.quote(rest[1:]))
    return shlex.quote(word)


def _seed(function: Callable[..., Any], kwargs: Mapping[str, Any]) -> int | None:
    """The seed that a call was given, itself or in its options, or else draws with."""
    defaults = function.__kwdefaults__ or {}
    for given in (kwargs, defaults):
        seed = given.get("seed", getattr(given.get("options"), "seed", None))
        if seed is not None:
            return int(seed)
    return None


def _stamp(result: Any, provenance: Provenance) -> Any:
    """The result with its provenance, to which data and seed of a call inside are added; each of a list of results."""
    if type(result) in (list, tuple) and result and all(isinstance(each, Computed) for each in result):
        return type(result)(_stamp(each, provenance) for each in result)
    if not isinstance(result, Computed):
        return result
    if inner := result.provenance:
        hashes = dict.fromkeys([*provenance.data_sha256, *inner.data_sha256])
        seed = inner.seed if provenance.seed is None else provenance.seed
        provenance = replace(provenance, seed=seed, data_sha256=tuple(hashes))
    return result.stamped(provenance)


def _shown(value: Any) -> str:
    if isinstance(value, str | Path):
        text = repr(str(value).replace(str(Path.home()), "~") if len(str(Path.home())) > 1 else str(value))
    elif isinstance(value, bool | int | float) or value is None:
        text = repr(value)
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(map(_shown, value))}]"
    elif hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        text = repr(value.item())
    else:
        text = getattr(value, "name", None) if type(value).__name__ in ("Law", "Model") else None
        return repr(text) if text else type(value).__name__.lower()
    return text if len(text) <= _LONGEST else type(value).__name__
