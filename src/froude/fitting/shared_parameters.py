"""One law fitted to several groups of runs at once: some of its parameters are the same in all, the others each's own.

It is a law itself, of one more input: the number of the group, from 1, which says whose parameters hold. So solver and
bootstrap are those of every fit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.fitting.bootstrap import draw_points, reweigh
from froude.fitting.dual import Dual
from froude.fitting.evidence import best_row
from froude.fitting.measured import Measured
from froude.fitting.options import FitOptions
from froude.fitting.problem import FitProblem, make_problem, search
from froude.fitting.solver import Minima, minimise
from froude.laws import Law, Power
from froude.laws.kinds import Input

_GROUP = "group"


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class JointFit:
    """Groups of runs fitted at once: the problem of each by itself in the same coordinates, and the points (rows, P) of
    its minima and of its refits, which are parts of joint ones."""

    problems: tuple[FitProblem, ...]
    minima: tuple[Minima, ...]
    refits: tuple[Minima, ...]


def law_of_groups(law: Law, groups: int, shared: Sequence[str]) -> Law:
    """The law of so many groups, of an input `group` besides; parameters that are not shared end in its number."""

    def function(*inputs: Any, **parameters: Any) -> Any:
        *given, group = inputs
        member = np.asarray(group.value if isinstance(group, Dual) else group)
        chosen = {name: _chosen(name, member, groups, parameters, shared) for name in law.parameters}
        return law.function(*given, **chosen)

    own = [(name, k) for name in law.parameters for k in ([0] if name in shared else range(1, groups + 1))]
    return replace(
        law,
        name=f"{law.name} of groups",
        function=function,
        inputs=(*law.inputs, _GROUP),
        marks={**law.marks, _GROUP: Input(unit="groups", domain="count")},
        kinds={_named(name, k): law.kinds[name] for name, k in own},
        carries={
            _named(name, k): {x: _power_of(power, k, shared) for x, power in law.carries[name].items()}
            for name, k in own
            if name in law.carries
        },
        published={},
        trust={},
        choices={},
        trend={},
        examples=(),
        notation=None,
    )


def fit_jointly(law: Law, parts: Sequence[Measured], shared: Sequence[str], options: FitOptions) -> JointFit:
    """The law fitted to groups of measured runs at once, with these parameters shared.

    It goes down from where each group by itself lies lowest, with what is shared taken from one of them, and from
    random points besides. Refits reweigh the runs of all groups together, so what groups share varies together.
    """
    start_rng, draw_rng = (np.random.default_rng(s) for s in np.random.SeedSequence(options.seed).spawn(2))
    given = {x: np.concatenate([part.inputs[x] for part in parts]) for x in law.inputs}
    member = np.repeat(np.arange(1, len(parts) + 1), [part.n for part in parts])
    joint = law_of_groups(law, len(parts), shared)
    problem = make_problem(
        joint, {**given, _GROUP: member}, np.concatenate([part.y for part in parts]), options.emphasis
    )
    problems = tuple(_alone(problem, law, member == k) for k in range(1, len(parts) + 1))
    alone = [search(each, options.starts, start_rng) for each in problems]
    starts = _starts(problem, law, [each.points[best_row(each)] for each in alone], shared, options.starts, start_rng)
    minima = minimise(problem.residuals, starts, np.tile(problem.weights, (len(starts), 1)), problem.space())
    best = minima.points[best_row(minima)]
    weights = reweigh(options.draws, np.arange(member.size), draw_rng)
    refits = draw_points(problem, best, problem.weights * weights, draw_rng)
    return JointFit(
        problems=problems,
        minima=tuple(_part(minima, joint, law, k, shared) for k in range(1, len(parts) + 1)),
        refits=tuple(_part(refits, joint, law, k, shared) for k in range(1, len(parts) + 1)),
    )


def _named(name: str, k: int) -> str:
    return f"{name}_{k}" if k else name


def _power_of(power: Power, k: int, shared: Sequence[str]) -> Power:
    """A power that a parameter carries, named as those of group k are."""
    if isinstance(power, tuple):
        return tuple(_power_of(part, k, shared) for part in power)  # pyright: ignore[reportReturnType]
    if not isinstance(power, str) or power.removeprefix("-") in shared:
        return power
    return f"{power}_{k}"


def _chosen(name: str, member: np.ndarray, groups: int, parameters: Mapping[str, Any], shared: Sequence[str]) -> Any:
    """A parameter as each run (n,) has it, by the number of its group."""
    if name in shared:
        return parameters[name]
    own = [parameters[_named(name, k)] for k in range(1, groups + 1)]
    which = [member == k for k in range(1, groups + 1)]
    if not isinstance(own[0], Dual):
        return sum(np.where(rows, value, 0.0) for rows, value in zip(which, own, strict=True))
    value = np.asarray(sum(np.where(rows, each.value, 0.0) for rows, each in zip(which, own, strict=True)))
    tangents = {x: slope * rows for rows, each in zip(which, own, strict=True) for x, slope in each.tangents.items()}
    return Dual(value, tangents)


def _alone(problem: FitProblem, law: Law, rows: np.ndarray) -> FitProblem:
    """The problem of one group by itself, in the coordinates of all."""
    return FitProblem(
        law=law,
        inputs=tuple(values[rows] for values in problem.inputs[:-1]),
        measured=problem.measured[rows],
        factors={x: problem.factors[x] for x in law.inputs},
        weights=problem.weights[rows],
    )


def _starts(
    problem: FitProblem,
    law: Law,
    lowest: Sequence[np.ndarray],
    shared: Sequence[str],
    count: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Points (count, P) to go down from: what each group has by itself, and random ones for every other start."""
    points = problem.scatter(count, rng)
    names = list(problem.law.parameters)
    for row in range(0, count, 2):
        for k, point in enumerate(lowest, start=1):
            for i, name in enumerate(law.parameters):
                if name not in shared:
                    points[row, names.index(_named(name, k))] = point[i]
                elif k == 1 + row // 2 % len(lowest):
                    points[row, names.index(name)] = point[i]
    return points


def _part(minima: Minima, joint: Law, law: Law, k: int, shared: Sequence[str]) -> Minima:
    """The coordinates of group k at joint points."""
    names = list(joint.parameters)
    which = [names.index(_named(name, 0 if name in shared else k)) for name in law.parameters]
    return replace(minima, points=minima.points[:, which])
