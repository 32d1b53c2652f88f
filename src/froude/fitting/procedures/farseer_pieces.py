"""Farseer's own way to its law: piece by piece, from differences of losses (Li et al. 2025, arXiv:2506.10972)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np

from froude.errors import InputError
from froude.fitting.measured import need_columns
from froude.laws.families.farseer import D0, N0, box_cox
from froude.runs import Runs, RunsSource, read_runs

_GRID = np.linspace(-1.0, 1.0, 9)  # powers of N that are looked at first; each round narrows the grid to a third
_ROUNDS, _NARROWER = 12, 1 / 3
_SAME_RATIO = 0.05
_FEWEST_SIZES, _FEWEST_PAIRS = 4, 2


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class _Gains:
    """What `ratio` times the tokens gain: pairs of runs of one size, sizes numbered by rising N.

    log N of the sizes is `x` + log N0, (sizes,); of each pair (pairs,) the number of its `size`, the log tokens of its
    shorter run and the log of the gain.
    """

    x: np.ndarray
    size: np.ndarray
    log_tokens: np.ndarray
    log_gain: np.ndarray
    ratio: float

    def mean(self, values: np.ndarray) -> np.ndarray:
        """The mean of values (pairs,) over the pairs of each size, (sizes,)."""
        return np.bincount(self.size, values) / np.bincount(self.size)

    def exponents(self) -> np.ndarray:
        """A(N) of each size: minus the slope of its log gains against log D."""
        off_tokens = self.log_tokens - self.mean(self.log_tokens)[self.size]
        off_gain = self.log_gain - self.mean(self.log_gain)[self.size]
        return -self.mean(off_tokens * off_gain) / self.mean(off_tokens**2)

    def log_terms(self, exponents: np.ndarray) -> np.ndarray:
        """log B(N) of each pair, given A(N) of each size."""
        A = exponents[self.size]
        return self.log_gain - np.log1p(-(self.ratio**-A)) + A * self.log_tokens


def farseer_by_pieces(runs: RunsSource, y: str = "loss", *, ratio: float = 2.0) -> dict[str, float]:
    """The parameters of the law farseer by differential piecewise fitting, without starts or solver.

    The floor cancels in L(N, D) − L(N, ratio·D) = B(N)·(1 − ratio^-A(N))·D^-A(N), for each N a straight line in
    logarithms. log A(N) and log B(N) then become lines, each in a power of N, and the two powers refined in rounds so
    that they leave least of all differences; the authors refine them in turn, which stops short as they trade off, here
    both are at once. What B(N)·D^-A(N) leaves of the losses is, averaged over D, the floor, and its logarithm becomes
    such a line as well. InputError unless four sizes have, twice or more, a run of `ratio` times another's tokens, and
    gain by it less and less.
    """
    N, D, loss = _columns(read_runs(runs), y)
    gains = _gains(N, D, loss, ratio)
    log_A = np.log(gains.exponents())
    curve_A, curve_B = _refine(2, lambda curves: _left(gains, log_A, *curves))
    A_growth, A_level = _line(gains.x, log_A, curve_A)
    log_exponent = A_level + A_growth * box_cox(gains.x, curve_A)
    B_growth, B_level = _line(gains.x, gains.mean(gains.log_terms(np.exp(log_exponent))), curve_B)

    x = np.log(N / N0)
    exponent = np.exp(A_level + A_growth * box_cox(x, curve_A))
    floor = loss - np.exp(B_level + B_growth * box_cox(x, curve_B) - exponent * np.log(D))
    sizes, size = np.unique(x, return_inverse=True)
    floors = np.bincount(size, floor) / np.bincount(size)
    if np.any(floors <= 0):
        raise InputError("the gains of some size add up to more than its loss: runs are too noisy to go piece by piece")
    (E_curve,) = _refine(1, lambda curves: _off(sizes, np.log(floors), *curves))
    E_growth, E_level = _line(sizes, np.log(floors), E_curve)
    A0, log_D0 = float(np.exp(A_level)), float(np.log(D0))
    return {
        "E": float(np.exp(E_level)),
        "E_growth": E_growth,
        "E_curve": E_curve,
        "B": float(np.exp(B_level - A0 * log_D0)),
        "B_growth": B_growth - A0 * A_growth * log_D0,
        "B_curve": curve_B,
        "A": A0,
        "A_growth": A_growth,
        "A_curve": curve_A,
    }


def _columns(runs: Runs, y: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    need_columns(runs, ("N", "D"), "the law farseer needs")
    table = runs.take(runs.finite(y))
    return table["N"], table["D"], table[y]


def _gains(N: np.ndarray, D: np.ndarray, loss: np.ndarray, ratio: float) -> _Gains:
    pairs = []
    for n in np.unique(N):
        rows = np.flatnonzero(n == N)
        spacing = np.log(D[rows][None, :] / D[rows][:, None]) / np.log(ratio)
        gain = loss[rows][:, None] - loss[rows][None, :]
        matches = np.argwhere((np.abs(spacing - 1) < _SAME_RATIO) & (gain > 0))
        if len(matches) >= _FEWEST_PAIRS:
            pairs.append([(n, D[rows[i]], gain[i, j]) for i, j in matches])
    if len(pairs) < _FEWEST_SIZES:
        raise InputError(
            f"going piece by piece needs {_FEWEST_SIZES} sizes N, each with {_FEWEST_PAIRS} runs or more whose loss "
            f"falls with {ratio:g} times the tokens, and there are {len(pairs)}: add some, or give another ratio"
        )
    n, tokens, gain = np.concatenate(pairs).T
    sizes, size = np.unique(n, return_inverse=True)
    gains = _Gains(x=np.log(sizes / N0), size=size, log_tokens=np.log(tokens), log_gain=np.log(gain), ratio=ratio)
    if np.any(gains.exponents() <= 0):
        raise InputError("more tokens gain ever more for some size: runs are too noisy to go piece by piece")
    return gains


def _refine(dimensions: int, left: Callable[[tuple[float, ...]], float]) -> tuple[float, ...]:
    """The powers of N that leave least, by grids of all of them, ever finer."""
    centre = (0.0,) * dimensions
    for k in range(_ROUNDS):
        steps = _GRID * _NARROWER**k
        centre = min(product(*(float(at) + steps for at in centre)), key=left)
    return tuple(map(float, centre))


def _left(gains: _Gains, log_A: np.ndarray, curve_A: float, curve_B: float) -> float:
    """What lines in these powers of N leave of the log gains, a sum of squares."""
    growth, level = _line(gains.x, log_A, curve_A)
    terms = gains.log_terms(np.exp(level + growth * box_cox(gains.x, curve_A)))
    growth, level = _line(gains.x, gains.mean(terms), curve_B)
    return float(np.sum((terms - (level + growth * box_cox(gains.x, curve_B))[gains.size]) ** 2))


def _line(x: np.ndarray, values: np.ndarray, curve: float) -> tuple[float, float]:
    """Slope and level of the least-squares line of values (n,) in the power `curve` of N, level being that at N0."""
    slope, level = np.polyfit(box_cox(x, curve), values, 1)
    return float(slope), float(level)


def _off(x: np.ndarray, values: np.ndarray, curve: float) -> float:
    slope, level = _line(x, values, curve)
    return float(np.sum((values - level - slope * box_cox(x, curve)) ** 2))
