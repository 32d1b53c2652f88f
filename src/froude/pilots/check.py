"""Chapter six: the forecast against what was measured, where the target has been run."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.fitting import Fit
from froude.fitting.registering.documents import is_forecast_file
from froude.fitting.registering.registration import score_forecast
from froude.pilots.clock import chapter_seconds
from froude.pilots.events import PilotFinished, Watch
from froude.pilots.forecast import FIT, FORECAST
from froude.pilots.question import PilotQuestion
from froude.pilots.result import PilotResult
from froude.provenance import Provenance
from froude.runs import Study


def finish(study: Study, result: PilotResult, seed: int, watch: Watch) -> PilotResult:
    """Writes the result, the score of the forecast and the page; the result with its provenance."""
    from froude.reporting import write_report

    made = Fit.load(study.path / FIT).provenance
    result = result.stamped(Provenance.now(seed, made.data_sha256 if made else ()))
    study.write_json("result.json", result.to_dict())
    score_target(study, result)
    write_report(study)
    watch(PilotFinished(result=result))
    return result


def compare(
    study: Study,
    question: PilotQuestion,
    forecast: Mapping[str, Any],
    check: bool,
    halving: Mapping[str, float] | None = None,
) -> PilotResult:
    """The result, with `check` that of the target too; `halving` is what `validation_halving` gives."""
    spent = chapter_seconds(study)
    lo, hi = forecast["interval"]
    return PilotResult(
        target=forecast["at"],
        predicted=forecast["predicted"],
        interval=(lo, hi),
        measured=question.measured(study) if check else None,
        **{name: forecast[name] for name in ("compute_ratio", "params_ratio", "pilots", "diverged")},
        pilot_seconds=spent.get("pilots"),
        target_seconds=spent.get("target") if check else None,
        validation_halving=halving,
        loss_unit=question.loss_unit,
        study=study.path,
        report=study.path / "report.html",
    )


def score_target(study: Study, result: PilotResult) -> None:
    """Scores the forecast by the target's loss, unless that diverged.

    One that an older Froude wrote is not registered, and stays without a score.
    """
    forecast = study.path / FORECAST
    if result.measured is not None and np.isfinite(result.measured) and is_forecast_file(forecast):
        score_forecast(forecast, result.measured, again=True)
