"""The trainings that `benchmarks/watch.py` judges: four public tables of curves and the tank's own."""

import json

import numpy as np
import polars as pl

from froude import get_published
from froude.fitting.watching.course import Course
from record import HERE

FEWEST = 4  # points of a curve
RANDOM = 3.2  # nats a byte: what a model of single letters reaches on these texts; a training that ends above diverged
TRAININGS = HERE / "results" / "watch_trainings.json"
SETTINGS = {
    "multipowerlaw_curves": (["model_M", "schedule"], "step", "loss"),
    "clark_routing": (
        ["hyper_id", "N", "num_experts", "k", "router_type", "routing_frequency"],
        "step",
        "loss",
    ),
    "vocab_sail": (["vocab_size", "N"], "D", "loss"),
    "mixinglaws": (["set", "mixture", "size", "N"], "D", "loss"),
}
"""Of each table: what names a training, its axis, its loss."""


def tables() -> dict[str, list[Course]]:
    """The trainings by table: every one with at least FEWEST points after its first step."""
    return {name: list(_published(name)) for name in SETTINGS} | {"tank": [course(run) for run in trainings()]}


def trainings(seeds: bool = False) -> list[dict]:
    """The tank's trainings of random settings, or those of one setting with several seeds."""
    every = json.loads(TRAININGS.read_text())["rows"]
    return [run for run in every if (run["number"] >= 40) == seeds]


def course(run: dict) -> Course:
    """A training of the tank as its course of the held-out loss."""
    settings = {name: float(run[name]) for name in ("N", "lr", "lr_embedding", "decay_share")}
    return Course(
        name=f"{run['width']}/{run['number']}",
        at=np.array(run["step"], float),
        loss=np.array(run["loss"], float),
        end=float(run["step"][-1]),
        settings={**settings, "warmup": float(run["warmup"] + 1)},
    )


def _published(name: str):
    keys, axis, loss = SETTINGS[name]
    frame = get_published(name).read().frame.filter(pl.col(axis) > 0)
    for key, curve in frame.group_by(keys, maintain_order=True):
        curve = curve.sort(axis)
        if len(curve) < FEWEST:
            continue
        settings = {k: float(v) if isinstance(v, int | float) else v for k, v in zip(keys, key, strict=True)}
        settings.pop("hyper_id", None)
        if "mixture" in settings:
            shares = str(settings.pop("mixture")).split("-")
            settings |= {f"share {i}": float(share) for i, share in enumerate(shares[:5])}
        yield Course(
            name=str(key),
            at=curve[axis].to_numpy().astype(float),
            loss=curve[loss].to_numpy().astype(float),
            end=float(curve[axis][-1]),
            settings=settings,
        )
