"""A gated recurrent unit run step by step, and over the whole sequence at once by Newton's method.

"Parallelizing non-linear sequential models over the sequence length" treats all states of a recurrence as unknowns of
one equation. A step of Newton's method linearises every unit around the last guess; the linear recurrence that is left
is solved by an associative scan, in ⌈log2 n⌉ rounds of products that do not wait for one another.

The unit is that of Cho et al. 2014 (arXiv:1406.1078) with random weights. The quality counts iterations: time steps one
by one, Newton's steps at once. A result whose states differ from those of the recurrence is refused.

Expected: as many steps as the sequence is long; a handful of Newton's, which hardly grow. The depth, iterations times
rounds, is what a machine with enough processors would wait for; this one does all the work, and gains nothing.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

WIDTH, TOLERANCE = 6, 1e-9


class Sequence(NamedTuple):
    """Inputs of the three gates (3, n, width), and the weights from the state to each (3, width, width)."""

    inputs: np.ndarray
    weights: np.ndarray


class States(NamedTuple):
    """States (n, width), and the iterations that they took."""

    states: np.ndarray
    iterations: int


def prepare(size: float, rng: np.random.Generator) -> Sequence:
    """So many random inputs."""
    return Sequence(rng.normal(size=(3, int(size), WIDTH)), rng.normal(size=(3, WIDTH, WIDTH)) / math.sqrt(WIDTH))


def gates(before: np.ndarray, x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Update and reset gate and the candidate, of states before (…, width)."""
    update, reset = (1 / (1 + np.exp(-x[i] - before @ weights[i].T)) for i in (0, 1))
    return update, reset, np.tanh(x[2] + (reset * before) @ weights[2].T)


def unit(before: np.ndarray, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The next state."""
    update, _, candidate = gates(before, x, weights)
    return (1 - update) * candidate + update * before


def jacobian(before: np.ndarray, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Derivatives of the next states by those before, (n, width, width)."""
    update, reset, candidate = gates(before, x, weights)
    by_update = ((before - candidate) * update * (1 - update))[..., None] * weights[0]
    inner = weights[2] * reset[:, None, :] + (weights[2] * (before * reset * (1 - reset))[:, None, :]) @ weights[1]
    by_candidate = ((1 - update) * (1 - candidate**2))[..., None] * inner
    return by_update + by_candidate + update[..., None] * np.eye(WIDTH)


def step_by_step(data: Sequence) -> States:
    """Each state from the one before."""
    states, state = np.empty(data.inputs.shape[1:]), np.zeros(WIDTH)
    for t in range(len(states)):
        state = states[t] = unit(state, data.inputs[:, t], data.weights)
    return States(states, len(states))


def newton(data: Sequence) -> States:
    """All states at once, from zeros until a step changes none by more than the tolerance."""
    states = np.zeros(data.inputs.shape[1:])
    for iteration in range(1, len(states) + 2):
        before = np.vstack([np.zeros((1, WIDTH)), states[:-1]])
        slopes = jacobian(before, data.inputs, data.weights)
        rest = unit(before, data.inputs, data.weights) - (slopes @ before[..., None])[..., 0]
        last, states = states, scan(slopes, rest)
        if np.abs(states - last).max() < TOLERANCE:
            return States(states, iteration)
    raise ValueError("Newton's method did not converge")


def scan(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The h of h[t] = a[t] h[t−1] + b[t] with h[−1] = 0, in ⌈log2 n⌉ rounds."""
    shift = 1
    while shift < len(a):
        b = np.concatenate([b[:shift], (a[shift:] @ b[:-shift, :, None])[..., 0] + b[shift:]])
        a = np.concatenate([a[:shift], a[shift:] @ a[:-shift]])
        shift *= 2
    return b


def iterations(data: Sequence, result: States) -> float:
    """The iterations; the states are held against those of the recurrence first."""
    if np.abs(step_by_step(data).states - result.states).max() > TOLERANCE:
        raise ValueError("the states are not those of the recurrence")
    return result.iterations


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    sizes = result.experiment.sizes
    counted, most = result.growth("Newton", "quality"), result.median("Newton", sizes[-1], "quality")
    depths = [[result.median("Newton", n, "quality") * (1 + math.ceil(math.log2(n)))] for n in sizes]
    depth = growth.fit_growth(sizes, depths, floor=False)
    p = depth.exponent
    return {
        f"the same states within {TOLERANCE:g} in {most:g} iterations at length {sizes[-1]:g}: exponent "
        f"{counted.exponent:.2f} ({counted.lo:.2f} to {counted.hi:.2f}), against 1 step by step": counted.hi < 0.5,
        f"modelled depth {depths[-1][0]:g} there, exponent {p:.2f}": p < 0.9,
    }


EXPERIMENT = growth.Experiment(
    title="A recurrent network: step by step, and by Newton's method with a scan",
    source="Parallelizing non-linear sequential models over the sequence length",
    sizes=(64, 128, 256, 512, 1024, 2048, 4096),
    methods={"step by step": step_by_step, "Newton": newton},
    prepare=prepare,
    quality=iterations,
    quality_name="iterations",
    size_name="length",
    expected="iterations with exponent 1 step by step, near 0 by Newton's method; depth below linear",
    claims=(growth.RowClaim(row="deer", holds=holds),),
)
