"""Chapter six: the forecast against what was measured, where the target has been run."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.fitting.registering.documents import is_forecast_file
from froude.fitting.registering.registration import score_forecast
from froude.pilots.clock import chapter_seconds
from froude.pilots.forecast import FORECAST
from froude.pilots.result import PilotResult
from froude.runs import Study
from froude.tank import Design
from froude.tank.kept import read_window_losses, window_losses_file

HALVINGS = 1000


def compare(study: Study, design: Design, forecast: Mapping[str, Any], check: bool) -> PilotResult:
    """The result, with `check` that of the target too."""
    spent = chapter_seconds(study)
    lo, hi = forecast["interval"]
    return PilotResult(
        target=forecast["at"],
        predicted=forecast["predicted"],
        interval=(lo, hi),
        measured=measured_loss(study, design) if check else None,
        **{name: forecast[name] for name in ("compute_ratio", "params_ratio", "pilots", "diverged")},
        pilot_seconds=spent.get("pilots"),
        target_seconds=spent.get("target") if check else None,
        validation_halving=validation_halving(study, design, forecast) if check else None,
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


def measured_loss(study: Study, design: Design) -> float:
    """The target's loss; NaN if it diverged."""
    runs = study.runs([design.target.run_id(design.target.tokens[-1])])
    return float(runs["loss"][0])


def validation_halving(study: Study, design: Design, forecast: Mapping[str, Any]) -> dict[str, float]:
    """How much a random half of the validation set moves the ratio of the target's to the largest pilot's loss.

    `ratio_change` is the 95% quantile of |ratio of the half / ratio of the whole − 1| over HALVINGS halves; it should
    be below `quarter_half_width`, a quarter of the interval's relative half-width.
    """
    largest = max(design.pilots, key=lambda trunk: (trunk.decoder.n_non_embedding, -trunk.seed))
    ours, theirs = (
        read_window_losses(window_losses_file(study, trunk.run_id(trunk.tokens[-1])))
        for trunk in (design.target, largest)
    )
    rng, n = np.random.default_rng(0), len(ours)
    halves = np.array([rng.permutation(n)[: n // 2] for _ in range(HALVINGS)])
    ratio = ours[halves].mean(axis=1) / theirs[halves].mean(axis=1)
    change = np.abs(ratio / (ours.mean() / theirs.mean()) - 1)
    lo, hi = forecast["interval"]
    return {
        "ratio_change": float(np.quantile(change, 0.95)),
        "quarter_half_width": (hi - lo) / 8 / forecast["predicted"],
    }
