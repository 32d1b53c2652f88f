"""The page: pictures, sentences and tables put into the template and written into the study."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from froude.answers.numbers import loss_text, plain_number, power_of_ten
from froude.quantity import format_bytes, format_quantity, format_seconds
from froude.reporting.charts import View, chart, number_line, part_bars
from froude.reporting.sheet import both_widths, fill, write_page
from froude.reporting.study import pictures as views
from froude.reporting.study import words
from froude.reporting.study.story import Story, baselines, law_value, read_story
from froude.runs import Runs, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLES = {
    "headline": "forecast and measured loss on one axis",
    "curves": "training loss against tokens",
    "tokens": "loss against tokens, with the law",
    "parameters": "loss against parameters, with the law",
    "frontier": "loss against compute, with the frontier",
    "parts": "the parts of the interval",
    "residuals": "measured loss against the law",
    "further": "forecasts at more compute",
}

Row = dict[str, Any]


def write_report(study: Study) -> Path:
    """Write `report.html` into the study, from what is on disk at whatever stage it is, and return its path.

    The page holds all it needs: no network, script or other file. InputError where the study has no finished
    run, a document of it is damaged, a library of `froude[report]` is missing, or the page cannot be written.
    """
    return write_page(study.path / "report.html", render(read_story(study)))


def render(story: Story) -> str:
    """The page as HTML. InputError where a library of `froude[report]` is missing."""
    return fill(
        "page.html.j2",
        _pictures(story),
        kind="pilot study",
        name=story.name,
        story=story,
        words=words,
        choice=_choice_rows(story),
        params=_parameter_rows(story),
        warnings=_warnings(story),
        further=_further_rows(story),
        runs=_run_rows(story),
        trunks=_trunk_rows(story),
        provenance=_provenance(story),
        plan=json.dumps(story.plan, indent=2, ensure_ascii=False),
    )


def _pictures(story: Story) -> dict[str, str]:
    """Every picture there is at this stage, each for a wide page and for a phone, as HTML by name."""
    drawn: dict[str, Callable[[int], Figure]] = {}
    curves = views.curves_view(story)
    if curves.lines or len(story.fitted):
        drawn["curves"] = _chart(curves)
    if not len(story.fitted):
        return {name: both_widths(name, _TITLES[name], draw) for name, draw in drawn.items()}
    drawn["tokens"] = _chart(views.tokens_view(story))
    drawn["parameters"] = _chart(views.parameters_view(story))
    drawn["frontier"] = _chart(views.frontier_view(story))
    for fit in story.fits:
        drawn["residuals"] = _chart(views.residuals_view(story, fit))
    if story.forecast:
        marks, others = views.target_marks(story), baselines(story)
        parts = {title: story.forecast["parts"].get(part, 0.0) for part, title in words.PARTS.items()}
        parts["together"] = math.hypot(*parts.values())
        drawn["headline"] = lambda width: number_line(marks, others, f"loss, nats per {story.unit}", width)
        drawn["parts"] = lambda width: part_bars(parts, width)
    if story.forecast.get("further"):
        drawn["further"] = _chart(views.further_view(story))
    return {name: both_widths(name, _TITLES[name], draw) for name, draw in drawn.items()}


def _chart(view: View) -> Callable[[int], Figure]:
    return lambda width: chart(view, width)


def _choice_rows(story: Story) -> list[Row]:
    return [
        {
            "law": law["law"],
            "chosen": law["share"] > 0,
            "held_out": words.percent(law["held_out_error"]) if law["cuts"] else "not held out",
            "predicted": loss_text(law["predicted"]),
            "share": f"{law['share']:.0%}",
        }
        for law in story.forecast.get("choice", ())
    ]


def _parameter_rows(story: Story) -> list[Row]:
    return [
        {"name": name, "numbers": [plain_number(v) for v in (value, *fit.intervals[name])]}
        for fit in story.fits
        for name, value in fit.params.items()
    ]


def _warnings(story: Story) -> list[str]:
    """What the forecast, the fit and the readers of the runs have to say, each once."""
    said = [
        *story.forecast.get("warnings", ()),
        *(w for fit in story.fits for w in fit.warnings),
        *story.pilots.notes,
    ]
    return list(dict.fromkeys(said))


def _further_rows(story: Story) -> list[Row]:
    return [
        {
            "factor": f"{step['factor']:g}×",
            "N": format_quantity(step["N"]),
            "D": format_quantity(step["D"]),
            "C": power_of_ten(step["C"]),
            "mean": loss_text(step["mean"]),
            "interval": " – ".join(map(loss_text, step["interval"])),
            "half": "±" + words.percent((step["interval"][1] - step["interval"][0]) / 2 / step["mean"]),
        }
        for step in story.forecast.get("further", ())
    ]


def _run_rows(story: Story) -> list[Row]:
    """A row for each finished run, smallest first, the target last."""
    return [
        _run_row(story, runs, int(i)) | {"target": runs is story.targets}
        for runs in (story.pilots, story.targets)
        for i in np.lexsort((runs["D"], runs["N"]))
    ]


def _run_row(story: Story, runs: Runs, i: int) -> Row:
    N, D, C, loss = (float(runs[role][i]) for role in ("N", "D", "C", "loss"))
    law = [float(law_value(fit, N, D, C)) for fit in story.fits]
    finite = math.isfinite(loss)
    return {
        "id": str(runs["id"][i]),
        "N": format_quantity(N),
        "D": format_quantity(D),
        "ratio": format_quantity(D / N),
        "C": power_of_ten(C),
        "loss": loss_text(loss) if finite else "diverged",
        "diverged": not finite,
        "law": "".join(loss_text(value) for value in law),
        "off": "".join(words.signed_percent(loss / value - 1) for value in law if finite),
        "seed": _cell(runs, "seed", i, lambda v: f"{v:g}"),
        "lr": _cell(runs, "lr", i, lambda v: f"{v:g}"),
        "seconds": _cell(runs, "seconds", i, lambda v: format_seconds(v, 2)),
    }


def _cell(runs: Runs, name: str, i: int, show: Callable[[Any], str]) -> str:
    """A value of a column the study may lack, written out; nothing where it is missing."""
    value = runs[name][i] if name in runs else math.nan
    return "" if isinstance(value, float) and math.isnan(value) else show(value)


def _trunk_rows(story: Story) -> list[Row]:
    design = story.plan.get("design", {})
    trunks = [(trunk, False) for trunk in design.get("pilots", ())]
    trunks += [(design["target"], True)] if "target" in design else []
    return [
        {
            **trunk["decoder"],
            "target": is_target,
            "tokens": ", ".join(format_quantity(tokens) for tokens in trunk["tokens"]),
            "seed": trunk["seed"],
            "batch": trunk["batch"],
            "lr": f"{trunk['lr']:g}",
            "precision": trunk["precision"],
        }
        for trunk, is_target in trunks
    ]


def _provenance(story: Story) -> list[tuple[str, str]]:
    """What one needs to repeat the study, name and value, as far as the documents tell."""
    plan, machine, corpus = story.plan, story.environment, story.plan.get("corpus", {})
    return [
        *_told(plan, {"command": "command", "seed": "seed"}, str),
        *_told(plan, {"planned": "written"}, _date),
        *_told(story.forecast, {"forecast written": "written"}, _date),
        *_told(plan, {"time given": "minutes"}, lambda minutes: f"{minutes:g} min"),
        *([("time taken", words.of_time(story))] if story.result else []),
        *_told(corpus, {"corpus hash": "hash"}, str),
        *_corpus_bytes(corpus),
        *_told(
            machine,
            {"device": "device", "processor": "processor", "cores": "cores", "platform": "platform"},
            str,
        ),
        *_told(machine, {"memory": "memory_bytes"}, format_bytes),
        *_told(machine or plan, {"froude": "froude"}, str),
        *_told(machine, {"python": "python", "torch": "torch", "numpy": "numpy"}, str),
    ]


def _date(written: str) -> str:
    """An ISO time as people write it: "2026-11-21 22:31:47 UTC"."""
    return written.replace("T", " ").replace("Z", " UTC")


def _told(
    document: Mapping[str, Any], keys: Mapping[str, str], show: Callable[[Any], str]
) -> Iterable[tuple[str, str]]:
    return ((title, show(document[key])) for title, key in keys.items() if document.get(key) is not None)


def _corpus_bytes(corpus: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for title, part in (("corpus kept", "kept"), ("corpus dropped as copies", "dropped")):
        if f"{part}_bytes" in corpus:
            files = words.count(corpus[f"{part}_files"], "file")
            yield title, f"{format_bytes(corpus[f'{part}_bytes'])} in {files}"
    if "validation_bytes" in corpus:
        train, score = (format_bytes(corpus[f"{side}_bytes"]) for side in ("train", "validation"))
        yield "split", f"{train} to train, {score} to score"
    if corpus.get("unreadable_files"):
        yield "unreadable", words.count(corpus["unreadable_files"], "file")
