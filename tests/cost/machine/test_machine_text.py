"""Machines in words: nodes and devices, with and without counts."""

import pytest

from froude.cost.machine.known_machines import get_machine
from froude.errors import InputError


@pytest.mark.parametrize(
    ("text", "devices", "per_node"),
    [
        ("2 nodes of 8 x h100", 16, 8),
        ("2 x 8 x h100", 16, 8),
        ("4 nodes of h100", 32, 8),
        ("16 nodes x 4 x a100-80", 64, 4),
        ("1 node of 8 h100", 8, 8),
        ("1,024 x h100", 1024, 8),
        ("16 h100", 16, 8),
        ("h100", 8, 8),
        ("2 nodes of 16 x h100", 32, 16),
    ],
)
def test_nodes_and_devices_are_read_however_they_are_written(text, devices, per_node):
    machine = get_machine(text)
    assert (machine.devices, machine.devices_per_node) == (devices, per_node)


def test_nodes_of_another_size_than_usual_are_told():
    assert any("4 devices each, as given" in one for one in get_machine("2 nodes of 4 x h100").assumed)
    assert not any("as given" in one for one in get_machine("2 nodes of 8 x h100").assumed)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0 nodes of 8 x h100", "has no nodes: give at least 1"),
        ("2 nodes of 0 x h100", "has no devices: give at least 1"),
        ("200000 nodes of 8 x h100", "too many devices"),
        ("90000000 nodes of h100", "too many nodes"),
        ("2 nodes of 8 x h10", "did you mean"),
    ],
)
def test_nodes_that_cannot_be_are_refused(text, line):
    with pytest.raises(InputError, match=line):
        get_machine(text)


def test_nodes_of_a_file_are_counted(tmp_path, monkeypatch):
    path = tmp_path / "cluster.toml"
    path.write_text('chip = "h100"\ndevices = 64\n')
    monkeypatch.chdir(tmp_path)
    assert get_machine("cluster.toml").devices == 64
    assert get_machine("2 nodes of cluster.toml").devices == 16
