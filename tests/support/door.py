"""Fixtures of the front door: commands run in this process, and a table of planted runs to give them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from froude.cli import run
from planted import QUICK, planted, write_csv


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs a command in this process."""

    def perform(*words: object) -> Done:
        code = run([str(word) for word in words])
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return perform


@pytest.fixture
def refused(cli: Callable[..., Done]) -> Callable[..., str]:
    """The one line with which a command refuses bad input, without the program's name."""

    def perform(*words: object, code: int = 1) -> str:
        done = cli(*words)
        assert (done.code, done.out) == (code, "")
        assert done.err.startswith("froude: ")
        assert done.err.count("\n") == 1
        return done.err.removeprefix("froude: ").removesuffix("\n")

    return perform


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Planted runs as a CSV file."""
    return write_csv(tmp_path / "runs.csv", planted())


@pytest.fixture
def saved(tmp_path: Path, cli: Callable[..., Done], table: Path) -> Path:
    """A fit to the planted runs, saved."""
    assert cli("fit", table, *QUICK, "--out", tmp_path / "fit.json").code == 0
    return tmp_path / "fit.json"
