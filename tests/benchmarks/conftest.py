"""What tests of the benchmarks share."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from paths import ROOT

BENCHMARKS = ROOT / "benchmarks"
Part = Callable[[str], ModuleType]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch, published: Callable[[str], Path]) -> Part:
    """A function from the name of a file of the benchmark to the module, the published tables being there."""
    folder = published("sys_megatron_bridge/megatron_bridge.csv").parents[1]
    monkeypatch.setenv("FROUDE_PUBLISHED", str(folder))
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module
