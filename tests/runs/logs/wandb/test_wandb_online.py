"""Runs on W&B's server are asked of its client, which a stand-in with the same calls plays here."""

import sys
from types import SimpleNamespace

import pytest

from froude.errors import InputError
from froude.runs.logs.wandb.online import WandbOnlineReader

ROWS = [{"_step": 0, "loss": 2.5, "hist": {"_type": "histogram"}}, {"_step": 5, "loss": 1.5, "_runtime": 3}]


def run(id: str, state: str) -> SimpleNamespace:
    config = {"lr": 0.1, "_wandb": {}}
    return SimpleNamespace(
        id=id,
        name="nice",
        state=state,
        config=config,
        summary={"loss": 1.5, "_step": 5},
        scan_history=lambda: iter(ROWS),
    )


class Client:
    """What is used of wandb.Api."""

    def runs(self, path: str) -> list[SimpleNamespace]:
        assert path == "me/project"
        return [run("a", "finished"), run("b", "failed")]

    def run(self, path: str) -> SimpleNamespace:
        if path != "me/project/a":
            raise ValueError("no such run")
        return run("a", "running")


@pytest.fixture(autouse=True)
def client(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(Api=Client))


def test_the_runs_of_a_project_are_read():
    runs = list(WandbOnlineReader().logs("wandb://me/project"))
    assert [(run.id, run.name, run.state) for run in runs] == [("a", "nice", "finished"), ("b", "nice", "crashed")]
    assert (runs[0].config, runs[0].summary) == ({"lr": 0.1}, {"loss": 1.5})
    assert {name: series.at.tolist() for name, series in runs[0].series.items()} == {"loss": [0, 5]}
    assert "'hist'" in runs[0].notes[0]


def test_one_run_is_read_by_its_address():
    assert [run.state for run in WandbOnlineReader().logs("wandb://me/project/a")] == ["running"]


def test_what_cannot_be_is_refused_in_a_line(monkeypatch):
    reader = WandbOnlineReader()
    assert [reader.recognises(each) for each in ("wandb://a/b", "a/b", 3)] == [True, False, False]
    with pytest.raises(InputError, match="no such run"):
        list(reader.logs("wandb://me/project/z"))
    with pytest.raises(InputError, match="names no project"):
        list(reader.logs("wandb://me"))
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match=r"froude\[wandb\]"):
        list(reader.logs("wandb://me/project"))
