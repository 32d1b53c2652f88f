"""Chapter four: the law, chosen by holding out the largest pilots, and its forecast, written before the target runs."""

import math
import os
from collections.abc import Mapping
from typing import Any

from froude.answers.studies.documents import ForecastRecord
from froude.errors import InputError
from froude.fitting import Choice, Fit, choose
from froude.fitting.registering.documents import forecast_document as register_document
from froude.fitting.registering.documents import is_unchanged, score_path
from froude.pilots.events import ForecastReady, Watch
from froude.pilots.question import PilotQuestion
from froude.pilots.repair import discard, whole_document
from froude.pilots.result import LEVEL
from froude.runs import Runs, Study

FORECAST, FIT = "forecast.json", "fit.json"
FURTHER = (10, 100, 1000)  # times the target's compute


def write_forecast(study: Study, question: PilotQuestion, seed: int, watch: Watch) -> Mapping[str, Any]:
    """The forecast in the study, made there if it has none that is whole; its fit is beside it."""
    document = whole_forecast(study, question, watch)
    fit_is_whole = has_whole_fit(study, watch)
    if document is None or not fit_is_whole:
        runs = question.pilot_runs(study)
        choice = choose(runs, cluster=question.cluster, level=LEVEL, seed=seed, of_tank=question.of_tank)
        choice.fit.save(study.path / FIT)
        if document is None:
            document = forecast_document(choice, runs, question)
            study.write_json(FORECAST, document)
            score_path(study.path / FORECAST).unlink(missing_ok=True)  # of the one before it
    watch(ForecastReady(document=document))
    return document


def whole_forecast(study: Study, question: PilotQuestion, watch: Watch) -> Mapping[str, Any] | None:
    """The forecast in the study, None where there is none or only a damaged one, which is set aside."""
    document = whole_document(study, FORECAST, ForecastRecord, watch)
    if document is None:
        return None
    low, high = document["interval"]
    if document["at"] != question.at:
        discard(study, FORECAST, "it is of another target than the plan's", watch)
    elif not low <= document["predicted"] <= high:
        discard(study, FORECAST, "its mean lies outside its interval", watch)
    elif not is_unchanged(study.read_json(FORECAST, dict)):
        discard(study, FORECAST, "its hash is not that of what it says", watch)
    else:
        return document
    return None


def has_whole_fit(study: Study, watch: Watch) -> bool:
    """Whether the fit is there and whole; a damaged one is set aside."""
    if not os.path.lexists(study.path / FIT):
        return False
    try:
        Fit.load(study.path / FIT)
    except InputError:
        discard(study, FIT, "it holds no fit", watch)
        return False
    return True


def forecast_document(choice: Choice, runs: Runs, question: PilotQuestion) -> dict[str, Any]:
    """The forecast that this choice of a law gives at the target, registered, with what the study tells of it."""
    at = question.at
    forecast = choice.fit.predict(N=at["N"], D=at["D"])
    return register_document(
        forecast,
        due=None,
        at=at,
        choice=[
            {**row, "predicted": each.fit.predict(N=at["N"], D=at["D"]).mean}
            for row, each in zip(choice.candidates_to_dict(), choice.candidates, strict=True)
        ],
        further=[forecast_further(choice.fit, factor, at) for factor in FURTHER],
        pilots=choice.fit.n,
        diverged=choice.fit.diverged,
        loss_unit=question.loss_unit,
        **ratios(runs, at),
    )


def ratios(runs: Runs, at: Mapping[str, float]) -> dict[str, float]:
    """How much larger the target is than the costliest and than the largest pilot."""
    return {"compute_ratio": at["C"] / float(runs["C"].max()), "params_ratio": at["N"] / float(runs["N"].max())}


def forecast_further(fit: Fit, factor: float, at: Mapping[str, float]) -> dict[str, Any]:
    """The forecast at `factor` times the target's compute, spent at the target's tokens a parameter."""
    larger = {name: at[name] * math.sqrt(factor) for name in ("N", "D")}
    forecast = fit.predict(N=larger["N"], D=larger["D"])
    return {
        "factor": factor,
        **larger,
        "C": at["C"] * factor,
        "mean": forecast.mean,
        "interval": [forecast.lo, forecast.hi],
    }
