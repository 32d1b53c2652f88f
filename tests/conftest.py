"""What several test files need."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EVIDENCE = ROOT / "src" / "froude" / "atlas" / "evidence.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that writes what checks of the atlas show."""
    parser.addoption("--atlas-evidence", action="store_true", help="write atlas/evidence.json from the marked tests")


def pytest_configure(config: pytest.Config) -> None:
    """The mark of a check: the row of the atlas, and what the check shows of it."""
    config.addinivalue_line("markers", "atlas(row, shows='works'): shows what the atlas's row says")
    config.stash[_SHOWN] = []


_SHOWN: pytest.StashKey[list[dict[str, object]]] = pytest.StashKey()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Notes the outcome of a marked test; one that was skipped shows nothing."""
    report = (yield).get_result()
    if report.when != "call" or report.skipped:
        return
    for mark in item.iter_markers("atlas"):
        row, shows = (*mark.args, "works")[:2]
        told = {"row": row, "check": item.nodeid, "shows": shows, "passed": report.passed}
        item.config.stash[_SHOWN].append(told)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the evidence, where that is asked: one process, so that nothing is lost between workers."""
    if not session.config.getoption("--atlas-evidence"):
        return
    described = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    when = {"commit": described.stdout.strip(), "date": time.strftime("%Y-%m-%d", time.gmtime())}
    rows = sorted(session.config.stash[_SHOWN], key=lambda row: (str(row["row"]), str(row["check"])))
    EVIDENCE.write_text(json.dumps([{**row, **when} for row in rows], indent=1) + "\n", encoding="utf-8")


@pytest.fixture
def published() -> Callable[[str], Path]:
    """A function from a path inside the published tables to the file; skips the test where they are not."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FROUDE_PUBLISHED", beside))

    def find(name: str) -> Path:
        if not (folder / name).is_file():
            pytest.skip("published tables not found: set FROUDE_PUBLISHED")
        return folder / name

    return find
