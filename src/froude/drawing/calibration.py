"""The picture of how often intervals held: a row for each study, a mark for each level that was promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from froude.answers.numbers import percent
from froude.drawing.axes import PAGE, TEXT_PX, make_bare, new_figure, plain_x, put_text, text_width
from froude.drawing.colours import COLOURS
from froude.fitting.calibration import JudgedCase, as_unseen, coverage_of, group_by_study
from froude.fitting.extrapolation import Learned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS = ((0.5, "o", "n1"), (0.8, "s", "n4"), (0.9, "D", "n8"))
"""Levels that are drawn, with the marker and the colour of each."""

MEAN = "mean of the studies"

_WIDTH, _ROW_PX, _HEAD_PX, _FOOT_PX = 600, 24, 34, 46


def picture(cases: Sequence[JudgedCase], others: Mapping[str, Learned]) -> Figure:
    """The share of held-out runs inside their intervals, by study and level; their mean is the last row.

    Each study is judged by what `others` say that all others teach.
    """
    rows = _shares(cases, others)
    left = max(text_width(name, bold=True) for name in rows) + 14
    figure, axes = new_figure(
        _WIDTH, _HEAD_PX + _FOOT_PX + _ROW_PX * len(rows) - 8, left=int(left), right=18, bottom=_FOOT_PX
    )
    make_bare(axes, PAGE)
    plain_x(axes, 0.0, 1.0, "share of held-out runs inside their interval", 6)
    axes.set_xticks(axes.get_xticks(), [percent(share, 0) for share in axes.get_xticks()])
    axes.set_ylim(len(rows) - 0.4, -0.7)
    axes.set_yticks([])
    for level, _, colour in LEVELS:
        axes.axvline(level, color=COLOURS[colour], linewidth=1.2, dashes=(4, 3), zorder=1)
    for place, (name, shares) in enumerate(rows.items()):
        _draw_row(axes, place, name, shares)
    _write_levels(axes)
    return figure


def _shares(cases: Sequence[JudgedCase], others: Mapping[str, Learned]) -> dict[str, list[float]]:
    """The coverage of each study at each level, and the mean of the studies."""
    studies = group_by_study(
        as_unseen(cases, others),
        lambda each: [coverage_of(each, others[each.case.study], level) for level, _, _ in LEVELS],
    )
    means = {study: np.mean(shares, axis=0).tolist() for study, shares in studies.items()}
    return {**means, MEAN: np.mean([*means.values()], axis=0).tolist()}


def _draw_row(axes: Axes, place: int, name: str, shares: Sequence[float]) -> None:
    is_mean = name == MEAN
    axes.plot(
        [min(shares), max(shares)], [place, place], color=COLOURS["forecast" if is_mean else "hair"],
        linewidth=3 if is_mean else 2, zorder=2,
    )  # fmt: skip
    for (_, marker, colour), share in zip(LEVELS, shares, strict=True):
        axes.scatter(
            [share], [place], s=64, marker=marker, color=COLOURS["forecast" if is_mean else colour],
            edgecolors=COLOURS["paper"], linewidths=1, zorder=4,
        )  # fmt: skip
    put_text(
        axes, axes.get_xlim()[0], place, name, "ink" if is_mean else "soft", bold=is_mean, shift=-8, anchor="right"
    )


def _write_levels(axes: Axes) -> None:
    """What each mark and each dashed line is, above the rows."""
    for level, marker, colour in LEVELS:
        axes.scatter(
            [level], [1.02], s=52, marker=marker, color=COLOURS[colour], transform=axes.get_xaxis_transform(),
            clip_on=False, zorder=4,
        )  # fmt: skip
        axes.annotate(
            f"{percent(level, 0)}", (level, 1.02), xycoords=("data", "axes fraction"), xytext=(0, 7),
            textcoords="offset points", ha="center", fontsize=TEXT_PX, color=COLOURS["ink"], weight="bold",
        )  # fmt: skip
    axes.annotate(
        "promised:", (LEVELS[0][0], 1.02), xycoords=("data", "axes fraction"), xytext=(-20, 0),
        textcoords="offset points", ha="right", va="center", fontsize=TEXT_PX, color=COLOURS["soft"],
    )  # fmt: skip
