"""`froude cost calibrate`: what it writes, and what it refuses in a line, leaving nothing behind."""

import json
import tomllib

import pytest

from measured_trainings import measured_columns, write_measured

pytest_plugins = ["door"]


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """A table of measured steps in the folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    return write_measured(tmp_path / "steps.csv", measured_columns(4))


def test_the_stack_file_is_read_by_every_command(cli, steps):
    done = cli("cost", "calibrate", steps, "--json")
    assert done.code == 0
    said = json.loads(done.out)
    assert said["error"]["left_out"] < said["error"]["before"]
    file = steps.parent / "torchtitan.stack.toml"
    (stack,) = tomllib.loads(file.read_text())["stack"]
    assert stack["fitted_to"]["rows"] == 4
    train = ("cost", "train", "--model", "llama-3.1-8b", "--machine", "8 x h100", "--zero", "3", "--json")
    ours, theirs = (json.loads(cli(*train, "--stack", one).out) for one in (file, "torchtitan"))
    assert ours["step_seconds"] > 1.05 * theirs["step_seconds"]
    assert "4-rows" in ours["layout"]["stack"]
    plan = ("plan", "train", "--model", "llama-3.1-8b", "--machine", "8 x h100", "--tokens", "1B", "--json")
    assert "4-rows" in cli(*plan, "--stack", file).out
    assert "fitted to 4 measured steps of llama-3.1-8b" in " ".join(cli("stack", "show", file).out.split())


def test_a_measured_machine_and_a_calibrated_stack_go_together(cli, steps, tmp_path):
    machine = tmp_path / "ours.toml"
    machine.write_text(
        'devices = 8\n[chip]\nname = "this"\nmemory = "80 GiB"\nbandwidth = "3000 GB/s"\n'
        'peaks = { bf16 = "900 TFLOP/s" }\n'
        'trust = "measured"\nsource = "a test"\n'
        '[chip.matmul.bf16]\nfixed = "2 us"\nrate = "700 TFLOP/s"\nspan = [32, 16384]\n'
        '[node]\ndevices = 8\nlink = "NVLink 400 GB/s, 2 us"\nfabric = "InfiniBand 50 GB/s, 5 us"\n'
        'trust = "measured"\nsource = "a test"\n'
    )
    columns = {**measured_columns(4), "machine": [str(machine)] * 4}
    columns["step_seconds"] = [1.5 * seconds for seconds in columns["step_seconds"]]
    write_measured(steps, columns)
    assert cli("cost", "calibrate", steps, "--out", "ours.stack.toml").code == 0
    (stack,) = tomllib.loads((tmp_path / "ours.stack.toml").read_text())["stack"]
    assert stack["factors"]["timed"][0] < 0.97
    train = ("cost", "train", "--model", "llama-3.1-8b", "--machine", machine, "--zero", "3", "--json")
    ours, theirs = (
        json.loads(cli(*train, "--stack", one).out)["step_seconds"] for one in ("ours.stack.toml", "torchtitan")
    )
    assert ours > 1.1 * theirs


def test_columns_by_other_names_and_values_for_all_rows(cli, steps):
    columns = measured_columns(4)
    for name in ("machine", "zero", "recompute", "stack"):
        del columns[name]
    columns["n_gpus"] = columns.pop("devices")
    write_measured(steps, columns)
    words = ("--stack", "torchtitan", "--columns", "devices=n_gpus", "--fix", "machine=h100,zero=3,recompute=full")
    by_option = json.loads(cli("cost", "calibrate", steps, *words, "--out", "a.toml", "--json").out)
    write_measured(steps, measured_columns(4))
    by_column = json.loads(cli("cost", "calibrate", steps, "--out", "b.toml", "--json").out)
    assert by_option["constants"] == by_column["constants"]


BAD = {
    "step_seconds": (-1, "row 2: step_seconds = -1"),
    "model": ("llama-9-1b", "row 2: model 'llama-9-1b' is unknown"),
    "machine": ("h900", "row 2: "),
    "devices": (7, "row 2: no such layout: data parallel × micro-batch must divide"),
    "global_batch": (1.5, "row 2: global_batch = 1.5: give a whole number"),
    "recompute": ("most", "row 2: recompute = 'most': take one of"),
    "zero": (5, "row 2: zero = 5: take one of"),
    "stack": ("eager", "rows are of 2 stacks (torchtitan, eager)"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_cell_that_cannot_be_is_named_with_its_row(refused, steps, name):
    columns = measured_columns(4)
    value, line = BAD[name]
    columns[name][1] = value
    write_measured(steps, columns)
    assert line in refused("cost", "calibrate", steps)
    assert [path.name for path in steps.parent.iterdir()] == ["steps.csv"]


MORE = {
    "kind": ("infer", "kind = 'infer': rows of kind train or serve are calibrated on"),
    "adapter": ("lora:rank=8", "constants are fitted to trainings of whole models only"),
    "dp": (3, "row 1: dp = 3, but devices / (tp × pp × cp) is 8"),
    "fsdp": (8, "a layout has no fsdp: write zero=3"),
    "mfu": (45, "mfu = 45: write a share, as 0.45 for 45%"),
    "memory_gib": (0, "memory_gib = 0"),
}


@pytest.mark.parametrize("name", MORE)
def test_a_column_that_cannot_be_is_named(refused, steps, name):
    columns = measured_columns(4)
    if name == "mfu":
        del columns["step_seconds"]
    write_measured(steps, {**columns, name: [MORE[name][0]] * 4})
    assert MORE[name][1] in refused("cost", "calibrate", steps)


def test_too_few_rows_and_nothing_measured_are_refused(refused, steps):
    write_measured(steps, measured_columns(2))
    assert refused("cost", "calibrate", steps) == "2 measured rows are too few: give at least 3"
    columns = measured_columns(3)
    del columns["step_seconds"]
    write_measured(steps, columns)
    assert "row 1: nothing measured: fill one of the columns step_seconds, tokens_per_second" in refused(
        "cost", "calibrate", steps
    )


def test_files_that_cannot_be_read_or_written_are_refused(refused, steps):
    torn = steps.with_name("torn.csv")
    torn.write_text(steps.read_text()[:150])
    assert refused("cost", "calibrate", torn)
    assert "no file or folder 'nix.csv'" in refused("cost", "calibrate", "nix.csv")
    assert "is not a TOML file" in refused("cost", "calibrate", steps, "--out", "ours.json")
    assert "no stack is called 'torchtitn'" in refused("cost", "calibrate", steps, "--stack", "torchtitn")
    assert sorted(path.name for path in steps.parent.iterdir()) == ["steps.csv", "torn.csv"]


def test_a_stack_file_of_nonsense_is_refused(refused, cli, steps):
    assert cli("cost", "calibrate", steps, "--out", "ours.toml").code == 0
    text = (steps.parent / "ours.toml").read_text()
    train = ("cost", "train", "--model", "llama-3.1-8b", "--machine", "8 x h100", "--stack", "bad.toml")
    for before, after, line in (
        ('constants = ["matmul", ', 'constants = ["matmull", ', "there is no constant 'matmull'"),
        ('constants = ["matmul", ', "constants = [", "its covariance is none of"),
        ("attention = [0.", "attention = [-0.", "not a number above 0"),
    ):
        (steps.parent / "bad.toml").write_text(text.replace(before, after))
        assert line in refused(*train)
