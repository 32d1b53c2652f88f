"""What several test files need."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from evidence import EVIDENCE, is_there
from paths import ROOT, TABLES

CHECK = "atlas"
"""The property that a report carries out of a worker process for each row that its test checks."""

_CHECKS: pytest.StashKey[list[dict[str, object]]] = pytest.StashKey()

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores: threads of each would wait for each other

# No test hangs on a clock: a busy machine draws examples slowly, and runs them slowly.
settings.register_profile("froude", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("froude")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that writes what checks of the atlas show."""
    parser.addoption("--atlas-evidence", action="store_true", help="write atlas/evidence.json from the marked tests")


def pytest_configure(config: pytest.Config) -> None:
    """The marks: a check of the atlas with what it shows, and a test that takes long."""
    config.addinivalue_line("markers", "atlas(row, shows='works'): shows what the atlas's row says")
    config.addinivalue_line("markers", "experiment: a check of the atlas by trainings or studies; -m experiment")
    config.addinivalue_line("markers", "slow: takes seconds to a minute; -m slow")
    config.addinivalue_line("markers", "trackers: writes logs by the libraries of trackers and trainers; -m trackers")
    config.addinivalue_line("markers", "loadtests: runs guidellm against a small server; -m loadtests")
    config.addinivalue_line("markers", "engines: runs a Ray cluster of two nodes and a Slurm of one; -m engines")
    config.addinivalue_line("markers", "pages: drives the web application by a browser; -m pages")
    config.addinivalue_line("markers", "timed: asserts what was timed, on a machine that does nothing else; -m timed")
    config.stash[_CHECKS] = []
    config.pluginmanager.register(_Listener(config.stash[_CHECKS]))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Gives the report of a marked test the rows that it checks; a mark without a row leaves them to the test."""
    report = (yield).get_result()
    if report.when == "call":
        report.user_properties += [
            (CHECK, {"shows": "works", **dict(zip(("row", "shows"), mark.args, strict=False))})
            for mark in item.iter_markers("atlas")
            if mark.args
        ]


class _Listener:
    """Notes the outcome of each check; one that was skipped shows nothing."""

    def __init__(self, checks: list[dict[str, object]]) -> None:
        self.checks = checks

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test, in the process that leads the workers too."""
        if report.when != "call" or report.skipped:
            return
        measured = "; ".join(str(value) for name, value in report.user_properties if name == "found")
        for name, value in report.user_properties:
            if name == CHECK and isinstance(value, dict):
                check = {"row": value["row"], "check": report.nodeid, "shows": value["shows"], "passed": report.passed}
                self.checks.append(check | {"found": value.get("found", measured)})


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the evidence, where that is asked: what checks left now, and before if they did not run but are there."""
    if not session.config.getoption("--atlas-evidence") or hasattr(session.config, "workerinput"):
        return
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    when = {"commit": commit.stdout.strip(), "date": time.strftime("%Y-%m-%d", time.gmtime())}
    new = [{**row, **when} for row in session.config.stash[_CHECKS]]
    ran = {row["check"] for row in new}
    before = json.loads(EVIDENCE.read_text(encoding="utf-8"))
    still = [row for row in before if row["check"] not in ran and is_there(row)]
    rows = sorted(still + new, key=lambda row: (str(row["row"]), str(row["check"])))
    EVIDENCE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@pytest.fixture
def published() -> Callable[[str], Path]:
    """A function from a path inside the published tables to the file; skips the test where they are not."""
    beside = TABLES
    folder = Path(os.environ.get("FROUDE_PUBLISHED", beside))

    def find(name: str) -> Path:
        if not (folder / name).is_file():
            pytest.skip("published tables not found: set FROUDE_PUBLISHED")
        return folder / name

    return find


@pytest.fixture
def tables(published: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The published tables where the registry looks for them; skips the test where they are not."""
    monkeypatch.setenv("FROUDE_PUBLISHED", str(published("parscale/parscale.csv").parents[1]))


@pytest.fixture(autouse=True)
def _width_of_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """No terminal says how wide it is, whoever runs the tests: workers of xdist are told their leader's width."""
    monkeypatch.delenv("COLUMNS", raising=False)
