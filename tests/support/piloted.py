"""A study of pilots that follow a planted law, with its documents at every stage."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from froude.cost import Decoder
from froude.fitting import fit
from froude.laws import get_law
from froude.runs import Study, run_id

PLANTED = {"E": 0.7, "A": 20.0, "alpha": 0.35, "B": 60.0, "beta": 0.3}
SHAPE: dict[str, Any] = {"layers": 2, "heads": 2, "context": 128, "vocabulary": 256}
WIDTHS, LENGTHS, TARGET_WIDTH, TARGET_TOKENS = (16, 24, 32), (400_000, 800_000, 1_600_000), 64, 4_000_000
STAGES = ("bare", "planned", "forecast", "checked")


def planted_loss(N: float, D: float) -> float:
    return float(get_law("chinchilla")(N=N, D=D, **PLANTED))


def train(study: Study, width: int, tokens: int, loss: float) -> str:
    """A run as the trainer writes it: a constant stretch all lengths share, then this length's own decay."""
    decoder = Decoder(width=width, **SHAPE)
    shared = {"width": width, **SHAPE, "seed": 0, "lr": 0.008}
    trunk = run_id(shared)
    with study.writer({**shared, "D": tokens, "trunk": trunk}) as writer:
        for step in range(1, tokens // 20_000 + 1):
            seen = 20_000 * step
            decay = 0.2 * max(0.0, seen - 0.8 * tokens) / tokens
            curve = planted_loss(decoder.n_non_embedding, seen) + 0.3 - decay
            writer.step(step=step, tokens=seen, loss=curve, lr=0.008, seconds=float(step))
        writer.finish(
            loss=loss,
            N=decoder.n_non_embedding,
            C=decoder.training_flops_per_token * tokens,
            seconds=tokens / 1e5,
        )
    return writer.id


def trunk(width: int, *tokens: int) -> dict[str, Any]:
    rest = {"seed": 0, "batch": 8, "lr": 0.008, "precision": "fp32"}
    return {"decoder": {"width": width, **SHAPE}, "tokens": list(tokens), **rest}


def plan() -> dict[str, Any]:
    corpus = {"hash": "c0ffee" * 10, "kept_files": 1744, "kept_bytes": 2**20, "dropped_files": 19}
    sizes = {"dropped_bytes": 2**11, "train_bytes": 2**19, "validation_bytes": 2**18, "unreadable_files": 3}
    design = {"pilots": [trunk(w, *LENGTHS) for w in WIDTHS], "target": trunk(TARGET_WIDTH, TARGET_TOKENS)}
    head = {"format": 1, "command": "froude pilot --minutes 7", "minutes": 7, "seed": 11, "froude": "0.1.0"}
    return {**head, "written": "2026-11-21T22:31:47Z", "corpus": corpus | sizes, "design": design}


def at_target() -> dict[str, float]:
    decoder = Decoder(width=TARGET_WIDTH, **SHAPE)
    C = decoder.training_flops_per_token * TARGET_TOKENS
    return {"N": decoder.n_non_embedding, "D": TARGET_TOKENS, "C": C}


def forecast() -> dict[str, Any]:
    at = at_target()
    further = [
        {
            "factor": k,
            "N": at["N"] * k**0.5,
            "D": at["D"] * k**0.5,
            "C": at["C"] * k,
            "mean": 1.5 / k,
            "interval": [1 / k, 2 / k],
        }
        for k in (10, 100, 1000)
    ]
    choice = [
        {"law": "chinchilla", "held_out_error": 0.0123, "predicted": 2.345, "share": 0.75, "cuts": 3},
        {"law": "kaplan-joint", "held_out_error": 0.02, "predicted": 2.456, "share": 0.25, "cuts": 0},
    ]
    parts = {"parameters": 0.0111, "residual": 0.0222, "extrapolation": 0.0333}
    return {
        "written": "2026-11-21T22:34:51Z", "law": "chinchilla", "at": at, "predicted": 2.345,
        "interval": [2.222, 2.468], "level": 0.8, "parts": parts, "choice": choice, "further": further,
        "warnings": ["the floor <E> is not identified"],
    }  # fmt: skip


def result(**changed: Any) -> dict[str, Any]:
    halving = {"ratio_change": 0.00177, "quarter_half_width": 0.00466}
    times = {"pilot_seconds": 120.0, "target_seconds": 60.0}
    return {"target": at_target(), "measured": 2.4, "validation_halving": halving, **times, **changed}


def plant(folder: Path) -> Study:
    """A study of nine pilots that follow the planted law but for a little noise."""
    made = Study.create(folder, {"seed": 0})
    rng = np.random.default_rng(0)
    for width in WIDTHS:
        for tokens in LENGTHS:
            N = Decoder(width=width, **SHAPE).n_non_embedding
            train(made, width, tokens, planted_loss(N, tokens) * math.exp(rng.normal(0, 0.001)))
    return made


def advance(study: Study, stage: str) -> Study:
    """The documents a study has at this stage."""
    reached = STAGES.index(stage)
    if reached >= 1:
        study.write_json("plan.json", plan())
        study.write_json("environment.json", {"python": "3.11.9", "processor": "Difference Engine", "cores": 2})
    if reached >= 2:
        fit("chinchilla", study.runs(), draws=20).save(study.path / "fit.json")
        study.write_json("forecast.json", forecast())
    if reached >= 3:
        train(study, TARGET_WIDTH, TARGET_TOKENS, 2.4)
        study.write_json("result.json", result())
    return study
