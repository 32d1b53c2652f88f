"""Which laws to believe: those that predict the largest runs from the smaller ones, each by how well it does."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.diagnostics import doubts
from froude.fitting.estimation import Fit, check_options, fit_of, gather, log_size, solve
from froude.fitting.evidence import FitEvidence, best_row
from froude.fitting.extrapolation import learned
from froude.fitting.measured import Measured, measure
from froude.fitting.outliers import far_off
from froude.fitting.solver import objective
from froude.laws import Law, average, get_law
from froude.runs import Runs

# All have a floor: text has entropy, and small runs hide it.
JOINT_LAWS = ("chinchilla", "chinchilla-tied", "varying-exponent", "kaplan-floor")
SINGLE_LAWS = ("power-floor", "m3")
CUTS = (1.5, 2, 3, 4, 6, 8)  # runs up to the largest over a cut are fitted, the others forecast
FEWEST_SIZES = 3  # below a cut: with two sizes a floor and an exponent cannot be told apart
FEWEST_RUNS = 6  # below a cut
LEAST_KEPT = 0.3  # of all runs, below a cut: with fewer, laws are judged on what they were hardly told
STARTS = 14  # for a fit below a cut
TYPICAL_ERROR, PRIOR_CUTS = 0.02, 1  # a law that no cut has judged errs by so much, said with the weight of one cut
PRIOR_DRIFT_CUTS = 3  # with as much weight the published studies speak of how fast laws err
LEAST_SHARE = 0.02  # laws that weigh less are left out of an average
NEAREST = 0.3  # in ln size: errors of runs that lie no farther beyond the others say nothing of growth


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Larger runs forecast from the n smaller ones below one cut; `errors` (log forecast − log measured) and `reaches`
    (how far beyond the fitted runs, in ln size) are (held out,)."""

    n: int
    errors: np.ndarray
    reaches: np.ndarray

    @property
    def drift(self) -> float:
        """The error that was gained for each factor e beyond the fitted runs, root mean square."""
        return float(np.sqrt(np.mean(self.errors**2) / np.mean(np.maximum(self.reaches, NEAREST) ** 2)))


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LawCandidate:
    """A law fitted to all runs, and how it did at every cut."""

    fit: Fit
    held_out: tuple[HeldOut, ...]

    @property
    def error(self) -> float:
        """Relative error on held-out runs, TYPICAL_ERROR where none could be held out.

        It is the root mean square at each cut, and the geometric mean over cuts and PRIOR_CUTS typical ones: so laws
        are compared by the ratio of their errors, and a deep cut, whose few runs leave every law far off, does not
        outweigh the others.
        """
        logs = [math.log(np.mean(cut.errors**2) + 1e-8) for cut in self.held_out]
        total = PRIOR_CUTS * math.log(TYPICAL_ERROR**2) + sum(logs)
        return math.exp(total / (PRIOR_CUTS + len(logs)) / 2)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """The average of the candidates as a `fit`, beside the candidates, the best first, and their shares in it.

    A share is the inverse square of the candidate's held-out error over the sum of all; shares below LEAST_SHARE are
    none. `held_out` is how the average did at every cut, of which `fit.drift` is learned.
    """

    fit: Fit
    candidates: tuple[LawCandidate, ...]
    shares: tuple[float, ...]
    held_out: tuple[HeldOut, ...]

    def to_dict(self) -> list[dict[str, Any]]:
        """The table behind the choice, as `--json` prints it."""
        return [
            {"law": each.fit.law.name, "share": share, "held_out_error": each.error, "cuts": len(each.held_out)}
            for each, share in zip(self.candidates, self.shares, strict=True)
        ]


def choose(
    runs: Runs,
    y: str = "loss",
    *,
    laws: Law | str | Sequence[Law | str] = "auto",
    x: str | None = None,
    starts: int = 27,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.9,
    cluster: str | None = None,
) -> Choice:
    """The laws that predict the largest runs from the smaller ones, averaged, and how far to trust them beyond.

    At each of CUTS the runs below are fitted and all above forecast; in-sample error plays no part, but that a run
    which lies far off every candidate fitted to all judges none. `laws` may be one law, which is then taken alone.
    "auto" tries JOINT_LAWS where N and D both vary, else SINGLE_LAWS over x, or over the one of N, D and C that varies;
    of these, laws with as many parameters as there are runs are passed over. The other options are those of `fit`.
    InputError where no candidate can be fitted.
    """
    options = {"starts": starts, "draws": draws, "seed": seed, "level": level, "cluster": cluster}
    check_options(starts, draws, level)
    found = [gather(law, measure(law, runs, y), runs, y, **options) for law in _candidates(runs, y, laws, x)]
    sound = ~np.all([far_off(each.problem.law, each.residuals, each.measured.y) for each in found], axis=0)
    evidence = {fit_of(each, seed): each for each in found}
    candidates = [
        LawCandidate(fit=made, held_out=tuple(hold_outs(made.law, each.measured.take(sound), seed)))
        for made, each in evidence.items()
    ]
    best = tuple(sorted(candidates, key=lambda each: each.error))
    shares = _shares([each.error for each in best])
    held_out = _held_out_together(best, shares)
    members = {each.fit: share for each, share in zip(best, shares, strict=True) if share}
    averaged = _averaged(members, [evidence[each] for each in members])
    made = replace(averaged, drift=sharpened(learned().drift, held_out))
    return Choice(fit=made, candidates=best, shares=shares, held_out=held_out)


def hold_outs(law: Law, measured: Measured, seed: int) -> Iterator[HeldOut]:
    """The forecasts at every cut that leaves enough runs to fit; cuts that part the runs alike count once."""
    size = log_size(law, measured.inputs)
    fewest = max(FEWEST_RUNS, len(law.parameters) + 1, LEAST_KEPT * measured.n)
    seen = set()
    for cut in CUTS:
        below = size <= size.max() - math.log(cut)
        if below.sum() in seen:
            continue
        seen.add(below.sum())
        kept = measured.take(below)
        if kept.n < fewest or min(len(np.unique(values)) for values in kept.inputs.values()) < FEWEST_SIZES:
            return
        rest = measured.take(~below)
        problem, minima = solve(law, kept, STARTS, np.random.default_rng(seed))
        params = {name: value[0] for name, value in problem.parameters(minima.points[[best_row(minima)]]).items()}
        forecast = law(**rest.given, **params)
        errors = np.log(forecast / rest.y) if law.residual == "log" else (forecast - rest.y) / np.abs(rest.y)
        yield HeldOut(n=kept.n, errors=errors, reaches=size[~below] - size[below].max())


def _candidates(runs: Runs, y: str, laws: Law | str | Sequence[Law | str], x: str | None) -> list[Law]:
    if laws == "auto":
        fewest = int((~runs.diverged(y)).sum())
        suited = _suited(runs, x)
        return [law for law in suited if len(law.parameters) < fewest] or suited[:1]
    several = [laws] if isinstance(laws, Law | str) else laws
    made = [get_law(law) if isinstance(law, str) else law for law in several]
    return made if x is None else [law.over(x) for law in made]


def _suited(runs: Runs, x: str | None) -> list[Law]:
    varying = [role for role in ("N", "D", "C") if role in runs and np.ptp(runs[role]) > 0]
    if x is None and {"N", "D"} <= {*varying}:
        return [get_law(name) for name in JOINT_LAWS]
    if x is None and not varying:
        raise InputError("no input of the runs varies among N, D and C: name one with --columns, or a law with --law")
    return [get_law(name, x or varying[0]) for name in SINGLE_LAWS]


def _shares(errors: Sequence[float]) -> tuple[float, ...]:
    raw = np.array(errors) ** -2.0
    raw[raw < LEAST_SHARE * raw.sum()] = 0.0
    # Three digits, so that the name of the average says all there is to know of it.
    shares = np.round(raw / raw.sum(), 3)
    shares[0] += 1 - shares.sum()
    return tuple(np.round(shares, 3).tolist())


def _held_out_together(best: Sequence[LawCandidate], shares: Sequence[float]) -> tuple[HeldOut, ...]:
    """How the average did at the cuts at which all its members were tried."""
    members = [(each.held_out, share) for each, share in zip(best, shares, strict=True) if share]
    cuts = zip(*(held for held, _ in members), strict=False)
    return tuple(
        replace(cut[0], errors=sum(each.errors * share for each, (_, share) in zip(cut, members, strict=True)))
        for cut in cuts
    )


def sharpened(drift: float, cuts: Sequence[HeldOut]) -> float:
    """The drift that published studies taught, with what cuts of the runs at hold show of it."""
    total = PRIOR_DRIFT_CUTS * drift**2 + sum(cut.drift**2 for cut in cuts)
    return math.sqrt(total / (PRIOR_DRIFT_CUTS + len(cuts)))


def _averaged(fits: Mapping[Fit, float], evidence: Sequence[FitEvidence]) -> Fit:
    """The fit of the average of laws, from the fits of its members to the same runs, the best first."""
    best = next(iter(fits))
    if len(fits) == 1:
        return best
    draws = min(len(each.draws) for each in fits)
    residuals = np.sum([each.residuals * share for each, share in fits.items()], axis=0)
    named = [(each.law.name, each) for each in fits]
    return replace(
        best,
        law=average({each.law: share for each, share in fits.items()}),
        params={f"{name}.{k}": v for name, each in named for k, v in each.params.items()},
        intervals={f"{name}.{k}": v for name, each in named for k, v in each.intervals.items()},
        objective=objective(residuals),
        starts_agree=min(each.starts_agree for each in fits),
        converged=all(each.converged for each in fits),
        gradient=max(each.gradient for each in fits),
        warnings=tuple(_doubts(evidence)),
        draws=np.concatenate([each.draws[:draws] for each in fits], axis=1),
        residuals=residuals,
    )


def _doubts(found: Sequence[FitEvidence]) -> Iterator[str]:
    """What is to be doubted of an average: what its best member says of the runs, what any says of its solver.

    That a parameter is not identified matters little here: its members' forecasts are drawn, and differ.
    """
    yield from doubts(found[0], ("solver", "runs"))
    for each in found[1:]:
        yield from (f"{each.problem.law.name}: {said}" for said in doubts(each, ("solver",)))
