"""The attack finds what it is made to find: faults planted in a program that stands in for Froude, each of its kind."""

import importlib
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from paths import ROOT

BENCHMARKS = ROOT / "benchmarks"
SEED, N_DRAWN = 7, 200
PLANTED = '''"""A program with faults."""
import os, signal, sys, time

def exit_code_of(error):
    print(f"program: {error}", file=sys.stderr)
    return 1

def run(words):
    try:
        return WAYS.get(words[0], fine)()
    except ValueError as error:
        return exit_code_of(error)

def fine(): return 0
def refused(): raise ValueError("no")
def raised(): raise TypeError("planted")
def hung(): time.sleep(60)
def died(): os.kill(os.getpid(), signal.SIGSEGV)
def long(): raise ValueError("a" * 500)
def grown(): return len(bytearray(b"1") * 300_000_000) & 0
def other(): return 7

WAYS = dict(fit=raised, predict=refused, plan=hung, cost=died, laws=long, machine=grown, atlas=other)
'''
EXPECTED = {
    "fit": ("traceback", "raised"),
    "plan": ("hang", "hung"),
    "cost": ("signal", "died"),
    "laws": ("error output", "long"),
    "machine": ("memory", "machine"),
    "atlas": ("exit code", "atlas"),
}
FUNCTIONS = {f"cli/app.py:{i}": line[4:].split("(")[0] for i, line in enumerate(PLANTED.splitlines(), 1)}


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("fuzz")


@pytest.fixture
def material(tmp_path: Path) -> Path:
    """A folder of what inputs are mutated from, without fits of this version."""
    folder = tmp_path / "material"
    folder.mkdir()
    for path in (*(ROOT / "tests" / "fixtures").glob("fit_*.json"), *(ROOT / "examples").glob("m*.toml")):
        shutil.copy(path, folder)
    shutil.copy(BENCHMARKS / "fuzzing" / "models.json", folder)
    shutil.copytree(ROOT / "tests" / "fixtures" / "study_0_1_0", folder / "study")
    return folder


def plant(tmp_path: Path) -> Path:
    """A checkout of the program with faults."""
    cli = tmp_path / "planted" / "src" / "froude" / "cli"
    cli.mkdir(parents=True)
    (cli.parent / "__init__.py").write_text("")
    (cli / "__init__.py").write_text("from froude.cli.app import run\n")
    (cli / "app.py").write_text(PLANTED)
    return tmp_path / "planted"


def drawn(material: Path) -> list[tuple[str, tuple[tuple[str, ...], ...]]]:
    """Kind and commands of inputs."""
    inputs, drawing = (importlib.import_module(f"fuzzing.{name}") for name in ("inputs", "drawing"))
    read = inputs.Material.read(material)
    return [(given.kind, given.commands) for given in (drawing.draw(SEED, i, read) for i in range(N_DRAWN))]


def test_inputs_are_those_of_their_seed(fuzz: ModuleType, material: Path) -> None:
    first, second = drawn(material), drawn(material)
    assert first == second
    assert len({kind for kind, _ in first}) == 14
    assert not any("\0" in word for _, commands in first for words in commands for word in words)


@pytest.mark.slow  # one of them hangs
def test_every_planted_fault_is_found(
    fuzz: ModuleType, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = importlib.import_module("fuzzing.workers")
    monkeypatch.setattr(workers, "MOST_SECONDS", 4.0)
    numbers = {commands[0][0]: i for i, (_, commands) in enumerate(drawn(material))}
    chosen = [numbers[command] for command in (*EXPECTED, "report")]
    summary = fuzz.attack(workers.Setting(source=plant(tmp_path), seed=SEED, material=material), chosen, 2)
    found = {first.command.split()[1]: (first.kind, site(first.site)) for first, *_ in summary.groups()}
    assert found == EXPECTED
    assert sorted(one.accepted for one in summary.tried) == [*[False] * (len(EXPECTED) - 1), True, True]


def site(place: str) -> str:
    """The function of the planted program at a place; of another, its first word."""
    return FUNCTIONS.get(place, place.split()[0])


def test_a_found_fault_is_told_and_fails_the_attack(fuzz: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    findings = importlib.import_module("fuzzing.findings")
    report = {
        "code": 1,
        "refused": "a.py:3",
        "error": None,
        "stderr": "one\ntwo\n",
        "grown": 0,
        "escapes": True,
        "files": "changed 'a'",
    }
    begin = {"begins": ["fit", "x\x1b"], "kind": "table"}
    tried = [findings.judge(4, [begin, report]), findings.judge(5, [begin, {**report, "code": 0}])]
    summary = findings.Summary(seed=3, seconds=1.0, tried=tried)
    assert summary.to_dict()["counts"]["error output"] == {"findings": 1, "sites": 1}
    assert [group[0].kind for group in summary.groups()] == ["error output", "control characters", "files"]
    assert "3:4" in summary.lines()[0]
    assert all(line.isprintable() for line in summary.lines())
    assert fuzz.tell(summary, as_json=False) == 1
    assert "1 × error output at 1 sites" in capsys.readouterr().out


@pytest.mark.slow
def test_a_few_inputs_find_nothing(fuzz: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--inputs", "40", "--seed", "2"]) == 0, capsys.readouterr().out
