"""Numbers with intervals from draws."""

from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its interval, which holds the draws that have one; `share` is the part of them that do.

    `value` is None where the fits themselves have none, `lo` and `hi` where no draw has one.
    """

    value: float | None
    lo: float | None
    hi: float | None
    share: float

    def to_dict(self) -> dict[str, float | None]:
        """As JSON."""
        return {"value": self.value, "lo": self.lo, "hi": self.hi, "share": self.share}


def estimate(values: np.ndarray, level: float) -> Estimate:
    """The first of values (1 + draws,), and the interval of the others that are finite."""
    drawn = values[1:][np.isfinite(values[1:])]
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = (float(end) for end in np.quantile(drawn, ends)) if drawn.size else (None, None)
    value = float(values[0]) if np.isfinite(values[0]) else None
    return Estimate(value=value, lo=low, hi=high, share=drawn.size / (values.size - 1))


def first_sign_change(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The smallest size at which values (…, k) at rising sizes (k,) change their sign, (…); NaN where none does.

    Between two sizes a value is taken to be linear in the logarithm of size.
    """
    logs = np.log(sizes)
    changes = (values[..., 1:] > 0) != (values[..., :-1] > 0)
    changes &= np.isfinite(values[..., 1:]) & np.isfinite(values[..., :-1])
    before = np.argmax(changes, axis=-1)
    left, right = (np.take_along_axis(values, at[..., None], axis=-1)[..., 0] for at in (before, before + 1))
    with np.errstate(all="ignore"):  # where nothing changes
        there = np.exp(logs[before] + (logs[before + 1] - logs[before]) * left / (left - right))
    return np.where(changes.any(axis=-1), there, np.nan)
