"""Trainings as `froude watch` finds them: in studies, finished or not, and in logs; nothing is written there."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.documents.document_error import DocumentError
from froude.errors import InputError
from froude.fitting.watching.course import Course, Setting
from froude.runs.headers import normal
from froude.runs.logs.evidence import LogEvidence
from froude.runs.logs.known_readers import read_logs
from froude.runs.logs.logged_run import LoggedRun, Series
from froude.runs.logs.loss_names import is_learning_rate, words_of
from froude.runs.logs.losses import losses_of
from froude.runs.logs.run_roles import roles_of_run
from froude.runs.logs.steps_and_tokens import TOTAL_STEPS
from froude.runs.study.curve import curve_of
from froude.runs.study.documents import SETTINGS
from froude.runs.study.folder import Study
from froude.runs.study.gather import flatten
from froude.runs.study.lines import read_json_lines
from froude.runs.study.run_file import FinishedRun, read_folder, without_kind
from froude.runs.study.writer import UNFINISHED

_STEPS = ("step", "global_step", "iteration", "iter", "_step", "steps")
_TOTAL_TOKENS = ("D", "tokens", "total_tokens", "max_tokens")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class WatchedRun:
    """A training as its log has it: the curve of its loss, the planned end in steps where one is known, and signs.

    `at` and `loss` are (n,); `train_loss`, `lr` and `grad_norm` are pairs of steps and values, None where not logged.
    `n_params` and `tokens` (planned, in all) are those of its configuration.
    """

    name: str
    state: str
    at: np.ndarray
    loss: np.ndarray
    end: float | None
    settings: Mapping[str, Setting]
    train_loss: tuple[np.ndarray, np.ndarray] | None = None
    lr: tuple[np.ndarray, np.ndarray] | None = None
    grad_norm: tuple[np.ndarray, np.ndarray] | None = None
    n_params: float | None = None

    @property
    def is_finished(self) -> bool:
        """Whether it has ended as planned, by its log or by its steps."""
        return self.state == "finished" or (self.end is not None and self.at[-1] >= 0.999 * self.end)

    def course(self, end: float | None = None) -> Course | None:
        """Its course to the planned end, or to this one; None where neither is known."""
        end = float(self.at[-1]) if self.state == "finished" else end or self.end
        if end is None:
            return None
        return Course(name=self.name, at=self.at, loss=self.loss, end=end, settings=self.settings)


def watched_runs(
    source: str | os.PathLike[str], columns: Mapping[str, str] | None = None
) -> tuple[tuple[WatchedRun, ...], tuple[str, ...]]:
    """The trainings in a study or a log that have a loss, and a note of logs of other kinds that were left out.

    InputError for what is neither, and as a Reader raises it.
    """
    notes: tuple[str, ...] = ()
    if (Path(source) / SETTINGS).exists():
        study = Study.open(Path(source))
        given = {**(study.settings.get("columns") or {}), **(columns or {})}
        logged = list(_runs_of_study(study))
    else:
        given, (logged, notes) = columns or {}, read_logs(source)
    return tuple(run for each in logged if (run := _watched(each, given)) is not None), notes


def _runs_of_study(study: Study) -> Iterator[LoggedRun]:
    finished = [run for run in read_folder(study.path / "runs") if isinstance(run, FinishedRun)]
    for run in finished:
        yield _logged(run.id, run.config, run.steps, dict(run.result), "finished")
    known = {run.id for run in finished}
    for path in sorted((study.path / "runs").glob(f"*.jsonl{UNFINISHED}")):
        try:
            lines = read_json_lines(path).objects
        except (OSError, DocumentError):  # finished or begun anew meanwhile
            continue
        config = next((line for line in lines if line.get("kind") == "config"), {})
        id = str(config.get("id", path.name.partition(".")[0]))
        steps = [without_kind(line) for line in lines if line.get("kind") == "step"]
        if id not in known and not (study.path / "output" / f"{id}.stopped.json").exists():
            yield _logged(id, config.get("config") or {}, steps, {}, "running")


def _logged(
    id: str, config: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], result: dict[str, Any], state: Any
) -> LoggedRun:
    """A run of a study as a tracker would have logged it."""
    columns = curve_of(steps)
    axis = next((name for name in _STEPS if name in columns), None)
    series = {}
    if axis is not None:
        for name, values in columns.items():
            given = np.array([name in step for step in steps]) & np.isfinite(columns[axis])
            if given.any() and name != axis:
                series[name] = Series(x="step", at=columns[axis][given], values=values[given])
    own = config.get("config") if isinstance(config.get("config"), dict) and "source" in config else config
    name = str(config["name"]) if own is not config and config.get("name") else id
    return LoggedRun(id=id, name=name, state=state, config=own or {}, summary=result, series=series)


def _watched(run: LoggedRun, columns: Mapping[str, str]) -> WatchedRun | None:
    """A run with its loss and its planned end; None where it has no loss yet."""
    by_hand = {role: name for role, name in columns.items() if role != "loss" or name in run.series}
    evidence = LogEvidence(run=run, by_hand=by_hand)
    losses = losses_of(evidence)
    metric = losses.loss.metric if losses.loss else None
    if metric is None or metric not in run.series or not run.series[metric].values.size:
        return None
    at, loss = _increasing(run.series[metric])
    trained_on = losses.train_loss.metric if losses.train_loss else None
    try:
        roles = roles_of_run(run, by_hand)
    except InputError:  # only N and D are asked for here, and a verdict can do without
        roles = {}
    n_params = roles["N"].value if "N" in roles else None
    settings = {name: value for name, value in flatten(run.config).items() if _is_setting(name, value)}
    return WatchedRun(
        name=run.name or run.id, state=run.state, at=at, loss=loss, end=_end(run, evidence, at),
        settings=settings | ({"N": n_params} if n_params else {}), n_params=n_params,
        train_loss=_increasing(run.series[trained_on]) if trained_on is not None and trained_on in run.series else None,
        lr=_first(run, is_learning_rate), grad_norm=_first(run, _is_gradient_norm),
    )  # fmt: skip


def _end(run: LoggedRun, evidence: LogEvidence, at: np.ndarray) -> float | None:
    """The step at which it is planned to end: by steps that were set, else by tokens and those so far."""
    if run.state == "finished":
        return float(at[-1])
    total = evidence.config.number(*TOTAL_STEPS)
    if total is not None and total >= at[-1] * 0.999:
        return total
    tokens = evidence.config.number(*_TOTAL_TOKENS)
    seen = next((each for name, each in run.series.items() if normal(name) in ("tokens", "n_tokens_seen", "d")), None)
    if tokens is None or seen is None or not seen.values[-1] > 0:
        return None
    return float(round(tokens * seen.at[-1] / seen.values[-1])) if tokens >= seen.values[-1] else None


def _increasing(series: Series) -> tuple[np.ndarray, np.ndarray]:
    """Its points with each step once, the latest value of it, in their order."""
    at, first = np.unique(series.at[::-1], return_index=True)
    return at.astype(float), series.values[::-1][first].astype(float)


def _first(run: LoggedRun, is_wanted: Any) -> tuple[np.ndarray, np.ndarray] | None:
    name = next((name for name, each in run.series.items() if is_wanted(name) and each.values.size), None)
    return None if name is None else _increasing(run.series[name])


def _is_gradient_norm(name: str) -> bool:
    words = words_of(name)
    return ("norm" in words and bool({"grad", "gradient"} & {*words})) or "gradnorm" in words


def _is_setting(name: str, value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return (is_number or isinstance(value, str | bool)) and "seed" not in words_of(name)
