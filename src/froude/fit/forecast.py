"""What a fit says about a run that was not made, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from froude.errors import InputError

if TYPE_CHECKING:
    from froude.fit.fit import Fit


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """The outcome at some inputs: the law's value `mean` and an interval `lo` to `hi` at `level`.

    Floats, or arrays of the broadcast shape of the inputs. `parts` are the relative standard deviations that
    make up the interval: "parameters" (what the bootstrap refits disagree by), "residual" (how far one run
    lies off the law) and "extrapolation" (what the law itself errs by beyond the fitted runs). The first two
    are half the central 68% of their samples, which a few wild ones do not move.
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

    Samples pair each parameter draw with one residual of the fit, drawn anew and inflated by √(n/(n−P)) as
    the fitted runs lie closer to the law than others will, and with one normal deviation of relative size
    drift·ln(Πx / largest fitted Πx), Πx being the product of the law's inputs. The same deviations serve
    every input, so that a forecast does not depend on which others are asked for with it.
    """
    at = _checked(fit, of, inputs)
    columns = {name: fit.draws[:, k] for k, name in enumerate(fit.law.parameters)}
    ndim = np.broadcast(*at.values()).ndim
    tall = {name: column.reshape(-1, *(1,) * ndim) for name, column in columns.items()}
    log = fit.residual == "log"
    centre = fit.law(**at, **fit.params)
    unit = 1.0 if log else np.abs(centre)  # log samples are relative already
    with np.errstate(all="ignore"):
        drawn = fit.law(**at, **tall)
        # A wild draw far outside the runs may overflow: an interval up to 1e304 says so too.
        drawn = np.clip(np.log(drawn), -700, 700) if log else drawn

    rng = np.random.default_rng(fit.seed)
    noise = _residual_noise(fit, rng) if of == "run" else np.zeros(len(fit.draws))
    reach = np.log(np.prod(np.broadcast_arrays(*at.values()), axis=0) / fit.farthest)
    beyond = fit.drift * np.maximum(0.0, reach)
    noise, push = (a.reshape(-1, *(1,) * ndim) for a in (noise, rng.standard_normal(len(fit.draws))))
    samples = drawn + noise + beyond * unit * push
    lo, hi = np.quantile(samples, [(1 - fit.level) / 2, (1 + fit.level) / 2], axis=0)
    return Forecast(
        at={x: _plain(values) for x, values in at.items()},
        mean=_plain(centre),
        lo=_plain(np.exp(lo) if log else lo),
        hi=_plain(np.exp(hi) if log else hi),
        level=fit.level,
        parts={
            "parameters": _plain(_deviation(drawn) / unit),
            "residual": _plain(_deviation(noise) / unit * np.ones_like(centre)),
            "extrapolation": _plain(beyond),
        },
    )


def _checked(fit: Fit, of: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if of not in ("run", "mean"):
        raise InputError(f"of = {of!r}: give 'run' or 'mean'")
    wanted = " and ".join(fit.law.inputs)
    for x in inputs:
        if x not in fit.law.inputs:
            raise InputError(f"{fit.law.name} takes no {x}: give {wanted}")
    for x in fit.law.inputs:
        if x not in inputs:
            raise InputError(f"{fit.law.name} needs {x} to predict: give {wanted}")
    at = {x: np.asarray(inputs[x], dtype=float) for x in fit.law.inputs}
    for x, values in at.items():
        bad = ~fit.law.marks[x].holds(values)
        if bad.any():
            raise InputError(f"{x} = {values[bad].flat[0]:g}: {fit.law.name} needs {x} {fit.law.marks[x].needs}")
    return at


def _residual_noise(fit: Fit, rng: np.random.Generator) -> np.ndarray:
    n, p = len(fit.residuals), len(fit.params)
    # Residuals are predicted less measured, so a run lies at minus its residual from the law.
    return -rng.choice(fit.residuals, size=len(fit.draws)) * np.sqrt(n / max(n - p, 1))


def _deviation(samples: np.ndarray) -> np.ndarray:
    low, high = np.quantile(samples, [0.1587, 0.8413], axis=0)
    return (high - low) / 2


def _plain(values: Any) -> Any:
    return float(values) if np.ndim(values) == 0 else np.asarray(values)
