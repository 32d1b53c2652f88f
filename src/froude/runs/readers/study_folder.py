"""Reads the runs of a study, Froude's own folder of runs on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from froude.runs.readers.reader import Curves, path_of, runs_of
from froude.runs.study.documents import SETTINGS
from froude.runs.study.folder import Study, known_columns
from froude.runs.study.gather import study_table
from froude.runs.table import Runs


@final
@dataclass(frozen=True, kw_only=True)
class StudyReader:
    """Reads the finished runs of a study folder, sorted by id."""

    kinds: tuple[str, ...] = ("a study folder",)

    def recognises(self, source: object) -> bool:
        """Whether the source is the path of a folder with the settings of a study."""
        path = path_of(source)
        return path is not None and os.path.exists(path / SETTINGS)

    def read(self, source: Any, columns: Mapping[str, str] | None = None) -> Runs:
        """Return the finished runs: configurations and results as columns. Notes tell of files that are not counted."""
        frame, notes = study_table(Study.open(source).path)
        runs = runs_of(frame, source, {**known_columns(frame), **(columns or {})}, notes)
        return runs if columns else replace(runs, notes=notes)

    def curves(self, source: Any) -> Curves | None:
        """Return the steps of each finished run, by its id."""
        return Study.open(source).curves()
