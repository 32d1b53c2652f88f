"""The registry of public run tables: that it is whole, that it is true of the tables, and how they are read."""

import json
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl
import pytest

from froude import InputError, get_law
from froude.runs import ROLES, get_published, published_tables
from froude.runs.published.downloads import sha256_of
from planted import planted, write_csv

pytest_plugins = ["door"]

TABLES = (
    "chinchilla_epoch",
    "overtraining_mlfoundations",
    "datablations",
    "multipowerlaw_curves",
    "steplaw",
    "resolving_discrepancies",
    "parscale",
    "regmix",
    "repeated_sampling_monkeys",
    "obs_scaling",
    "nmt_learning_curves",
    "clark_routing",
    "protein_xtrimo",
    "vocab_sail",
    "openeurollm",
    "mixinglaws",
    "laion_comparison",
)
FILES = [(table.id, file.name) for table in published_tables() for file in table.files]
BY_HAND = (
    *("datablations", "resolving_discrepancies", "parscale", "repeated_sampling_monkeys"),
    *("clark_routing", "protein_xtrimo", "vocab_sail", "openeurollm", "mixinglaws", "laion_comparison"),
)


@pytest.fixture(autouse=True)
def nothing_here(tmp_path, monkeypatch, published):  # which has read FROUDE_PUBLISHED by then
    """No published table is on this machine, and none can be fetched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FROUDE_PUBLISHED_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("FROUDE_PUBLISHED", raising=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of published tables."""
    folder = tmp_path / "tables"
    folder.mkdir()
    monkeypatch.setenv("FROUDE_PUBLISHED", str(folder))
    return folder


# --- the registry ----------------------------------------------------------------------------------------


def test_the_registry_has_the_seventeen_run_tables():
    assert tuple(table.id for table in published_tables()) == TABLES


@pytest.mark.parametrize("table", published_tables(), ids=lambda table: table.id)
def test_every_entry_names_source_licence_and_published_numbers(table):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", table.repository)
    assert re.fullmatch(r"[0-9a-f]{7,40}", table.commit)
    assert all((table.title, table.good_for, table.path, table.licence, table.paper, table.cautions, table.published))
    assert "arXiv:" in table.paper or table.paper.startswith("none located")
    assert all(claim.finding and claim.source for claim in table.published)
    assert table.licence != "none stated" or "evaluate on the numbers" in table.licence_note
    assert len({file.name for file in table.files}) == len(table.files) > 0


@pytest.mark.parametrize(("table", "name"), FILES)
def test_every_file_has_rows_a_hash_columns_and_an_original(table, name):
    file = get_published(table).file(name)
    assert file.rows > 0
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
    assert all(column.meaning for column in file.columns.values())
    assert set(file.roles) <= set(ROLES)
    assert not file.lacking(set(file.columns))
    assert all(any(fnmatchcase(column, known) for known in file.columns) for column in file.roles.values())
    original = file.original
    assert original.paths
    assert original.form
    # What is downloaded can be told from an error page, and has the columns of the table.
    assert bool(original.needs) == original.plain
    assert all(any(fnmatchcase(new, known) for known in file.columns) for new in original.rename.values())
    assert all(name in file.columns for name in original.each)
    assert not original.sha256 or re.fullmatch(r"[0-9a-f]{64}", original.sha256)


@pytest.mark.parametrize("claim", [c for t in published_tables() for c in t.published if c.law], ids=lambda c: c.law)
def test_a_law_that_the_registry_names_is_there_with_its_constants(claim):
    assert claim.constants in get_law(claim.law).published


def test_pickles_notebooks_and_code_are_never_downloaded():
    originals = [file.original for table in published_tables() for file in table.files]
    assert {original.form for original in originals if original.plain} == {"CSV", "JSON"}
    assert {"pickle", "notebook", "Python code"} <= {original.form for original in originals if not original.plain}
    assert [t.id for t in published_tables() if not any(f.original.plain for f in t.files)] == list(BY_HAND)


def test_a_shared_entry_cannot_be_written():
    file = get_published("steplaw").file()
    for mapping in (file.roles, file.columns, file.original.rename):
        with pytest.raises(TypeError):
            mapping["N"] = "x"  # pyright: ignore[reportIndexIssue]


# --- the tables as registered ----------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "name"), FILES)
def test_a_registered_table_is_as_registered(published, monkeypatch, table, name):
    path = published(f"{table}/{name}")
    monkeypatch.setenv("FROUDE_PUBLISHED", str(path.parents[1]))
    file = get_published(table).file(name)
    assert get_published(table).find(name) == path
    assert get_published(table).place(name) == "here"
    assert file.check(path) == "as registered"
    names = set(pl.read_csv(path, infer_schema=False).columns)
    assert file.lacking(names | {*file.derive}) == []
    assert [n for n in names if not any(fnmatchcase(n, known) for known in file.columns)] == []
    runs = get_published(table).read(name)
    assert len(runs) == file.rows
    assert set(file.roles) <= set(runs.columns)
    assert not [note for note in runs.notes if "kept as" not in note]


def test_a_table_in_the_folder_is_read_with_its_roles(folder):
    (folder / "parscale").mkdir()
    columns = {"P": [1, 2, 4], "N_nonembed": [1e9, 2e9, 3e9], "loss_stackv2_python": [1.2, 1.1, 1.0]}
    path = write_csv(folder / "parscale" / "parscale.csv", columns | {"loss_pile": [2.2, 2.1, 2.0]})
    table = get_published("parscale")
    assert (table.find(), table.place(), table.file().check(path)) == (path, "here", "differs")
    runs = table.read()
    assert runs.columns == ("N", "loss", "P", "loss_pile")
    assert runs["N"].tolist() == columns["N_nonembed"]
    assert runs.notes == ("parscale.csv differs from the registered table (SHA-256 3e5005a444b8…)",)


def test_a_table_of_the_registered_bytes_is_read_without_a_note(folder):
    (folder / "chinchilla_epoch").mkdir()
    path = write_csv(folder / "chinchilla_epoch" / "chinchilla_fig4.csv", planted())
    table = get_published("chinchilla_epoch")
    file = replace(table.file(), sha256=sha256_of(path.read_bytes()))
    assert file.check(path) == "as registered"
    assert replace(table, files=(file,)).read().notes == ()


def test_a_second_column_of_a_role_is_kept_under_another_name(folder):
    (folder / "steplaw").mkdir()
    columns = planted() | {"smooth_loss": planted()["loss"] + 1}
    write_csv(folder / "steplaw" / "dense.csv", columns)
    runs = get_published("steplaw").read()
    assert runs["loss"].tolist() == pytest.approx(columns["smooth_loss"])
    assert runs["loss (as read)"].tolist() == pytest.approx(columns["loss"])
    assert "the column loss is kept as 'loss (as read)'" in runs.notes
    assert any("lacks the columns d_model, d_ffn" in note for note in runs.notes)
    assert runs.columns[:3] == ("N", "D", "loss")
    assert runs.columns[-1] == "C"
    assert runs.derived == ("C = 6·N·D",)


def test_another_column_is_taken_for_a_role_when_it_is_named(folder):
    (folder / "parscale").mkdir()
    columns = {"N_nonembed": [1e9, 2e9], "loss_stackv2_python": [1.2, 1.1], "loss_pile": [2.2, 2.1]}
    write_csv(folder / "parscale" / "parscale.csv", columns)
    table = get_published("parscale")
    runs = table.read(columns={"loss": "loss_pile"})
    assert (runs["loss"].tolist(), runs.columns) == ([2.2, 2.1], ("N", "loss", "loss_stackv2_python"))
    with pytest.raises(InputError, match="no column 'loss_pil': did you mean 'loss_pile'"):
        table.read(columns={"loss": "loss_pil"})
    with pytest.raises(InputError, match="'Z' in --columns is no role"):
        table.read(columns={"Z": "loss_pile"})
    with pytest.raises(InputError, match="column 'N_nonembed' is mapped to two roles"):
        table.read(columns={"loss": "N_nonembed"})


def test_a_column_is_no_role_that_the_registry_does_not_give_it(folder):
    (folder / "resolving_discrepancies").mkdir()
    columns = {"param_count": ["kaplan", "standard"], "fit_kind": ["basic", "basic"], "n_exponent": [0.83, 0.70]}
    write_csv(folder / "resolving_discrepancies" / "fit_results.csv", columns)
    runs = get_published("resolving_discrepancies").read("fit_results.csv")
    assert runs.columns == ("param_count", "fit_kind", "n_exponent")
    assert runs.where("param_count = 'standard'")["n_exponent"].tolist() == [0.70]


def test_a_table_that_is_no_csv_is_refused_by_name(folder):
    (folder / "parscale").mkdir()
    (folder / "parscale" / "parscale.csv").write_text("<!DOCTYPE html><html></html>")
    with pytest.raises(InputError, match=r"parscale\.csv' is an HTML page, no table"):
        get_published("parscale").read()


# --- what is not there -----------------------------------------------------------------------------------


def test_a_table_that_is_nowhere_is_refused_with_how_to_get_it():
    with pytest.raises(InputError) as plain:
        get_published("steplaw").find("moe.csv")
    assert str(plain.value) == (
        "steplaw/moe.csv is not here: set FROUDE_PUBLISHED to the folder of tables, "
        "or give: froude published steplaw --download"
    )
    with pytest.raises(InputError) as by_hand:
        get_published("parscale").read()
    assert str(by_hand.value) == (
        "parscale/parscale.csv is not here: set FROUDE_PUBLISHED to the folder of tables, or make it by hand from "
        "the Python code at parametric_fit.py of github.com/QwenLM/ParScale at commit "
        "cd6acb48ba6d3b1f9715785ff0d212751210177d"
    )


def test_a_folder_that_lacks_a_table_leaves_it_to_be_downloaded(folder):
    assert {table.place() for table in published_tables()} == {"download", "by hand"}


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="no published table is called 'step-law': did you mean steplaw"):
        get_published("step-law")
    with pytest.raises(InputError, match="no published table is called 'zzz': there are chinchilla_epoch, over"):
        get_published("zzz")
    with pytest.raises(InputError, match=r"no file of steplaw is called 'mo\.csv': did you mean moe\.csv"):
        get_published("steplaw").file("mo.csv")


def test_a_folder_that_is_none_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("FROUDE_PUBLISHED", str(tmp_path / "no"))
    with pytest.raises(InputError) as refused:
        get_published("steplaw").find()
    assert str(refused.value) == (
        f"FROUDE_PUBLISHED names '{tmp_path / 'no'}', which is no folder: set it to the folder of the tables"
    )


# --- the command -----------------------------------------------------------------------------------------


def test_the_list_has_two_lines_for_each_table_in_80_columns(cli):
    done = cli("published")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines[:2] == ["17 public run tables", ""]
    assert lines[2].split() == ["id", "rows", "files", "licence", "where"]
    assert [line.split()[0] for line in lines[3:37:2]] == list(TABLES)
    assert lines[3] == "  chinchilla_epoch             245      1  none stated  download"
    assert lines[4] == "    loss against parameters and tokens; the reference optimum of a solver"
    assert lines[7] == "  datablations                 316      2  Apache-2.0   by hand"
    assert lines[37:] == [
        "",
        "rows: those of the first file",
        "download: not here, fetched by froude published NAME --download",
        "by hand: not here, and no plain file to fetch: set FROUDE_PUBLISHED",
        "froude published NAME shows one whole",
    ]
    assert max(map(len, lines)) <= 80


def test_the_list_says_what_is_here_and_what_differs(cli, folder, monkeypatch):
    for table, name in (("parscale", "parscale.csv"), ("regmix", "train_mixture_1m.csv")):
        (folder / table).mkdir()
        write_csv(folder / table / name, planted())
    where = {line.split()[0]: line.split()[-1] for line in cli("published").out.splitlines()[3:25:2]}
    assert (where["parscale"], where["regmix"], where["steplaw"]) == ("differs", "differs", "download")
    monkeypatch.setattr("froude.runs.published.table.PublishedFile.check", lambda self, path: "as registered")
    done = cli("published").out
    where = {line.split()[0]: line.split()[-1] for line in done.splitlines()[3:25:2]}
    assert (where["parscale"], where["regmix"], where["steplaw"]) == ("here", "part", "download")
    assert "here: in the folder that FROUDE_PUBLISHED names\n" in done
    assert "part: some of its files are here\n" in done
    assert "differs:" not in done


def test_a_table_is_shown_whole(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = cli("published", "chinchilla_epoch")
    assert done.out.startswith("chinchilla_epoch: Loss against parameters and tokens, read off figure 4")
    wide = [line for line in done.out.splitlines() if len(line) > 80]
    assert [line for line in wide if max(map(len, line.split())) < 60] == []  # but paths, which stay whole
    shown = " ".join(done.out.split())
    for piece in (
        "source github.com/epoch-research/analyzing-chinchilla commit 92258837425e1b5f2851d624287f0120583a3d0e",
        "licence none stated: evaluate on the numbers, do not pass the file on",
        "chinchilla besiroglu-2024: refit on 240 rows",
        "beware N counts all parameters, embeddings included D is not measured but computed",
        "chinchilla_fig4.csv, 245 rows",
        "where not here: froude published chinchilla_epoch --download, or set FROUDE_PUBLISHED",
        "SHA-256 8a53c7ad50c5ce76a0c0382c01c0356a988b4adb54e3cad07e14a56a3bc9876f",
        "roles N = N, D = D, C = C, loss = loss",
        "loss training loss, read off a colour scale nats per token",
        "original CSV: data/svg_extracted_data.csv changes: columns renamed, D computed",
    ):
        assert piece in shown


def test_a_table_that_is_here_is_shown_with_its_path(cli, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    (folder / "parscale").mkdir()
    path = write_csv(folder / "parscale" / "parscale.csv", planted())
    lines = [line.strip() for line in cli("published", "parscale").out.splitlines()]
    at = lines.index("where     here, but differs from the registered one")
    assert lines[at + 1] == str(path)


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_shown_in_80_columns(cli, monkeypatch, table):
    monkeypatch.setenv("COLUMNS", "80")
    done = cli("published", table)
    assert (done.code, done.err) == (0, "")
    wide = [line for line in done.out.splitlines() if len(line) > 80]
    assert [line for line in wide if max(map(len, line.split())) < 60] == []  # but paths, which stay whole
    shown = "".join(done.out.split())
    for file in get_published(table).files:
        assert file.name in shown
        assert file.sha256 in shown


def test_json_has_all_that_is_said(cli, folder):
    (folder / "parscale").mkdir()
    path = write_csv(folder / "parscale" / "parscale.csv", planted())
    found = {table["id"]: table for table in json.loads(cli("published", "--json").out)}
    assert tuple(found) == TABLES
    assert all(7 <= len(table["commit"]) <= 40 for table in found.values())
    (file,) = found["parscale"]["files"]
    assert (found["parscale"]["state"], file["state"], file["path"]) == ("differs", "differs", str(path))
    assert file["roles"] == {"N": "N_nonembed", "loss": "loss_stackv2_python"}
    assert file["columns"]["loss_pile"] == {"meaning": "loss on the Pile", "unit": "nats per token"}
    assert file["original"] == {
        "paths": ["parametric_fit.py"],
        "form": "Python code",
        "changes": "constants in its code, taken out",
        "download": False,
    }
    (one,) = json.loads(cli("published", "steplaw", "--json").out)
    assert {**one, "provenance": None} == {**found["steplaw"], "provenance": None}
    assert one["files"][0]["path"] is None
    assert "downloaded" not in one


def test_bad_words_are_refused_in_one_line(refused, monkeypatch, tmp_path):
    assert (
        refused("published", "chinchilla")
        == "no published table is called 'chinchilla': did you mean chinchilla_epoch?"
    )
    assert refused("published", "--download") == (
        "--download asks which table: give its name, as in froude published steplaw --download"
    )
    for table in BY_HAND:
        said = refused("published", table, "--download")
        assert said.startswith(f"{table} is not downloaded: make it by hand from the ")
        assert get_published(table).commit in said
    assert "No such option: --downlaod" in refused("published", "steplaw", "--downlaod", code=2)
    monkeypatch.setenv("FROUDE_PUBLISHED", str(Path(tmp_path / "none")))
    assert refused("published").startswith("FROUDE_PUBLISHED names ")
    assert refused("published", "steplaw", "--json").startswith("FROUDE_PUBLISHED names ")
