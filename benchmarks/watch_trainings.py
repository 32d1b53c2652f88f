"""The small trainings that `benchmarks/watch.py` watches and stops: three sizes of the tank, settings drawn at random.

Learning rates, warm-up, decay and seed of each are drawn; the highest rates diverge, as they do in a sweep whose space
is too wide. The loss on fixed held-out windows is measured at points evenly along each training. One setting of each
size is trained with further seeds: how much seeds alone differ. What was trained is kept in `results/`.
Command: python benchmarks/watch_trainings.py
"""

import json
import math
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from froude.cost import Decoder
from froude.tank import PilotRecipe, Trunk, build_corpus
from froude.tank.corpus import Corpus
from froude.tank.trainer import start, take_step, validation_windows
from record import HERE, commit, machine

WIDTHS = (12, 16, 24)
DRAWN, SEEDS = 40, 5  # trainings of random settings, and of one setting with different seeds; of each size
STEPS, POINTS, WINDOWS = 256, 32, 48
RATES, EMBEDDING_RATES = (1e-3, 3.0), (4e-3, 0.4)  # log-uniform
WARMUPS, DECAYS = (0, 16, 64), (0.2, 0.5, 0.9)
KEPT = HERE / "results" / "watch_trainings.json"


def main() -> None:
    """Trains what is not kept yet and writes everything after each training."""
    torch.set_num_threads(1)
    corpus = build_corpus()
    done: list[dict[str, Any]] = json.loads(KEPT.read_text())["rows"] if KEPT.exists() else []
    known = {(run["width"], run["number"]) for run in done}
    for number in range(DRAWN + SEEDS):
        for width in WIDTHS:
            if (width, number) not in known:
                done.append({"width": width, "number": number, **train(trunk(width, number), corpus)})
                print(width, number, done[-1]["lr"], done[-1]["loss"][-1], file=sys.stderr, flush=True)
        KEPT.write_text(document(done))


def document(trainings: list[dict[str, Any]]) -> str:
    """A line for each training."""
    lines = ",\n".join(json.dumps(run) for run in trainings)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    about = {"command": "python benchmarks/watch_trainings.py", "date": day, "commit": commit(), "machine": machine()}
    head = json.dumps(about)
    return f'{head[:-1]}, "steps": {STEPS}, "rows": [\n{lines}\n]}}\n'


def trunk(width: int, number: int) -> Trunk:
    """The training of this number: settings drawn at random, or those of the tank with a seed of its own."""
    decoder = Decoder(width=width, layers=1, heads=1, context=64)
    planned = PilotRecipe(corpus="").trunk(decoder, [STEPS * 8 * 64], seed=number)
    if number >= DRAWN:
        return planned
    rng = np.random.default_rng([width, number])
    return replace(
        planned,
        lr=math.exp(rng.uniform(*np.log(RATES))),
        lr_embedding=math.exp(rng.uniform(*np.log(EMBEDDING_RATES))),
        warmup_tokens=int(rng.choice(WARMUPS)) * planned.batch_tokens,
        decay_share=float(rng.choice(DECAYS)),
        qk_norm=False,
    )


def train(planned: Trunk, corpus: Corpus) -> dict[str, Any]:
    """The settings and the curve of a training: steps, share of the peak rate, held-out loss, training loss, norms."""
    state = start(planned, corpus)
    windows = validation_windows(corpus, planned)
    held_out = windows[:: max(1, len(windows) // WINDOWS)][:WINDOWS]
    curve: dict[str, list[float]] = {"step": [], "rate": [], "loss": [], "train_loss": [], "grad_norm": []}
    total = 0.0
    for step in range(planned.n_steps):
        factor = planned.lr_factor(step, planned.tokens[-1])
        norm, loss = take_step(state, planned, factor, state.model)
        total += float(loss)
        if (step + 1) % (STEPS // POINTS) == 0:
            with torch.no_grad():
                logits = state.model(held_out[:, :-1])
                score = F.cross_entropy(logits.flatten(0, 1), held_out[:, 1:].flatten())
            values = (step + 1, factor, float(score), total / (STEPS // POINTS), float(norm))
            for name, value in zip(curve, values, strict=True):
                curve[name].append(float(f"{value:.5g}"))
            total = 0.0
    decoder = planned.decoder
    sizes = {"N": decoder.n_non_embedding, "D": planned.tokens[-1], "seed": planned.seed}
    rates = {name: float(f"{getattr(planned, name):.5g}") for name in ("lr", "lr_embedding", "decay_share")}
    return {**sizes, **rates, "warmup": planned.warmup_tokens // planned.batch_tokens, **curve}


if __name__ == "__main__":
    main()
