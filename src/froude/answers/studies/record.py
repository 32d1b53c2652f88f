"""A study of pilots as it stands on disk: its runs, its documents, its fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from froude.cost import Decoder
from froude.errors import InputError
from froude.fitting import Fit
from froude.runs import Runs, Study

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
    plan: Mapping[str, Any] | None
    environment: Mapping[str, Any] | None
    forecast: Mapping[str, Any] | None
    result: Mapping[str, Any] | None
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
        return float(self.result["measured"]) if self.result and "measured" in self.result else None

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
    def largest(self) -> int:
        """The position in `fitted` of the pilot with the most parameters, and of these the most tokens."""
        return int(np.lexsort((self.fitted["D"], self.fitted["N"]))[-1])

    @property
    def target_decoder(self) -> Mapping[str, int] | None:
        """The shape of the decoder that the plan's target trains, where there is a plan."""
        trunk = _target_trunk(self.plan)
        return trunk["decoder"] if trunk else None


def read_study_record(study: Study) -> StudyRecord:
    """What the study's folder holds now. InputError without a finished run, or for a damaged document."""
    runs = study.runs() if study.finished_ids() else Runs.from_columns({"N": [], "D": [], "loss": []})
    if not len(runs):
        raise InputError(f"study {str(study.path)!r} has no finished run: finish at least one, then report again")
    plan, environment, forecast, result = (
        _document(study, f"{name}.json") for name in ("plan", "environment", "forecast", "result")
    )
    target = _target_place(plan, forecast, result)
    is_target = np.zeros(len(runs), dtype=bool)
    if target:
        there = np.isclose(runs["N"], target.N) & np.isclose(runs["D"], target.D)
        is_target = there & ~there.all()  # the only run of a study counts as a pilot
    fit_file = study.path / "fit.json"
    return StudyRecord(
        name=study.path.resolve().name,
        pilots=runs.take(~is_target),
        targets=runs.take(is_target),
        curves={str(id): study.curve(str(id)) for id in runs["id"]},
        plan=plan,
        environment=environment,
        forecast=forecast,
        result=result,
        fit=Fit.load(fit_file) if fit_file.exists() else None,
        target=target,
    )


def _document(study: Study, name: str) -> Mapping[str, Any] | None:
    return study.read_json(name) if (study.path / name).exists() else None


def _target_place(
    plan: Mapping[str, Any] | None, forecast: Mapping[str, Any] | None, result: Mapping[str, Any] | None
) -> Place | None:
    """Where the target lies, from the latest document that says so; nowhere before there is a plan."""
    for document, key in ((result, "target"), (forecast, "at")):
        if document and key in document:
            return Place(**{role: float(document[key][role]) for role in "NDC"})
    trunk = _target_trunk(plan)
    if trunk is None:
        return None
    decoder, tokens = Decoder(**trunk["decoder"]), max(trunk["tokens"])
    return Place(N=decoder.n_non_embedding, D=tokens, C=decoder.training_flops_per_token * tokens)


def _target_trunk(plan: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return plan.get("design", {}).get("target") if plan else None
