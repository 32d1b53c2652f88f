"""Where an answer comes from: version, command or call, seed, hash of data and day, in JSON, pages and fit files."""

import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

import froude
from froude.cli import run
from froude.provenance import Provenance, by_command, typed
from planted import QUICK, planted, write_csv

DRAWS: dict[str, Any] = {"draws": 20, "starts": 3}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of planted runs."""
    path = tmp_path_factory.mktemp("given") / "my runs.csv"
    write_csv(path, planted())
    return path


def printed(capsys: pytest.CaptureFixture[str], *words: object) -> dict:
    """What a command prints as JSON, of a list its first item."""
    assert run([str(word) for word in words] + ["--json"]) == 0
    data = json.loads(capsys.readouterr().out.splitlines()[-1])
    return data[0] if isinstance(data, list) else data


def test_a_command_says_how_it_was_typed_with_seed_data_and_day(table, capsys):
    made = printed(capsys, "fit", table, *QUICK, "--seed", "7")["provenance"]
    assert shlex.split(made.pop("command")) == ["froude", "fit", str(table), *QUICK, "--seed", "7", "--json"]
    assert made.pop("date") in {time.strftime("%Y-%m-%d", time.gmtime(time.time() - ago)) for ago in (0, 60)}
    sha256 = froude.read_runs(table).sha256
    assert made == {"version": froude.__version__, "call": None, "seed": 7, "data_sha256": [sha256]}


def test_a_saved_fit_keeps_where_it_comes_from_and_passes_it_on(table, tmp_path, capsys):
    saved = tmp_path / "fit.json"
    made = printed(capsys, "fit", table, *QUICK, "--seed", "3", "--out", saved)["provenance"]
    assert froude.Fit.load(saved).provenance == Provenance.from_dict(made)
    forecast = printed(capsys, "predict", saved, "--at", "N=7B,D=1T")["provenance"]
    assert forecast["command"].startswith("froude predict ")
    assert (forecast["seed"], forecast["data_sha256"]) == (3, made["data_sha256"])


def test_what_a_condition_left_is_what_is_hashed(table, capsys):
    some = printed(capsys, "fit", table, *QUICK, "--where", "N < 5e9")["provenance"]["data_sha256"]
    assert some == [froude.read_runs(table).where("N < 5e9").sha256]
    assert some != [froude.read_runs(table).sha256]


def test_a_comparison_names_both_tables(tmp_path, capsys):
    low, high = tmp_path / "low.csv", tmp_path / "high.csv"
    for path, factor in ((low, 1.0), (high, 1.01)):
        columns = planted()
        write_csv(path, {"C": 6 * columns["N"] * columns["D"], "loss": factor * columns["loss"]})
    made = printed(capsys, "compare", low, high, *QUICK, "--at", "C=1e24")["provenance"]
    assert made["data_sha256"] == [froude.read_runs(path).sha256 for path in (low, high)]


def test_a_call_of_python_is_written_as_it_was_made(table):
    runs = froude.read_runs(table)
    fit = froude.fit("chinchilla", runs, **DRAWS, seed=5)
    assert fit.provenance is not None
    assert fit.provenance.call == "froude.fit('chinchilla', runs, draws=20, starts=3, seed=5)"
    assert (fit.provenance.command, fit.provenance.seed) == (None, 5)
    forecast = fit.predict(N="7B", D=1e12)
    assert forecast.to_dict()["provenance"]["call"] == "fit.predict(N='7B', D=1000000000000.0)"
    assert forecast.provenance is not None
    assert forecast.provenance.data_sha256 == (runs.sha256,)
    (judged,) = froude.backtest("chinchilla", runs, "N > 2e9", **DRAWS)
    assert judged.provenance is not None
    assert judged.provenance.data_sha256 == (runs.sha256,)  # and not that of the part which was fitted
    assert (chosen := froude.choose(runs, laws="chinchilla", **DRAWS)).fit.provenance == chosen.provenance


def test_what_nobody_computed_says_how_it_is_shown(capsys):
    made = printed(capsys, "machine", "show", "h100")["provenance"]
    assert (made["command"], made["seed"], made["data_sha256"]) == ("froude machine show h100 --json", None, [])
    assert froude.get_law("power").to_dict()["provenance"]["command"] is None


def test_the_users_home_is_not_written_down(monkeypatch):
    home = "/".join(["", "home", "me"])
    monkeypatch.setenv("HOME", home)
    assert typed(f"{home}/runs.csv") == "~/runs.csv"
    assert typed(f"{home}/my runs.csv") == "~/'my runs.csv'"
    assert typed("C < 1e21") == "'C < 1e21'"
    with by_command(["fit", f"{home}/runs.csv"]):
        assert Provenance.now().command == "froude fit ~/runs.csv"


def test_a_page_says_at_its_foot_where_it_comes_from(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    words = ["plan", "train", "--model", "llama-3.1-70b", "--machine", "1 x a100-40", "--tokens", "1B"]
    assert run([*words, "--page", str(tmp_path / "plan.html")]) == 3  # nothing fits
    foot = (tmp_path / "plan.html").read_text().partition("<footer>")[2]
    assert re.search(rf"Froude {re.escape(froude.__version__)} · froude plan train --model llama-3.1-70b", foot)
