"""How little the choice of the text that losses are measured on changes a pilot's comparison."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.runs import Study
from froude.tank import Design
from froude.tank.kept import read_window_losses, window_losses_file

HALVINGS = 1000


def validation_halving(study: Study, design: Design, forecast: Mapping[str, Any]) -> dict[str, float]:
    """How much a random half of the validation set moves the ratio of the target's to the largest pilot's loss.

    `ratio_change` is the 95% quantile of |ratio of the half / ratio of the whole − 1| over HALVINGS halves; it should
    be below `quarter_half_width`, a quarter of the interval's relative half-width.
    """
    largest = max(design.pilots, key=lambda trunk: (trunk.decoder.n_non_embedding, -trunk.seed))
    ours, theirs = (
        read_window_losses(window_losses_file(study, trunk.run_id(trunk.tokens[-1])))
        for trunk in (design.target, largest)
    )
    rng, n = np.random.default_rng(0), len(ours)
    halves = np.array([rng.permutation(n)[: n // 2] for _ in range(HALVINGS)])
    ratio = ours[halves].mean(axis=1) / theirs[halves].mean(axis=1)
    change = np.abs(ratio / (ours.mean() / theirs.mean()) - 1)
    lo, hi = forecast["interval"]
    return {
        "ratio_change": float(np.quantile(change, 0.95)),
        "quarter_half_width": (hi - lo) / 8 / forecast["predicted"],
    }
