"""What every reader of logs promises: the same numbers back, growing logs followed, torn ones read up to the tear."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from froude.errors import InputError
from froude.runs import Study, import_runs, read_runs
from froude.runs.logs.known_readers import LOG_READERS
from froude.runs.logs.logged_run import LoggedRun, LogReader
from froude.runs.logs.wandb.online import WandbOnlineReader
from logs_written import MEMBERS, REAL, LogMember

pytest_plugins = ["door"]

ALL = [*MEMBERS, *(pytest.param(member, marks=pytest.mark.trackers) for member in REAL)]
every_member = pytest.mark.parametrize("member", ALL, ids=lambda member: member.write.__name__)
CUTS = 12  # places at which a file is cut, and so many bytes before its end


def the_run(reader: LogReader, source: Path) -> LoggedRun:
    """The one run in a log."""
    (run,) = reader.logs(source)
    return run


def runs_or_refusal(reader: LogReader, source: Path) -> list[LoggedRun] | str:
    """The runs in a log, or the message that refuses it."""
    try:
        return list(reader.logs(source))
    except InputError as error:
        return str(error)


def points_of(run: LoggedRun, name: str) -> dict[float, float | None]:
    """A metric of a run: step → value, None for NaN, which does not equal itself."""
    series = run.series[name]
    values = [None if np.isnan(value) else value for value in series.values.tolist()]
    return dict(zip(series.at.tolist(), values, strict=True))


def numbers_of(member: LogMember) -> dict[str, dict[float, float | None]]:
    """The numbers that a member writes, in the same form."""
    return {
        name: {step: None if np.isnan(value) else value for step, value in sorted(points.items())}
        for name, points in member.numbers.items()
    }


def the_file(source: Path) -> Path:
    """The largest file of a source, in which the log is."""
    files = [path for path in source.rglob("*") if path.is_file()] if source.is_dir() else [source]
    return max(files, key=lambda path: path.stat().st_size)


def test_every_reader_of_logs_is_under_the_contract() -> None:
    online = {WandbOnlineReader()}  # which has no log of its own
    assert {*LOG_READERS} - online <= {member.reader for member in (*MEMBERS, *REAL)}


@every_member
def test_a_reader_knows_its_own_logs_and_nothing_else(member: LogMember, tmp_path: Path) -> None:
    assert all(member.reader.kinds)
    for other in MEMBERS:
        (tmp_path / other.write.__name__).mkdir()
        source = other.write(tmp_path / other.write.__name__)
        assert member.reader.recognises(source) == (member.reader == other.reader), source
        assert member.reader.recognises(str(source)) == member.reader.recognises(source)
    (tmp_path / "empty").mkdir()
    for nothing in (None, 3, {"loss": [1]}, tmp_path / "empty", tmp_path / "none", b"x"):
        assert not member.reader.recognises(nothing), nothing


@every_member
def test_the_same_numbers_come_back(member: LogMember, tmp_path: Path) -> None:
    run = the_run(member.reader, member.write(tmp_path))
    assert {name: points_of(run, name) for name in member.numbers} == numbers_of(member)
    assert run.notes == ()
    assert run.id
    assert run.name


@every_member
def test_roles_of_the_log_are_those_of_its_names(member: LogMember, tmp_path: Path) -> None:
    runs = read_runs(member.write(tmp_path))
    held_out = next(name for name in member.numbers if "val" in name)
    assert runs["loss"].tolist() == [member.numbers[held_out][120]]
    assert np.isclose(runs["train_loss"][0], 5.0 - 120 / 64)


@every_member
def test_importing_twice_changes_nothing(member: LogMember, tmp_path: Path) -> None:
    source = member.write(tmp_path)
    first = import_runs(source, tmp_path / "study")
    files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "study" / "runs").iterdir()}
    again = import_runs([os.path.relpath(source)], tmp_path / "study")
    assert (dict(first.changes), dict(again.changes)) == ({"new": 1}, {"same": 1})
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files} == files
    assert list((tmp_path / "study" / "runs").iterdir()) == list(files)


@every_member
def test_a_log_that_grows_is_followed(member: LogMember, tmp_path: Path) -> None:
    if member.whole_or_nothing:
        return
    source = member.write(tmp_path)
    file = the_file(source)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 2 // 3])
    before = import_runs(source, tmp_path / "study")
    file.write_bytes(whole)
    after = import_runs(source, tmp_path / "study")
    assert (dict(before.changes), dict(after.changes)) == ({"new": 1}, {"grown": 1})
    assert (len(before.notes) > 0, after.notes) == (True, ())
    study = Study.open(tmp_path / "study")
    (id,) = {path.name.split(".")[0] for path in (study.path / "runs").iterdir()}
    assert study.curve(id)["step"].tolist() == sorted({s for points in member.numbers.values() for s in points})


def torn(member: LogMember, folder: Path) -> Iterator[tuple[Path, bytes, bool]]:
    """A source whose file is cut at many bytes, the body, and whether it ends where a line does."""
    source = member.write(folder)
    file = the_file(source)
    whole = file.read_bytes()
    for place in sorted({*range(0, len(whole), len(whole) // CUTS), *range(len(whole) - CUTS, len(whole))}):
        file.write_bytes(whole[:place])
        yield source, whole[:place], whole[:place].endswith(b"\n") or whole[place : place + 1] == b"\n"


@every_member
def test_a_torn_log_gives_what_is_whole_and_says_where_it_breaks(member: LogMember, tmp_path: Path) -> None:
    numbers = numbers_of(member)
    read = 0
    for source, body, ends_a_line in torn(member, tmp_path):
        runs = runs_or_refusal(member.reader, source)
        if isinstance(runs, str):
            assert len(runs.splitlines()) == 1
            assert source.name in runs
            continue
        (run,) = runs
        read += 1
        found = {name: points_of(run, name) for name in run.series if name in numbers}
        assert all(points.items() <= numbers[name].items() for name, points in found.items()), body[-60:]
        assert run.notes or found == numbers or ends_a_line or (member.in_files and not body), body[-60:]
    assert read or member.whole_or_nothing


@every_member
@pytest.mark.parametrize("body", [b"", b"\x00" * 4096, b"\xff\xfe not a log \x80\n", b"{}", b"a,b\n1,2\n"])
def test_what_is_no_log_is_refused_in_a_line(member: LogMember, body: bytes, tmp_path: Path, refused: Callable) -> None:
    if member.in_files:  # whose other files tell of a run still
        return
    source = member.write(tmp_path)
    the_file(source).write_bytes(body)
    runs = runs_or_refusal(member.reader, source)
    assert len(runs.splitlines()) == 1 if isinstance(runs, str) else all(not run.series and run.notes for run in runs)
    assert refused("import", source, "--study", tmp_path / "study")
    assert not (tmp_path / "study").exists()
