"""What a fit says about a run that was not made, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from froude.errors import InputError
from froude.fitting.extrapolation import learned

if TYPE_CHECKING:
    from froude.fitting.estimation import Fit

_FULLY_BEYOND = np.log(2)  # from twice the largest run on, what laws disagree by is an error of extrapolation


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """The outcome at some inputs: the law's value `mean` and an interval `lo` to `hi` at `level`.

    Floats, or arrays of the broadcast shape of the inputs. `parts` are the relative standard deviations whose squares
    add up to the interval's: "parameters" (what the bootstrap refits disagree by), "residual" (how far one run lies
    off the law) and "extrapolation" (what the law itself errs by beyond the fitted runs). The first is half the central
    68% of the refits, the second that of a normal which holds as many of the fitted runs at the level: a few wild ones
    move neither.
    """

    at: dict[str, Any]
    mean: Any
    lo: Any
    hi: Any
    level: float
    parts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """What `froude predict --json` prints of one forecast."""
        return {"at": self.at, "mean": self.mean, "interval": [self.lo, self.hi], "level": self.level}


def forecast(fit: Fit, of: Literal["run", "mean"], inputs: Mapping[str, Any]) -> Forecast:
    """The forecast of fit at inputs; see `Fit.predict`.

    The interval is mean·exp(±z·σ), or mean ± z·σ·|mean| for plain residuals, where σ² is the sum of the squared parts
    and z the normal quantile of the level. The part of extrapolation is s·√((drift·reach)² + d²), where
    reach = ln(Πx / largest fitted Πx), at least 0, over the law's inputs x; d is the disagreement of the laws that an
    average is made of, which sets in gradually, up to twice the largest run; s is the stretch that published studies
    ask for at the level.
    """
    at = _checked(fit, of, inputs)
    log = fit.residual == "log"
    centre = fit.law(**at, **fit.params)
    reach = np.maximum(0.0, fit.reach(at))
    parts = {
        "parameters": _parameters(fit, at, centre),
        "residual": (_residual(fit) / (1.0 if log else np.abs(centre)) if of == "run" else 0.0) + 0.0 * centre,
        "extrapolation": learned().stretch_at(fit.level) * np.hypot(fit.drift * reach, apart(fit, at, reach)),
    }
    half = deviations_at(fit.level) * np.sqrt(sum(part**2 for part in parts.values()))
    with np.errstate(over="ignore"):  # what is known this badly may be anything
        lo, hi = (centre * np.exp(sign * half) if log else centre + sign * half * np.abs(centre) for sign in (-1, 1))
    return Forecast(
        at={x: _plain(values) for x, values in at.items() if fit.law.marks[x].domain != "history"},
        mean=_plain(centre),
        lo=_plain(lo),
        hi=_plain(hi),
        level=fit.level,
        parts={name: _plain(part) for name, part in parts.items()},
    )


def deviations_at(level: float) -> float:
    """How many standard deviations of a normal the central interval of a level reaches to either side."""
    return NormalDist().inv_cdf((1 + level) / 2)


def apart(fit: Fit, at: Mapping[str, Any], reach: np.ndarray) -> np.ndarray:
    """The relative error that the disagreement of an average's members shows beyond the runs, setting in with reach."""
    return _disagreement(fit, at) * np.minimum(1.0, reach / _FULLY_BEYOND)


def _parameters(fit: Fit, at: Mapping[str, Any], centre: np.ndarray) -> np.ndarray:
    """The relative standard deviation that the bootstrap refits give the law's value."""
    ndim = len(_shape(at))
    tall = {name: fit.draws[:, k].reshape(-1, *(1,) * ndim) for k, name in enumerate(fit.law.parameters)}
    with np.errstate(all="ignore"):
        drawn = fit.law(**at, **tall)
        # A wild draw far outside the runs may overflow: 1e304 says so too.
        return _deviation(np.clip(np.log(drawn), -700, 700) if fit.residual == "log" else drawn / np.abs(centre))


def _residual(fit: Fit) -> float:
    """The standard deviation of a normal that holds as many residuals at the fit's level as there are."""
    # Fitted runs lie closer to the law than others will.
    n, p = len(fit.residuals), fit.n_parameters
    held = np.quantile(np.abs(fit.residuals), fit.level) * np.sqrt(n / max(n - p, 1))
    return float(held) / deviations_at(fit.level)


def _disagreement(fit: Fit, at: Mapping[str, Any]) -> np.ndarray:
    """The weighted standard deviation of the logarithms that the members of an average foretell."""
    logs, shares = [], []
    for law, share in fit.law.members:
        own = {name: fit.params[f"{law.name}.{name}"] for name in law.parameters}
        logs.append(np.log(law(**at, **own)))
        shares.append(share)
    if not logs:
        return np.zeros(_shape(at))
    centre = np.average(logs, axis=0, weights=shares)
    return np.sqrt(np.average((np.asarray(logs) - centre) ** 2, axis=0, weights=shares))


def _checked(fit: Fit, of: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    if of not in ("run", "mean"):
        raise InputError(f"of = {of!r}: give 'run' or 'mean'")
    wanted = " and ".join(fit.law.inputs)
    for x in inputs:
        if x not in fit.law.inputs:
            raise InputError(f"{fit.law.name} takes no {x}: give {wanted}")
    for x in fit.law.inputs:
        if x not in inputs:
            raise InputError(f"{fit.law.name} needs {x} to predict: give {wanted}")
    at = {x: fit.law.marks[x].read(inputs[x]) for x in fit.law.inputs}
    for x, values in at.items():
        bad = ~fit.law.marks[x].holds(values)
        if bad.any():
            raise InputError(f"{x} = {values[bad].flat[0]:g}: {fit.law.name} needs {x} {fit.law.marks[x].needs}")
    return at


def _shape(at: Mapping[str, Any]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(values.shape for values in at.values()))


def _deviation(samples: np.ndarray) -> np.ndarray:
    low, high = np.quantile(samples, [0.1587, 0.8413], axis=0)
    return (high - low) / 2


def _plain(values: Any) -> Any:
    return float(values) if np.ndim(values) == 0 else np.asarray(values)
