"""FLOPs of a network of convolutions that goes through all scales of an image, against one that stays at the finest.

"Multi-Grid Back-Projection Networks" recurs over scales as multigrid solvers do (Brandt 1977, Mathematics of
Computation 31, 333-390): a V-cycle works once at every scale, each with a quarter of the places of the one above. A
flat network that is to see the whole image as well needs as many more layers as the image is wide.

Both are built of Froude's convolutions, whose FLOPs are counted; the quality is the forward FLOPs.

Expected: exponent 1 in pixels for the V-cycle, 4/3 of its finest level; exponent 3/2 for the flat network that sees as
much, and 1 for one of fixed depth.
"""

import numpy as np

from froude import growth
from froude.cost.model.operators import Matmul

CHANNELS, KERNEL, DEPTH = 32, 3, 8


def convolution(side: int) -> Matmul:
    """One convolution on side² places."""
    return Matmul(name="convolution", inputs=CHANNELS * KERNEL**2, outputs=CHANNELS, positions=side**2)


def level(side: int) -> list[Matmul]:
    """What either network does at a scale: a fixed number of convolutions."""
    return [convolution(side)] * DEPTH


def v_cycle(side: int) -> list[Matmul]:
    """A level at every scale down to a single place."""
    return [operator for k in range(side.bit_length()) for operator in level(side >> k)]


def flat(side: int) -> list[Matmul]:
    """As many convolutions at the finest scale as it takes to see across the image."""
    return [convolution(side)] * -(-side // (KERNEL - 1))


def flops(operators: list[Matmul]) -> float:
    """Forward FLOPs."""
    return float(sum(operator.forward_flops(1) for operator in operators))


def holds(found: growth.Grown) -> dict[str, bool]:
    """Exponents in pixels, and the constant."""
    fits = {name: found.growth(name, "quality") for name in found.experiment.methods}
    pixels = found.experiment.sizes[-1]
    share = found.median("V-cycle", pixels, "quality") / found.median("fixed depth", pixels, "quality")
    told = {name: f"{name} with exponent {fit.exponent:.3f} in pixels" for name, fit in fits.items()}
    return {
        f"{told['V-cycle']}, within 0.02 of 1": abs(fits["V-cycle"].exponent - 1) < 0.02,
        f"{told['flat']}, within 0.02 of 3/2": abs(fits["flat"].exponent - 1.5) < 0.02,
        f"V-cycle {share:.4f} of its finest level, within a thousandth of 4/3": abs(share / (4 / 3) - 1) < 1e-3,
    }


EXPERIMENT = growth.Experiment(
    title="FLOPs of a V-cycle and of flat networks",
    source="Multi-Grid Back-Projection Networks",
    sizes=tuple(float(4**k) for k in range(4, 10)),
    methods={
        "V-cycle": lambda side: flops(v_cycle(side)),
        "fixed depth": lambda side: flops(level(side)),
        "flat": lambda side: flops(flat(side)),
    },
    prepare=lambda pixels, rng: round(np.sqrt(pixels)),
    quality=lambda side, counted: counted,
    quality_name="FLOPs",
    size_name="pixels",
    expected="exponent 1 and 4/3 of the finest level for the V-cycle, 3/2 for a flat network that sees as much",
    claims=(growth.RowClaim(row="mgbp", holds=holds),),
)
