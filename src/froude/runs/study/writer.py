"""The one who writes a run: line by line, finished by a rename."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, final

from froude.files import naming, set_aside, sync_folder, write_file
from froude.runs.study.lines import json_lines
from froude.runs.study.run_file import holds

UNFINISHED = ".part"
"""What the file name of an unfinished run ends in."""


@final
class RunWriter:
    """Appends to the file of one unfinished run; made by `Study.writer`, used in a `with` statement.

    A line is handed to the system before `step` returns, so that a killed process loses at most the line it
    was writing. Leaving the `with` statement closes the file; only `finish` makes the run a finished one.
    """

    def __init__(self, path: Path, config_line: Mapping[str, Any], steps: Iterable[Mapping[str, Any]]) -> None:
        """Start the unfinished file of the run whose finished file is `path`, with a config line and steps.

        The file is a new one that takes the place of an earlier: a dying process that still holds the old one
        writes into nothing. Raises OSError.
        """
        self.path = path
        self.id = path.stem
        self._part = path.with_name(path.name + UNFINISHED)
        write_file(self._part, json_lines([config_line, *({**s, "kind": "step"} for s in steps)]))
        with naming(self.path):
            self._file = open(self._part, "ab", buffering=0)  # noqa: SIM115  (closed by close)

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the run stays unfinished unless `finish` was called."""
        self._file.close()

    def step(self, **values: Any) -> None:
        """Append one line with these values (step, tokens, loss, lr, ...).

        Raises OSError, for a full disk say; the writer is closed then, so that no line follows half a one.
        """
        self._append({"kind": "step", **values})

    def finish(self, **result: Any) -> None:
        """Append the result and give the file its final name.

        A finished run is never overwritten: if the run has been finished meanwhile, that file stays and this
        one is removed; if another writer has started the run anew, its file is left alone. What bears the name
        and does not hold the run is set aside. Raises OSError; the run is unfinished then.
        """
        self._append({"kind": "result", **result})
        with naming(self.path):
            os.fsync(self._file.fileno())
            mine = self._is_mine()
            self.close()
            if not mine:
                return
            if holds(self.path, self.id):
                self._part.unlink()
            else:
                if os.path.lexists(self.path):
                    set_aside(self.path)
                os.replace(self._part, self.path)
        sync_folder(self.path.parent)

    def _append(self, values: Mapping[str, Any]) -> None:
        rest = memoryview(json_lines([values]))
        try:
            with naming(self.path):
                while rest:
                    rest = rest[self._file.write(rest) :]
        except OSError:
            self.close()
            raise

    def _is_mine(self) -> bool:
        """Whether the unfinished file is this writer's; FileNotFoundError where it is gone, and not finished either."""
        try:
            return os.path.samestat(os.stat(self._part), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            if self.path.exists():
                return False
            raise
