"""The document on how far forecasts can be trusted: `docs/calibration.md` and its picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from froude.answers import Answer
from froude.answers.calibration import INTERVALS, answer_of_calibration
from froude.answers.numbers import percent
from froude.fitting.calibration import (
    JudgedCase,
    coverage_of,
    errors_by_law,
    group_by_study,
    half_widths,
    leave_one_out,
)
from froude.fitting.extrapolation import Extrapolation
from froude.reporting.markdown import markdown_table, table_of
from froude.reporting.style import COLOURS, TEXT_PX, new_figure, svg
from froude.runs import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = (0.5, 0.8, 0.9)
_LEVEL = 0.9
_REACHES = ((0.0, 4.0), (4.0, 16.0), (16.0, 64.0), (64.0, np.inf))  # how many times larger than the largest fitted
_METHOD = (
    "The smaller runs of a case choose and fit laws (`--law auto`) and forecast the larger ones. What is learned of "
    "how laws err beyond their runs is judged on studies that it was not learned from; studies weigh equally, and so "
    "do the cases of a study. Half-widths are relative, the median of the cases; a constant half-width is the one "
    "around the same forecasts that holds as many. Intervals of the figures come from a bootstrap of the studies."
)
_PICTURE_LEVELS = np.round(np.arange(0.5, 0.951, 0.05), 2)


def write_calibration(
    cases: Sequence[JudgedCase], shipped: Extrapolation, out: Path, source: str, learned: Path | None = None
) -> Answer:
    """Write the document, its picture beside it and, where a path is given, what the cases teach as JSON.

    `source` says how the document was made. Returns the answer, which names the files. InputError for cases of fewer
    than two studies, before anything is written; OSError where a file cannot be written.
    """
    beside = out.with_suffix(".svg")
    paths = (out, beside) if learned is None else (out, beside, learned)
    answer = answer_of_calibration(cases, shipped, paths)
    drawn = svg(picture(cases), "calibration")
    out.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(beside, drawn)
    atomic_write(out, document(cases, shipped, answer, beside.name, source).encode())
    if learned is not None:
        atomic_write(learned, (json.dumps(shipped.to_dict()) + "\n").encode())
    return answer


def document(cases: Sequence[JudgedCase], shipped: Extrapolation, answer: Answer, beside: str, source: str) -> str:
    """The whole document in Markdown; `beside` is the path of the picture beside it, `source` how it was made."""
    others, intervals = leave_one_out(cases), answer.table(INTERVALS)
    facts = dict(answer.facts)
    parts = [
        "# How far forecasts can be trusted",
        f"<sub>Written by {source}. Do not edit.</sub>",
        f"{answer.headline}. {_METHOD}",
        markdown_table(intervals.columns, intervals.rows),
        f"Mean error: {facts['mean error']}.",
        f"![Nominal and measured coverage]({beside})",
        "## By distance",
        "How many times larger a run is than the largest fitted one, by the product of the law's inputs.",
        table_of(_by_distance(cases, others)),
        "## By study",
        table_of(_by_study(cases, others)),
        "## By case",
        "Errors and half-widths are relative. Inside: the share of held-out runs in the interval at 50 / 80 / 90%.",
        table_of(_by_case(cases, others)),
        "## One law instead of several",
        f"The average errs by {facts['mean error']}; always taking one law (a set of inputs) instead: "
        f"{facts['hindsight']} over all studies, which nobody knows before.",
        table_of(_alone(cases)),
        "## What ships",
        _shipped(shipped),
    ]
    return "\n\n".join(parts) + "\n"


def picture(cases: Sequence[JudgedCase]) -> Figure:
    """Measured coverage against the level that was promised, a thin line a study, the mean of studies broad."""
    others = leave_one_out(cases)
    figure, axes = new_figure(620, 470, left=62)
    figure.set_facecolor(COLOURS["paper"])
    axes.plot([0.5, 0.95], [0.5, 0.95], color=COLOURS["faint"], lw=1, ls=(0, (4, 3)))
    by_level = [
        group_by_study(cases, lambda e, at=at: coverage_of(e, others[e.case.study], at)) for at in _PICTURE_LEVELS
    ]
    lines = np.array([[np.mean(shares) for shares in studies.values()] for studies in by_level])
    axes.plot(_PICTURE_LEVELS, lines, color=COLOURS["n4"], lw=1, alpha=0.5)
    axes.plot(_PICTURE_LEVELS, lines.mean(axis=1), color=COLOURS["forecast"], lw=3)
    texts = {"mean of the studies": "forecast", "each study": "n4", "as promised (dashed)": "soft"}
    for x, (text, colour) in zip((0.0, 0.33, 0.55), texts.items(), strict=True):
        axes.text(x, 1.02, text, transform=axes.transAxes, color=COLOURS[colour], fontsize=TEXT_PX)
    axes.set_xlabel("level of the interval", color=COLOURS["soft"], fontsize=TEXT_PX)
    axes.set_ylabel("share of held-out runs inside", color=COLOURS["soft"], fontsize=TEXT_PX)
    axes.set(xlim=(0.49, 0.96), ylim=(-0.03, 1.03))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda share, _: percent(share, 0))
    return figure


def _by_distance(cases: Sequence[JudgedCase], others: Mapping[str, Extrapolation]) -> Iterator[dict[str, str]]:
    for low, high in _REACHES:
        error, inside, runs = [], [], 0
        for some in group_by_study(cases, lambda each: each).values():
            near = [(each, (each.reaches > np.log(max(low, 1e-9))) & (each.reaches <= np.log(high))) for each in some]
            near = [(each, which) for each, which in near if which.any()]
            runs += sum(int(which.sum()) for _, which in near)
            if near:
                error.append(np.mean([np.abs(np.expm1(each.errors[which])).mean() for each, which in near]))
                holds = [np.abs(e.errors) <= half_widths(e, others[e.case.study], _LEVEL) for e, _ in near]
                inside.append(np.mean([h[which].mean() for h, (_, which) in zip(holds, near, strict=True)]))
        if runs:
            yield {
                "times larger": f"{low:g} to {high:g}" if np.isfinite(high) else f"above {low:g}",
                "runs": str(runs),
                "studies": str(len(error)),
                "mean error": percent(float(np.mean(error))),
                f"inside {_LEVEL:.0%}": percent(float(np.mean(inside)), 0),
            }


def _by_study(cases: Sequence[JudgedCase], others: Mapping[str, Extrapolation]) -> Iterator[dict[str, str]]:
    for study, some in group_by_study(cases, lambda each: each).items():
        inside = [float(np.mean([coverage_of(each, others[study], level) for each in some])) for level in _SHOWN]
        yield {
            "study": f"`{study}`",
            "cases": str(len(some)),
            "mean error": percent(float(np.mean([each.mean_error for each in some]))),
            "inside 50 / 80 / 90%": " / ".join(percent(share, 0) for share in inside),
            "half-width at 90%": percent(float(np.median([_width(each, others, _LEVEL) for each in some])), 1),
        }


def _by_case(cases: Sequence[JudgedCase], others: Mapping[str, Extrapolation]) -> Iterator[dict[str, str]]:
    for each in cases:
        inside = [coverage_of(each, others[each.case.study], level) for level in _SHOWN]
        yield {
            "case": each.case.name,
            "held out": f"`{each.case.hold_out}`",
            "runs": f"{each.errors.size} from {each.n_fit}",
            "times larger": f"{np.exp(each.reaches.max()):.3g}",
            "error": percent(each.mean_error),
            "inside": " / ".join(percent(share, 0) for share in inside),
            "half-width": percent(_width(each, others, _LEVEL), 1),
            "laws": each.law,
        }


def _alone(cases: Sequence[JudgedCase]) -> Iterator[dict[str, str]]:
    for law, error in sorted(errors_by_law(cases).items(), key=lambda item: item[1]):
        yield {
            "law": law,
            "cases": str(sum(law in each.candidate_errors for each in cases)),
            "mean error": percent(error),
        }


def _shipped(learned: Extrapolation) -> str:
    stretch = ", ".join(f"{factor:.3f} at {level:.0%}" for level, factor in learned.stretch.items())
    return (
        f"Of all {len(learned.studies)} studies: errors grow by {learned.drift:.2%} for each factor e of size beyond "
        f"the fitted runs, before a user's own hold-outs sharpen this; this part of an interval is stretched by "
        f"{stretch}. "
        f"Learned from {', '.join(learned.studies)}."
    )


def _width(each: JudgedCase, others: Mapping[str, Extrapolation], level: float) -> float:
    return float(np.median(np.expm1(half_widths(each, others[each.case.study], level))))
