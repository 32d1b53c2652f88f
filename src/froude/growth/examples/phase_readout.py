"""A phase read out of quantum phase estimation: the commonest outcome against the mean direction of all.

With n bits an outcome k of 2^n = N has the chance |Σ exp(2πi·j·(φ − k/N))|²/N², so that the commonest is the multiple
of 1/N nearest to the phase φ. "Quantum phase estimation with a mean phase direction estimator" takes the direction of
the mean of exp(2πi·k/N) instead, which lies between multiples.

Phases are random, shots 4096; the size is N. The quality is the root mean square error of phases as a share of a turn.

Expected: an error of the commonest of 1/√12 of a step, exponent −1, halved with each bit; a smaller one of the mean
direction at one bit fewer, from 16 outcomes on (with 4 outcomes it errs a tenth more than the commonest of 8).
"""

from typing import NamedTuple

import numpy as np

from froude import growth

SHOTS, PHASES = 4096, 300


class Readout(NamedTuple):
    """True phases, and how often each outcome came (phases, outcomes)."""

    phases: np.ndarray
    counts: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> Readout:
    """Shots at every phase."""
    outcomes, phases = int(size), rng.random(PHASES)
    apart = phases[:, None] - np.arange(outcomes) / outcomes
    chances = (np.sin(np.pi * outcomes * apart) / (outcomes * np.sin(np.pi * apart))) ** 2
    return Readout(phases, rng.multinomial(SHOTS, chances / chances.sum(axis=1, keepdims=True)))


def commonest(data: Readout) -> np.ndarray:
    """The outcome of most shots."""
    return data.counts.argmax(axis=1) / data.counts.shape[1]


def mean_direction(data: Readout) -> np.ndarray:
    """The direction of the mean of all outcomes on the circle."""
    outcomes = data.counts.shape[1]
    return np.angle(data.counts @ np.exp(2j * np.pi * np.arange(outcomes) / outcomes)) / (2 * np.pi)


def error(data: Readout, result: np.ndarray) -> float:
    """Root mean square of the shorter ways round."""
    apart = (result - data.phases + 0.5) % 1 - 0.5
    return float(np.sqrt(np.mean(apart**2)))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The halving, and one bit fewer."""
    fit, sizes = result.growth("commonest", "quality"), result.experiment.sizes
    most = [result.median("commonest", n, "quality") for n in sizes]
    mean = [result.median("mean direction", n, "quality") for n in sizes]
    numbers = ", ".join(f"{a:.4f} → {b:.4f}" for a, b in zip(most[1:], mean[:-1], strict=True))
    return {
        f"the commonest's error is {2**fit.exponent:.3f} times with each bit, 1/2 within 0.03": abs(
            2**fit.exponent - 0.5
        )
        < 0.03,
        f"the mean direction's at one bit fewer is below it for {sizes[1]} to {sizes[-1]} outcomes ({numbers})": all(
            b < a for a, b in zip(most[1:], mean[:-1], strict=True)
        ),
    }


EXPERIMENT = growth.Experiment(
    title="Phases read out by the commonest outcome and by the mean direction",
    source="Quantum phase estimation, mean phase direction",
    sizes=(8, 16, 32, 64, 128),
    methods={"commonest": commonest, "mean direction": mean_direction},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="outcomes",
    expected="errors halved with each bit; the mean direction better with one bit fewer",
    claims=(growth.RowClaim(row="quantum-phase-estimation", holds=holds),),
)
