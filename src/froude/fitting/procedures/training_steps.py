"""Kaplan's law of whole trainings, estimated from loss curves of small models (Su et al. 2024, arXiv:2403.06563)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Unpack, final

import numpy as np

from froude.errors import InputError
from froude.fitting.arguments import take_runs
from froude.fitting.choice import fit
from froude.fitting.fits import Fit
from froude.fitting.measured import need_columns
from froude.fitting.options import DEFAULT_OPTIONS, FitKeywords, FitOptions
from froude.laws.families.kaplan import s_min
from froude.provenance import recorded
from froude.runs import Runs, RunsSource

_CONTOURS = 12
_FEWEST_POINTS = 4
_FAR = 0.05
_EXPONENTS = np.geomspace(0.05, 3.0, 400)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class _Curve:
    """One training: parameters N, tokens a step B, and its steps and losses (n,), steps rising."""

    N: float
    B: float
    S: np.ndarray
    loss: np.ndarray


@recorded
def estimate_steps(
    runs: RunsSource, y: str = "loss", *, options: FitOptions = DEFAULT_OPTIONS, **changes: Unpack[FitKeywords]
) -> Fit:
    """The law kaplan-trajectory fitted to loss curves of small models at several batch sizes.

    `runs` has a row for each point of a curve: parameters N, optimizer steps S, tokens a step B and y, at a constant
    learning rate and after warm-up. All six constants are fitted at once, robustly. `options` are those of `fit`;
    `cluster` should name the column that tells the curves apart, as the points of one are not independent. Where
    `step_stages`, which needs no starts, puts the last loss of the largest model more than 5% elsewhere, a warning
    gives the difference. InputError where either estimate cannot be made.
    """
    runs = take_runs(runs)
    stages = step_stages(runs, y)
    trajectory = fit("kaplan-trajectory", runs, y, options=options, **changes)
    last = np.lexsort((trajectory.inputs["S"], trajectory.inputs["N"]))[-1]
    at = {x: values[last] for x, values in trajectory.inputs.items()}
    deviation = float(trajectory.law(**at, **stages) / trajectory.law(**at, **trajectory.params)) - 1
    if abs(deviation) <= _FAR:
        return trajectory
    warning = (
        f"estimated in stages, the loss of the largest model lies {deviation:+.1%} from this fit: look at the curves"
    )
    return replace(trajectory, warnings=(*trajectory.warnings, warning))


def step_stages(runs: Runs, y: str = "loss") -> dict[str, float]:
    """The constants of kaplan-trajectory in stages, each of which can be drawn and looked at.

    B_star and alpha_B come from contours: the steps S that reach one loss at batch B are S_min·(1 + B_crit/B), a line
    in 1/B. With the critical batch known every S becomes S_min, steps at a very large batch; Sc and alpha_S come from
    how losses fall with S_min, and what they fall to for each size gives Nc and alpha_N. These are the stages of Su et
    al., in an order in which no batch and no training need be taken for infinite. InputError unless curves of two
    sizes, and of one size at two batches, are there and fall as the law says.
    """
    curves = _curves(runs, y)
    if len({each.N for each in curves}) < 2:
        raise InputError(f"the stages need curves of two sizes N, of {_FEWEST_POINTS} points each or more: add some")
    contours = [point for _, same in groupby(curves, lambda each: each.N) for point in _contours(list(same))]
    if len(contours) < 2:
        raise InputError("the stages need curves of one size N at two batches B that reach the same losses: add some")
    log_level, log_critical = np.log(np.array(contours)).T
    slope, log_star = np.polyfit(log_level, log_critical, 1)
    if slope >= 0:
        raise InputError("the critical batch of these curves does not grow as the loss falls: the law does not hold")
    B_star, alpha_B = float(np.exp(log_star)), float(-1 / slope)
    least = np.concatenate([s_min(each.S, each.B, B_star * each.loss ** (-1 / alpha_B)) for each in curves])
    N = np.concatenate([np.full(each.S.size, each.N) for each in curves])
    (floors, scale), alpha_S = _falls(N, least, np.concatenate([each.loss for each in curves]))
    if np.any(floors <= 0) or scale <= 0:
        raise InputError("what the loss of some size falls to is not above 0: its curves are too short for the stages")
    fall, log_scale = np.polyfit(np.log(np.unique(N)), np.log(floors), 1)
    return {
        "Nc": float(np.exp(-log_scale / fall)),
        "alpha_N": float(-fall),
        "Sc": float(scale ** (1 / alpha_S)),
        "alpha_S": alpha_S,
        "B_star": B_star,
        "alpha_B": alpha_B,
    }


def _curves(runs: Runs, y: str) -> list[_Curve]:
    """The curves in a table, by size and then by batch."""
    need_columns(runs, ("N", "S", "B"), "the stages need")
    table = runs.take(runs.finite(y))
    curves = []
    for N, B in sorted(set(zip(table["N"].tolist(), table["B"].tolist(), strict=True))):
        rows = np.flatnonzero((table["N"] == N) & (table["B"] == B))
        rows = rows[np.argsort(table["S"][rows])]
        if rows.size >= _FEWEST_POINTS:
            curves.append(_Curve(N=N, B=B, S=table["S"][rows], loss=table[y][rows]))
    return curves


def _contours(curves: Sequence[_Curve]) -> Iterator[tuple[float, float]]:
    """Losses, and the critical batch at each, from the curves of one size at several batches."""
    falling = [np.minimum.accumulate(each.loss) for each in curves]
    low, high = max(loss[-1] for loss in falling), min(loss[0] for loss in falling)
    if len(curves) < 2 or low >= high:
        return
    batches = np.array([each.B for each in curves])
    for level in np.geomspace(low, high, _CONTOURS + 2)[1:-1]:
        steps = [np.interp(-level, -loss, np.log(each.S)) for each, loss in zip(curves, falling, strict=True)]
        # S = S_min + S_min·B_crit/B, with errors relative to S.
        lines = np.stack([np.ones(batches.size), 1 / batches], axis=1) / np.exp(steps)[:, None]
        least, product = np.linalg.lstsq(lines, np.ones(batches.size), rcond=None)[0]
        if least > 0 and product > 0:
            yield float(level), float(product / least)


def _falls(N: np.ndarray, least: np.ndarray, loss: np.ndarray) -> tuple[tuple[np.ndarray, float], float]:
    """Floors by size and a scale, and the exponent, of loss = floor(N) + scale·S_min^-exponent, in least squares."""
    of_size = (N[:, None] == np.unique(N)) / loss[:, None]

    def solve(exponent: float) -> tuple[np.ndarray, float]:
        columns = np.hstack([of_size, (least**-exponent / loss)[:, None]])
        solution = np.linalg.lstsq(columns, np.ones(loss.size), rcond=None)[0]
        return solution, float(np.sum((columns @ solution - 1) ** 2))

    best = min(_EXPONENTS, key=lambda exponent: solve(exponent)[1])
    solution = solve(best)[0]
    return (solution[:-1], float(solution[-1])), float(best)
