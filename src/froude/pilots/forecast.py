"""Chapter four: the law, chosen by holding out the largest pilots, and its forecast, written before the target runs."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.fitting import Fit, choose
from froude.pilots.clock import utc_now
from froude.pilots.events import ForecastReady, Watch
from froude.pilots.result import LEVEL
from froude.runs import Runs, Study
from froude.tank import Design

FURTHER = (10, 100, 1000)  # times the target's compute


def write_forecast(study: Study, design: Design, seed: int, watch: Watch) -> dict[str, Any]:
    """The forecast in the study, made there if it has none."""
    if not (study.path / "forecast.json").exists():
        study.write_json("forecast.json", forecast_document(study, design, seed))
    document = study.read_json("forecast.json")
    watch(ForecastReady(document=document))
    return document


def forecast_document(study: Study, design: Design, seed: int) -> dict[str, Any]:
    """Fits, chooses and forecasts; the fit is saved beside it."""
    runs = pilot_runs(study, design)
    at = target_of(design)
    choice = choose(runs, cluster="trunk", level=LEVEL, seed=seed)
    choice.fit.save(study.path / "fit.json")
    forecast = choice.fit.predict(N=at["N"], D=at["D"])
    return {
        "written": utc_now(),
        "law": choice.fit.law.name,
        "at": at,
        "predicted": forecast.mean,
        "interval": [forecast.lo, forecast.hi],
        "level": LEVEL,
        "parts": forecast.parts,
        "choice": [
            {**row, "predicted": each.fit.predict(N=at["N"], D=at["D"]).mean}
            for row, each in zip(choice.candidates_to_dict(), choice.candidates, strict=True)
        ],
        "further": [forecast_further(choice.fit, factor, at) for factor in FURTHER],
        "warnings": list(choice.fit.warnings),
        "pilots": choice.fit.n,
        "diverged": choice.fit.diverged,
        **ratios(runs, at),
    }


def pilot_runs(study: Study, design: Design) -> Runs:
    """The finished runs of the plan's pilots."""
    planned = [trunk.run_id(tokens) for trunk in design.pilots for tokens in trunk.tokens]
    runs = study.runs()
    return runs.take(np.isin(runs["id"], planned))


def target_of(design: Design) -> dict[str, float]:
    """N, D and C of the target."""
    decoder, tokens = design.target.decoder, design.target.tokens[-1]
    return {"N": decoder.n_non_embedding, "D": tokens, "C": decoder.training_flops_per_token * tokens}


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
