"""Load tests of serving engines as runs: whatever one of `LOAD_TEST_READERS` recognises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.runs.frames import frame_from_rows
from froude.runs.load_tests.known_readers import load_test_files, load_test_points, torn_end
from froude.runs.load_tests.point import ServingPoint
from froude.runs.readers.reader import Curves, path_of, runs_of
from froude.runs.table import Runs


@final
@dataclass(frozen=True, kw_only=True)
class LoadTestsReader:
    """Reads what load tests write, a row for each test: deployment, load, and latencies in seconds."""

    kinds: tuple[str, ...] = ("JSON of load tests (vLLM, SGLang, guidellm)",)

    def recognises(self, source: object) -> bool:
        """Whether it is the file of a load test that is known, or a folder with one."""
        path = path_of(source)
        return path is not None and str(source) != "" and next(load_test_files(path), None) is not None

    def read(self, source: Any, columns: Mapping[str, str] | None = None) -> Runs:
        """Return the tests in the file, or in those of the folder; `notes` say what is not plain of each."""
        points: list[ServingPoint] = []
        notes: list[str] = []
        for path in load_test_files(Path(source)):
            points += load_test_points(path)
            notes += filter(None, [torn_end(path)])
        notes = [f"{point.name}: {note}" for point in points for note in point.notes] + notes
        return runs_of(frame_from_rows([point.row() for point in points]), source, columns, notes)

    def curves(self, source: Any) -> Curves | None:
        """None: a test is a row."""
        return None
