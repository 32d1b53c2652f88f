"""Tasks of a user's own module, which no part of the package knows."""

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from froude.engines import Progress, Report, RunFinished
from froude.files import write_file


@dataclass(frozen=True)
class Toy:
    """A task made of its fields."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(**values)


@dataclass(frozen=True)
class Square(Toy):
    """Reports that it goes on and has finished; its value is a square."""

    number: int

    def perform(self, report: Report) -> int:
        report(Progress(run=f"{self.number}", tokens=1, loss=2.5, tokens_per_s=3.0))
        report(RunFinished(run=f"{self.number}", loss=None if self.number < 0 else 0.5))
        return self.number**2


@dataclass(frozen=True)
class Fail(Toy):
    """Fails with an error of its own."""

    text: str

    def perform(self, report: Report) -> None:
        raise KeyError(self.text)


@dataclass(frozen=True)
class ReadFile(Toy):
    """Reads a file, which may not be there."""

    path: str

    def perform(self, report: Report) -> str:
        return Path(self.path).read_text()


@dataclass(frozen=True)
class WriteFile(Toy):
    """Writes so many bytes to a file."""

    path: str
    n_bytes: int

    def perform(self, report: Report) -> int:
        write_file(Path(self.path), bytes(self.n_bytes))
        return self.n_bytes


@dataclass(frozen=True)
class GiveObject(Toy):
    """Its value has no form in JSON."""

    def perform(self, report: Report) -> object:
        return object()


@dataclass(frozen=True)
class DieUntilMarked(Toy):
    """Kills its process as often as it leaves marks in a folder; then its value is the number of marks."""

    folder: str
    deaths: int

    def perform(self, report: Report) -> int:
        marks = len(list(Path(self.folder).iterdir()))
        if marks < self.deaths:
            (Path(self.folder) / f"{marks}").touch()
            os.kill(os.getpid(), 9)
        return marks


@dataclass(frozen=True)
class Post(Toy):
    """Leaves a file for others to find."""

    path: str

    def perform(self, report: Report) -> str:
        Path(self.path).touch()
        return "posted"


@dataclass(frozen=True)
class Await(Toy):
    """Ends when somebody has left a file."""

    path: str

    def perform(self, report: Report) -> str:
        while not Path(self.path).exists():
            time.sleep(0.001)
        return "found"
