"""Hugging Face's trainer_state.json: the log of a Trainer, in its output folder or in the checkpoints below."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.errors import InputError
from froude.runs.logs.logged_run import LoggedRun, State
from froude.runs.logs.places import MOST_FOLDERS, body_of, configuration_beside, files_below, is_file, json_of, place_of
from froude.runs.logs.series_of_rows import series_of_rows
from froude.runs.logs.torn_json import whole_part
from froude.runs.readers.reader import path_of

FILE = "trainer_state.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@final
@dataclass(frozen=True, kw_only=True)
class TrainerStateReader:
    """Reads output folders of the Trainer of transformers, TRL, axolotl and others built on it.

    A run is an output folder: of its own trainer_state.json and that of its last checkpoint the longer log counts.
    `loss` is the training loss there, `eval_loss` the held-out one. A model's config.json beside is its configuration.
    """

    kinds: tuple[str, ...] = (FILE, "an output folder of the Hugging Face Trainer")

    def recognises(self, source: object) -> bool:
        """Whether it is such a file, or a folder with one below."""
        path = path_of(source)
        return path is not None and any(files_below(path, _is_state, MOST_FOLDERS))

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield a run for each output folder."""
        path = Path(source)
        states: dict[Path, list[Path]] = {}
        for file in files_below(path, _is_state):
            at = file.absolute().parent
            inside = _CHECKPOINT.fullmatch(at.name) is not None and not is_file(path)
            states.setdefault(at.parent if inside else at, []).append(file)
        if not states:
            raise InputError(f"{str(path)!r} holds no {FILE}: give an output folder of the Trainer")
        for folder, files in states.items():
            yield _run(folder, files, path.absolute())


def _is_state(name: str) -> bool:
    return name == FILE


def _run(folder: Path, files: Sequence[Path], source: Path) -> LoggedRun:
    """The run of an output folder, by the longest log among its own and that of the last checkpoint."""
    own = [file for file in files if file.absolute().parent == folder]
    kept = sorted((file for file in files if file not in own), key=_number)
    read = [(file, *_state(file)) for file in (*own, *kept[-1:])]
    if all(notes for *_, notes in read) and len(kept) > 1:
        read.append((kept[-2], *_state(kept[-2])))
    file, state, notes = max(read, key=lambda each: len(each[1]["log_history"]))
    rows = [row for row in state["log_history"] if isinstance(row, Mapping)]
    config, unread = configuration_beside(folder)
    if not config and file.absolute().parent != folder:
        config, unread = configuration_beside(file.parent)
    settings = {k: v for k, v in state.items() if k in _SETTINGS and v}
    place = place_of(folder, source)
    tokens = state.get("num_input_tokens_seen")
    return LoggedRun(
        id=place,
        name=folder.name if place == "." else place,
        state=_standing(state, rows),
        config={**config, **({"trainer": settings} if settings else {})},
        summary={"num_input_tokens_seen": tokens} if tokens else {},
        series=series_of_rows(rows, "step"),
        notes=(*notes, *unread),
    )


_SETTINGS = ("max_steps", "num_train_epochs", "logging_steps", "eval_steps", "save_steps")


def _number(file: Path) -> int:
    match = _CHECKPOINT.fullmatch(file.absolute().parent.name)
    return int(match[1]) if match else 0


def _state(file: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a trainer_state.json holds, as far as it is whole, and a note where it is not."""
    body = body_of(file)
    shown = os.path.join(file.parent.name, file.name) if _CHECKPOINT.fullmatch(file.parent.name) else file.name
    try:
        state = json_of(body)
        notes: tuple[str, ...] = ()
    except (ValueError, RecursionError):
        state, place = whole_part(body.decode(errors="replace"))
        line = body.count(b"\n", 0, place) + 1
        notes = (f"{shown} is empty" if not body else f"{shown} breaks in line {line}; what is before that was read",)
    if not isinstance(state, dict):
        state, notes = {}, (f"{shown} holds no state of a Trainer",)
    history = state.get("log_history")
    if not isinstance(history, list):
        notes = notes or (f"{shown} holds no log_history",)
    return {**state, "log_history": history if isinstance(history, list) else []}, notes


def _standing(state: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> State:
    """Finished where the Trainer says so at its end, or has made all of its steps; else nobody knows."""
    done, most = state.get("global_step"), state.get("max_steps")
    counted = isinstance(done, int) and isinstance(most, int) and 0 < most <= done
    return "finished" if counted or any("train_runtime" in row for row in rows[-1:]) else "unknown"
