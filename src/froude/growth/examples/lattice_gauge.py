"""Hybrid Monte Carlo in two-dimensional U(1) gauge theory: how long topology stays the same, by coupling.

"Deep Learning Hamiltonian Monte Carlo" learns leapfrog steps that lower the cost of an independent configuration in
this model, where plain steps (Duane et al. 1987, Physics Letters B 195, 216-222) leave the topological charge
unchanged for longer and longer as the coupling β rises.

Chains of an 8 × 8 lattice run side by side, with trajectories of length 1 in 6 steps. The quality is the integrated
autocorrelation time of the charge in trajectories, summed up to the first time that the correlation is below a tenth.

Expected: a time that grows with β, faster than linearly. The learnt sampler is not run here.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

SIDE, CHAINS, TRAJECTORIES, STEPS = 8, 24, 300, 6


class Theory(NamedTuple):
    """The coupling, and the seed of the chains."""

    coupling: float
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Theory:
    """Chains of their own in every repetition."""
    return Theory(size, int(rng.integers(2**31)))


def plaquettes(links: np.ndarray) -> np.ndarray:
    """Angles around each square, (chains, SIDE, SIDE), of links (2, chains, SIDE, SIDE)."""
    x, y = links
    return x + np.roll(y, -1, axis=1) - np.roll(x, -1, axis=2) - y


def force(links: np.ndarray, coupling: float) -> np.ndarray:
    """The derivative of the action, the sum of −β·cos over plaquettes."""
    sines = coupling * np.sin(plaquettes(links))
    return np.stack([sines - np.roll(sines, 1, axis=2), np.roll(sines, 1, axis=1) - sines])


def charges(theory: Theory) -> np.ndarray:
    """The charge of every chain after every trajectory, (trajectories, chains), the first quarter left out."""
    rng, coupling = np.random.default_rng(theory.seed), theory.coupling
    links, found = np.zeros((2, CHAINS, SIDE, SIDE)), []
    for _ in range(TRAJECTORIES):
        momenta = rng.normal(size=links.shape)
        moved, energy = links, action(links, coupling) + kinetic(momenta)
        momenta = momenta - force(moved, coupling) / (2 * STEPS)
        for step in range(STEPS):
            moved = moved + momenta / STEPS
            momenta = momenta - force(moved, coupling) / STEPS * (1 if step < STEPS - 1 else 0.5)
        accept = rng.random(CHAINS) < np.exp(np.minimum(0, energy - action(moved, coupling) - kinetic(momenta)))
        links = np.where(accept[:, None, None], moved, links)
        angles = plaquettes(links)
        found.append(np.round(np.sum((angles + np.pi) % (2 * np.pi) - np.pi, axis=(1, 2)) / (2 * np.pi)))
    return np.array(found[TRAJECTORIES // 4 :])


def action(links: np.ndarray, coupling: float) -> np.ndarray:
    """Of every chain."""
    return -coupling * np.cos(plaquettes(links)).sum(axis=(1, 2))


def kinetic(momenta: np.ndarray) -> np.ndarray:
    """Of every chain."""
    return (momenta**2).sum(axis=(0, 2, 3)) / 2


def autocorrelation_time(theory: Theory, charges: np.ndarray) -> float:
    """1/2 and the sum of correlations, the mean charge being 0 by symmetry."""
    lags = [np.mean(charges[: len(charges) - lag] * charges[lag:]) for lag in range(len(charges) // 2)]
    correlations = np.array(lags) / lags[0]
    ends = np.flatnonzero(correlations < 0.1)
    return float(0.5 + correlations[1 : ends[0] if ends.size else None].sum())


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The growth of the time."""
    fit = result.growth("HMC", "quality")
    times = ", ".join(f"{result.median('HMC', beta, 'quality'):.3g}" for beta in result.experiment.sizes)
    return {f"times {times} with exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}), above 1": fit.lo > 1}


EXPERIMENT = growth.Experiment(
    title="Autocorrelation of the topological charge under hybrid Monte Carlo",
    source="Duane et al. 1987; Deep Learning Hamiltonian Monte Carlo",
    sizes=(1, 1.5, 2, 2.5, 3),
    methods={"HMC": charges},
    prepare=prepare,
    quality=autocorrelation_time,
    quality_name="trajectories",
    size_name="β",
    expected="a time that grows faster than linearly",
    claims=(growth.RowClaim(row="l2hmc-qcd", holds=holds, shows="modelled"),),
)
