"""What every reader promises: it knows its own, reads all of it or says what is missing, and refuses in one line."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from froude.errors import InputError
from froude.runs import Runs, Study, read_curves, read_runs, run_id
from froude.runs.readers.dataframe import DataframeReader
from froude.runs.readers.files import DELIMITED, JSON, JSON_LINES, PARQUET
from froude.runs.readers.load_tests import LoadTestsReader
from froude.runs.readers.logs import LogsReader
from froude.runs.readers.read import READERS
from froude.runs.readers.reader import Curves, Reader, path_of, runs_of
from froude.runs.readers.study_folder import StudyReader
from planted import QUICK, planted

pytest_plugins = ["door"]

Columns = Mapping[str, Any]

TABLE: Columns = {
    "name": ["a", "b", "c", "d"],
    "N": [1e6, 2e6, 4e6, 8e6],
    "D": [1e8, 2e8, 4e8, 8e8],
    "loss": [4.0625, 3.53125, float("nan"), 3.015625],
    "other": [8.5, 7.5, 6.5, 5.5],
}
CURVE = {"step": [0.0, 10.0], "loss": [5.0, 4.5]}


@dataclass(frozen=True)
class ToyReader:
    """A reader of somebody's own: a line of key=value pairs for each run."""

    kinds: tuple[str, ...] = (".toy",)

    def recognises(self, source: object) -> bool:
        path = path_of(source)
        return path is not None and path.suffix == ".toy"

    def read(self, source: Any, columns: Mapping[str, str] | None = None) -> Runs:
        try:
            *lines, rest = Path(source).read_text().split("\n")
            rows = [dict(pair.split("=") for pair in line.split(" ")) for line in lines]
        except (OSError, ValueError) as error:
            raise InputError(f"{str(source)!r} is no toy ({error}): give another") from None
        names = list(dict.fromkeys(name for row in rows for name in row))
        frame = pl.DataFrame({name: [row.get(name) for row in rows] for name in names})
        texts = [name for name in names if name != "name"]
        return runs_of(frame.cast(dict.fromkeys(texts, pl.Float64)), source, columns, ["cut short"] if rest else [])

    def curves(self, source: Any) -> Curves | None:
        return None


def write_csv(folder: Path, table: Columns) -> Path:
    pl.DataFrame(table).write_csv(folder / "runs.csv")
    return folder / "runs.csv"


def write_tsv(folder: Path, table: Columns) -> Path:
    pl.DataFrame(table).write_csv(folder / "runs.TSV", separator="\t")
    return folder / "runs.TSV"


def write_parquet(folder: Path, table: Columns) -> Path:
    pl.DataFrame(table).write_parquet(folder / "runs.parquet")
    return folder / "runs.parquet"


def write_json_lines(folder: Path, table: Columns) -> Path:
    rows = pl.DataFrame(table).to_dicts()
    (folder / "runs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "runs.jsonl"


def write_json(folder: Path, table: Columns) -> Path:
    (folder / "runs.json").write_text(json.dumps(pl.DataFrame(table).to_dicts()))
    return folder / "runs.json"


def write_study(folder: Path, table: Columns) -> Path:
    """A study whose runs, sorted by their ids, are the rows of the table in order."""
    study = Study.create(folder / "study", {})
    rows = pl.DataFrame(table).to_dicts()
    for config, row in zip(sorted(({"seed": i} for i in range(len(rows))), key=run_id), rows, strict=True):
        with study.writer(config) as writer:
            for step, loss in zip(*CURVE.values(), strict=True):
                writer.step(step=step, loss=loss)
            writer.finish(**row)
    return study.path


def write_logs(folder: Path, table: Columns) -> Path:
    """A folder of output folders of the Hugging Face Trainer, a run each, called as the runs are."""
    for row in pl.DataFrame(table).to_dicts():
        (folder / "outputs" / row["name"]).mkdir(parents=True)
        metrics = {name: value for name, value in row.items() if name != "name"}
        state = {"global_step": 10, "log_history": [{**metrics, "step": 10}], "max_steps": 20}
        (folder / "outputs" / row["name"] / "trainer_state.json").write_text(json.dumps(state, indent=2))
    if not table["name"]:
        (folder / "outputs").mkdir()
        (folder / "outputs" / "trainer_state.json").write_text("")
    return folder / "outputs"


def write_toy(folder: Path, table: Columns) -> Path:
    rows = pl.DataFrame(table).to_dicts()
    text = "".join(" ".join(f"{name}={value}" for name, value in row.items()) + "\n" for row in rows)
    (folder / "runs.toy").write_text(text)
    return folder / "runs.toy"


def polars_frame(folder: Path, table: Columns) -> pl.DataFrame:
    return pl.DataFrame(table)


def polars_plan(folder: Path, table: Columns) -> pl.LazyFrame:
    return pl.LazyFrame(table)


def arrow_table(folder: Path, table: Columns) -> pa.Table:
    return pa.table(dict(table))


@dataclass(frozen=True)
class Member:
    """A reader under the contract, and what writes a sample for it: a folder and a table → a source.

    In a text of numbers alone nobody can see that the last one was longer before the text was cut (`open_end`).
    """

    reader: Reader
    write: Callable[[Path, Columns], Any]
    open_end: bool = False


MEMBERS = (
    Member(DELIMITED, write_csv, open_end=True),
    Member(DELIMITED, write_tsv, open_end=True),
    Member(PARQUET, write_parquet),
    Member(JSON, write_json),
    Member(JSON_LINES, write_json_lines),
    Member(StudyReader(), write_study),
    Member(LogsReader(), write_logs),
    Member(DataframeReader(), polars_frame),
    Member(DataframeReader(), polars_plan),
    Member(DataframeReader(), arrow_table),
    Member(ToyReader(), write_toy),
)
"""A reader joins the contract by a line here."""

every_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.write.__name__)
every_stored = pytest.mark.parametrize(
    "member", [m for m in MEMBERS if m.reader.kinds], ids=lambda member: member.write.__name__
)


def refusal(reader: Reader, source: object) -> str:
    """The one line with which a reader, or the check of what it read, refuses a source."""
    with pytest.raises(InputError) as caught:
        reader.read(source).checked()
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def rows_of(runs: Runs) -> list[dict[str, Any]]:
    """The rows of runs in the columns of the sample; a loss that is no number is None, which equals itself."""
    columns = {name: runs[name].tolist() for name in TABLE}
    columns["loss"] = [None if np.isnan(loss) else loss for loss in columns["loss"]]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


WHOLE = rows_of(Runs.from_columns(TABLE))


def test_every_reader_is_under_the_contract() -> None:
    own = {LoadTestsReader()}  # whose columns are those of a load test: tests/runs/load_tests
    assert set(READERS) - own < {member.reader for member in MEMBERS}


@every_member
def test_a_reader_recognises_its_own_sources_and_no_others(member: Member, tmp_path: Path) -> None:
    for i, other in enumerate(MEMBERS):
        (tmp_path / str(i)).mkdir()
        source = other.write(tmp_path / str(i), TABLE)
        assert member.reader.recognises(source) == (member.reader == other.reader), source
        if isinstance(source, Path):
            assert member.reader.recognises(str(source)) == member.reader.recognises(source)
    (tmp_path / "notes.xyz").write_text("N,loss\n1,2\n")
    (tmp_path / "empty").mkdir()
    paths = (tmp_path / "empty", str(tmp_path / "none"), tmp_path / "notes.xyz")
    for nothing in (None, 3, [1, 2], {"N": [1]}, "", *paths):
        assert not member.reader.recognises(nothing), nothing


@every_member
def test_every_row_is_read_as_it_is_under_its_number(member: Member, tmp_path: Path) -> None:
    runs = member.reader.read(member.write(tmp_path, TABLE))
    assert rows_of(runs) == WHOLE
    assert runs.rows.tolist() == [1, 2, 3, 4]
    assert runs.row_name(2) == "row 3 (c)"
    assert runs.diverged().tolist() == [False, False, True, False]
    assert (runs.derived, runs.notes) == (("C = 6·N·D",), ())


@every_member
def test_columns_are_read_as_the_roles_that_are_said(member: Member, tmp_path: Path) -> None:
    source = member.write(tmp_path, TABLE)
    assert member.reader.read(source, {"loss": "other"})["loss"].tolist() == TABLE["other"]
    with pytest.raises(InputError, match="no column 'othre': did you mean 'other'"):
        member.reader.read(source, {"loss": "othre"})


@every_member
def test_a_value_that_cannot_be_is_refused_with_its_row(member: Member, tmp_path: Path) -> None:
    source = member.write(tmp_path, {**TABLE, "N": [1e6, 2e6, -3.0, 8e6]})
    assert "column 'N', row 3: -3.0, must be a number above 0" in refusal(member.reader, source)


@every_member
def test_a_source_without_runs_is_refused(member: Member, tmp_path: Path) -> None:
    source = member.write(tmp_path, {name: [] for name in TABLE})
    said = refusal(member.reader, source)
    assert ("holds no runs" in said) or ("is empty" in said)
    assert (str(source) if isinstance(source, Path) else "the dataframe") in said


def files_of(source: Path) -> list[Path]:
    """The files of a source, which is one or a folder of several."""
    return sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]


def damaged(member: Member, folder: Path, bodies: Callable[[bytes], list[bytes]]) -> Iterator[tuple[Path, bytes]]:
    """Sources of a member each with one file that holds another body, and the body."""
    source = member.write(folder, TABLE)
    for path in files_of(source):
        whole = path.read_bytes()
        for body in bodies(whole):
            path.write_bytes(body)
            yield source, body
        path.write_bytes(whole)


def cuts(whole: bytes) -> list[bytes]:
    """A body cut at forty places and at each of the last twelve bytes."""
    places = {*range(0, len(whole), max(1, len(whole) // 40)), *range(max(0, len(whole) - 12), len(whole))}
    return [whole[:place] for place in sorted(places)]


def rows_or_refusal(reader: Reader, source: Path) -> tuple[list[dict[str, Any]], tuple[str, ...]] | None:
    """The rows that a reader gives and its notes; None where it refuses the source, in one line."""
    try:
        runs = reader.read(source).checked()
    except InputError:
        refusal(reader, source)
        return None
    return rows_of(runs), runs.notes


@every_stored
def test_a_file_cut_short_anywhere_loses_nothing_in_silence(member: Member, tmp_path: Path) -> None:
    for source, body in damaged(member, tmp_path, cuts):
        if (outcome := rows_or_refusal(member.reader, source)) is None:
            continue
        rows, notes = outcome
        whole = rows[:-1] if member.open_end else rows
        assert all(row in WHOLE for row in whole), body
        # Cut between two lines, a file is another table, and a shorter one.
        assert notes or whole == WHOLE[: len(whole)], body
        assert notes or member.open_end or whole == WHOLE or body.count(b"\n") + (body[-1:] != b"\n") == len(rows), body


@every_stored
def test_what_is_no_table_is_refused_or_left_out_with_a_note(member: Member, tmp_path: Path) -> None:
    junk = [b"\xff\xfe\x00\x80 junk", b"\x00" * 100]
    for source, body in damaged(member, tmp_path, lambda whole: [*junk, whole[: len(whole) // 2] + junk[0]]):
        if outcome := rows_or_refusal(member.reader, source):
            rows, notes = outcome
            assert notes, body
            assert all(row in WHOLE for row in rows), body


@every_stored
def test_a_source_that_vanishes_is_refused(member: Member, tmp_path: Path) -> None:
    source = member.write(tmp_path, TABLE)
    shutil.rmtree(source) if source.is_dir() else source.unlink()
    assert str(source) in refusal(member.reader, source)


@every_member
def test_curves_are_those_that_were_written_one_for_each_run(member: Member, tmp_path: Path) -> None:
    source = member.write(tmp_path, TABLE)
    curves = member.reader.curves(source)
    if isinstance(member.reader, LogsReader):
        return  # tests/runs/logs/test_contract.py has theirs
    if curves is None:
        assert not isinstance(member.reader, StudyReader)
        return
    assert list(curves) == member.reader.read(source)["id"].tolist()
    for curve in curves.values():
        assert {name: values.tolist() for name, values in curve.items()} == CURVE


def test_curves_are_asked_of_any_source_and_refused_where_there_are_none(tmp_path: Path) -> None:
    assert len(read_curves(str(write_study(tmp_path, TABLE)))) == 4
    with pytest.raises(InputError, match=r"runs\.csv' keeps one row for each run and no curves: give a study folder"):
        read_curves(write_csv(tmp_path, TABLE))
    with pytest.raises(InputError, match="a DataFrame keeps one row for each run"):
        read_curves(pl.DataFrame(TABLE))
    with pytest.raises(InputError, match="no file or folder"):
        read_curves(tmp_path / "none")


# A reader of somebody's own


def test_a_reader_that_is_registered_reads_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli) -> None:
    toy, csv = write_toy(tmp_path, planted()), write_csv(tmp_path, planted())
    with pytest.raises(InputError, match=r"type not read: give .*, logs .*, \.csv"):
        read_runs(toy)
    monkeypatch.setattr("froude.runs.readers.read.READERS", (*READERS, ToyReader()))
    assert read_runs(toy).frame.equals(read_runs(csv).frame)
    done = cli("fit", toy, *QUICK, "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["params"] == json.loads(cli("fit", csv, *QUICK, "--json").out)["params"]
    with pytest.raises(InputError, match=r"\.ndjson, a study folder or \.toy"):
        read_runs(write_csv(tmp_path, TABLE).rename(tmp_path / "runs.xyz"))
