"""A study of pilots as it stands on disk: its runs, its documents, its fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, final

import numpy as np

from froude.answers.studies.documents import (
    EnvironmentRecord,
    ForecastRecord,
    PlanRecord,
    ResultRecord,
    Shape,
    Training,
)
from froude.cost import Decoder
from froude.errors import InputError
from froude.fitting import Fit
from froude.runs import Runs, Study
from froude.runs.study.remedy import remedy

T = TypeVar("T")
_BYTE_VOCABULARY = 256


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """Where a run lies: parameters, tokens and training FLOPs."""

    N: float
    D: float
    C: float


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class StudyRecord:
    """A study as it stands; a document, a fit and a target that are not there yet are None.

    `pilots` are all finished runs but the target's, which is in `targets`; `curves` the steps by run id. `forecast` and
    `fit` come with a `target`.
    """

    name: str
    pilots: Runs
    targets: Runs
    curves: Mapping[str, Mapping[str, np.ndarray]]
    plan: PlanRecord | None
    environment: EnvironmentRecord | None
    forecast: ForecastRecord | None
    result: ResultRecord | None
    fit: Fit | None
    target: Place | None

    @cached_property
    def fitted(self) -> Runs:
        """The pilots that did not diverge."""
        return self.pilots.take(self.pilots.finite())

    @property
    def n_diverged(self) -> int:
        """How many pilots diverged."""
        return len(self.pilots) - len(self.fitted)

    @cached_property
    def measured(self) -> float | None:
        """The loss measured at the target, NaN where it diverged; None before it was run."""
        if len(self.targets):
            return float(self.targets["loss"][0])
        return self.result["measured"] if self.result and "measured" in self.result else None

    @property
    def measured_loss(self) -> float | None:
        """The loss measured at the target; None where it diverged, too."""
        return None if self.measured is None or np.isnan(self.measured) else self.measured

    @property
    def unit(self) -> str:
        """What a token is: "byte" for a vocabulary of 256, else "token"."""
        runs = self.pilots if len(self.pilots) else self.targets
        return "byte" if "vocabulary" in runs and runs["vocabulary"][0] == _BYTE_VOCABULARY else "token"

    @property
    def loss_unit(self) -> str:
        """The unit of the losses, empty where only the user's trainer knows it."""
        return "" if self.plan and "trainer" in self.plan else f"nats/{self.unit}"

    @property
    def largest(self) -> int:
        """The position in `fitted` of the pilot with the most parameters, and of these the most tokens."""
        return int(np.lexsort((self.fitted["D"], self.fitted["N"]))[-1])

    @property
    def target_decoder(self) -> Shape | None:
        """The shape of the decoder that the plan's target trains, where there is a plan."""
        trunk = _target_trunk(self.plan)
        return trunk["decoder"] if trunk else None


def read_study_record(study: Study) -> StudyRecord:
    """What the study's folder holds now. InputError without a finished run, or for a damaged document."""
    runs = _finished_runs(study)
    plan = _document(study, "plan.json", PlanRecord)
    forecast = _document(study, "forecast.json", ForecastRecord)
    result = _document(study, "result.json", ResultRecord)
    target = _target_place(plan, forecast, result)
    is_target = np.zeros(len(runs), dtype=bool)
    if target:
        there = np.isclose(runs["N"], target.N) & np.isclose(runs["D"], target.D)
        if plan and "target_run" in plan:  # the length of which is as its trainer says
            there = runs["id"] == plan["target_run"]
        is_target = there & ~there.all()  # the only run of a study counts as a pilot
    return StudyRecord(
        name=study.path.resolve().name,
        pilots=runs.take(~is_target),
        targets=runs.take(is_target),
        curves=study.curves(),
        plan=plan,
        environment=_document(study, "environment.json", EnvironmentRecord),
        forecast=forecast,
        result=result,
        fit=_fit(study),
        target=target,
    )


def _finished_runs(study: Study) -> Runs:
    """The runs. InputError where none is finished, with what is wrong with the first file that should be one."""
    runs = study.runs()
    if not len(runs):
        why = f" ({runs.notes[0]})" if runs.notes else ""
        raise InputError(f"study {str(study.path)!r} has no finished run{why}: finish at least one, then report again")
    return runs


def _document(study: Study, name: str, kind: type[T]) -> T | None:
    return study.read_json(name, kind) if os.path.lexists(study.path / name) else None


def _fit(study: Study) -> Fit | None:
    """The fit that the forecast was made by. InputError where its file is damaged."""
    path = study.path / "fit.json"
    if not os.path.lexists(path):
        return None
    try:
        return Fit.load(path)
    except InputError:
        raise InputError(f"{str(path)!r} is a damaged fit: {remedy(study.path)}") from None


def _target_place(
    plan: PlanRecord | None, forecast: ForecastRecord | None, result: ResultRecord | None
) -> Place | None:
    """Where the target lies, from the latest document that says so; nowhere before there is a plan."""
    if result and "target" in result:
        return Place(**result["target"])
    if forecast:
        return Place(**forecast["at"])
    trunk = _target_trunk(plan)
    if trunk is None:
        return None
    decoder, tokens = Decoder(**trunk["decoder"]), max(trunk["tokens"])
    return Place(N=decoder.n_non_embedding, D=tokens, C=decoder.training_flops_per_token * tokens)


def _target_trunk(plan: PlanRecord | None) -> Training | None:
    return plan.get("design", {}).get("target") if plan else None
