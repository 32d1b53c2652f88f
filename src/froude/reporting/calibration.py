"""The document on how far forecasts can be trusted: `docs/calibration.md` and its picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from froude.answers import Answer, Table
from froude.answers.calibration import BY_DISTANCE, BY_SET, BY_STUDY, INTERVALS, answer_of_calibration
from froude.answers.numbers import percent
from froude.drawing.calibration import picture
from froude.drawing.svg import svg
from froude.errors import InputError
from froude.files import write_outputs
from froude.fitting.calibration import (
    JudgedCase,
    as_unseen,
    coverage_of,
    errors_by_law,
    leave_one_out,
)
from froude.fitting.coverage import STUDY_LEVELS, relative_half_width
from froude.fitting.extrapolation import Extrapolation, Learned
from froude.reporting.markdown import markdown_table, table_of

_METHOD = (
    "The smaller runs of a case choose and fit laws (`--law auto`) and forecast the larger ones. What is learned of "
    "how laws err beyond their runs is judged on studies that it was not learned from; studies weigh equally, and so "
    "do the cases of a study. Half-widths are relative, the median of the cases; a constant half-width is the one "
    "around the same forecasts that holds as many. Intervals of the figures come from a bootstrap of the studies."
)


def write_calibration(
    cases: Sequence[JudgedCase], shipped: Learned, out: Path, source: str, learned: Path | None = None
) -> Answer:
    """Write the document, its picture beside it and, where a path is given, what the cases teach as JSON.

    `source` says how the document was made. Returns the answer, which names the files. InputError for cases of fewer
    than two studies, and where a file cannot be written; then none is.
    """
    beside = picture_beside(out)
    paths = (out, beside) if learned is None else (out, beside, learned)
    others = leave_one_out(cases)
    answer = answer_of_calibration(cases, shipped, paths, others)
    drawn = svg(picture(cases, others), "calibration")
    files = {beside: drawn, out: document(cases, shipped, others, answer, beside.name, source).encode()}
    if learned is not None:
        files[learned] = (json.dumps(shipped.to_dict()) + "\n").encode()
    write_outputs(files, make_folders=True)
    return answer


def picture_beside(out: Path) -> Path:
    """Where the picture of the document `out` is written. InputError where `out` is a device or another such thing."""
    if out.exists() and not out.is_file():
        raise InputError(f"{str(out)!r} is no file that a picture can stand beside: name another for the document")
    return out.with_suffix(".svg")


def document(
    cases: Sequence[JudgedCase],
    shipped: Learned,
    others: Mapping[str, Learned],
    answer: Answer,
    beside: str,
    source: str,
) -> str:
    """The whole document in Markdown; `beside` is the path of the picture beside it, `source` how it was made."""
    unseen = as_unseen(cases, others)
    facts = dict(answer.facts)
    of_shares = all(each.is_of_shares for each in cases)
    parts = [
        f"# How far forecasts{' of error rates' if of_shares else ''} can be trusted",
        f"<sub>Written by {source}. Do not edit.</sub>",
        f"{answer.headline}. {_METHOD}",
        _markdown(answer.table(INTERVALS)),
        f"Mean error: {facts['mean error']}.",
        *(f"Of these, {note}." for note in answer.notes[1:]),
        f"![Nominal and measured coverage]({beside})",
        "## By set",
        _markdown(answer.table(BY_SET)),
        "## By distance",
        "How many times larger a run is than the largest fitted one, by the product of the law's inputs.",
        _markdown(answer.table(BY_DISTANCE)),
        "## By study",
        _markdown(answer.table(BY_STUDY)),
        "## By case",
        "Errors and half-widths are relative. Inside: the share of held-out runs in the interval at 50 / 80 / 90%.",
        table_of(_by_case(unseen, others)),
        "## One law instead of several",
        f"The average errs by {facts['mean error']}; always taking one law (a set of inputs) instead: "
        f"{facts['hindsight']} over all studies, which nobody knows before.",
        table_of(_alone(cases)),
        "## What ships",
        _of_shares(shipped.error_rates) if of_shares else _of_losses(shipped),
    ]
    return "\n\n".join(parts) + "\n"


def _markdown(table: Table) -> str:
    return markdown_table(table.columns, table.rows)


def _by_case(cases: Sequence[JudgedCase], others: Mapping[str, Learned]) -> Iterator[dict[str, str]]:
    for each in cases:
        inside = [coverage_of(each, others[each.case.study], level) for level in STUDY_LEVELS]
        yield {
            "case": each.case.name,
            "held out": f"`{each.case.hold_out}`",
            "runs": f"{each.errors.size} from {each.n_fit}",
            "times larger": f"{np.exp(each.reaches.max()):.3g}",
            "error": percent(each.mean_error),
            "inside": " / ".join(percent(share, 0) for share in inside),
            "half-width": percent(relative_half_width(each, others[each.case.study]), 1),
            "laws": each.law,
        }


def _alone(cases: Sequence[JudgedCase]) -> Iterator[dict[str, str]]:
    for law, error in sorted(errors_by_law(cases).items(), key=lambda item: item[1]):
        yield {
            "law": law,
            "cases": str(sum(law in each.candidate_errors for each in cases)),
            "mean error": percent(error),
        }


def _of_shares(learned: Extrapolation) -> str:
    return (
        f"Errors of error rates, and of accuracies by their error rates, grow by {learned.drift:.2%} for each factor "
        f"e of size beyond the fitted runs, stretched by {_stretch(learned)}. Studies err in either direction: no bias "
        f"is taken out. Learned from {', '.join(learned.studies)}."
    )


def _of_losses(learned: Learned) -> str:
    average, other = learned.average, learned.other
    bias = ", ".join(f"{law} {percent(value)}" for law, value in average.bias.items())
    return (
        f"Of all {len(average.studies)} studies. By how much laws of N and D have been too high for each factor e of "
        f"size beyond the fitted runs, large ones weighing more: {bias}. It is taken out of the average of them, "
        f"sharpened by a user's own hold-outs; what is left grows by {average.drift:.2%} for each factor e, stretched "
        f"by {_stretch(average)}. Of other fits no bias is known: their errors grow by {other.drift:.2%}, stretched by "
        f"{_stretch(other)}. Learned from {', '.join(average.studies)}."
    )


def _stretch(learned: Extrapolation) -> str:
    return ", ".join(f"{factor:.3f} at {level:.0%}" for level, factor in learned.stretch.items())
