"""One law fitted to each group of runs that a column names, with parameters of its own or some shared by all."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack, final

import numpy as np

from froude.errors import InputError, shown
from froude.fitting.arguments import AUTO, read_law_first
from froude.fitting.choice import choose
from froude.fitting.estimation import build_fit, measure_alike
from froude.fitting.evidence import FitEvidence
from froude.fitting.fits import Fit
from froude.fitting.groups import groups_of, without_group
from froude.fitting.measured import Measured, check_enough, log_size
from froude.fitting.options import DEFAULT_OPTIONS, FitKeywords, FitOptions
from froude.fitting.shared_parameters import fit_jointly
from froude.fitting.solver import objective
from froude.laws import Law, get_law
from froude.laws.residual_scales import relative_error
from froude.provenance import Computed, Provenance, recorded
from froude.runs import Runs, RunsSource

_HELD_OUT = 0.25  # of the runs of each group, the largest: what shared and separate parameters are judged by
_JUDGED_DRAWS, _JUDGED_STARTS = 20, 8
_CLEARLY = 2.0  # standard errors
_FEWEST_SPARE = 2  # runs beyond the parameters, of each group, below those held out


@final
@dataclass(frozen=True, kw_only=True)
class SharingTest:
    """How well the law forecasts the largest quarter of each group's runs from the others: the mean relative error with
    the parameters shared, and with none shared, over `held_out` runs; `deviation` is the standard error of the mean
    difference of the two."""

    shared_error: float
    separate_error: float
    deviation: float
    held_out: int

    @property
    def is_supported(self) -> bool:
        """Whether sharing forecasts no worse, or not clearly: fewer parameters are then the better ones to keep."""
        return self.shared_error - self.separate_error <= _CLEARLY * self.deviation


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GroupedFit(Computed):
    """A fit for each value of the column `by`; the parameters `shared` are the same in all.

    `without` is the number of runs that have no value there. `test` compares sharing with not sharing, where something
    is shared and the runs are enough to hold some out.
    """

    by: str
    fits: Mapping[str, Fit]
    shared: tuple[str, ...]
    without: int = 0
    test: SharingTest | None = None

    def stamped(self, provenance: Provenance) -> "GroupedFit":
        """The same with its provenance, which its fits have too."""
        fits = {value: fit.stamped(provenance) for value, fit in self.fits.items()}
        return replace(self, provenance=provenance, fits=fits)

    def to_dict(self) -> dict[str, Any]:
        """The fits as JSON; `froude fit --by --json` prints it."""
        return {
            "by": self.by,
            "shared": list(self.shared),
            "without": self.without,
            "test": self.test
            and {
                "shared_error": self.test.shared_error,
                "separate_error": self.test.separate_error,
                "deviation": self.test.deviation,
                "held_out": self.test.held_out,
                "is_supported": self.test.is_supported,
            },
            "fits": {value: replace(fit, provenance=None).to_dict() for value, fit in self.fits.items()},
            **self.origin,
        }


@recorded
def fit_by(
    law: Law | str,
    runs: RunsSource,
    by: str,
    y: str = "loss",
    *,
    x: str | None = None,
    shared: Sequence[str] = (),
    options: FitOptions = DEFAULT_OPTIONS,
    **changes: Unpack[FitKeywords],
) -> GroupedFit:
    """Fit law to the outcome y of the runs of each value of the column `by`, as `fit` does.

    The parameters `shared` are the same in all groups, and all are then fitted at once: Σ Huber(residual) over all runs
    is least, and refits reweigh all runs together. Drift is then that of published studies. InputError for a column
    that has one value or too many, for parameters that the law has not, and where the runs of a group cannot be
    fitted, naming it.
    """
    table = read_law_first("fit_by", law, runs)
    options = options.change(**changes)
    groups = groups_of(table, by, y)
    shared = tuple(shared)
    if not shared:
        fits = {
            value: _naming(by, value, lambda part=part: choose(part, y, laws=law, x=x, options=options).fit)
            for value, part in groups.items()
        }
        return GroupedFit(by=by, fits=fits, shared=(), without=without_group(table, by, y))
    found = _shared_law(law, x, shared)
    measured = {
        value: _naming(by, value, lambda part=part: _measured(found, part, y)) for value, part in groups.items()
    }
    fits = _joint_fits(found, measured, groups, y, shared, options)
    test = _test(found, [*measured.values()], shared, options)
    return GroupedFit(by=by, fits=fits, shared=shared, without=without_group(table, by, y), test=test)


def _shared_law(law: Law | str, x: str | None, shared: Sequence[str]) -> Law:
    """The law that shares these parameters. InputError where it cannot."""
    if law == AUTO:
        raise InputError(
            "auto averages several laws, which share no parameters: name one law, or leave out what is shared"
        )
    found = get_law(law, x) if isinstance(law, str) else law if x is None else law.over(x)
    for name in shared:
        if name not in found.parameters:
            raise InputError(
                f"{found.name} has no parameter {shown(name)} to share: it has {', '.join(found.parameters)}"
            )
    if {*shared} == {*found.parameters}:
        raise InputError(f"all parameters of {found.name} are shared: that is one law, fit it without --by")
    return found


def _measured(law: Law, runs: Runs, y: str) -> Measured:
    measured = measure_alike([law], runs, y)[0]
    if measured.histories or measured.stretches is not None:
        raise InputError(f"{law.name} is fitted along curves: its parameters cannot be shared between groups")
    check_enough(law, measured, y)
    return measured


def _naming(by: str, value: str, made: Any) -> Any:
    """What is made of a group; an InputError says of which."""
    try:
        return made()
    except InputError as error:
        raise InputError(f"{by} = {value}: {error}") from None


def _joint_fits(
    law: Law,
    measured: Mapping[str, Measured],
    groups: Mapping[str, Runs],
    y: str,
    shared: Sequence[str],
    options: FitOptions,
) -> dict[str, Fit]:
    joint = fit_jointly(law, [*measured.values()], shared, options)
    parts = zip(measured.items(), joint.problems, joint.minima, joint.refits, strict=True)
    return {
        value: _of_its_own(build_fit(FitEvidence(groups[value], y, part, problem, minima, refits, options)))
        for (value, part), problem, minima, refits in parts
    }


def _of_its_own(fit: Fit) -> Fit:
    """The fit of a group, whose minimum is one of all groups, with the objective of its own runs."""
    return replace(fit, objective=float(objective(fit.residuals)))


def _test(law: Law, parts: Sequence[Measured], shared: Sequence[str], options: FitOptions) -> SharingTest | None:
    """Sharing judged by forecasts of the largest runs of each group; None where too few are left to fit."""
    sizes = [log_size(law, part.inputs) for part in parts]
    below = [np.argsort(np.argsort(size, kind="stable")) < math.floor(size.size * (1 - _HELD_OUT)) for size in sizes]
    smaller = [part.take(rows) for part, rows in zip(parts, below, strict=True)]
    if any(part.n < len(law.parameters) + _FEWEST_SPARE for part in smaller):
        return None
    larger = [part.take(~rows) for part, rows in zip(parts, below, strict=True)]
    quick = options.change(draws=_JUDGED_DRAWS, starts=_JUDGED_STARTS)
    together, apart = (_errors(law, smaller, larger, names, quick) for names in (shared, ()))
    worse = together - apart
    return SharingTest(
        shared_error=float(together.mean()),
        separate_error=float(apart.mean()),
        deviation=float(worse.std(ddof=1) / math.sqrt(worse.size)),
        held_out=worse.size,
    )


def _errors(
    law: Law, smaller: Sequence[Measured], larger: Sequence[Measured], shared: Sequence[str], options: FitOptions
) -> np.ndarray:
    """The relative errors of the larger runs of all groups, without signs."""
    joint = fit_jointly(law, smaller, shared, options)
    errors = []
    for part, problem, minima in zip(larger, joint.problems, joint.minima, strict=True):
        params = problem.parameters(minima.points[[int(np.argmin(minima.objectives))]])
        predicted = law(**part.given, **{name: value[0] for name, value in params.items()})
        off = relative_error(law.residual, law.on_scale(predicted) - law.on_scale(part.y))
        errors.append(np.abs(off if law.is_relative else off / part.y))
    return np.concatenate(errors)
