"""The coordinate check: do activations stay alike when the model grows wider, in the first steps of training?

Under muP they do, and one learning rate suits every width (Yang et al. 2022, arXiv:2203.03466, appendix D.1); with one
rate for matrices of every width they grow with the width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from froude.cost import Decoder
from froude.runs import Runs
from froude.tank.corpus import Corpus
from froude.tank.design import BATCH, LR_EMBEDDING
from froude.tank.probe import look
from froude.tank.trainer import BASE_WIDTH, start, take_step
from froude.tank.trunk import Trunk

LAYERS, HEADS, CONTEXT = 2, 2, 32
_BYTES = 65_536


UNNORMALISED_LR = 0.0064
"""Of hidden matrices at width 32 where queries and keys are not normalised, as here: the best in a sweep of widths 16
to 64."""


def coordinate_check(
    widths: Sequence[int], steps: int = 5, seeds: Sequence[int] = (0, 1, 2), *, rate_exponent: float = 1.0
) -> Runs:
    """Mean |x| of what every part of the tank's transformer gives, before and after each of the first steps.

    One row a width, seed, step (from 0) and place ("embedding", "layers.0.attention", …, "logits"): `activation` is
    the mean |x|, and `change` that of x less x at step 0. Hidden matrices learn at a rate ∝ width^-rate_exponent: 1 is
    the tank's own (muP for Adam), 0 one rate for every width, as is standard.
    """
    rows = [row for width in widths for seed in seeds for row in _rows(width, seed, steps, rate_exponent)]
    return Runs.from_rows(rows)


def width_slopes(check: Runs, of: str = "activation") -> dict[str, float]:
    """By place, how a coordinate check's `activation` or `change` grows with width after the last step.

    It is the slope of the logarithm of its mean over seeds on that of the width: 0 where widths are alike. Places that
    give nothing yet, as branches do before the first step, are left out.
    """
    last = check.take((check["step"] == check["step"].max()) & (check[of] > 0))
    return {str(place): _slope(last.take(last["place"] == place), of) for place in dict.fromkeys(last["place"])}


def _slope(rows: Runs, of: str) -> float:
    widths = np.unique(rows["width"])
    mean = [rows[of][rows["width"] == width].mean() for width in widths]
    return float(np.polyfit(np.log(widths), np.log(mean), 1)[0])


def _rows(width: int, seed: int, steps: int, rate_exponent: float) -> list[dict[str, Any]]:
    trunk = Trunk(
        decoder=Decoder(width=width, layers=LAYERS, heads=HEADS, context=CONTEXT),
        seed=seed,
        tokens=((steps + 1) * BATCH * CONTEXT,),
        batch=BATCH,
        # The trainer divides by width / BASE_WIDTH.
        lr=UNNORMALISED_LR * (width / BASE_WIDTH) ** (1 - rate_exponent),
        lr_embedding=LR_EMBEDDING,
        warmup_tokens=0,
        decay_share=0.0,
        corpus="skewed",
    )
    state = start(trunk, _skewed_bytes())
    tokens = state.batches.at(steps)[:, :-1]
    first, rows = look(state.model, tokens), []
    for step in range(steps + 1):
        now = look(state.model, tokens)
        rows += [
            {"width": width, "seed": seed, "step": step, "place": place, "activation": size(x), "change": size(x - x0)}
            for (place, x), x0 in zip(now.items(), first.values(), strict=True)
        ]
        take_step(state, trunk, 1.0, state.model)
    return rows


def size(x: Tensor) -> float:
    """Mean |x|."""
    return float(x.abs().mean())


def _skewed_bytes() -> Corpus:
    """Random bytes as unevenly frequent as those of text."""
    frequency = 1 / np.arange(1, 257)
    drawn = np.random.default_rng(0).choice(256, size=_BYTES, p=frequency / frequency.sum())
    data = drawn.astype(np.uint8)
    return Corpus(train=data, validation=data, manifest={})
