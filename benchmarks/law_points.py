"""The measured runs that pictures of laws show: of published tables whose licence lets them be passed on.

Command: FROUDE_PUBLISHED=FOLDER python benchmarks/law_points.py

Writes src/froude/drawing/law_points.json. The rule for all: every run of the study that a law's first published
constants were fitted to or are claimed for, within the range that is drawn; of a loss curve every eighth point.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from froude.drawing.laws import drawing
from froude.laws import get_law
from froude.runs import Runs, get_published

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "src" / "froude" / "drawing" / "law_points.json"
DIGITS = 6
CURVES = {"constant": "constant_24000", "cosine": "cosine_24000", "late decay": "wsdld_20000_24000"}
"""The trainings of a picture along schedules, and what the table calls them."""
EVERY = 8  # point of a curve


def main() -> None:
    """Writes the points of all laws and prints how far each law is from its own."""
    found = law_points()
    TARGET.write_text(json.dumps(found, indent=None) + "\n")
    print(TARGET)
    for name, each in found.items():
        print(name, sum(len(group["x"]) for group in each["groups"]), "points of", each["table"])


def law_points() -> dict[str, Any]:
    """By law: where its points come from, in words, and groups of x and y with the input or the curve they are at."""
    return dict(_all())


def _all() -> Iterator[tuple[str, dict[str, Any]]]:
    overtrained = get_published("overtraining_mlfoundations")
    runs = overtrained.read("models_loss_and_downstream.csv", {"loss": "loss_c4_val"}).where(
        "train_set = 'c4_original'"
    )
    groups = [_runs("overtrained", runs, "C", runs["D"] / runs["N"])]
    yield "overtrained", _described("overtraining_mlfoundations", "models trained on C4", groups)
    plain = get_published("datablations").read("runs.csv").where("epochs <= 1 AND used_in_plain_fit")
    groups = [_runs("chinchilla-tied", plain, "N", plain["D"])]
    yield "chinchilla-tied", _described("datablations", "runs of one epoch or less", groups)
    curves = get_published("multipowerlaw_curves").read("loss_curves.csv").where("model_M = 25")
    for law in ("annealing", "multi-power", "root-annealing"):
        groups = [_curve(law, curves, each.label) for each in drawing(get_law(law)).curves]
        yield law, _described("multipowerlaw_curves", "points along three trainings of the model of 25M", groups)


def _described(table: str, what: str, groups: list[dict[str, Any]]) -> dict[str, Any]:
    return {"table": table, "licence": get_published(table).licence, "what": what, "groups": groups}


def _runs(law: str, runs: Runs, x: str, by: np.ndarray) -> dict[str, Any]:
    there = _is_drawn(law, runs[x])
    return {"x": _rounded(runs[x][there]), "y": _rounded(runs["loss"][there]), "by": _rounded(by[there])}


def _curve(law: str, curves: Runs, label: str) -> dict[str, Any]:
    mine = curves.where(f"schedule = '{CURVES[label]}'")
    which = np.arange(0, len(mine), EVERY)
    which = which[_is_drawn(law, mine["step"][which])]
    return {"x": _rounded(mine["step"][which]), "y": _rounded(mine["loss"][which]), "curve": label}


def _is_drawn(law: str, x: np.ndarray) -> np.ndarray:
    low, high = drawing(get_law(law)).x[[0, -1]]
    return (low <= x) & (x <= high)


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]


if __name__ == "__main__":
    main()
