"""Machine files that are damaged: each is refused in one line, or is a machine that can be shown and planned for."""

import tomllib
from pathlib import Path

import pytest

import machine_files
from froude.answers.machines import answer_of_machine
from froude.cost import get_machine, train_cost
from mutants import outcome, toml_mutants

OWN = machine_files.OWN.replace("[node]", f"{machine_files.MATMUL}\n[node]")


def show_and_cost(path: Path) -> None:
    """What is asked of a machine."""
    machine = get_machine(str(path))
    answer_of_machine(machine)
    train_cost("gpt2", machine, seq_len=1024, global_batch=64)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"a = " + b"[" * 50_000, "'m.toml' is no machine file (it is nested too deeply): correct it"),
        (b".".join([b"a"] * 20_000) + b" = 1", "'m.toml' is no machine file (the key 'a.a.a"),
        (b"\xff", "'m.toml' is no machine file (it is not UTF-8: byte 1 is 0xff)"),
        (OWN.replace("= 64", "= 10000000000000000000000").encode(), "devices = 10000000000000000000000: give at most"),
        (OWN.replace("devices = 64", "devices = nan").encode(), "devices is nan, not a finite number"),
        (OWN.replace("{ bf16 = 0.75 }", "3").encode(), "m.toml: share = 3: write a table"),
        (OWN.replace('"ours"', "3").encode(), "m.toml: name = 3: write it in quotes"),
        (OWN.replace("[32, 8192]", "3").encode(), "m.toml: span = 3: give 2 numbers"),
        (OWN.replace('"48 GiB"', '"1e250 GiB"').encode(), "m.toml: memory = '1e250 GiB': give at most 1e+30"),
        (OWN.replace("0.35 kW", "0.3.5 kW").encode(), "m.toml: power: '0.3.5"),
    ],
)
def test_what_is_wrong_with_a_machine_file_is_said(
    body: bytes, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.toml").write_bytes(body)
    line = outcome(lambda: get_machine("m.toml"))
    assert line
    assert complaint in line


@pytest.mark.parametrize("count", ["1" + "0" * 24, "1" + "0" * 6000])
def test_more_devices_than_there_are_in_the_world_are_refused(count: str) -> None:
    line = outcome(lambda: get_machine(f"{count} x h100"))
    assert line
    assert line.endswith("has too many devices: give at most 10,000,000")


def check(seed: int, count: int, folder: Path) -> list[str | None]:
    """What becomes of so many mutants of a machine file."""
    path, lines = folder / "m.toml", []
    for body in toml_mutants(tomllib.loads(OWN), seed, count):
        path.write_bytes(body)
        lines.append(outcome(lambda: show_and_cost(path)))
    return lines


def test_a_mutated_machine_file_is_refused_in_a_line_or_costs(tmp_path: Path) -> None:
    lines = check(0, 60, tmp_path)
    assert len([line for line in lines if line]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_many_mutated_machine_files_are_refused_in_a_line_or_cost(seed: int, tmp_path: Path) -> None:
    assert None in check(seed, 400, tmp_path)
