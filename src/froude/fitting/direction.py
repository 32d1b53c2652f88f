"""Whether the outcome goes the way that a law can go."""

import numpy as np

from froude.errors import InputError
from froude.fitting.measured import Measured, log_size
from froude.laws import Law, all_laws

_AGAINST = 0.8  # rank correlation: a law that cannot follow it would say a constant
_FEWEST = 5
_LEAST_RANGE = np.log(2)
_FREE_UNITS = ("unit of the measured outcome", "points of the score")
_GOES = {-1: "fall", 1: "rise"}


def check_direction(law: Law, measured: Measured, y: str) -> None:
    """InputError where the outcome rises with the size of runs and the law can only fall with it, or the reverse."""
    sizes = [x for x in measured.inputs if law.marks[x].is_size]
    signs = {law.trend.get(x, 0) for x in sizes}
    if signs not in ({-1}, {1}) or measured.n < _FEWEST:
        return
    (sign,) = signs
    size = log_size(law, measured.inputs)
    if np.ptp(size) < _LEAST_RANGE or (seen := sign * rank_correlation(size, measured.y)) > -_AGAINST:
        return
    with_what = " and ".join(sizes)
    raise InputError(
        f"{y} {_GOES[-sign]}s with {with_what} (rank correlation {sign * seen:.2f} over {measured.n} runs) and "
        f"{law.name} can only {_GOES[sign]}: {_instead(sizes, -sign, y, float(measured.y.max()))}"
    )


def _instead(sizes: list[str], sign: int, y: str, highest: float) -> str:
    """What to do: the laws of the catalogue that go the other way with one of these inputs, or another outcome."""
    other = [each for each in all_laws() if each.unit in _FREE_UNITS and not each.is_lever]
    fitting = [each for each in other if sign in each.trend.values() and {*each.choices} & {*sizes, "C"}]
    named = " or ".join(f"--law {each.name} --x {sizes[0] if sizes[0] in each.choices else 'C'}" for each in fitting)
    complement = f"-{y}" if sign < 0 else f"{1 if highest <= 1 else 100} - {y}"
    turned = f"fit what {_GOES[-sign]}s, such as {complement}"
    return f"take a law that {_GOES[sign]}s ({named}), or {turned}" if named else turned


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, of (n,) and (n,); ties share their mean rank."""
    one, other = _ranks(a), _ranks(b)
    return float(np.corrcoef(one, other)[0, 1]) if np.ptp(one) and np.ptp(other) else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[group]
