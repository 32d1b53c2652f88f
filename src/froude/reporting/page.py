"""The page of any result: what it says, its pictures, and its JSON; or its pictures alone, as a figure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from froude.answers import Answer
from froude.answers.registry import answer_of
from froude.drawing import draw
from froude.drawing.axes import Panel, TitledPanel
from froude.drawing.charts import panel_chart
from froude.drawing.files import PICTURES, check_page_name, ending, picture_bytes
from froude.drawing.panels import panels_of
from froude.errors import InputError
from froude.files import write_outputs
from froude.fitting import FitReport
from froude.growth import GrowthResult
from froude.planning import Infeasible, Plan
from froude.reporting.fit.page import fit_page
from froude.reporting.growth.page import growth_page
from froude.reporting.plan.page import plan_page
from froude.reporting.sheet import both_widths, fill
from froude.result import Result

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def write_page(result: Result | Sequence[Result], path: str | Path) -> Path:
    """Write the page of a result, or the figure of its pictures, and return its path.

    `result` is what a public function returned; several forecasts, differences or registered forecasts go together. A
    name that ends in .html or .htm is that of a page, which holds all it needs: no network, script or other file; one
    that ends in .pdf, .svg or .png that of a figure. InputError for another name, where there is no picture for a
    figure, a library of `froude[report]` is missing, or the file cannot be written.
    """
    path = Path(path)
    write_outputs({path: page_bytes(path, answer_of(result), result)})
    return path


def page_bytes(
    path: str | Path,
    answer: Answer,
    result: Any,
    options: Mapping[str, Any] = _NOTHING,
    about: Mapping[str, str] = _NOTHING,
) -> bytes:
    """What `write_page` writes of a result under an answer made already.

    `options` are those of its picture; `about` says of growth what was measured and where it is kept.
    """
    check_page_name(path)
    if ending(path) in PICTURES:
        return picture_bytes(draw(result, **options), ending(path))
    return _page(answer, result, options, about).encode("utf-8", "backslashreplace")


def _page(answer: Answer, result: Any, options: Mapping[str, Any], about: Mapping[str, str]) -> str:
    """The page of a result as HTML: its own where it has one, else what its answer says, with its pictures."""
    if isinstance(result, Plan | Infeasible):
        return plan_page(result)
    if isinstance(result, GrowthResult):
        return growth_page(answer, about)
    if isinstance(result, FitReport):
        return fit_page(result, "")
    panels = {f"picture-{k}": panel for k, panel in enumerate(_panels(result, options))}
    titles = {name: _title(panel) for name, panel in panels.items()}
    return fill(
        "result.html.j2",
        {name: _drawn(name, titles[name] or answer.headline, panel) for name, panel in panels.items()},
        kind=_kind(result),
        name="",
        answer=answer,
        headline=_headline(answer),
        titles=titles,
        json=json.dumps(answer.to_dict(), indent=2, ensure_ascii=False),
    )


def _drawn(name: str, title: str, panel: Panel) -> str:
    return both_widths(name, title, lambda width: panel_chart(panel, width))


def _panels(result: Any, options: Mapping[str, Any]) -> tuple[Panel, ...]:
    """The panels of a result; none where it has no picture."""
    try:
        return panels_of(result, options)
    except InputError:
        return ()


def _headline(answer: Answer) -> tuple[str, str]:
    """What the answer is about, and in smaller letters how it was come by."""
    about, _, how = answer.headline.partition(", by ")
    about, colon, more = about.partition(": ")
    return about[:1].upper() + about[1:], ", ".join(filter(None, [more if colon else "", f"by {how}" if how else ""]))


def _title(panel: Panel) -> str:
    return panel.title if isinstance(panel, TitledPanel) else ""


def _kind(result: Any) -> str:
    """What a result is, in words: "compute optimal"."""
    one = result[0] if isinstance(result, list | tuple) else result
    return _WORDS.sub(" ", type(one).__name__).lower()
