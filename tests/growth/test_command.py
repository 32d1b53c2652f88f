"""Commands grown: what their processes use is what is measured, and what cannot run is refused in one line."""

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from froude import InputError
from froude.answers.growth import start_sentences
from froude.growth import Experiment, command, grow, time_call
from froude.growth.command import Command, command_experiment, number_in, parse_sizes, run, short_names
from froude.growth.results import analyse_timings
from froude.growth.timing import Sample, Timing, peak_of
from froude.runs import read_runs

pytest_plugins = ["door"]

PYTHON = shlex.quote(sys.executable)
BURN = "import sys, time\nwhile time.process_time() < 0.04 * float(sys.argv[1]): pass\n"  # the start of Python within


@pytest.fixture
def burn(tmp_path: Path) -> str:
    """A command that uses 0.04 seconds of processor time for each unit of its size."""
    script = tmp_path / "burn.py"
    script.write_text(BURN)
    return f"{PYTHON} -S {script} {{n}}"


def python(code: str) -> list[str]:
    """The words that run this code."""
    return [sys.executable, "-S", "-c", code]


# --- what a process uses ---------------------------------------------------------------------------------


def test_processor_time_is_that_of_the_process_and_its_children():
    child = "import time\nwhile time.process_time() < 0.1: pass"
    own = "print(sum(os.times()[:4]))"  # of the process and its children, just before it ends
    sample = run(python(f"import os, subprocess, sys\nsubprocess.run([sys.executable, '-S', '-c', {child!r}])\n{own}"))
    used, grain = float(sample.result), 1 / os.sysconf("SC_CLK_TCK")
    assert used >= 0.1 - grain
    assert used - 4 * grain <= sample.cpu_seconds < used + time.process_time()  # with which this process began
    assert sample.wall_seconds > 0


def test_the_peak_is_that_of_the_process_and_not_of_who_starts_it():
    ballast = bytearray(200 << 20)  # this process is large, and what it starts is not
    peaks = [Command(words=tuple(python(f"x = b'x' * ({mib} << 20)")))(1).peak_bytes for mib in (16, 80)]
    small, large = (peak or 0.0 for peak in peaks)
    assert len(ballast) > large
    assert large - small == pytest.approx(64 << 20, rel=0.05)


def test_a_peak_that_cannot_be_told_from_that_of_its_start_is_not_told():
    assert Command.parse("true")(1).peak_bytes is None


def test_a_short_command_is_repeated_until_it_can_be_timed():
    sample = Command.parse("true")(1)
    assert sample.calls * sample.cpu_seconds >= 1e-3
    assert sample.calls >= 1


def test_a_method_that_says_itself_what_it_used_is_taken_at_its_word():
    calls = []

    def elsewhere() -> Sample:
        calls.append(1)
        return Sample(cpu_seconds=2.0, wall_seconds=3.0, calls=4, result="found", peak_bytes=5.0)

    assert time_call(elsewhere) == elsewhere()
    assert peak_of(elsewhere) == 5.0
    assert len(calls) == 3


def test_a_command_that_waits_is_not_timed():
    waited = Sample(cpu_seconds=1e-4, wall_seconds=0.6, calls=1, result=b"")
    with pytest.raises(InputError, match="too little to time"):
        time_call(lambda: waited)


def test_a_program_whose_reader_has_left_ends_as_in_a_shell():
    with pytest.raises(InputError, match="is ended by SIGPIPE"):
        run(["sh", "-c", "kill -PIPE $$; echo going on"])


# --- what is run -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size", "words"),
    [
        ("sort data_{n}.txt", 1e3, ["sort", "data_1000.txt"]),
        ("sort '{n} {n}'", 0.5, ["sort", "0.5 0.5"]),
        ("awk '{print $1} {m} {} {n}'", 1e6, ["awk", "{print $1} {m} {} 1000000"]),
        ("echo 'a | b' $HOME \"*\"", 1, ["echo", "a | b", "$HOME", "*"]),
    ],
)
def test_a_size_replaces_its_braces_and_no_shell_reads_the_rest(text, size, words):
    assert Command.parse(text).at(size) == words


@pytest.mark.parametrize(
    ("commands", "names"),
    [
        (["sort -n {n}"], ["sort"]),
        (["sort -n {n}", "sort -g {n}", "awk {n}"], ["sort -n", "sort -g", "awk"]),
        (["sort {n}", "sort {n} -n"], ["sort {n}", "sort {n} -n"]),
        ([f"echo {'x' * 40}1 {{n}}", f"echo {'x' * 40}2 {{n}}"], [f"{i}: echo {'x' * 22}…" for i in (1, 2)]),
    ],
)
def test_a_method_is_named_by_the_words_that_tell_it_apart(commands, names):
    assert short_names([Command.parse(text) for text in commands]) == names


def test_commands_become_an_experiment_that_times_their_processes(burn, tmp_path):
    experiment = command_experiment([burn], (1, 2, 3, 4))
    first = grow(experiment, repeats=1, study=tmp_path / "kept")
    assert all(t.cpu_seconds >= 0.04 * t.size for t in first.timings)
    again = grow(experiment, repeats=1, study=tmp_path / "kept")
    assert sorted(t.cpu_seconds for t in again.timings) == sorted(t.cpu_seconds for t in first.timings)


def test_the_exponent_of_a_command_is_that_of_what_its_processes_use(monkeypatch):
    def used(words: list[str]) -> Sample:
        seconds = 0.04 * float(words[1]) ** 1.5
        return Sample(cpu_seconds=seconds, wall_seconds=2 * seconds, calls=1, result=b"")

    monkeypatch.setattr(command, "run", used)
    result = grow(command_experiment(["sort {n}"], (1, 2, 3, 4)), repeats=1)
    assert result.growth("sort").exponent == pytest.approx(1.5, abs=0.01)


def test_other_commands_are_another_experiment():
    versions = {
        command_experiment(["wc {n}"], (1, 2), prepare=prepare, quality=quality).version
        for prepare, quality in (("", ""), ("touch {n}", ""), ("", "x"))
    }
    assert len(versions) == 3


def test_prepare_runs_before_each_repetition_and_quality_reads_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = command_experiment(
        ["wc -l data_{n}.txt"],
        (10, 20),
        prepare="sh -c 'seq {n} > data_{n}.txt; echo {n} >> log'",
        quality=r"(\d+) data",
    )
    result = grow(experiment, repeats=2)
    assert [(t.size, t.quality) for t in result.timings] == [(10, 10), (10, 10), (20, 20), (20, 20)]
    assert Path("log").read_text().split() == ["10", "10", "20", "20"]


def test_quality_is_the_first_group_or_the_whole():
    import re

    assert number_in(re.compile("loss = (.*)$", re.M), 1, b"step 1\nloss = 2.5e-3\n") == 2.5e-3
    assert number_in(re.compile(r"\d+"), 1, b"n 17 18") == 17


def test_sizes_are_quantities():
    assert parse_sizes("1e3, 10k,1M") == (1e3, 1e4, 1e6)


def test_an_experiment_of_commands_is_an_ordinary_one():
    experiment = command_experiment(["sort {n}", "shuf {n}"], (1, 2), quality="x")
    assert isinstance(experiment, Experiment)
    assert [*experiment.methods] == ["sort", "shuf"]
    assert experiment.quality is not None
    assert "sort {n}" in experiment.source


# --- refusals --------------------------------------------------------------------------------------------

SIZES = ("--sizes", "1,2")


@pytest.mark.slow
@pytest.mark.timed
def test_a_command_that_only_starts_is_said_to_take_the_time_of_that(cli):
    done = cli("grow", "--command", "true {n}", "--sizes", "10,100,1k,10k", "--json")
    data = json.loads(done.out)
    fit = data["time"]["true"]
    assert fit["lo"] <= 0.1
    assert fit["hi"] >= -0.1
    (note,) = data["notes"]
    assert "that is the time of starting a process" in note


def test_a_command_that_mostly_starts_says_how_much_of_it():
    times = {n: 0.01 * (1 + 0.03 * n) for n in (1, 2, 4, 8, 16)}
    experiment = command_experiment(["true {n}"], [*times])
    timings = [
        Timing(method="true", size=n, repetition=0, cpu_seconds=seconds, wall_seconds=seconds, calls=1)
        for n, seconds in times.items()
    ]
    (sentence,) = start_sentences(analyse_timings(experiment, timings))
    assert sentence.startswith("68% or more of the time of true is that of starting a process")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to grow: give --example NAME (--list shows them), a FILE that declares EXPERIMENT"),
        (("x.py", "--command", "wc {n}"), "both 'x.py' and --command are given: give one of them"),
        (("x.py", *SIZES), "--sizes belongs to --command: 'x.py' declares its own"),
        (("x.py", "--prepare", "ls"), "--prepare belongs to --command"),
        (("--command", "wc {n}"), "--command has no sizes: give them, as in --sizes 1k,10k"),
        (("--command", "wc {n}", "--sizes", "1,many"), "'many'"),
        (("--command", "wc {n}", "--sizes", "2,1"), "sizes (2.0, 1.0) of 'wc' do not grow"),
        (("--command", "", *SIZES), "a command is empty: give a program and its arguments"),
        (("--command", "wc '{n}", *SIZES), "cannot be read (No closing quotation): close its quotes"),
        (("--command", "wc {n} | head", *SIZES), "has '|', which is for a shell: write sh -c '…'"),
        (("--command", "wc {n}", "--sizes", "1,"), "'' in sizes '1,' is no number: write them as in 1k,10k"),
        (("--command", f"{__file__} {{n}}", *SIZES), "may not be run: chmod +x it"),
        (("--command", "sh -c 'exit {n}'", "--sizes", "3,4"), "\"sh -c 'exit 3'\" ends with exit code 3"),
        (("--command", "wcc {n}", *SIZES), "command 'wcc {n}': no program 'wcc' is found: check its name or give its"),
        (("--command", "wc", *SIZES), "command 'wc' is the same at every size: write {n} where the size goes"),
        (("--command", "wc {n}", "--command", "wc  {n}", *SIZES), "2 commands, of which 1 differ: give each once"),
        (("--command", "wc {n}", *SIZES, "--prepare", "nothing-here"), "no program 'nothing-here' is found"),
        (("--command", "wc {n}", *SIZES, "--quality", "("), "quality '(' is no regular expression"),
        (("--command", "wc none_{n}", *SIZES), "'wc none_1' ends with exit code 1 (wc: none_1: No such file"),
        (("--command", "sh -c 'exit {n}'", *SIZES), "ends with exit code 1 (it prints nothing): fix it or the sizes"),
        (("--command", "sh -c 'kill -9 $$ {n}'", *SIZES), "is ended by SIGKILL"),
        (("--command", "/ {n}", *SIZES), "no program '/' is found"),
        (("--command", "echo {n}", *SIZES, "--prepare", "false {n}"), "'false 1' ends with exit code 1"),
        (
            ("--command", "echo {n} words", *SIZES, "--quality", "sum (.*)"),
            "finds no number in what is printed (1 words)",
        ),
        (("--command", "echo {n} words", *SIZES, "--quality", "words"), "quality 'words' finds no number"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(refused, words, said):
    assert said in refused("grow", *words, "--repeats", "1")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "stopped: what was timed is lost; with --study FOLDER it is kept"),
        (("--study", "kept"), "stopped: give the same command again, nothing finished is lost"),
    ],
)
def test_an_interrupt_says_what_is_lost_and_what_is_kept(burn, tmp_path, more, said):
    words = ["--command", burn, "--prepare", "touch started", "--sizes", "1,100", *more]
    started = subprocess.Popen(
        [sys.executable, "-m", "froude", "grow", *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    assert started.communicate()[1].strip() == f"froude: {said}"
    assert started.returncode == 130


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "trap", "is_tidied"),
    [
        (signal.SIGINT, "touch tidied", True),
        (signal.SIGTERM, "touch tidied", True),
        (signal.SIGKILL, "touch tidied", True),
        (signal.SIGINT, "", False),  # deaf to SIGTERM, and so is what it starts
    ],
)
def test_a_program_and_its_children_end_with_froude(tmp_path, how, trap, is_tidied):
    script = tmp_path / "burn.py"
    script.write_text("print('burning', flush=True)\n" + BURN)
    os.mkfifo(tmp_path / "alive")  # of which a reader sees the end when no writer is left
    burn = f"{PYTHON} -S {script} {{n}}"
    program = f'trap "{trap}" TERM; test {{n}} = 1 && exec {burn}; exec > alive 2> said; {burn}; true'
    started = subprocess.Popen(
        [sys.executable, "-m", "froude", "grow", "--command", shlex.join(["sh", "-c", program]), "--sizes", "1,1000",
         "--study", "kept", "--repeats", "1", "--minutes", "60"],
        cwd=tmp_path, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    with open(tmp_path / "alive", "rb") as alive:
        assert alive.readline() == b"burning\n"
        started.send_signal(how)  # to it alone, as kill does
        started.communicate()
        assert select.select([alive], [], [], 10)[0]
        assert alive.read() == b""
    assert (tmp_path / "tidied").exists() == is_tidied
    assert {*read_runs(tmp_path / "kept")["size"]} == {1}


# --- the command line ------------------------------------------------------------------------------------


def test_commands_are_compared_on_the_terminal_and_as_json(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = (
        "grow", "--command", "sort -n {n}.txt", "--command", "wc -l {n}.txt", "--prepare", "sh -c 'seq {n} > {n}.txt'",
        "--sizes", "100,200,400,800", "--repeats", "1", "--study", "kept",
    )  # fmt: skip
    done = cli(*words)
    assert (done.code, done.err) == (0, "")
    for said in ("sort against wc", "sort -n {n}.txt · wc -l {n}.txt", "CPU seconds = a + b·n^p", "not measured"):
        assert said in done.out
    assert "peak bytes" not in done.out  # nothing to fit
    data = json.loads(cli(*words, "--json").out)
    assert {t["method"] for t in data["timings"]} == {"sort", "wc"}
    assert [c["first"] for c in data["crossings"]] == ["sort"]
