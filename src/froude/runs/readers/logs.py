"""Logs of trackers and trainers as runs: whatever one of `LOG_READERS` recognises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.errors import InputError
from froude.runs.frames import frame_from_rows
from froude.runs.logs.known_readers import find_log_reader, read_logs
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.role_summary import check_columns, role_notes, run_notes, summarize_roles
from froude.runs.logs.run_roles import roles_of_run
from froude.runs.logs.run_rows import row_of_run, steps_of_run
from froude.runs.readers.reader import Curves, runs_of
from froude.runs.study.curve import curve_of
from froude.runs.study.folder import known_columns
from froude.runs.study.gather import flatten
from froude.runs.table import Runs


@final
@dataclass(frozen=True, kw_only=True)
class LogsReader:
    """Reads logs, a row for each run: its roles, the ends of its metrics, and its configuration as `config.…`."""

    kinds: tuple[str, ...] = ("logs of trackers and trainers",)

    def recognises(self, source: object) -> bool:
        """Whether it is a log of a known kind, or a folder of such."""
        return find_log_reader(source) is not None

    def read(self, source: Any, columns: Mapping[str, str] | None = None) -> Runs:
        """Return the runs in the log; `notes` say what is taken for which role, and where a log breaks.

        `columns` maps a role to a metric, a value of the summary or a key of the configuration.
        """
        every, left_out = read_logs(source)
        runs = [run for run in every if run.series or run.summary]
        notes = (*left_out, *run_notes(every))
        if not runs:
            raise InputError(f"{str(source)!r} holds no runs: {notes[0] if notes else 'its log has no step'}")
        check_columns(columns or {}, runs)
        found = [roles_of_run(run, columns) for run in runs]
        rows = [{**row_of_run(run, roles), **_config_of(run)} for run, roles in zip(runs, found, strict=True)]
        frame = frame_from_rows(rows)
        said = role_notes(summarize_roles(found), len(runs))
        return runs_of(frame, source, known_columns(frame), (*said, *notes))

    def curves(self, source: Any) -> Curves | None:
        """Return the steps of each run, by its id."""
        runs = [run for run in read_logs(source)[0] if run.series]
        return {run.id: curve_of(steps_of_run(run, roles_of_run(run))) for run in runs}


def _config_of(run: LoggedRun) -> dict[str, Any]:
    """The configuration in columns."""
    return flatten({"config": run.config}) if run.config else {}
