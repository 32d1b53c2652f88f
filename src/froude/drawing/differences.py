"""The picture of differences: by how much each place differs from the one that all are held against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from froude.answers.numbers import amount
from froude.drawing.axes import Panel
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS
from froude.drawing.names import input_name
from froude.drawing.views import Line, Mark, Points, View
from froude.errors import InputError
from froude.fitting import Difference


def panels_of_difference(difference: Difference) -> tuple[Panel, ...]:
    """One difference with its interval, over the input that differs most."""
    return panels_of_differences([difference])


def panels_of_differences(differences: Sequence[Difference]) -> tuple[Panel, ...]:
    """Several differences from one place. InputError where no input differs."""
    view = view_of_differences(differences)
    return (lambda axes, look: draw_view(axes, view, look),)


def view_of_differences(differences: Sequence[Difference]) -> View:
    """Differences over the input that differs most between places, and the line of none. InputError without one."""
    against, x, soft = differences[0].second, _most_different(differences), COLOURS["soft"]
    ends = np.array([float(against.at[x]), *(float(each.first.at[x]) for each in differences)])
    place = ", ".join(f"{name} = {amount(float(value))}" for name, value in against.at.items())
    level = np.array([ends.min() / 1.2, ends.max() * 1.2])
    return View(
        points=(Points(x=ends[:1], y=np.zeros(1), colours=(soft,), name=f"against {place}"),),
        lines=(Line(x=level, y=np.zeros(2), role="level", colour=soft),),
        marks=tuple(_marks(differences, x)),
        x_label=input_name(x),
        y_label=f"{against.y} less that there",
        compute=x == "C",
    )


def _most_different(differences: Sequence[Difference]) -> str:
    """The input whose ratio to the place held against lies furthest from 1."""
    ratios: dict[str, float] = {}
    for each in differences:
        for x, value in each.first.at.items():
            if float(value) > 0 < float(each.second.at[x]):
                ratios[x] = max(ratios.get(x, 0.0), abs(float(np.log(float(value) / float(each.second.at[x])))))
    if not any(ratios.values()):
        raise InputError("this difference has no picture: no input above 0 differs between its places")
    return max(ratios, key=lambda x: ratios[x])


def _marks(differences: Sequence[Difference], x: str) -> Iterator[Mark]:
    for each in differences:
        lo, hi = each.interval or (each.value, each.value)
        sign = "+" if each.value > 0 else "−" if each.value < 0 else ""
        yield Mark(
            x=float(each.first.at[x]), y=each.value, lo=lo, hi=hi, role="forecast",
            label=f"{sign}{amount(abs(each.value), digits=3)}", side="right" if len(differences) == 1 else "above",
        )  # fmt: skip
