"""The sentences of a study: what each picture and table shows and what follows, from the study's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.answers.numbers import count, loss_text, percent
from froude.answers.studies.outcome import verdict
from froude.answers.studies.record import Place, StudyRecord
from froude.answers.studies.values import (
    CURVES_DRAWN,
    baselines,
    flops_per_token,
    frontier,
    gain_of_doubling,
    law_value,
    law_value_at,
    trunk_names,
)
from froude.fitting import Fit
from froude.laws import Law
from froude.quantity import format_quantity

_ON_THE_FRONTIER = 0.001  # a loss within this share of the lowest
_SAME = 0.0005  # a difference that three decimals do not show

PARTS = {
    "parameters": "uncertain parameters",
    "residual": "scatter of one run",
    "extrapolation": "extrapolation",
}
"""What the three parts of an interval are called in the picture."""


def headline(record: StudyRecord) -> str:
    """The study in one sentence."""
    forecast = record.forecast
    if forecast is None:
        return f"{count(len(record.pilots), 'pilot run')} finished, no forecast yet."
    predicted = loss_text(forecast["predicted"])
    if record.measured is None:
        return f"Forecast {predicted}: the target has not been run yet."
    measured = record.measured_loss
    if measured is None:
        return f"Forecast {predicted}: the target diverged."
    outcome = verdict(forecast["predicted"], forecast["interval"], measured)
    return f"Forecast {predicted}, measured {loss_text(measured)}: {outcome}."


def opening(record: StudyRecord) -> str:
    """How the forecast came about."""
    pilots = (
        f"{count(len(record.pilots), 'pilot run')} of {_span(record.pilots['N'])} parameters, "
        f"trained on {_span(record.pilots['D'])} {record.unit}s"
    )
    at = record.target
    if at is None:
        return f"{pilots}. A law and a forecast follow when the study goes on."
    target = f"a model of {format_quantity(at.N)} parameters trained on {format_quantity(at.D)} {record.unit}s"
    if record.forecast is None:
        return f"{pilots}. The target, {target}, will be forecast from them."
    return f"From {pilots}, Froude forecast the loss of {target}, before training it."


def about_headline(record: StudyRecord, target: Place) -> str:
    """What the number line shows, and how far off one would have been without a law, once that is known."""
    what = "The broad bar is the interval, the line across it the forecast"
    measured = record.measured_loss
    if measured is None:
        return f"{what}; thin lines below are what one would say without a law."
    errors = [f"{percent(abs(loss / measured - 1))} ({name})" for name, loss in baselines(record, target).items()]
    without = " or ".join(errors)
    return f"{what}, the diamond what was measured. Without a law, thin lines below, one would be off by {without}."


def law_name(law: Law) -> str:
    """How a law is called in a sentence."""
    return f"the average of {len(law.members)} laws" if law.members else f"the law {law.name}"


def about_law(fit: Fit) -> str:
    """What was fitted to how many runs, and when it is wrong."""
    wrong = f"It is wrong when {fit.law.wrong_when}"
    if not fit.law.members:
        return f"Fitted to {fit.n} runs. {wrong}"
    return f"The weighted geometric mean of {len(fit.law.members)} laws, each fitted to {fit.n} runs. {wrong}"


def about_starts(fit: Fit) -> str:
    """How the parameters were searched, and how many of the random starts came to those that are shown."""
    each, least = ("For each law the", "at least ") if fit.law.members else ("The", "")
    found = "all of them" if fit.starts_agree == fit.starts_tried else f"{least}{fit.starts_agree} of them"
    return (
        f"{each} search began at {fit.starts_tried} random places and the best fit is kept; {found} led to it. "
        f"Intervals of {fit.level:.0%} come from fits to resampled runs."
    )


def about_curves(record: StudyRecord) -> str:
    """What the loss curves show."""
    diverged = ""
    if record.n_diverged:
        diverged = f" {count(record.n_diverged, 'pilot run')} diverged: no dot, and left out of the fit."
    trainings = len(np.unique(trunk_names(record.pilots)))
    some = f" of {CURVES_DRAWN} of {trainings:,} trainings, of all sizes" if trainings > CURVES_DRAWN else ""
    if "trunk" not in record.pilots:
        return f"Lines are the losses that trainings said on their way{some}, dots those at their ends.{diverged}"
    return (
        f"Lines are training loss{some}, dots the validation loss at the end of a run. A training holds its "
        "learning rate while shorter runs branch off and let it decay, so that few trainings give "
        f"{count(len(record.fitted), 'measurement')} of how loss depends on size and data.{diverged}"
    )


def about_tokens(record: StudyRecord) -> str:
    """What loss against tokens shows."""
    fit, target = record.fit, record.target
    if fit is None:
        return "A line for each size through what was measured; no law has been fitted yet."
    what = (
        f"A line for each size: {law_name(fit.law)} through the measured dots and, dotted, on "
        "to where nothing was measured."
    )
    if target is None:
        return what
    gain = percent(gain_of_doubling(record, fit, target, "D"))
    return (
        f"{what} The line that ends at the forecast, in its band, is the target's size; there, twice the "
        f"{record.unit}s lower the loss by {gain}.{_beside_the_line(record.forecast, fit, target)}"
    )


def about_parameters(record: StudyRecord) -> str:
    """What loss against parameters shows."""
    what = f"The same runs against size, a line for runs of about equal {record.unit}s"
    if record.fit is None:
        return f"{what}; no law has been fitted yet."
    if record.target is None:
        return f"{what}, and the same law."
    gain = percent(gain_of_doubling(record, record.fit, record.target, "N"))
    return f"{what}, and the same law. On the target's {record.unit}s, twice its size lowers the loss by {gain}."


def about_frontier(record: StudyRecord) -> str:
    """What the compute frontier shows, and where the target lies on it."""
    fit, at = record.fit, record.target
    if fit is None:
        return "Every run at the compute it took; no law has been fitted yet, so there is no frontier."
    what = (
        "A line for each size; the broad pale line is the lowest loss the law allows at each compute, "
        f"{flops_words(record)}."
    )
    if at is None:
        return what
    (best,), (size,) = frontier(record, fit, np.array([at.C]))
    lost = law_value_at(fit, at) / best - 1
    if lost < _ON_THE_FRONTIER:
        return f"{what} The target lies on it: by the law, no other split into size and data does better."
    tokens = at.C / float(flops_per_token(record)(size))
    return (
        f"{what} The target lies {percent(lost)} above it: by the law, its compute is best spent on "
        f"{format_quantity(size, 2)} parameters and {format_quantity(tokens, 2)} {record.unit}s."
    )


def flops_words(record: StudyRecord) -> str:
    """How training FLOPs are counted."""
    decoder = record.target_decoder
    if decoder is None:
        return "with FLOPs counted as 6·N·D"
    return f"with the exact FLOPs of decoders of {count(decoder['layers'], 'layer')} and context {decoder['context']}"


def about_parts(forecast: Mapping[str, Any]) -> str:
    """What the interval is made of, and which part weighs most."""
    parts = forecast["parts"]
    low, high = forecast["interval"]
    half = (high - low) / 2 / forecast["predicted"]
    most = max(PARTS, key=lambda name: parts.get(name, 0.0))
    return (
        f"The interval reaches about {percent(half)} to either side. Three sources add in squares (the bars: "
        f"one standard deviation each); most of it comes from {PARTS[most]}."
    )


def about_held_out_text(record: StudyRecord) -> tuple[str, ...]:
    """How little the choice of the text that losses are measured on changes, where that was tried."""
    halving = (record.result or {}).get("validation_halving")
    if not halving:
        return ()
    change, quarter = percent(halving["ratio_change"]), percent(halving["quarter_half_width"])
    return (
        "Losses are measured on text that no training saw. On a random half of it, the target's loss relative to the "
        f"largest pilot's differs by {change}; a quarter of the interval's half-width is {quarter}.",
    )


def about_residuals(record: StudyRecord, fit: Fit) -> str:
    """How well the law fits the pilots."""
    runs = record.fitted
    off = runs["loss"] / law_value(fit, runs["N"], runs["D"], runs["C"]) - 1
    typical, worst = float(np.sqrt(np.mean(off**2))), float(np.abs(off).max())
    return (
        f"Each measured pilot against the law: typically {percent(typical)} off, at worst {percent(worst)}. "
        "A pattern here would mean that the law has the wrong form."
    )


def about_further(forecast: Mapping[str, Any]) -> str:
    """What the far forecasts show, with the warning they need."""
    far = max(step["factor"] for step in forecast["further"])
    return (
        f"The same law, carried on to {far:g} times the target's compute. This is far extrapolation: "
        "nothing of that size was measured, the interval widens for it, and what changes with scale and is "
        "not in the law is not in the interval either."
    )


def about_runs(record: StudyRecord) -> str:
    """What the table of runs shows."""
    n = len(record.pilots) + len(record.targets)
    off = " “Off” is measured against the law." if record.fit else ""
    return f"{count(n, 'finished run')}, smallest first.{off}"


def _span(values: np.ndarray) -> str:
    low, high = format_quantity(values.min(), 2), format_quantity(values.max(), 2)
    return low if low == high else f"{low} to {high}"


def _beside_the_line(forecast: Mapping[str, Any] | None, fit: Fit, target: Place) -> str:
    """A note where the forecast is not this law's alone, so that its mark lies beside the line."""
    if forecast is None:
        return ""
    off = abs(forecast["predicted"] / law_value_at(fit, target) - 1)
    return "" if off < _SAME else f" The forecast lies {percent(off)} beside the line: it is not this law's alone."
