"""What commands write: where they are told to, never over what they read, and with a line where they cannot."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any, get_type_hints

import pytest

from froude.cli.app import COMMANDS, GROUPS
from froude.cli.outputs import output_file, page_file
from froude.laws import get_law
from froude.runs import Study
from limits import file_limit, fill, mounted, remount
from planted import QUICK

pytest_plugins = ["door"]

EMIT = ("plan", "train", "--machine", "8 x h100", "--model", "llama-3.2-1b", "--tokens", "1B", "--emit", "torchtitan")
WRITERS = (
    ("fit", "--out", "TABLE"),
    ("register write", "--out", "FIT", "--at", "N=1B"),
    ("report", "--out", "TABLE"),
    ("plan train", "--out", "--machine", "h100"),
    ("plan train", "--page", "--machine", "h100"),
    ("plan serve", "--out", "--emit", "vllm", "--model", "qwen2.5-0.5b", "--load", "TABLE", "--ttft", "1s"),
    ("plan serve", "--page", "--model", "qwen2.5-0.5b", "--load", "TABLE", "--ttft", "1s"),
    ("machine measure", "--out"),
    ("simulate serve", "--out", "--model", "gpt2", "--machine", "h100"),
    ("simulate serve", "--page", "--model", "gpt2", "--machine", "h100"),
    ("optimal", "--page", "TABLE"),
    ("predict", "--page", "FIT", "--at", "N=1B"),
    ("compare", "--page", "A", "B", "--at", "C=1e24"),
    ("register write", "--page", "FIT", "--at", "N=1B"),
    ("register score", "--page", "FILE", "--measured", "2"),
    ("register list", "--page", "DIR"),
    ("calibrate", "--out"),
    ("calibrate", "--learned"),
    ("cost calibrate", "--out", "TABLE"),
    ("atlas picture", "--out", "speed"),
    ("grow", "--page"),
)
"""Every command and option that names a file to be written, and what else the command must be given."""


@pytest.mark.parametrize("writer", WRITERS, ids=" ".join)
def test_an_empty_name_and_a_folder_are_wrong_usage(refused, tmp_path, writer):
    command, option, *others = writer
    words = (*command.split(), *others, option)
    line = f"Invalid value for '{option}': '' is no name: give one (see froude {command} --help)"
    assert refused(*words, "", code=2) == line
    for folder in (tmp_path, f"{tmp_path}/new/"):
        assert f"{str(folder)!r} is a folder: name a file in it" in refused(*words, folder, code=2)


def test_every_option_that_names_a_file_to_write_is_tried_here():
    commands = {function.__name__: function for _, function, _ in COMMANDS}
    commands |= {f"{group} {name}": function for _, group, _, some in GROUPS for name, function in some.items()}
    found = {
        (command, f"--{name}")
        for command, function in commands.items()
        for name, hint in get_type_hints(function, include_extras=True).items()
        if getattr(getattr(hint, "__metadata__", [None])[0], "parser", None) in (output_file, page_file)
    }
    assert {writer[:2] for writer in WRITERS} == found


@pytest.mark.parametrize("words", [("laws", "--docs"), ("pilot", "--study"), ("grow", "x.py", "--study")])
def test_an_empty_name_of_a_folder_is_wrong_usage(refused, words):
    assert f"Invalid value for '{words[-1]}': '' is no name: give one" in refused(*words, "", code=2)


def test_a_picture_stands_beside_no_pipe(refused, tmp_path):
    (tmp_path / "c.toml").write_text("")
    os.mkfifo(tmp_path / "pipe")
    line = "is no file that a picture can stand beside: name another for the document"
    assert refused("calibrate", tmp_path / "c.toml", "--out", tmp_path / "pipe") == f"{str(tmp_path / 'pipe')!r} {line}"


@pytest.fixture
def linked(table: Path) -> dict[str, Path]:
    """Other names of the table: a link, a hard link, and a way round."""
    link, twin = table.with_name("link.csv"), table.with_name("twin.csv")
    link.symlink_to(table.name)
    twin.hardlink_to(table)
    return {"itself": table, "link": link, "twin": twin, "round": table.parent / ".." / table.parent.name / table.name}


@pytest.mark.parametrize("name", ["itself", "link", "twin", "round"])
def test_a_table_is_never_overwritten_by_its_fit(refused, table, linked, name):
    before = table.read_bytes()
    line = refused("fit", table, *QUICK, "--out", linked[name])
    assert line == f"--out {str(linked[name])!r} would change {str(table)!r}, which is read: name another file"
    assert "would change" in refused("fit", linked["link"], *QUICK, "--out", table)
    assert table.read_bytes() == before


@pytest.mark.parametrize("inside", ["study.json", "runs/new.jsonl", "fit.json", "link.json"])
def test_nothing_is_written_into_a_study_that_is_read(refused, tmp_path, inside):
    study = Study.create(tmp_path / "s", {})
    (study.path / "link.json").symlink_to("study.json")
    (tmp_path / "way").symlink_to("s")
    before = sorted(study.path.rglob("*"))
    for folder in (study.path, tmp_path / "way"):
        assert "which is read: name another file" in refused("fit", study.path, "--out", folder / inside)
    (tmp_path / "twin.json").hardlink_to(study.path / "study.json")
    assert "which is read" in refused("fit", tmp_path / "way", "--out", tmp_path / "twin.json")
    assert sorted(study.path.rglob("*")) == before


def test_machine_model_and_fit_are_never_overwritten_by_a_plan(refused, tmp_path, saved):
    (tmp_path / "m.toml").write_text('chip = "h100"\n')
    (tmp_path / "config.json").write_text("{}")
    given = {"--machine": f"8 x {tmp_path}/m.toml", "--model": f"{tmp_path}", "--fit": f"{saved}", "--tokens": "1B"}
    words = [word for option in given.items() for word in option]
    for path in (tmp_path / "m.toml", tmp_path / "config.json", saved):
        before = path.read_bytes()
        page = path.with_name(f"{path.stem}.html")
        page.hardlink_to(path)
        assert f"--page {str(page)!r} would change" in refused("plan", "train", *words, "--page", page)
        options = ("--emit", "torchtitan", "--out", path)
        assert f"--out {str(path)!r} would change" in refused("plan", "train", *words, *options)
        assert path.read_bytes() == before
    line = refused(*EMIT, "--out", tmp_path / "same", "--page", tmp_path / "." / "same")
    assert line.startswith("--out and --page both write ")


def test_an_experiment_and_cases_are_never_overwritten(refused, tmp_path):
    (tmp_path / "x.py").write_text("EXPERIMENT = 1\n")
    (tmp_path / "c.toml").write_text("")
    (tmp_path / "x.html").hardlink_to(tmp_path / "x.py")
    assert "would change" in refused("grow", tmp_path / "x.py", "--page", tmp_path / "x.html")
    assert "would change" in refused("calibrate", tmp_path / "c.toml", "--learned", tmp_path / "c.toml")
    for words in (("--out", tmp_path / "x.svg"), ("--out", tmp_path / "x.md", "--learned", tmp_path / "x.svg")):
        assert "both write" in refused("calibrate", tmp_path / "c.toml", *words)


def process(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "froude", *map(str, words)]
    return subprocess.run(command, text=True, check=False, **{"stdout": PIPE, "stderr": PIPE, **options})


def test_a_fit_is_saved_through_a_link(cli, table, tmp_path):
    (tmp_path / "link.json").symlink_to("fit.json")
    assert cli("fit", table, *QUICK, "--out", tmp_path / "link.json").code == 0
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "fit.json").read_text())["format"] == "froude-fit"


def test_a_name_of_bytes_that_are_no_text_is_written_and_said_as_escapes(cli, table, tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.json")
    done = cli("fit", table, *QUICK, "--out", path)
    assert (done.code, done.err) == (0, "")
    assert "\\udcff.json" in done.out
    assert json.loads(path.read_text())["provenance"]["command"].endswith("udcff.json'")


@pytest.mark.parametrize("into", ["a pipe", "a file"])
def test_what_is_saved_to_stdout_comes_before_the_answer(table, tmp_path, into):
    with open(tmp_path / "both", "w") as both:
        done = process(
            *("fit", table, *QUICK, "--json", "--out", "/dev/stdout"), stdout=both if into == "a file" else PIPE
        )
    text = done.stdout or (tmp_path / "both").read_text()
    saved, end = json.JSONDecoder().raw_decode(text)
    assert saved["format"] == "froude-fit"
    assert json.loads(text[end:])["law"] == "chinchilla"


STDOUT_FULL = "froude: cannot write stdout (No space left on device): send it to another place\n"


@pytest.mark.slow
@pytest.mark.parametrize("words", [("laws",), ("fit", "--help")], ids=" ".join)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_stdout_on_a_full_device_is_one_line(words, unbuffered):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        done = process(*words, stdout=full, env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    assert (done.returncode, done.stderr) == (1, STDOUT_FULL)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_leads_nowhere_and_is_no_error(closed):
    words = ["sh", "-c", f'"$0" -m froude laws chinchilla {closed}', sys.executable]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (closed == "2>&-")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB, full but for what is on it."""
    with mounted(tmp_path / "disk", 65536) as folder:
        yield folder


def test_a_fit_on_a_full_disk_is_one_line_and_the_old_one_stays(cli, refused, table, disk):
    assert cli("fit", table, *QUICK, "--out", disk / "fit.json").code == 0
    before = (disk / "fit.json").read_bytes()
    fill(disk)
    line = refused("fit", table, *QUICK, "--seed", 1, "--out", disk / "fit.json")
    reason = "(No space left on device): free some space or name another place"
    assert line == f"cannot write {str(disk / 'fit.json')!r} {reason}"
    assert {path.name: path.stat().st_size for path in disk.iterdir() if path.name != "filler"} == {
        "fit.json": len(before)
    }
    assert (disk / "fit.json").read_bytes() == before
    (disk / "filler").unlink()
    assert cli("fit", table, *QUICK, "--seed", 1, "--out", disk / "fit.json").code == 0
    assert (disk / "fit.json").read_bytes() != before


@pytest.mark.slow
def test_a_configuration_is_written_whole_or_not_at_all(cli, refused, disk):
    path = disk / "train.toml"
    assert cli(*EMIT, "--out", path).code == 0
    before = path.read_bytes()
    fill(disk)
    assert "(No space left on device)" in refused(*EMIT, "--out", path)
    assert path.read_bytes() == before
    remount(disk, "ro")
    assert "(Read-only file system)" in refused(*EMIT, "--out", path)
    assert path.read_bytes() == before


GROWN = """
from froude import growth

EXPERIMENT = growth.Experiment(
    title="sums", source="a test", sizes=(1000, 2000, 4000), prepare=lambda size, rng: range(int(size)),
    methods={"a": sum},
)
"""


def test_timings_kept_before_a_disk_was_full_are_not_made_again(cli, tmp_path, disk):
    (tmp_path / "sums.py").write_text(GROWN)
    words = ("grow", tmp_path / "sums.py", "--repeats", 2, "--json", "--study", disk / "s")
    remount(disk, "nr_inodes=8")
    stopped = cli(*words)
    assert (stopped.code, stopped.out) == (1, "")
    assert stopped.err.startswith(f"froude: the disk is full: free some space for '{disk}/s/runs/")
    assert stopped.err.count("\n") == 1
    kept = {path: path.read_bytes() for path in (disk / "s" / "runs").iterdir()}
    assert kept
    remount(disk, "nr_inodes=100")
    assert cli(*words).code == 0
    assert {path: path.read_bytes() for path in kept} == kept


def test_a_limit_on_files_is_one_line_and_no_document_is_left(refused, tmp_path, monkeypatch):
    few = (get_law("chinchilla"), get_law("power"))
    monkeypatch.setattr("froude.laws.all_laws", lambda family=None: few)
    with file_limit(4096):
        line = refused("laws", "--docs", tmp_path / "docs")
    assert "(File too large): raise the limit on the size of files (ulimit -f)" in line
    assert list(tmp_path.iterdir()) == []
