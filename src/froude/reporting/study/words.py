"""The sentences of the page: what each picture shows and what follows, from the study's own numbers."""

from __future__ import annotations

import math

import numpy as np

from froude.answers.numbers import loss_text
from froude.fitting import Fit
from froude.laws import Law
from froude.quantity import format_quantity, format_seconds
from froude.reporting.study.story import Story, baselines, flops_a_token, frontier, law_value

_ON_THE_FRONTIER = 0.001  # a loss within this share of the lowest
_SAME = 0.0005  # a difference that three decimals do not show

PARTS = {
    "parameters": "uncertain parameters",
    "residual": "scatter of one run",
    "extrapolation": "extrapolation",
}
"""What the three parts of an interval are called in the picture."""


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage: 0.00644 becomes "0.64%"."""
    return f"{100 * share:.{digits}g}%" if abs(share) < 0.995 else f"{100 * share:.0f}%"


def signed_percent(share: float) -> str:
    """A share as a percentage with its sign: -0.0264 becomes "−2.6%"."""
    return f"{100 * share:+.1f}%".replace("-0.0", "0.0").replace("+0.0", "0.0").replace("-", "−")


def count(n: int, noun: str) -> str:
    """The number with its noun: "1 run", "7 runs"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def is_inside(story: Story) -> bool:
    """Whether the measured target lies in the forecast's interval; False where it diverged."""
    low, high = story.forecast["interval"]
    return low <= story.measured[0] <= high


def headline(story: Story) -> tuple[tuple[str, str], ...]:
    """The page in one sentence: pieces of text, each with its role ("forecast", "measured" or "")."""
    if not story.forecast:
        return ((f"{count(len(story.pilots), 'pilot run')} finished, no forecast yet.", ""),)
    said = (("Forecast ", ""), (loss_text(story.forecast["predicted"]), "forecast"))
    if not story.measured:
        return (*said, (": the target has not been run yet.", ""))
    measured = story.measured[0]
    if not math.isfinite(measured):
        return (*said, (": the target diverged.", ""))
    error = percent(abs(story.forecast["predicted"] / measured - 1))
    where = "inside" if is_inside(story) else "outside"
    return (
        *said,
        (", measured ", ""),
        (loss_text(measured), "measured"),
        (f": {error} off, {where} the interval.", ""),
    )


def opening(story: Story) -> str:
    """How the forecast came about."""
    pilots = (
        f"{count(len(story.pilots), 'pilot run')} of {_span(story.pilots['N'])} parameters, "
        f"trained on {_span(story.pilots['D'])} {story.unit}s"
    )
    if not story.place:
        return f"{pilots}. A law and a forecast follow when the study goes on."
    at = story.place[0]
    target = f"a model of {format_quantity(at.N)} parameters trained on {format_quantity(at.D)} {story.unit}s"
    if not story.forecast:
        return f"{pilots}. The target, {target}, will be forecast from them."
    return f"From {pilots}, Froude forecast the loss of {target}, before training it."


def facts(story: Story) -> list[tuple[str, str]]:
    """The numbers under the opening: name and value."""
    found: list[tuple[str, str]] = []
    if story.forecast:
        low, high = map(loss_text, story.forecast["interval"])
        found.append((f"{story.forecast['level']:.0%} interval", f"{low} to {high}"))
    if story.forecast and len(story.fitted):
        at, runs = story.place[0], story.fitted
        found.append(("the largest pilot's size", f"{at.N / runs['N'].max():.3g}×"))
        found.append(("the costliest pilot's compute", f"{at.C / runs['C'].max():.3g}×"))
    seconds = sum(story.result.get(key, 0.0) for key in ("pilot_seconds", "target_seconds"))
    if seconds:
        found.append(("of training in all", format_seconds(seconds, 2)))
    return found


def of_headline(story: Story) -> str:
    """What the number line shows, and how far off one would have been without a law, once that is known."""
    what = "The orange bar is the interval, the line in it the forecast"
    if not story.measured or not math.isfinite(story.measured[0]):
        return f"{what}; in grey, what one would say without a law."
    off = [f"{percent(abs(said / story.measured[0] - 1))} ({who})" for who, said in baselines(story).items()]
    without = " or ".join(off)
    return f"{what}, the diamond what was measured. Without a law, in grey, one would be off by {without}."


def law_name(law: Law) -> str:
    """How a law is called in a sentence."""
    return f"the average of {len(law.members)} laws" if law.members else f"the law {law.name}"


def of_law(fit: Fit) -> str:
    """What was fitted to how many runs, and when it is wrong."""
    fitted = f"to {fit.n} runs; {fit.starts_agree} of {fit.starts_tried} random starts end at the same numbers"
    if not fit.law.members:
        return f"{fit.law.name}: loss = {fit.law.formula}, {fitted}. It is wrong when {fit.law.wrong_when}"
    listed = ", ".join(f"{law.name} ({share:.0%}: {law.formula})" for law, share in fit.law.members)
    return f"The weighted geometric mean of {listed}, each fitted {fitted}. It is wrong when {fit.law.wrong_when}"


def of_curves(story: Story) -> str:
    """What the loss curves show."""
    diverged = ""
    if story.n_diverged:
        diverged = f" {count(story.n_diverged, 'pilot run')} diverged: no dot, and left out of the fit."
    return (
        "Lines are training loss, dots the validation loss at the end of a run. A training holds its "
        "learning rate while shorter runs branch off and let it decay, so that few trainings give "
        f"{count(len(story.fitted), 'measurement')} of how loss depends on size and data.{diverged}"
    )


def of_tokens(story: Story) -> str:
    """What loss against tokens shows."""
    if not story.fits:
        return "A line for each size through what was measured; no law has been fitted yet."
    what = (
        f"A line for each size: {law_name(story.fits[0].law)} through the measured dots and, dotted, on "
        "to where nothing was measured."
    )
    if not story.place:
        return what
    return (
        f"{what} The orange line is the target's size with its interval; there, twice the {story.unit}s "
        f"lower the loss by {percent(_gain_of_doubling(story, 'D'))}.{_off_the_line(story)}"
    )


def of_parameters(story: Story) -> str:
    """What loss against parameters shows."""
    what = f"The same runs against size, a line for runs of about equal {story.unit}s"
    if not story.fits:
        return f"{what}; no law has been fitted yet."
    if not story.place:
        return f"{what}, and the same law."
    gain = percent(_gain_of_doubling(story, "N"))
    return f"{what}, and the same law. On the target's {story.unit}s, twice its size lowers the loss by {gain}."


def of_frontier(story: Story) -> str:
    """What the compute frontier shows, and where the target lies on it."""
    if not story.fits:
        return "Every run at the compute it took; no law has been fitted yet, so there is no frontier."
    flops, counted = flops_a_token(story)
    what = f"A line for each size; the broad grey line is the lowest loss the law allows at each compute, {counted}."
    if not story.place:
        return what
    fit, at = story.fits[0], story.place[0]
    (best,), (size,) = frontier(story, fit, np.array([at.C]))
    lost = float(law_value(fit, at.N, at.D, at.C)) / best - 1
    if lost < _ON_THE_FRONTIER:
        return f"{what} The target lies on it: by the law, no other split into size and data does better."
    tokens = at.C / float(flops(size))
    return (
        f"{what} The target lies {percent(lost)} above it: by the law, its compute is best spent on "
        f"{format_quantity(size, 2)} parameters and {format_quantity(tokens, 2)} {story.unit}s."
    )


def of_parts(story: Story) -> str:
    """What the interval is made of, and which part weighs most."""
    parts = story.forecast["parts"]
    low, high = story.forecast["interval"]
    half = (high - low) / 2 / story.forecast["predicted"]
    most = max(PARTS, key=lambda name: parts.get(name, 0.0))
    return (
        f"The interval reaches about {percent(half)} to either side. Three sources add in squares (the bars: "
        f"one standard deviation each); most of it comes from {PARTS[most]}."
    )


def of_residuals(story: Story) -> str:
    """How well the law fits the pilots."""
    fit, runs = story.fits[0], story.fitted
    off = runs["loss"] / law_value(fit, runs["N"], runs["D"], runs["C"]) - 1
    typical, worst = float(np.sqrt(np.mean(off**2))), float(np.abs(off).max())
    return (
        f"Each measured pilot against the law: typically {percent(typical)} off, at worst {percent(worst)}. "
        "A pattern here would mean that the law has the wrong form."
    )


def of_further(story: Story) -> str:
    """What the far forecasts show, with the warning they need."""
    far = max(step["factor"] for step in story.forecast["further"])
    return (
        f"The same law, carried on to {far:g} times the target's compute. This is far extrapolation: "
        "nothing of that size was measured, the interval widens for it, and what changes with scale and is "
        "not in the law is not in the interval either."
    )


def of_runs(story: Story) -> str:
    """What the table of runs shows."""
    n = len(story.pilots) + len(story.targets)
    off = " “Off” is measured against the law." if story.fits else ""
    return f"{count(n, 'finished run')}, smallest first.{off}"


def of_validation(story: Story) -> str:
    """How little the validation set itself matters, where that was measured; else nothing."""
    halving = story.result.get("validation_halving")
    if not halving:
        return ""
    change, quarter = percent(halving["ratio_change"]), percent(halving["quarter_half_width"])
    return (
        "Scoring on a random half of the validation set moves the ratio of target to largest-pilot loss by "
        f"{change}; a quarter of the interval's half-width is {quarter}."
    )


def of_time(story: Story) -> str:
    """How long pilots and target took, as far as that is known."""
    known = (("pilots", "pilot_seconds"), ("target", "target_seconds"))
    return ", ".join(f"{who} {format_seconds(story.result[key], 2)}" for who, key in known if key in story.result)


def _span(values: np.ndarray) -> str:
    low, high = format_quantity(values.min(), 2), format_quantity(values.max(), 2)
    return low if low == high else f"{low} to {high}"


def _off_the_line(story: Story) -> str:
    """A note where the forecast is not this law's alone, so that its mark lies beside the line."""
    if not story.forecast:
        return ""
    at = story.place[0]
    off = story.forecast["predicted"] / float(law_value(story.fits[0], at.N, at.D, at.C)) - 1
    if abs(off) < _SAME:
        return ""
    return f" The forecast lies {percent(abs(off))} beside the line: it is not this law's alone."


def _gain_of_doubling(story: Story, role: str) -> float:
    """The share by which the law's loss at the target falls when its N or D is doubled."""
    fit, at = story.fits[0], story.place[0]
    flops, _ = flops_a_token(story)
    N, D = at.N * (1 + (role == "N")), at.D * (1 + (role == "D"))
    doubled = law_value(fit, N, D, flops(N) * D)
    return 1 - float(doubled / law_value(fit, at.N, at.D, at.C))
