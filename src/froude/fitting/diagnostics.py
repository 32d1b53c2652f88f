"""What to doubt about a fit, each doubt one sentence. One rule a function, each with its reason."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal, get_args

import numpy as np

from froude.fitting.accounting import Decoders, decoders, is_six_nd, off_by_six_nd
from froude.fitting.evidence import FitEvidence
from froude.fitting.outliers import far_off
from froude.laws import Power

_DECADE = 10.0  # an interval this wide leaves even the order of magnitude open
_LITTLE_RANGE = 2.0  # exponents of 0.3 change the loss by a fifth over a factor 2: noise hides them
_DECIDES = 0.5  # of its own fitted value: more than all other runs together
_ABOVE_MEAN = 3.0  # times the mean leverage P/n: where runs are few, each decides much, which is said of them all
_MOVED = 0.5  # standard deviations of the refits: a run that moves no parameter so far says what the others say
_MISCOUNTED = 0.1  # FLOPs off by a tenth move exponents by hundredths
_MISSED = 0.01
_NUDGE = 1.001
_KNOWN_SLOPE = 0.25  # half an interval's width over its middle
_NAMED = 3
_ACCURACY = frozenset(("acc", "accuracy", "accuracies"))


About = Literal["solver", "parameters", "runs"]


def doubts(found: FitEvidence, about: Collection[About] = get_args(About)) -> tuple[str, ...]:
    """The warnings of a fit, or those about some things only, the gravest first."""
    return tuple(sentence for subject, rule in _RULES if subject in about for sentence in rule(found))


def _no_fit(found: FitEvidence) -> Iterator[str]:
    minima = found.minima
    if not minima.converged.any():
        gradient = float(minima.gradients[found.best])
        yield (
            f"no start converged (scaled gradient {gradient:.1g} at best): this is not a fit, do not use it; "
            "take a law with fewer parameters or add runs"
        )


def _starts(found: FitEvidence) -> Iterator[str]:
    minima, tried, agree = found.minima, len(found.minima.points), int(found.agree.sum())
    if not minima.converged.any():
        return
    # Another minimum, lower and as easy to reach as this one, would have been missed with this probability.
    if (1 - agree / tried) ** tried > _MISSED:
        yield f"only {agree} of {tried} starts agree on this minimum: there may be a lower one; try more"
    if np.any(minima.objectives < found.lowest - found.slack):
        yield "a start came lower than this minimum without converging: try more starts"


def _refits(found: FitEvidence) -> Iterator[str]:
    asked, kept = found.drawn.converged.size, int(found.drawn.converged.sum())
    if kept < asked:
        yield f"{asked - kept} of {asked} bootstrap refits did not converge: the intervals may be too narrow"


def _few_runs(found: FitEvidence) -> Iterator[str]:
    n, p = found.measured.n, len(found.params)
    if n < 2 * p:
        yield f"{p} parameters are fitted to only {n} runs: they say little about the noise of one run"


def _diverged(found: FitEvidence) -> Iterator[str]:
    rows = found.measured.diverged
    if rows.size:
        verb = "run diverged and was" if rows.size == 1 else "runs diverged and were"
        yield f"{rows.size} {verb} left out: {_names(found, rows)}"


def _bounds(found: FitEvidence) -> Iterator[str]:
    space = found.problem.space()
    for k, (name, kind) in enumerate(found.problem.law.kinds.items()):
        z = found.point[0, k]
        if z <= space.lower[k] or z >= space.upper[k]:
            if kind.name == "floor":
                yield f"{name} ended at its bound 0: these runs show no floor"
            else:
                yield f"{name} ended at its bound: these runs do not tell its value; take a law without it"


def _unidentified(found: FitEvidence) -> Iterator[str]:
    # In scaled coordinates a scale is the term's size in the middle of the runs: well known even where the
    # scale itself, the term extrapolated to an input of 1, is not.
    points = found.drawn.points[found.kept]
    for k, (name, kind) in enumerate(found.problem.law.kinds.items()):
        low, high = found.intervals[name]
        if kind.name == "floor" and low * _DECADE < high:
            yield f"{name} is not identified: its interval reaches from {low:.3g} to {high:.3g}"
        if kind.coordinate != "log" or low * _DECADE >= high:
            continue
        middle_low, middle_high = found.interval(np.exp(points[:, k]))
        sentence = f"{name} is not identified: its interval spans {low:.2g} to {high:.2g}"
        if name in found.problem.law.carries and middle_low * _DECADE >= middle_high:
            middle = _in_the_middle(name, found.problem.law.carries[name], found.problem.factors)
            sentence += f"; what is known is {middle}, {middle_low:.3g} to {middle_high:.3g}"
        yield sentence


def _known(found: FitEvidence) -> Iterator[str]:
    """What is known where parameters are not: the outcome at the run in the middle, and how it changes there."""
    if not any(_unidentified(found)):
        return
    logs = [np.log(np.abs(values) + 1e-300) for values in found.measured.inputs.values()]
    middle = int(np.argmin(sum(np.abs(log - np.median(log)) for log in logs)))
    one = found.measured.take(np.arange(found.measured.n) == middle)
    law, tall = found.problem.law, {name: values[:, None] for name, values in found.draws.items()}
    here = law(**one.given, **tall)
    low, high = found.interval(here)
    known = [f"{found.y} = {low:.4g} to {high:.4g}"]
    for x, value in one.inputs.items():
        with np.errstate(all="ignore"):
            there = law(**{**one.given, x: _NUDGE * value}, **tall)
            steep, flat = found.interval((there - here) / np.abs(here) / (_NUDGE - 1))
        if flat - steep < _KNOWN_SLOPE * abs(flat + steep):
            known.append(f"d ln {found.y}/d ln {x} = {steep:.2g} to {flat:.2g}")
    where = ", ".join(f"{x} = {value[0]:.3g}" for x, value in one.inputs.items())
    yield f"what is known is {', '.join(known)} at {where}"


def _in_the_middle(name: str, powers: Mapping[str, Power], factors: Mapping[str, float]) -> str:
    """How to write a parameter's value at the middle of the runs: `A·N^-alpha at N = 1e9`."""
    terms = "".join(f"·{x}^{_negated(power)}" for x, power in powers.items())
    return f"{name}{terms} at " + ", ".join(f"{x} = {factors[x]:.3g}" for x in powers)


def _negated(power: Power) -> str:
    if isinstance(power, tuple):
        return "(" + " + ".join(map(_negated, power)).replace("+ -", "- ") + ")"
    if isinstance(power, str):
        return power[1:] if power.startswith("-") else f"-{power}"
    return f"{-power:g}"


def _range(found: FitEvidence) -> Iterator[str]:
    marks = found.problem.law.marks
    for x, values in found.measured.inputs.items():
        span = values.max() / values.min() if marks[x].domain == "positive" else np.inf
        if span < _LITTLE_RANGE:
            yield (
                f"{x} spans only a factor of {span:.2f} ({values.min():.3g} to {values.max():.3g}): "
                "too little to tell how the outcome depends on it"
            )


def _leverage(found: FitEvidence) -> Iterator[str]:
    leverage = found.leverage
    alone = np.flatnonzero((leverage > _DECIDES) & (leverage > _ABOVE_MEAN * leverage.mean()))
    said = [_if_left_out(found, int(run)) for run in alone[np.argsort(-leverage[alone])]]
    if told := [sentence for sentence in said if sentence]:
        rest = f"; {len(told) - _NAMED} more decide as much" if len(told) > _NAMED else ""
        yield f"leverage of single runs: {'; '.join(told[:_NAMED])}{rest}"


def _if_left_out(found: FitEvidence, run: int) -> str:
    """What the parameter that one run moves most would be without it; empty where that is nearly the same."""
    name = found.runs.row_name(int(found.measured.rows[run]))
    left = found.without(run)
    if not left.converged[0]:
        return f"without {name} there is no fit"
    law = found.problem.law
    spread = found.drawn.points[found.kept].std(axis=0)
    moves = np.abs(left.points - found.point)[0] / np.where(spread > 0, spread, np.inf)
    # A scale that carries a unit to a fitted power is a term extrapolated to an input of 1: its value tells little.
    scales = [any(isinstance(power, str) for power in law.carries.get(p, {}).values()) for p in law.parameters]
    most = law.parameters[int(np.where(scales, -1.0, moves).argmax())]
    then, now = f"{found.problem.parameters(left.points)[most][0]:.3g}", f"{found.params[most]:.3g}"
    return f"without {name} {most} would be {then}, not {now}" if moves.max() >= _MOVED and then != now else ""


def _outliers(found: FitEvidence) -> Iterator[str]:
    r = found.residuals
    far = np.flatnonzero(far_off(found.problem.law, r, found.measured.y))
    if far.size:
        far = far[np.argsort(-np.abs(r - np.median(r))[far])]
        verb = "run lies" if far.size == 1 else "runs lie"
        yield f"{far.size} {verb} far off the law: {_names(found, found.measured.rows[far])}"


def _flops(found: FitEvidence) -> Iterator[str]:
    runs = found.runs.take(found.measured.rows)
    if "C" not in found.problem.law.inputs or not is_six_nd(runs):
        return
    known = decoders(runs)
    if isinstance(known, Decoders):
        off = off_by_six_nd(runs, known)
        worst = int(np.abs(off).argmax())
        if abs(off[worst]) > _MISCOUNTED:
            size = f"{'at least ' if known.missing else ''}{abs(off[worst]):.0%}"
            side = "below" if off[worst] < 0 else "above"
            yield f"C = 6·N·D is {size} {side} the matmul FLOPs of {runs.row_name(worst)}: count with {known.option}"


def _accuracy(found: FitEvidence) -> Iterator[str]:
    # An answer is right where no wrong choice has more mass, and masses of wrong ones move on their own: Schaeffer et
    # al. 2024, arXiv:2406.04391. Only a name tells that the outcome is one: many others lie between 0 and 1.
    if _ACCURACY.intersection(re.split(r"[^a-z]+", found.y.lower())):
        yield (
            f"{found.y} is an accuracy: where answers are choices it follows scale less closely than the mass on the "
            "right one; fit -ln of the mass on the right choice and on the wrong ones, and compose these"
        )


def _names(found: FitEvidence, rows: np.ndarray) -> str:
    named = ", ".join(found.runs.row_name(int(row)) for row in rows[:_NAMED])
    return named if rows.size <= _NAMED else f"{named} and {rows.size - _NAMED} more"


_RULES: tuple[tuple[About, Callable[[FitEvidence], Iterator[str]]], ...] = (
    ("solver", _no_fit),
    ("solver", _starts),
    ("solver", _refits),
    ("runs", _few_runs),
    ("runs", _diverged),
    ("parameters", _bounds),
    ("parameters", _unidentified),
    ("runs", _range),
    ("parameters", _leverage),
    ("runs", _outliers),
    ("runs", _flops),
    ("runs", _accuracy),
    ("parameters", _known),
)
"""What each rule is about, in the order in which doubts are told."""
