"""The rule that cuts runs that belong together, and mixtures, from the tables of mixture_cases.toml.

A subset: the runs of a table that are equal in all its group columns, for each of its outcomes; unmixed. It has at
least twelve runs and three values of each input.
A mixture, of one of these kinds:

- "two": two subsets that differ in one group column;
- "all": all subsets that differ in one group column, where there are three or more;
- "small and large": of two such subsets, the smaller half of the runs of one and the larger half of the other;
- "bits": a tenth, a quarter or a half of the runs of a subset, at random, in bits; every other one with a column that
  says so;
- "checkpoints": the ends of the trainings of a subset, beside points of the longest of them, as many but six at least,
  over compute. The ends alone are unmixed.

At most `MOST` of a kind, and `MOST_UNMIXED` that belong together, are taken from a table, at random. Every table gets
two columns that mean nothing: `host`, one of three at random, and `gpus`, which is another for the largest three tenths
of the runs.

A mixture counts where its subsets differ by what matters: where laws fitted to each whole subset alone differ, in the
median over the runs of the mixture, by `MATTERS`, and by more than the noise of the runs about them. Those of bits and
of checkpoints do so always. Thresholds are chosen on the tables in odd places of the alphabet; the others judge.
"""

import itertools
import math
import tomllib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from froude.fitting.estimation import solve
from froude.fitting.evidence import best_row
from froude.fitting.identification import check_determined
from froude.fitting.measured import Measured, check_enough, measure
from froude.fitting.problem import FitProblem
from froude.laws import Law, get_law
from froude.runs import Runs, get_published
from froude.runs.conditions import with_column

MOST, MOST_UNMIXED = 8, 12
MATTERS = 0.01
STARTS = 8
SHARES = (0.1, 0.25, 0.5)
FEWEST_VALUES, FEWEST_ENDS, FEWEST_POINTS = 3, 4, 6


@dataclass(frozen=True)
class Table:
    """A table of mixture_cases.toml."""

    study: str
    groups: list[str]
    file: str | None = None
    where: str | None = None
    unmixed: str | None = None
    law: str = "chinchilla"
    x: str | None = None
    fewest: int = 12
    best: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    derive: dict[str, str] = field(default_factory=dict)
    outcomes: list[str | None] = field(default_factory=lambda: [None])
    trainings: list[str] = field(default_factory=list)

    def runs(self, outcome: str | None) -> Runs:
        """Its runs, with this column as their loss."""
        columns = self.columns | ({"loss": outcome} if outcome else {})
        runs = get_published(self.study).read(self.file, columns)
        for name, text in self.derive.items():
            runs = replace(runs, frame=with_column(runs.frame, name, text))
        runs = runs if self.where is None else runs.where(self.where)
        runs = runs.take(runs.finite("loss"))
        return runs.take(lowest_of_equal(runs, self.best)) if self.best else runs

    @property
    def fitted_law(self) -> Law:
        """The law that its runs are fitted with."""
        return get_law(self.law, self.x)


@dataclass(frozen=True, eq=False)
class Subset:
    """Runs that belong together: the values of the group columns, and the positions of the runs."""

    key: tuple[Any, ...]
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Case:
    """Runs to judge: what they are, and the label (n,) that parts those that do not belong together, None where all do.

    `parts` are the whole subsets that a mixture was made of, and `column` the column that has the label.
    """

    study: str
    law: Law
    kind: str
    name: str
    runs: Runs
    label: np.ndarray | None = None
    column: str | None = None
    parts: tuple[Runs, ...] = ()

    @cached_property
    def counts(self) -> bool:
        """Whether the parts differ by what matters. InputError where no law can be fitted to one of them."""
        if not self.parts:
            return True
        fits = [fitted(self.law, part) for part in self.parts]
        given = {x: self.runs[x] for x in self.law.inputs}
        logs = [np.log(self.law(**given, **fit.params)) for fit in fits]
        apart = float(np.median(np.max(logs, axis=0) - np.min(logs, axis=0)))
        return apart >= max(MATTERS, *(fit.noise for fit in fits))


@dataclass(frozen=True, eq=False)
class Fitted:
    """A law fitted to runs: the problem, the best point (1, P), and what was measured."""

    problem: FitProblem
    point: np.ndarray
    measured: Measured

    @property
    def params(self) -> dict[str, float]:
        """The parameters."""
        return {name: float(value[0]) for name, value in self.problem.parameters(self.point).items()}

    @property
    def noise(self) -> float:
        """The robust standard deviation of the runs about the law."""
        return 1.4826 * float(np.median(np.abs(self.problem.residuals(self.point)[0])))


def fitted(law: Law, runs: Runs) -> Fitted:
    """The law fitted to runs as `froude.fit` does, but for the units of losses. InputError where it cannot be."""
    measured = measure(law, runs, "loss")
    check_enough(law, measured, "loss")
    problem, minima = solve(law, measured, STARTS, np.random.default_rng(0))
    point = minima.points[[best_row(minima)]]
    check_determined(problem, point[0], measured)
    return Fitted(problem, point, measured)


def read_tables() -> list[Table]:
    """The tables, in the order of the alphabet."""
    path = Path(__file__).with_suffix(".toml")
    return [Table(**each) for each in tomllib.loads(path.read_text(encoding="utf-8"))["table"]]


def is_held_out(study: str) -> bool:
    """Whether a study judges, and no threshold was chosen on it."""
    return sorted({table.study for table in read_tables()}).index(study) % 2 == 1


def cases_of(table: Table) -> Iterator[Case]:
    """All cases of a table."""
    by_kind: dict[str, list[Case]] = {}
    for case in itertools.chain.from_iterable(_cases(table, outcome) for outcome in table.outcomes):
        by_kind.setdefault(case.kind, []).append(case)
    for kind, cases in by_kind.items():
        most = MOST_UNMIXED if cases[0].label is None else MOST
        chosen = _random(table.study, kind).permutation(len(cases))[:most]
        yield from (_with_columns_that_mean_nothing(cases[k]) for k in sorted(chosen))


def lowest_of_equal(runs: Runs, columns: Sequence[str]) -> np.ndarray:
    """The positions of the runs with the lowest loss of those that are equal in these columns."""
    lowest: dict[tuple[Any, ...], int] = {}
    for row, key in enumerate(zip(*(runs[column].tolist() for column in columns), strict=True)):
        if key not in lowest or runs["loss"][row] < runs["loss"][lowest[key]]:
            lowest[key] = row
    return np.array(sorted(lowest.values()))


def _cases(table: Table, outcome: str | None) -> Iterator[Case]:
    runs, law = table.runs(outcome), table.fitted_law
    subsets = [Subset(key, rows) for key, rows in _groups(table, runs) if _suits(table, runs, rows)]
    sound = runs.mask(table.unmixed) if table.unmixed else np.ones(len(runs), dtype=bool)
    for k, subset in enumerate(each for each in subsets if sound[each.rows].all()):
        name = ", ".join(map(str, filter(None, (outcome, *subset.key))))
        yield Case(table.study, law, "unmixed", name, runs.take(subset.rows))
        yield _bits(table.study, law, name, runs.take(subset.rows), k)
        yield from _checkpoints(table, name, runs, subset.rows)
    yield from _mixtures(table, outcome, runs, subsets)


def _groups(table: Table, runs: Runs) -> Iterable[tuple[tuple[Any, ...], np.ndarray]]:
    """The values of the group columns, and the positions of the runs that have them."""
    rows: dict[tuple[Any, ...], list[int]] = {}
    for row in range(len(runs)):
        rows.setdefault(tuple(runs[group][row] for group in table.groups), []).append(row)
    return [(key, np.array(each)) for key, each in rows.items()]


def _suits(table: Table, runs: Runs, rows: np.ndarray) -> bool:
    """Whether runs are as many as a fit needs, and differ in the inputs."""
    values = [np.unique(runs[x][rows]).size for x in table.fitted_law.inputs]
    return len(rows) >= table.fewest and min(values) >= FEWEST_VALUES


def _mixtures(table: Table, outcome: str | None, runs: Runs, subsets: Sequence[Subset]) -> Iterator[Case]:
    for g, column in enumerate(table.groups):
        alike: dict[tuple[Any, ...], list[Subset]] = {}
        for subset in subsets:
            alike.setdefault(subset.key[:g] + subset.key[g + 1 :], []).append(subset)
        for key, parts in alike.items():
            name = ", ".join(map(str, filter(None, (outcome, *key))))
            if len(parts) > 2:
                yield _mixture(table, "all", f"{name}, {column}", runs, parts, column)
            for a, b in itertools.combinations(parts, 2):
                pair = f"{name}, {column} {a.key[g]} and {b.key[g]}"
                yield _mixture(table, "two", pair, runs, [a, b], column)
                yield from _small_and_large(table, pair, runs, a, b, column)


def _mixture(
    table: Table,
    kind: str,
    name: str,
    runs: Runs,
    parts: Sequence[Subset],
    column: str,
    taken: Sequence[np.ndarray] | None = None,
) -> Case:
    taken = [part.rows for part in parts] if taken is None else taken
    rows = np.sort(np.concatenate(taken))
    label = np.select([np.isin(rows, each) for each in taken], list(range(len(taken))))
    wholes = tuple(runs.take(part.rows) for part in parts)
    return Case(table.study, table.fitted_law, kind, name, runs.take(rows), label, column, wholes)


def _small_and_large(table: Table, name: str, runs: Runs, a: Subset, b: Subset, column: str) -> Iterator[Case]:
    size = _size(table.fitted_law, runs)
    middle = np.median(size[np.concatenate([a.rows, b.rows])])
    taken = a.rows[size[a.rows] <= middle], b.rows[size[b.rows] > middle]
    if min(map(len, taken)) >= FEWEST_ENDS:
        yield _mixture(table, "small and large", name, runs, [a, b], column, taken)


def _bits(study: str, law: Law, name: str, runs: Runs, k: int) -> Case:
    share = SHARES[k % len(SHARES)]
    chosen = _random(study, name, "bits").permutation(len(runs)) < max(2, round(share * len(runs)))
    frame = runs.frame.with_columns(pl.Series("loss", np.where(chosen, runs["loss"] / math.log(2), runs["loss"])))
    column = "unit" if k % 2 == 0 else None
    if column:
        frame = frame.with_columns(pl.Series(column, np.where(chosen, "bits", "nats")))
    return Case(study, law, "bits", f"{name} {share:.0%}", replace(runs, frame=frame), chosen.astype(int), column)


def _checkpoints(table: Table, name: str, runs: Runs, rows: np.ndarray) -> Iterator[Case]:
    """The ends of trainings, alone and beside points of the longest."""
    if not table.trainings:
        return
    keys = ["/".join(str(runs[column][row]) for column in table.trainings) for row in rows]
    points = {key: rows[np.array(keys) == key] for key in dict.fromkeys(keys)}
    points = {key: each[np.argsort(runs["D"][each])] for key, each in points.items()}
    ends = np.array([each[-1] for each in points.values()], dtype=int)
    longest = max(points.values(), key=lambda each: runs["C"][each[-1]])[:-1]
    if longest.size < FEWEST_POINTS:
        return
    few = longest[np.unique(np.linspace(0, longest.size - 1, max(FEWEST_POINTS, ends.size)).astype(int))]
    law = get_law("power-floor", "C")
    if ends.size >= FEWEST_ENDS:
        yield Case(table.study, law, "ends", name, runs.take(np.sort(ends)))
        both = np.sort(np.concatenate([ends, few]))
        yield Case(table.study, law, "checkpoints", name, runs.take(both), np.isin(both, few).astype(int))


def _with_columns_that_mean_nothing(case: Case) -> Case:
    rng, n = _random(case.study, case.kind, case.name, "columns"), len(case.runs)
    host = np.array(["node1", "node2", "node3"])[rng.integers(3, size=n)]
    size = _size(case.law, case.runs)
    gpus = np.where(size > np.quantile(size, 0.7), 64, 8)
    frame = case.runs.frame.with_columns(pl.Series("host", host), pl.Series("gpus", gpus))
    return replace(case, runs=replace(case.runs, frame=frame))


def _size(law: Law, runs: Runs) -> np.ndarray:
    return np.prod([runs[x] for x in law.inputs], axis=0)


def _random(*names: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32("/".join(names).encode()))
