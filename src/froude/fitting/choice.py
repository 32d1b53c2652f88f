"""Fits judged by hold-outs: laws weigh by how well they predict the largest runs from the smaller ones.

`fit` and `choose` both go this way, for one law too: hold-outs teach how far a forecast may be trusted beyond the runs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack, final

import numpy as np

from froude.errors import InputError
from froude.fitting.arguments import AUTO, each_law, read_law_first, read_runs_first
from froude.fitting.bootstrap import refits
from froude.fitting.diagnostics import diagnose
from froude.fitting.doubts import about_misfit, few_runs, guessed_inputs, points_of_trainings
from froude.fitting.estimation import build_fit, gather_evidence, measure_alike, solve
from froude.fitting.evidence import FitEvidence, best_row
from froude.fitting.extrapolation import shipped
from froude.fitting.fits import Fit
from froude.fitting.held_out import HeldOut, held_out_error, update_drift, weigh
from froude.fitting.identification import FEWEST_TO_SPARE, UndeterminedError
from froude.fitting.many_rows import is_many
from froude.fitting.measured import Measured, log_size
from froude.fitting.options import DEFAULT_OPTIONS, FitKeywords, FitOptions
from froude.fitting.outcomes import LAWS, Outcome, OutcomeKind, check_kind, recognise
from froude.fitting.outliers import far_off
from froude.fitting.procedures.sweep_optima import SweepOptima
from froude.fitting.rules import optima_to_fit
from froude.fitting.solver import objective
from froude.laws import Law, average, get_law
from froude.provenance import Computed, Provenance, recorded
from froude.runs import Runs, RunsSource

CUTS = (1.5, 2, 3, 4, 6, 8)  # runs up to the largest over a cut are fitted, the others forecast
FEWEST_SIZES = 3  # below a cut: with two sizes a floor and an exponent cannot be told apart
FEWEST_RUNS = 6  # below a cut
LEAST_FITTED = 0.3  # of all runs, below a cut: with fewer, laws are judged on what too few runs determine
STARTS = 14  # for a fit below a cut
SMALLEST_STUDIED = 1e6  # parameters: the smallest models of published studies have five million
_FARTHEST_OFF = math.log(1e6)  # that a forecast counts as wrong, in ln outcome
CLEARLY_BETTER = (
    0.8  # times the error held out of laws of error rates: below, what stays below 1 is a loss all the same
)
PLACES_A_PARAMETER = 2  # where runs repeat places, as seeds do: what is repeated tells of noise and not of shape
EMPHASIS = 0.5  # of large runs, where several laws are averaged: what small ones teach bends the laws where it matters


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LawCandidate:
    """A law fitted to all runs, how it did at every cut, and its relative error there (see `held_out_error`), the bias
    that it has had in published studies left out."""

    fit: Fit
    held_out: tuple[HeldOut, ...]
    error: float


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Choice(Computed):
    """The average of the candidates as a `fit`, beside the candidates, the best first, and their shares in it.

    A share is the inverse square of the candidate's held-out error over the sum of all; shares below LEAST_SHARE are
    none. `held_out` is how the average did at every cut, from which `fit.drift` and `fit.bias` are updated. `outcome`
    is what the outcome was taken for, and `optima` are the best settings of each size that a rule, as step-law-lr, was
    fitted to; None for laws of an outcome.
    """

    fit: Fit
    candidates: tuple[LawCandidate, ...]
    shares: tuple[float, ...]
    held_out: tuple[HeldOut, ...]
    outcome: Outcome
    optima: SweepOptima | None = None

    def stamped(self, provenance: Provenance) -> "Choice":
        """The same with its provenance, which its fit has too."""
        return replace(self, provenance=provenance, fit=self.fit.stamped(provenance))

    def to_dict(self) -> dict[str, Any]:
        """The average as JSON, with the table behind it; `froude fit --law auto --json` prints it."""
        return {**self.fit.to_dict(), "choice": self.candidates_to_dict(), **self.origin}

    def candidates_to_dict(self) -> list[dict[str, Any]]:
        """The table behind the choice, the best law first."""
        return [
            {"law": each.fit.law.name, "share": share, "held_out_error": each.error, "cuts": len(each.held_out)}
            for each, share in zip(self.candidates, self.shares, strict=True)
        ]


@recorded
def fit(
    law: Law | str,
    runs: RunsSource,
    y: str = "loss",
    *,
    x: str | None = None,
    options: FitOptions = DEFAULT_OPTIONS,
    **changes: Unpack[FitKeywords],
) -> Fit:
    """Fit law to the outcome y of runs, from random starts, with a bootstrap of the runs for the uncertainty.

    Runs are a path, a dataframe, a study or `Runs`. It is the fit that `choose` makes of this law alone: hold-outs of
    these runs tell how fast its forecasts err beyond them. The law "auto" is the average that it makes of several.
    `x` is the input of a law of one input. Fields of `options` may be given by themselves: `fit("chinchilla", runs,
    draws=200)`. Diverged runs are counted and not fitted. A rule, as step-law-lr, is fitted to the optima of a sweep,
    as `choose` says. What weakens the fit is said in `warnings`, a sentence each.
    InputError where the runs cannot be fitted at all, giving the reason.
    """
    return choose(read_law_first("fit", law, runs), y, laws=law, x=x, options=options, **changes).fit


@recorded
def choose(
    runs: RunsSource,
    y: str = "loss",
    *,
    laws: Law | str | Sequence[Law | str] = "auto",
    x: str | None = None,
    options: FitOptions = DEFAULT_OPTIONS,
    **changes: Unpack[FitKeywords],
) -> Choice:
    """The laws that predict the largest runs from the smaller ones, averaged, and how far to trust them beyond.

    At each of CUTS the runs below are fitted and all above forecast; in-sample error plays no part, but that a run
    which lies far off every candidate fitted to all judges none, nor does one whose outcome is 0, as errors are
    relative. Where laws of a loss over N and D are averaged and models are as large as those of published studies,
    large runs weigh more (EMPHASIS), and what such laws have erred by there is taken out, sharpened by the cuts.
    `laws` may be one law, which is then taken alone. "auto" tries the LAWS of the outcome's kind: those of N and D
    where both vary, else those of one input over x, or over the one of N, D and C that varies; of these, laws that
    the runs do not determine, and those with hardly fewer parameters than there are runs, are passed over. Where a
    loss may as well be an error rate, it is taken for one unless the laws of losses predict the larger runs clearly
    better. A rule of the best learning rate or batch is fitted to the best of each size (`sweep_optima`), which the
    outcome tells; where y is the setting itself, to the rows as they are. Fields of `options` may be given by
    themselves, as for `fit`. InputError where no candidate can be fitted, and for a law of another kind of outcome.
    """
    runs = read_runs_first("choose", runs, y, "choose(runs, laws='auto')")
    options = options.change(**changes)
    outcome = recognise(runs, y, options.kind)
    if laws != AUTO:
        candidates = [_resolve(law, x) for law in each_law(laws)]
        for law in candidates:
            check_kind(law, outcome, y)
        if optima := optima_to_fit(candidates, runs, y, options):
            return replace(_choose(candidates, optima.runs, optima.over[0], outcome, options), optima=optima)
        return _choose(candidates, runs, y, outcome, options)
    choice = _choose(_candidates(runs, y, outcome.kind, x), runs, y, outcome, options)
    if not outcome.is_open:
        return choice
    rates = replace(outcome, kind="error-rate")
    try:
        other = _choose(_candidates(runs, y, rates.kind, x), runs, y, rates, options)
    except InputError:
        return choice
    clearly = held_out_error(choice.held_out) < CLEARLY_BETTER * held_out_error(other.held_out)
    return choice if clearly else other


def _choose(candidates: Sequence[Law], runs: Runs, y: str, outcome: Outcome, options: FitOptions) -> Choice:
    """The average of candidates, laws of the same kind of outcome."""
    studied = is_as_studied(candidates, runs)
    if studied and not options.emphasis:
        options = options.change(emphasis=EMPHASIS)
    evidence = _gather(candidates, runs, y, options)
    sound = ~np.all([far_off(each.problem.law, each.residuals, each.measured.y) for each in evidence], axis=0)
    sound &= evidence[0].measured.y != 0
    evidence_of = {build_fit(each): each for each in evidence}
    published = shipped().of(candidates[0], has_bias=studied)
    cuts = {fit: tuple(forecast_cuts(each, sound)) for fit, each in evidence_of.items()}
    weighed = weigh({fit: (cuts[fit], published.bias.get(fit.law.name, 0.0)) for fit in cuts})
    members = {each: share for each, share in weighed.shares.items() if share}
    fit = replace(
        _average_fits(members, [evidence_of[each] for each in members]),
        drift=shipped().tank.drift if options.of_tank else update_drift(published.drift, weighed.held_out),
        bias=weighed.bias if studied else 0.0,
        hold_outs=len(weighed.held_out),
    )
    return Choice(
        fit=fit,
        candidates=tuple(
            LawCandidate(fit=each, held_out=cuts[each], error=weighed.error[each]) for each in weighed.shares
        ),
        shares=tuple(weighed.shares.values()),
        held_out=weighed.held_out,
        outcome=outcome,
    )


def is_as_studied(laws: Sequence[Law], runs: Runs) -> bool:
    """Whether several laws of a loss over N and D are averaged, over models of a size of which published studies tell
    the bias."""
    of_both = len(laws) > 1 and all({"N", "D"} <= {*law.inputs} and law.output.most > 1 for law in laws)
    return of_both and bool(np.nanmax(runs["N"], initial=0.0) >= SMALLEST_STUDIED)


def _gather(laws: Sequence[Law], runs: Runs, y: str, options: FitOptions) -> list[FitEvidence]:
    """The evidence for each law that the runs determine; InputError where they determine none."""
    gathered, refused = [], []
    for law, measured in zip(laws, measure_alike(laws, runs, y), strict=True):
        try:
            gathered.append(gather_evidence(law, measured, runs, y, options))
        except UndeterminedError as error:
            refused.append(error)
    if not gathered:
        raise refused[0]
    return gathered


def forecast_cuts(evidence: FitEvidence, sound: np.ndarray) -> Iterator[HeldOut]:
    """The forecasts of sound runs (n,) at every cut that leaves enough to fit; cuts that part them alike count once."""
    law, measured = evidence.problem.law, evidence.measured.take(sound)
    size = log_size(law, measured.inputs)
    fewest = max(FEWEST_RUNS, len(law.parameters) + 1, LEAST_FITTED * measured.n)
    seen = set()
    for cut in CUTS:
        below = size <= size.max() - math.log(cut)
        if below.sum() in seen:
            continue
        seen.add(below.sum())
        smaller = measured.take(below)
        if smaller.n < fewest or min(len(np.unique(values)) for values in smaller.inputs.values()) < FEWEST_SIZES:
            return
        larger = measured.take(~below)
        forecast = law(**larger.given, **_fit_smaller(evidence, smaller))
        with np.errstate(divide="ignore"):  # a rule may give 0
            errors = law.on_scale(forecast) - law.on_scale(larger.y)
        errors = np.clip(errors, -_FARTHEST_OFF, _FARTHEST_OFF) if law.is_relative else errors / np.abs(larger.y)
        yield HeldOut(n=smaller.n, errors=errors, reaches=size[~below] - size[below].max())


def _fit_smaller(evidence: FitEvidence, smaller: Measured) -> dict[str, float]:
    """The parameters of the law fitted to the smaller runs: of many, as near as may be to those of all runs."""
    problem, options = evidence.problem, evidence.options
    if is_many(evidence.measured):
        weights = problem.weights * np.isin(evidence.measured.rows, smaller.rows)
        minima = refits(problem, evidence.point[0], weights[None])
    else:
        rng = np.random.default_rng(options.seed)
        problem, minima = solve(problem.law, smaller, STARTS, rng, options)
    return {name: float(value[0]) for name, value in problem.parameters(minima.points[[best_row(minima)]]).items()}


def _candidates(runs: Runs, y: str, kind: OutcomeKind, x: str | None) -> list[Law]:
    suitable = _suitable_laws(runs, kind, x)
    finite = runs.finite(y, ())
    places = len(np.unique([runs[role][finite] for role in suitable[0].inputs], axis=1).T)
    most = finite.sum() - FEWEST_TO_SPARE
    if places < finite.sum():
        most = min(most, places / PLACES_A_PARAMETER)
    return [law for law in suitable if len(law.parameters) <= most] or suitable[:1]


def _resolve(law: Law | str, x: str | None) -> Law:
    if isinstance(law, str):
        return get_law(law, x)
    return law if x is None else law.over(x)


def _suitable_laws(runs: Runs, kind: OutcomeKind, x: str | None) -> list[Law]:
    joint, single = LAWS[kind]
    varying = [role for role in ("N", "D", "C") if role in runs and np.ptp(runs[role]) > 0]
    if x is None and {"N", "D"} <= {*varying}:
        return [get_law(name) for name in joint]
    if x is None and not varying:
        raise InputError("no input of the runs varies among N, D and C: name one with --columns, or a law with --law")
    return [get_law(name, x or varying[0]) for name in single]


def _average_fits(fits: Mapping[Fit, float], evidence: Sequence[FitEvidence]) -> Fit:
    """The fit of the average of laws, from the fits of its members to the same runs, the best first."""
    best = next(iter(fits))
    if len(fits) == 1:
        return best
    draws = min(len(each.draws) for each in fits)
    residuals = np.sum([each.residuals * share for each, share in fits.items()], axis=0)
    named = [(each.law.name, each) for each in fits]
    averaged = replace(
        best,
        law=average({each.law: share for each, share in fits.items()}),
        params={f"{name}.{k}": v for name, each in named for k, v in each.params.items()},
        intervals={f"{name}.{k}": v for name, each in named for k, v in each.intervals.items()},
        objective=objective(residuals),
        starts_agree=min(each.starts_agree for each in fits),
        converged=all(each.converged for each in fits),
        gradient=max(each.gradient for each in fits),
        draws=np.concatenate([each.draws[:draws] for each in fits], axis=1),
        residuals=residuals,
    )
    return _with_average_diagnostics(averaged, evidence)


def _with_average_diagnostics(averaged: Fit, evidence: Sequence[FitEvidence]) -> Fit:
    """An average with the warnings about its runs and its own residuals, and those of any member about its solver.

    That a parameter is not identified matters little here: its members' forecasts are drawn, and differ.
    """
    most = max(evidence, key=lambda each: len(each.params))
    lost = [
        f"{each.problem.law.name}: {sentence}" for each in evidence for sentence in diagnose(each, ("convergence",))
    ]
    misfit = averaged.misfit
    pattern = [about_misfit(misfit, averaged.law, averaged.y)] if misfit is not None else []
    forecasts = (*lost, *few_runs(most), *points_of_trainings(most), *pattern, *guessed_inputs(most))
    solver = [f"{each.problem.law.name}: {sentence}" for each in evidence for sentence in diagnose(each, ("solver",))]
    mixed, runs = (diagnose(evidence[0], (about,)) for about in ("mixtures", "runs"))
    return replace(averaged, warnings=(*forecasts, *mixed, *solver, *runs))
