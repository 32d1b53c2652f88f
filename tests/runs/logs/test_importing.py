"""Logs imported into a study: runs that go on, imports that are killed, questions, and what `--columns` decides."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from froude.errors import InputError
from froude.files import write_files
from froude.runs import Study, import_runs, read_runs
from froude.runs.logs import importing
from logs_written import OF_TABLE, csv, json_lines, parquet, trainer_state

pytest_plugins = ["door"]


def folders(tmp_path: Path, n: int) -> Path:
    """A folder of output folders, a run each."""
    for i in range(n):
        (tmp_path / "logs" / f"run{i}").mkdir(parents=True)
        trainer_state(tmp_path / "logs" / f"run{i}")
    return tmp_path / "logs"


def test_an_import_says_what_it_took_for_what(tmp_path: Path, cli: Callable) -> None:
    (tmp_path / "logs").mkdir()
    done = cli("import", json_lines(tmp_path / "logs"), "--study", tmp_path / "study", "--json")
    assert (done.code, done.err) == (0, "")
    answer = json.loads(done.out)
    assert (answer["runs"], answer["states"], answer["changes"]) == (1, {"unknown": 1}, {"new": 1})
    found = {role["role"]: (role["source"], role["largest"]) for role in answer["roles"]}
    assert found["N"] == ("the count 'n_params'", 1e6)
    assert found["loss"] == ("the last of 'val_loss', which is held out", OF_TABLE["val_loss"][120])
    text = cli("import", tmp_path / "logs" / "metrics.jsonl", "--study", tmp_path / "study").out
    assert "1 run of 1 source in study" in text
    assert "as they were" in text
    assert "1 of 1 runs do not say D: name it with --columns D=NAME" in text


def test_logs_and_the_study_of_them_are_the_same_runs(tmp_path: Path) -> None:
    source = folders(tmp_path, 3)
    imported = import_runs(source, tmp_path / "study", {"N": "learning_rate"})
    assert imported.n_runs == 3
    from_logs, from_study = read_runs(source, {"N": "learning_rate"}), read_runs(tmp_path / "study")
    for role in ("N", "loss", "train_loss"):
        assert sorted(from_logs[role].tolist()) == sorted(from_study[role].tolist())
    assert sorted(from_study["name"].tolist()) == ["run0/output", "run1/output", "run2/output"]


def test_a_source_and_a_folder_below_it_are_the_same_run(tmp_path: Path) -> None:
    source = folders(tmp_path, 2)
    import_runs(source, tmp_path / "study")
    again = import_runs([source / "run0", source / "run1" / "output"], tmp_path / "study")
    assert again.changes == {"grown": 2}  # they are called by their places below another source
    assert len(Study.open(tmp_path / "study").finished_ids()) == 2


def test_logs_of_another_kind_in_a_folder_are_named(tmp_path: Path) -> None:
    source = folders(tmp_path, 2)
    assert import_runs(source, tmp_path / "one").notes == ()
    lines = ("step 0: train loss 4.1, val loss 4.2", "step 9: train loss 3, val loss 3.1", "")
    (source / "run0" / "train.log").write_text("\n".join(lines))
    csv(source)
    (note,) = import_runs(source, tmp_path / "two").notes
    assert "was read for trainer_state.json; left out" in note
    assert note.endswith("CSV, Parquet or JSONL with a step column, text logs of known trainers")
    assert note in read_runs(source).notes


def test_a_torn_parquet_says_where_it_breaks_off(tmp_path: Path) -> None:
    torn = parquet(tmp_path)
    body = torn.read_bytes()
    torn.write_bytes(body[: len(body) // 2])
    said = f"is cut short after {len(body) // 2:,} bytes"
    with pytest.raises(InputError, match=said):
        import_runs(torn, tmp_path / "study")
    csv(tmp_path)  # a whole one beside it
    imported = import_runs(tmp_path, tmp_path / "study")
    assert imported.n_runs == 1
    assert any(said in note for note in imported.notes)


def test_a_running_run_counts_once_it_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = trainer_state(tmp_path)
    with monkeypatch.context() as running:
        running.setattr("froude.runs.logs.trainer_state._standing", lambda state, rows: "running")
        first = import_runs(source, tmp_path / "study")
    study = Study.open(tmp_path / "study")
    assert (first.states, study.finished_ids()) == ({"running": 1}, set())
    (part,) = (study.path / "runs").iterdir()
    assert part.name.endswith(".jsonl.part")
    assert len(study.curve(part.name.split(".")[0])["step"]) == 12
    assert import_runs(source, tmp_path / "study").changes == {"grown": 1}
    assert [path.name for path in (study.path / "runs").iterdir()] == [part.name.removesuffix(".part")]


def test_a_log_that_has_become_shorter_loses_nothing(tmp_path: Path) -> None:
    source = csv(tmp_path)
    import_runs(source, tmp_path / "study")
    (path,) = (tmp_path / "study" / "runs").iterdir()
    before = path.read_bytes()
    source.write_text("".join(source.read_text().splitlines(keepends=True)[:4]))
    done = import_runs(source, tmp_path / "study")
    assert done.changes == {"kept": 1}
    assert "1 logs are shorter than what was imported of them" in done.notes[-1]
    assert path.read_bytes() == before


def test_a_killed_import_loses_nothing_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = folders(tmp_path, 5)
    calls: list[dict[Path, bytes]] = []

    def killed(files: dict[Path, bytes]) -> None:
        calls.append(files)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write_files(files)

    monkeypatch.setattr(importing, "_AT_ONCE", 1)
    monkeypatch.setattr(importing, "write_files", killed)
    with pytest.raises(KeyboardInterrupt):
        import_runs(source, tmp_path / "study")
    assert len(Study.open(tmp_path / "study").finished_ids()) == 2
    monkeypatch.undo()
    assert import_runs(source, tmp_path / "study").changes == {"same": 2, "new": 3}
    assert len(Study.open(tmp_path / "study").finished_ids()) == 5


def test_a_question_is_one_line_and_nothing_is_written(tmp_path: Path, refused: Callable, cli: Callable) -> None:
    rows = "".join(f"{s},{4 - s / 100},{3 - s / 100}\n" for s in (10, 20, 30))
    (tmp_path / "run.csv").write_text("step,eval_wiki_loss,eval_code_loss\n" + rows)
    command = ("import", tmp_path / "run.csv", "--study", tmp_path / "study")
    question = refused(*command)
    assert "run 'run': 'eval_wiki_loss' or 'eval_code_loss' may be the held-out loss" in question
    assert question.endswith("choose with --columns loss=eval_wiki_loss")
    assert not (tmp_path / "study").exists()
    assert cli(*command, "--columns", "loss=eval_code_loss").code == 0
    assert read_runs(tmp_path / "study")["loss"].tolist() == [2.7]
    assert "no column 'eval_cod_loss': did you mean" in refused(*command, "--columns", "loss=eval_cod_loss")


def test_a_folder_that_holds_something_else_is_no_study(tmp_path: Path) -> None:
    source = csv(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    with pytest.raises(InputError, match="holds other files and no study"):
        import_runs(source, tmp_path / "other")
    with pytest.raises(InputError, match="is no log that is known: give one of wandb://ENTITY/PROJECT; W&B's"):
        import_runs(tmp_path / "other", tmp_path / "study")


def test_fit_and_report_read_logs_without_an_import(tmp_path: Path, cli: Callable, refused: Callable) -> None:
    assert "power" in refused("fit", folders(tmp_path, 2), "--law", "power")  # too few runs, yet they are runs
    assert "trainer_state" not in refused("report", tmp_path / "logs")
