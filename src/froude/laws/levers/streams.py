"""Several streams through one model: what they are worth in parameters."""

import numpy as np

from froude.laws.decorator import law
from froude.laws.kinds import EffectiveParams, Params, Ratio, Streams


@law(
    source="Chen et al. 2025, arXiv:2505.10475, eq. 5",
    published={"parscale-2025-stack": {"k": 0.39346}, "parscale-2025-pile": {"k": 0.33444}},
    trust={
        "parscale-2025-stack": "refitted to the authors' 24 points; the paper prints 0.3933, as remembered",
        "parscale-2025-pile": "refitted to the authors' 24 points; the paper prints 0.3347, as remembered",
    },
    domain={"N": (5e8, 4.5e9), "P": (1, 8)},
    carries={},
    rises_in=("N", "P"),
    wrong_when="there are more than the 8 streams that were measured, or tokens per parameter change.",
)
def parallel_streams(N: Params, P: Streams, *, k: Ratio) -> EffectiveParams:
    """P parallel streams through one model count as more parameters, by the logarithm of P."""
    return N * (k * np.log(P) + 1)
