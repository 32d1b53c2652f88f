"""What weakens a fit, a sentence each. One rule a function, each with its reason."""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Literal, get_args

import numpy as np

from froude.fitting.accounting import Decoders, decoders, is_six_nd, off_by_six_nd
from froude.fitting.doubts import few_runs, guessed_inputs, is_overfitted, pattern, points_of_trainings
from froude.fitting.evidence import FitEvidence
from froude.fitting.group_test import BITS
from froude.fitting.mixed_runs import mixed_runs
from froude.fitting.mixtures import telling_value
from froude.fitting.outliers import far_off
from froude.laws import Power

_DECADE = 10.0  # an interval this wide leaves even the order of magnitude open
_LITTLE_RANGE = 2.0  # exponents of 0.3 change the loss by a fifth over a factor 2: noise hides them
_DECIDES = 0.5  # of its own fitted value: more than all other runs together
_ABOVE_MEAN = 3.0  # times the mean leverage P/n: where runs are few, each decides much, and no single run stands out
_MOVED = 0.5  # standard deviations of the refits: a run that moves no parameter so far says what the others say
_MISCOUNTED = 0.1  # FLOPs off by a tenth move exponents by hundredths
_MISSED = 0.01
_MORE_STARTS = 4
_NUDGE = 1.001
_KNOWN_SLOPE = 0.25  # half an interval's width over its middle
_NAMED = 3
_ACCURACY = frozenset(("acc", "accuracy", "accuracies"))


About = Literal["solver", "parameters", "runs", "convergence", "forecasts", "mixtures"]


def diagnose(evidence: FitEvidence, about: Collection[About] = get_args(About)) -> tuple[str, ...]:
    """The warnings of a fit, or those about some things only, the gravest first.

    Where there are fewer than two runs for each parameter, that is said and nothing of the solver or the parameters.
    """
    silent = ("solver", "parameters") if is_overfitted(evidence) else ()
    rules = [rule for subject, rule in _RULES if subject in about and subject not in silent]
    return tuple(sentence for rule in rules for sentence in rule(evidence))


def _no_fit(evidence: FitEvidence) -> Iterator[str]:
    minima = evidence.minima
    if not minima.converged.any():
        gradient = float(minima.gradients[evidence.best])
        yield (
            f"no start converged (scaled gradient {gradient:.1g} at best): this is not a fit, do not use it; "
            "take a law with fewer parameters or add runs"
        )


def _starts(evidence: FitEvidence) -> Iterator[str]:
    minima, starts, agree = evidence.minima, len(evidence.minima.points), int(evidence.agree.sum())
    if not minima.converged.any():
        return
    if (elsewhere := int(evidence.as_good.sum()) - agree) > 0:
        yield (
            f"{elsewhere} of {starts} random starts fit as well and forecast otherwise: what is reported is one answer "
            "of several; add runs that tell them apart, or take a law with fewer parameters"
        )
    # Another minimum, lower and as easy to reach as this one, would have been missed with this probability.
    found = int(evidence.as_good.sum())
    if (1 - found / starts) ** starts > _MISSED:
        yield (
            f"a lower minimum may have been missed: only {found} of {starts} random starts ended at this one; "
            f"try --starts {_MORE_STARTS * starts}"
        )
    if np.any(minima.objectives < evidence.lowest - evidence.slack):
        yield f"a start came lower than this minimum without converging: try --starts {_MORE_STARTS * starts}"


def _refits(evidence: FitEvidence) -> Iterator[str]:
    draws, converged = evidence.refits.converged.size, int(evidence.refits.converged.sum())
    if converged < draws:
        yield f"{draws - converged} of {draws} bootstrap refits did not converge: the intervals may be too narrow"


def _diverged(evidence: FitEvidence) -> Iterator[str]:
    rows = evidence.measured.diverged
    if rows.size:
        verb = "run diverged and was" if rows.size == 1 else "runs diverged and were"
        yield f"{rows.size} {verb} left out: {_names(evidence, rows)}"


def _missing(evidence: FitEvidence) -> Iterator[str]:
    """Rows that have no outcome, and those that have one and lack an input."""
    rows, runs = evidence.measured.missing, evidence.runs
    without_outcome = runs.missing(evidence.y)[rows]
    yield from _left_out(evidence, evidence.y, rows[without_outcome])
    rows = rows[~without_outcome]
    read = (x for x in dict.fromkeys(("N", "D", "C", *evidence.problem.law.inputs)) if x in runs)
    lacking = [
        x for x in read if np.isnan(runs[x][rows]).any() and not any(s.startswith(f"{x} = ") for s in runs.derived)
    ]
    yield from _left_out(evidence, " or ".join(lacking) or "input", rows)


def _left_out(evidence: FitEvidence, what: str, rows: np.ndarray) -> Iterator[str]:
    if rows.size:
        row, verb = ("row has", "was") if rows.size == 1 else ("rows have", "were")
        yield f"{rows.size} {row} no {what} and {verb} left out: {_names(evidence, rows, state=True)}"


def _other_unit(evidence: FitEvidence) -> Iterator[str]:
    rows = evidence.measured.other_unit
    if rows.size:
        told = telling_value(evidence.runs, rows, evidence.measured.rows)
        yield (
            f"{rows.size} runs lie off the others by a factor of {np.exp(BITS):.4g}, as bits beside nats do, and were "
            f"left out: {_names(evidence, rows)}{f', as {told} tells' if told else ''}; convert the losses to one "
            "unit"
        )


def _unfinished(evidence: FitEvidence) -> Iterator[str]:
    """Rows that are fitted although a column says that their run has not ended."""
    fitted = evidence.measured.rows
    rows = fitted[evidence.runs.unfinished()[fitted]]
    if rows.size:
        row, verb, whose = ("row", "is", "its run has") if rows.size == 1 else ("rows", "are", "their runs have")
        yield (
            f"{rows.size} {row} {verb} fitted though {whose} not ended: {_names(evidence, rows, state=True)}; "
            "leave out by --where what is no final loss"
        )


def _table(evidence: FitEvidence) -> Iterator[str]:
    yield from evidence.runs.warnings


def _bounds(evidence: FitEvidence) -> Iterator[str]:
    space = evidence.problem.space()
    for k, (name, kind) in enumerate(evidence.problem.law.kinds.items()):
        z = evidence.point[0, k]
        if z <= space.lower[k] or z >= space.upper[k]:
            if kind.name == "floor":
                yield f"{name} ended at its bound 0: these runs show no floor"
            else:
                yield f"{name} ended at its bound: these runs do not tell its value; take a law without it"


def _unidentified(evidence: FitEvidence) -> Iterator[str]:
    names = [name for name in evidence.problem.law.kinds if _is_open(evidence, name)]
    if not names:
        return
    known = ", ".join(_known_instead(evidence))
    if len(names) > 1:
        listed = f"{', '.join(names[:-1])} and {names[-1]}"
        yield f"{listed} are not identified: their intervals span a factor of ten or more; what is known is {known}"
        return
    (name,) = names
    low, high = evidence.interval(evidence.draws[name])
    middle = _in_the_middle(evidence, name)
    yield (
        f"{name} is not identified: its interval spans {low:.2g} to {high:.2g}; what is known is "
        f"{f'{middle}, and ' if middle else ''}{known}"
    )


def _is_open(evidence: FitEvidence, name: str) -> bool:
    """Whether the interval of a parameter that is no sign leaves even its order of magnitude open."""
    kind = evidence.problem.law.kinds[name]
    low, high = evidence.intervals.get(name, (0.0, 0.0))
    return (kind.name == "floor" or kind.coordinate == "log") and low * _DECADE < high


def _known_instead(evidence: FitEvidence) -> Iterator[str]:
    """What is known where parameters are not: the outcome at the run in the middle, and how it changes there."""
    logs = [np.log(np.abs(values) + 1e-300) for values in evidence.measured.inputs.values()]
    middle = int(np.argmin(sum(np.abs(log - np.median(log)) for log in logs)))
    one = evidence.measured.take(np.arange(evidence.measured.n) == middle)
    law, tall = evidence.problem.law, {name: values[:, None] for name, values in evidence.draws.items()}
    here = law(**one.given, **tall)
    low, high = evidence.interval(here)
    sentences = [f"{evidence.y} = {low:.4g} to {high:.4g}"]
    for x, value in one.inputs.items():
        with np.errstate(all="ignore"):
            there = law(**{**one.given, x: _NUDGE * value}, **tall)
            steep, flat = evidence.interval((there - here) / np.abs(here) / (_NUDGE - 1))
        if flat - steep < _KNOWN_SLOPE * abs(flat + steep):
            sentences.append(f"d ln {evidence.y}/d ln {x} = {steep:.2g} to {flat:.2g}")
    where = ", ".join(f"{x} = {value[0]:.3g}" for x, value in one.inputs.items())
    yield from sentences[:-1]
    yield f"{sentences[-1]} at {where}"


def _in_the_middle(evidence: FitEvidence, name: str) -> str | None:
    """A scale times its powers at the middle of the runs, `A·N^-alpha at N = 1e9, 0.3 to 0.4`, if that is known.

    In scaled coordinates a scale is the term's size in the middle of the runs: well known even where the scale itself,
    the term extrapolated to an input of 1, is not.
    """
    law, k = evidence.problem.law, evidence.problem.law.parameters.index(name)
    if name not in law.carries or law.kinds[name].coordinate != "log":
        return None
    low, high = evidence.interval(np.exp(evidence.refits.points[evidence.usable, k]))
    if low * _DECADE < high:
        return None
    powers = law.carries[name]
    terms = "".join(f"·{x}^{_negated(power)}" for x, power in powers.items())
    at = ", ".join(f"{x} = {evidence.problem.factors[x]:.3g}" for x in powers)
    return f"{name}{terms} at {at}, {low:.3g} to {high:.3g}"


def _negated(power: Power) -> str:
    if isinstance(power, tuple):
        return "(" + " + ".join(map(_negated, power)).replace("+ -", "- ") + ")"
    if isinstance(power, str):
        return power[1:] if power.startswith("-") else f"-{power}"
    return f"{-power:g}"


def _range(evidence: FitEvidence) -> Iterator[str]:
    marks = evidence.problem.law.marks
    for x, values in evidence.measured.inputs.items():
        span = values.max() / values.min() if marks[x].domain == "positive" else np.inf
        if span < _LITTLE_RANGE:
            yield (
                f"{x} spans only a factor of {span:.2f} ({values.min():.3g} to {values.max():.3g}): "
                "too little to tell how the outcome depends on it"
            )


def _leverage(evidence: FitEvidence) -> Iterator[str]:
    leverage = evidence.leverage
    runs = np.flatnonzero((leverage > _DECIDES) & (leverage > _ABOVE_MEAN * leverage.mean()))
    effects = [_if_left_out(evidence, int(run)) for run in runs[np.argsort(-leverage[runs])]]
    if sentences := [sentence for sentence in effects if sentence is not None]:
        rest = f"; {len(sentences) - _NAMED} more decide as much" if len(sentences) > _NAMED else ""
        yield f"leverage of single runs: {'; '.join(sentences[:_NAMED])}{rest}"


def _if_left_out(evidence: FitEvidence, run: int) -> str | None:
    """What the parameter that one run moves most would be without it; None where that is nearly the same."""
    name = evidence.runs.row_name(int(evidence.measured.rows[run]))
    left = evidence.refit_without(run)
    if not left.converged[0]:
        return f"without {name} there is no fit"
    law = evidence.problem.law
    spread = evidence.refits.points[evidence.usable].std(axis=0)
    moves = np.abs(left.points - evidence.point)[0] / np.where(spread > 0, spread, np.inf)
    # A scale that carries a unit to a fitted power is a term extrapolated to an input of 1: its value tells little.
    scales = [any(isinstance(power, str) for power in law.carries.get(p, {}).values()) for p in law.parameters]
    most = law.parameters[int(np.where(scales, -1.0, moves).argmax())]
    then, now = f"{evidence.problem.parameters(left.points)[most][0]:.3g}", f"{evidence.params[most]:.3g}"
    return f"without {name} {most} would be {then}, not {now}" if moves.max() >= _MOVED and then != now else None


def _outliers(evidence: FitEvidence) -> Iterator[str]:
    r = evidence.residuals
    far = np.flatnonzero(far_off(evidence.problem.law, r, evidence.measured.y))
    if far.size:
        far = far[np.argsort(-np.abs(r - np.median(r))[far])]
        verb = "run lies" if far.size == 1 else "runs lie"
        yield f"{far.size} {verb} far off the law: {_names(evidence, evidence.measured.rows[far])}"


def _flops(evidence: FitEvidence) -> Iterator[str]:
    runs = evidence.runs.take(evidence.measured.rows)
    if "C" not in evidence.problem.law.inputs or not is_six_nd(runs):
        return
    known = decoders(runs)
    if isinstance(known, Decoders):
        off = off_by_six_nd(runs, known)
        worst = int(np.abs(off).argmax())
        if abs(off[worst]) > _MISCOUNTED:
            size = f"{'at least ' if known.missing else ''}{abs(off[worst]):.0%}"
            side = "below" if off[worst] < 0 else "above"
            yield f"C = 6·N·D is {size} {side} the matmul FLOPs of {runs.row_name(worst)}: count with {known.option}"


def _accuracy(evidence: FitEvidence) -> Iterator[str]:
    # An answer is right where no wrong choice has more mass, and masses of wrong ones move on their own: Schaeffer et
    # al. 2024, arXiv:2406.04391. Only a name tells that the outcome is one: many others lie between 0 and 1.
    if _ACCURACY.intersection(re.split(r"[^a-z]+", evidence.y.lower())):
        yield (
            f"{evidence.y} is an accuracy: where answers are choices it follows scale less closely than the mass on "
            "the right one; fit -ln of the mass on the right choice and on the wrong ones, and compose these"
        )


def _names(evidence: FitEvidence, rows: np.ndarray, state: bool = False) -> str:
    runs = evidence.runs
    named = ", ".join(runs.row_name(row, runs.state(row) if state else "") for row in map(int, rows[:_NAMED]))
    return named if rows.size <= _NAMED else f"{named} and {rows.size - _NAMED} more"


_RULES: tuple[tuple[About, Callable[[FitEvidence], Iterator[str]]], ...] = (
    ("convergence", _no_fit),
    ("forecasts", few_runs),
    ("mixtures", _other_unit),
    ("mixtures", mixed_runs),
    ("forecasts", points_of_trainings),
    ("forecasts", pattern),
    ("forecasts", guessed_inputs),
    ("solver", _starts),
    ("solver", _refits),
    ("forecasts", _table),
    ("runs", _diverged),
    ("runs", _missing),
    ("runs", _unfinished),
    ("parameters", _bounds),
    ("parameters", _unidentified),
    ("runs", _range),
    ("parameters", _leverage),
    ("runs", _outliers),
    ("runs", _flops),
    ("runs", _accuracy),
)
"""What each rule is about, in the order of the warnings."""
