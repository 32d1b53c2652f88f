"""The outcome of a run that was not made, as a fit forecasts it, with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Literal, final

import numpy as np

from froude.errors import InputError, shown
from froude.fitting.checkpoints import WORTH_OF_DECAY
from froude.fitting.distance import distance_beyond, factors_beyond, grown
from froude.fitting.extrapolation import shipped
from froude.fitting.fitted_law import FittedLaw, Forecaster
from froude.fitting.measured import log_size
from froude.fitting.residuals import residual_deviation
from froude.fitting.small_samples import deviations_at, widened
from froude.laws import Law
from froude.laws.residual_scales import holds, to_scale
from froude.provenance import Computed

_FULLY_BEYOND = np.log(2)  # from twice the largest run on, what laws disagree by is an error of extrapolation


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Forecast(Computed):
    """The outcome at some inputs: the law's value `mean` and an interval `lo` to `hi` at `level`.

    Floats, or arrays of the broadcast shape of the inputs. `parts` are the relative standard deviations whose squares
    add up to the interval's: "parameters" (what the bootstrap refits disagree by), "residual" (how far one run lies off
    the law) and "extrapolation" (what the law itself errs by beyond the fitted runs). The first two are those of
    normals that hold as many of the refits, and of the fitted runs, at the level: a few wild ones move neither. Refits
    that lie mostly to one side of the law's value make the interval longer there; the part is the mean of both sides.
    Where nothing is known of the errors `lo` and `hi` are None. What is forecast is `y`, `of` one run or of the mean of
    many; `by` names the law, and `fit` is what forecast it, where a fit or published constants did. `beyond` says by
    which factor each input lies beyond the fitted runs: above 1 that of the largest, below 1 that of the smallest, 1
    among them; `distance` is the factor of all together, 1 inside, None where nothing was extrapolated by size.
    `taken_out` is the relative correction in `mean` for what laws of its kind have erred by so far beyond their runs:
    below 0 where they have been too high.
    """

    at: dict[str, Any]
    mean: Any
    lo: Any
    hi: Any
    level: float
    parts: dict[str, Any]
    y: str = "loss"
    by: str = ""
    of: Literal["run", "mean"] = "run"
    fit: Forecaster | None = field(default=None, repr=False)
    beyond: dict[str, Any] = field(default_factory=dict)
    distance: Any | None = None
    taken_out: Any = 0.0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What weakens it: the warnings of its fit, a sentence each."""
        return () if self.fit is None else self.fit.warnings

    @property
    def notes(self) -> tuple[str, ...]:
        """What published constants speak of, a sentence each; nothing where runs were fitted."""
        return () if self.fit is None else self.fit.notes

    def probability_below(self, goal: float) -> Any:
        """The probability that the outcome comes out below a goal, as the interval and its level say.

        It is that of a normal to either side of `mean`, of the logarithm where residuals are logarithms. InputError for
        a goal that no outcome can be.
        """
        if self.lo is None:
            raise InputError(f"{self.by} has no interval: ask for no goal")
        scale = "log" if self.fit is None else self.fit.law.residual
        if not np.isfinite(goal) or not holds(scale, goal):
            needs = {"log": " above 0", "log error": " below 1"}.get(scale, "")
            raise InputError(f"a goal of {shown(goal)}: give a {self.y}{needs}")
        mean, lo, hi, end = (to_scale(scale, value) for value in (self.mean, self.lo, self.hi, goal))
        side = np.where(end < mean, mean - lo, hi - mean) / deviations_at(self.level)
        with np.errstate(divide="ignore", invalid="ignore"):  # without any doubt it is one or the other
            deviations = np.nan_to_num((end - mean) / side, nan=0.0)
        return _plain(np.vectorize(NormalDist().cdf)(deviations))

    def to_dict(self) -> dict[str, Any]:
        """What `froude predict --json` prints of one forecast.

        "checked_to" is the farthest "distance" at which runs of published studies were held out.
        """
        return {
            "at": {x: _as_json(values) for x, values in self.at.items()},
            "mean": _as_json(self.mean),
            "interval": [_as_json(self.lo), _as_json(self.hi)],
            "level": self.level,
            "beyond": {x: _as_json(factor) for x, factor in self.beyond.items()},
            "distance": _as_json(self.distance),
            "taken_out": _as_json(self.taken_out),
            "checked_to": float(np.exp(shipped().farthest)),
            "warnings": list(self.warnings),
            **({"notes": list(self.notes)} if self.notes else {}),
            **self.origin,
        }


@np.errstate(over="ignore")  # what is known badly, or lies absurdly far out, may be anything
def forecast(fit: FittedLaw, of: Literal["run", "mean"], inputs: Mapping[str, Any]) -> Forecast:
    """The forecast of fit at inputs; see `Fit.predict`.

    On the scale of the residuals the interval is mean ± z·σ, or mean ± z·σ·|mean| for plain ones, where σ² is the sum
    of the squared parts on that side and z the normal quantile of the level; see `extrapolation_error` for what the law
    errs by. It ends where no outcome can be, as above an error rate of 1.
    """
    law = fit.law
    at = check_inputs(law, of, inputs)
    taken_out = correction(fit, at)
    centre = law(**at, **fit.params)
    below, above = _parameters(fit, at, centre)
    parts = {
        "parameters": (below + above) / 2,
        "residual": (residual_deviation(fit, at) / _unit(law, centre) if of == "run" else 0.0) + 0.0 * centre,
        "extrapolation": extrapolation_error(fit, at),
    }
    centre = law.off_scale(law.on_scale(centre) + taken_out * _unit(law, centre))
    return forecast_of_parts(fit, of, at, centre, parts, (below, above), taken_out)


@np.errstate(over="ignore")
def forecast_of_parts(
    fit: Forecaster,
    of: Literal["run", "mean"],
    at: Mapping[str, Any],
    centre: np.ndarray,
    parts: Mapping[str, np.ndarray],
    sides: tuple[np.ndarray, np.ndarray] | None,
    taken_out: Any = 0.0,
) -> Forecast:
    """The forecast with this centre and these parts, of which that of parameters is sides[0] below and sides[1] above.

    Without an interval where there are no sides.
    """
    law, lo, hi = fit.law, None, None
    if sides is not None:
        rest, z = parts["residual"] ** 2 + parts["extrapolation"] ** 2, deviations_at(fit.level)
        ends = [sign * z * np.sqrt(side**2 + rest) for sign, side in zip((-1, 1), sides, strict=True)]
        lo, hi = (_plain(law.off_scale(law.on_scale(centre) + end * _unit(law, centre))) for end in ends)
    return Forecast(
        at={x: _plain(values) for x, values in at.items() if fit.law.marks[x].domain != "history"},
        mean=_plain(centre),
        lo=lo,
        hi=hi,
        level=fit.level,
        parts={name: _plain(part) for name, part in parts.items()},
        y=fit.y,
        by=fit.law.name,
        of=of,
        fit=fit,
        beyond={x: _plain(factor) for x, factor in factors_beyond(fit.law, fit.inputs, at).items()},
        distance=_plain(np.exp(distance_beyond(fit.law, fit.inputs, at))),
        taken_out=_plain(np.expm1(taken_out)),
    )


def correction(fit: FittedLaw, at: Mapping[str, Any]) -> np.ndarray:
    """What a forecast adds to the logarithm of the law's value at inputs: the fit's bias, so far beyond its runs.

    It grows as far as the runs of published studies reach; whether it goes on there, nobody has seen.
    """
    return -fit.bias * np.clip(fit.reach(at), 0.0, shipped().farthest)


def extrapolation_error(fit: FittedLaw, at: Mapping[str, Any]) -> np.ndarray:
    """The relative standard deviation of what the law itself errs by at inputs beyond the fitted runs.

    Its square is the sum of those of three. s·√((drift·distance)² + d²): the distance is that of `distance_beyond`,
    grown where no study reaches nearly as far; d is the disagreement of the laws that an average is made of, which
    sets in gradually, up to twice the largest run; s is the stretch that published studies ask for at the level. The
    pattern in the residuals, going on as it ends. And for rows that are points of trainings, what a decay of the
    learning rate is worth (`WORTH_OF_DECAY`), at the slope over the last factor e of the largest: it is there among the
    rows too. For trainings of a pilot the first is what pilots before erred by, as far as theirs went.
    """
    distance = grown(distance_beyond(fit.law, fit.inputs, at))
    if fit.of_tank:
        known = np.minimum(distance, shipped().tank.farthest)
        farther, other = distance - known, shipped().other
        spread = other.stretch_at(fit.level) * _spread(fit, at, other.drift * farther, farther)
        squares = (fit.drift * known) ** 2 + spread**2
    else:
        # A law through all runs has no other part that would hold what parameters leave open.
        learned = shipped().of(fit.law, has_bias=bool(fit.bias))
        stretch = 1.0 if fit.interpolates else learned.stretch_at(fit.level)
        squares = (stretch * _spread(fit, at, fit.drift * distance, distance)) ** 2
    if fit.misfit is not None:
        size = _unit(fit.law, fit.law(**at, **fit.params))
        squares = squares + (fit.misfit.error_at(at) / size) ** 2
    return np.sqrt(squares + _decay(fit) ** 2 if fit.of_checkpoints else squares)


def disagreement_beyond(fit: FittedLaw, at: Mapping[str, Any]) -> np.ndarray:
    """The relative error that the disagreement of an average's members shows beyond the runs, setting in gradually."""
    return _spread(fit, at, np.zeros(()), distance_beyond(fit.law, fit.inputs, at))


def _spread(fit: FittedLaw, at: Mapping[str, Any], drifted: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """What was gained by drift with the disagreement that has set in over a distance (in ln size), not stretched."""
    return np.hypot(drifted, _disagreement(fit, at) * np.minimum(1.0, distance / _FULLY_BEYOND))


def _decay(fit: FittedLaw) -> float:
    """The relative standard deviation that another learning-rate schedule leaves open, for points of trainings."""
    measured = fit.measured
    if measured is None:
        return 0.0
    size = log_size(fit.law, fit.inputs)
    last = int(np.argmax(size))
    grows = "D" if "D" in fit.inputs else next(x for x in fit.inputs if x != "N")
    of_last = np.all([values == values[last] for x, values in fit.inputs.items() if x not in (grows, "C")], axis=0)
    end = of_last & (size >= size[last] - 1)
    (slope, _) = np.polyfit(size[end], measured[end], 1) if end.sum() > 1 else (0.0, 0.0)
    return WORTH_OF_DECAY * abs(float(slope)) / abs(float(measured[last]))


def _parameters(fit: FittedLaw, at: Mapping[str, Any], centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The relative standard deviations that the bootstrap refits give the law's value, below it and above.

    None where the law goes through all runs: then the forecast rests on what laws of other studies erred by.
    """
    if fit.interpolates:
        return 0.0 * centre, 0.0 * centre
    ndim = len(_shape(at))
    tall = {name: fit.draws[:, k].reshape(-1, *(1,) * ndim) for k, name in enumerate(fit.law.parameters)}
    with np.errstate(all="ignore"):
        drawn = fit.law(**at, **tall)
        # A wild draw far outside the runs may overflow: 1e304 is as wide an interval.
        off = (fit.law.on_scale(drawn) - fit.law.on_scale(centre)) / _unit(fit.law, centre)
        off = np.clip(off, -700, 700) if fit.law.is_relative else off
        level = widened(fit.level, len(fit.residuals), fit.n_parameters)
        low, high = np.quantile(off, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.maximum(0.0, -low) / deviations_at(fit.level), np.maximum(0.0, high) / deviations_at(fit.level)


def _disagreement(fit: FittedLaw, at: Mapping[str, Any]) -> np.ndarray:
    """The weighted standard deviation of what the members of an average predict, on the scale of their residuals."""
    logs, shares = [], []
    for law, share in fit.law.members:
        own = {name: fit.params[f"{law.name}.{name}"] for name in law.parameters}
        logs.append(law.on_scale(law(**at, **own)))
        shares.append(share)
    if not logs:
        return np.zeros(_shape(at))
    centre = np.average(logs, axis=0, weights=shares)
    return np.sqrt(np.average((np.asarray(logs) - centre) ** 2, axis=0, weights=shares))


def _unit(law: Law, centre: np.ndarray) -> Any:
    """What a relative deviation of 1 is on the scale of the residuals."""
    return 1.0 if law.is_relative else np.abs(centre)


def check_inputs(law: Law, of: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a law as it takes them, in its order. InputError for one missing, unknown or out of its domain."""
    if of not in ("run", "mean"):
        raise InputError(f"of = {of!r}: give 'run' or 'mean'")
    wanted = " and ".join(law.inputs)
    for x in inputs:
        if x not in law.inputs:
            raise InputError(f"{law.name} takes no {x}: give {wanted}")
    for x in law.inputs:
        if x not in inputs:
            raise InputError(f"{law.name} needs {x} to predict: give {wanted}")
    at = {x: law.marks[x].read(inputs[x]) for x in law.inputs}
    for x, values in at.items():
        bad = ~law.marks[x].holds(values)
        if bad.any():
            raise InputError(f"{x} = {values[bad].flat[0]:g}: {law.name} needs {x} {law.marks[x].needs}")
    return at


def _shape(at: Mapping[str, Any]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(values.shape for values in at.values()))


def _as_json(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) else values


def _plain(values: Any) -> Any:
    return float(values) if np.ndim(values) == 0 else np.asarray(values)
