"""The estimation below every fit: random starts, the best minimum, bootstrap refits and diagnostics."""

from collections.abc import Sequence

import numpy as np

from froude.fitting.bootstrap import cluster_groups, draw_points, reweigh
from froude.fitting.diagnostics import diagnose
from froude.fitting.direction import check_direction
from froude.fitting.evidence import FitEvidence, best_row
from froude.fitting.extrapolation import shipped
from froude.fitting.fits import Fit
from froude.fitting.identification import check_determined
from froude.fitting.many_rows import is_many, search_some
from froude.fitting.measured import Measured, check_enough, measure
from froude.fitting.options import DEFAULT_OPTIONS, FitOptions
from froude.fitting.other_units import other_unit
from froude.fitting.problem import FIRST_STEPS, OF_TANK, FitProblem, make_problem, search
from froude.fitting.solver import Minima, minimise
from froude.laws import Law
from froude.runs import Runs

_FINISHED = 4  # of random starts, where only the lowest minimum counts


def estimate(law: Law, runs: Runs, y: str = "loss", *, options: FitOptions = DEFAULT_OPTIONS) -> Fit:
    """Fit law to the outcome y of runs without hold-outs: for what needs its parameters and makes no forecast.

    The drift is that of published studies alone. All else is as `fit` has it, in less time.
    """
    return build_fit(gather_evidence(law, measure_alike([law], runs, y)[0], runs, y, options))


def measure_alike(laws: Sequence[Law], runs: Runs, y: str) -> list[Measured]:
    """The rows that each law can be fitted to, without those whose outcome the first sees in another unit."""
    measured = [measure(law, runs, y) for law in laws]
    apart = measured[0].rows[other_unit(laws[0], measured[0])]
    return [each.leave_out(apart) for each in measured] if apart.size else measured


def gather_evidence(law: Law, measured: Measured, runs: Runs, y: str, options: FitOptions) -> FitEvidence:
    """All that a fit of law to the measured rows of runs is judged by.

    InputError where they are too few or too alike, and where the outcome rises and the law can only fall.
    """
    check_enough(law, measured, y)
    check_direction(law, measured, y)
    start_rng, draw_rng = (np.random.default_rng(s) for s in np.random.SeedSequence(options.seed).spawn(2))
    groups = measured.stretches if options.cluster is None else cluster_groups(runs, measured.rows, options.cluster)
    problem = _problem(law, measured, options)
    if groups is None and is_many(measured):
        minima, refitted = search_some(problem, measured, options, start_rng, draw_rng)
    else:
        minima = search(problem, options.starts, start_rng)
        best = minima.points[best_row(minima)]
        check_determined(problem, best, measured)
        weights = reweigh(options.draws, np.arange(measured.n) if groups is None else groups, draw_rng)
        refitted = draw_points(problem, best, problem.weights * weights, draw_rng)
    return FitEvidence(runs, y, measured, problem, minima, refitted, options)


def _problem(law: Law, measured: Measured, options: FitOptions) -> FitProblem:
    return make_problem(law, measured.given, measured.y, options.emphasis, OF_TANK if options.of_tank else None)


def solve(
    law: Law, measured: Measured, starts: int, rng: np.random.Generator, options: FitOptions = DEFAULT_OPTIONS
) -> tuple[FitProblem, Minima]:
    """The problem of fitting law to what was measured, and the lowest minima that random starts lead to.

    All go some way, the best few to the end: how many starts agree, it does not tell.
    """
    problem = _problem(law, measured, options)
    points, weights = problem.starts(starts, rng), np.tile(problem.weights, (starts, 1))
    some = minimise(problem.residuals, points, weights, problem.space(), max_steps=FIRST_STEPS)
    best = np.argsort(some.objectives)[:_FINISHED]
    return problem, minimise(problem.residuals, some.points[best], weights[best], problem.space())


def build_fit(evidence: FitEvidence) -> Fit:
    """The fit that the evidence makes."""
    best, minima = evidence.best, evidence.minima
    return Fit(
        law=evidence.problem.law,
        y=evidence.y,
        params=evidence.params,
        intervals=evidence.intervals,
        level=evidence.options.level,
        n=evidence.measured.n,
        diverged=evidence.measured.diverged.size,
        objective=float(minima.objectives[best]),
        starts_tried=len(minima.points),
        starts_agree=int(evidence.agree.sum()),
        converged=bool(minima.converged[best]),
        gradient=float(minima.gradients[best]),
        warnings=diagnose(evidence),
        of_checkpoints=evidence.trainings is not None,
        draws=np.stack(list(evidence.draws.values()), axis=1),
        residuals=evidence.residuals,
        inputs=evidence.measured.inputs,
        rows=evidence.measured.rows,
        seed=evidence.options.seed,
        drift=shipped().of(evidence.problem.law, has_bias=False).drift,
        of_tank=evidence.options.of_tank,
    )
