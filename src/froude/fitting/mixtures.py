"""Runs that do not belong together: what parts them is a column of the table, or shows in their residuals alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.fitting.checkpoints import is_name, points_beside_ends
from froude.fitting.direction import rank_correlation
from froude.fitting.group_test import GroupDifference, GroupTest
from froude.fitting.measured import Measured
from froude.fitting.problem import FitProblem
from froude.runs import Runs
from froude.runs.headers import normal

_CHANCE = 2e-3  # shared among the columns that are tried
_SHARE = 0.15  # of the squares of the residuals: what is less does not mislead a forecast
_NOTICED = 0.0025  # relative, root mean square: nobody wants to hear of groups that differ by less
_MOST_NUMBERS, _FEWEST = 12, 4  # values of a column of numbers; runs of each: those of rarer ones are one group
_RUNS_OF_TEXT = 5  # on average, of a value of a column of texts
_MOST_RANGES = 3  # numbers of more values than that may tell a size:
_GOES_WITH = 0.95  # those whose ranks go with a size so much
_OUTCOME = re.compile(
    r"(^|_)(acc|accuracy|loss|losses|err|error|score|ppl|perplexity|bpb|auc|f1|em|bleu|miou|recall|precision|nll|mse"
    r"|date|day|time|seconds|hours|duration)(_|$)"
)
"""What comes out of a run, or says when it was, and does not make it another kind."""
_MOST_RUNS = 3000
_REST = "others"


@final
@dataclass(frozen=True, kw_only=True)
class KindOfRuns:
    """Runs that a mixture is made of: the `value` that they have in its column, as a condition writes it, and their
    number; by how much they lie off the mean of all groups at equal inputs, relative."""

    value: str
    count: int
    off: float


@final
@dataclass(frozen=True, kw_only=True)
class MixedRuns:
    """Groups of runs that lie off one another at equal inputs, the lowest first.

    `column` of the table names them. Without one they are ends of trainings and points before such an end
    (`are_points`), or two heaps, which may lie apart as bits and nats do (`is_unit`); `told` is the value of a column
    by which one of these is known, where one is. `crosses` says that groups differ otherwise at each size.
    """

    column: str | None
    groups: tuple[KindOfRuns, ...]
    crosses: bool = False
    is_unit: bool = False
    are_points: bool = False
    told: str | None = None

    @property
    def apart(self) -> float:
        """How far the highest group lies above the lowest, relative."""
        return self.groups[-1].off - self.groups[0].off


def find_mixture(problem: FitProblem, point: np.ndarray, measured: Measured, runs: Runs) -> MixedRuns | None:
    """The column that parts the runs most clearly, or two groups that no column tells apart; None for runs of one kind.

    `point` (1, P) is the fit in the coordinates of its problem. A column parts the runs where what its groups explain
    of the residuals (`GroupTest.difference`) is likely more than noise, a share of their squares, and large enough to
    be noticed. Of many runs some are asked. Residuals along curves go together by their nature: None for laws of these.
    """
    if measured.histories or measured.stretches is not None:
        return None
    if (step := -(-measured.n // _MOST_RUNS)) > 1:
        some = np.arange(measured.n) % step == 0
        problem, measured = problem.take(np.flatnonzero(some)), measured.take(some)
    test = GroupTest.of(problem, point, measured)
    columns = [*_columns(runs, measured, problem.law.inputs, test.sizes)]
    differences = [test.difference(column.labels) for column in columns]
    found = [pair for pair in zip(differences, columns, strict=True) if _matters(pair[0], len(columns))]
    found = [pair for pair in found if not any(_is_finer(pair[1], other) for _, other in found)]
    if found:
        difference, column = min(found, key=lambda pair: pair[0].chance)
        return _mixture_of(difference, column)
    points = points_beside_ends(runs, measured)
    if points is not None:
        groups = [KindOfRuns(value="", count=int(which.sum()), off=0.0) for which in (~points, points)]
        return MixedRuns(column=None, groups=tuple(groups), are_points=True)
    heaps = test.two_heaps()
    if heaps is None:
        return None
    ends = [
        KindOfRuns(value="", count=int(which.sum()), off=off)
        for which, off in ((~heaps.upper, 0.0), (heaps.upper, heaps.apart))
    ]
    told = telling_value(runs, measured.rows[heaps.upper], measured.rows[~heaps.upper])
    return MixedRuns(column=None, groups=tuple(ends), is_unit=heaps.is_unit, told=told)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Grouping:
    """A column that may part the runs: the label (n,) of each, and the value that each label stands for."""

    name: str
    labels: np.ndarray
    values: Sequence[str]


def _matters(difference: GroupDifference, tried: int) -> bool:
    clear = difference.chance * tried < _CHANCE
    return clear and difference.share >= _SHARE and difference.noticed >= _NOTICED


def _is_finer(column: _Grouping, other: _Grouping) -> bool:
    """Whether groups of a column are parts of those of another: what parts the runs is then the other."""
    pairs = len({*zip(column.labels.tolist(), other.labels.tolist(), strict=True)})
    return len(other.values) < len(column.values) == pairs


def telling_value(runs: Runs, some: np.ndarray, others: np.ndarray) -> str | None:
    """The value of a column that all of some rows have and none of the others, or the reverse: "unit = 'bits'"."""
    for column in runs.columns:
        for rows, rest in ((some, others), (others, some)):
            values = {literal(value) for value in runs[column][rows].tolist()}
            if len(values) == 1 and not values & {literal(value) for value in runs[column][rest].tolist()}:
                return f"{column} = {values.pop()}"
    return None


def _mixture_of(difference: GroupDifference, column: _Grouping) -> MixedRuns:
    which = [column.labels == k for k in range(len(column.values))]
    groups = [
        KindOfRuns(value=value, count=int(rows.sum()), off=float(difference.by_run[rows].mean()))
        for value, rows in zip(column.values, which, strict=True)
    ]
    return MixedRuns(
        column=column.name,
        groups=tuple(sorted(groups, key=lambda group: group.off)),
        crosses=difference.crosses,
    )


def _columns(
    runs: Runs, measured: Measured, inputs: tuple[str, ...], sizes: tuple[np.ndarray, ...]
) -> Iterator[_Grouping]:
    """The columns that may part the runs; of columns that part them alike the first.

    Names, inputs and outcomes do not, nor what says a size in other words, as a width does.
    """
    seen = set()
    derived = {sentence.partition(" ")[0] for sentence in runs.derived}
    for name in runs.columns:
        if name in (*inputs, "N", "D", "C", "loss", *derived) or is_name(name) or _OUTCOME.search(normal(name)):
            continue
        column = _grouped(name, runs[name][measured.rows], sizes)
        if column is not None and (key := column.labels.tobytes()) not in seen:
            seen.add(key)
            yield column


def _grouped(name: str, values: np.ndarray, sizes: tuple[np.ndarray, ...]) -> _Grouping | None:
    """The groups of a column's values (n,), those of rare ones together; None for one, too many, and those of sizes."""
    texts = np.array([literal(value) for value in values.tolist()])
    names, labels, counts = np.unique(texts, return_inverse=True, return_counts=True)
    labels = labels.ravel()
    is_number = values.dtype.kind in "fiu"
    most = _MOST_NUMBERS if is_number else max(_MOST_NUMBERS, values.size // _RUNS_OF_TEXT)
    if names.size > most or any(_is_size(values, labels, logs) for logs in sizes):
        return None
    kept = np.flatnonzero(counts >= _FEWEST)
    rest = ~np.isin(labels, kept)
    if kept.size == 0 or kept.size + (rest.sum() >= _FEWEST) < 2:
        return None
    largest = int(np.argmax(counts[kept]))
    place = {int(label): k for k, label in enumerate(kept)}
    instead = kept.size if rest.sum() >= _FEWEST else largest
    grouped = np.array([place.get(int(label), instead) for label in labels])
    return _Grouping(name=name, labels=grouped, values=(*names[kept], *((_REST,) if instead == kept.size else ())))


def _is_size(values: np.ndarray, labels: np.ndarray, logs: np.ndarray) -> bool:
    """Whether a column's values (n,) say a size (n,): about one for each, or numbers that grow with it."""
    sizes, code = np.unique(np.round(logs, 6), return_inverse=True)
    pairs = np.unique(np.stack([code.ravel(), labels], axis=1), axis=0)
    groups = int(labels.max()) + 1
    if len(pairs) == sizes.size and 2 * groups > sizes.size:
        return True
    if values.dtype.kind not in "fiu" or groups <= _MOST_RANGES or np.isnan(values).any():
        return False
    return bool(abs(rank_correlation(values, logs)) > _GOES_WITH)


def literal(value: object) -> str:
    """A value as a condition writes it."""
    if value is None or value != value:
        return "NULL"
    if isinstance(value, float | int) and not isinstance(value, bool):
        return f"{value:.10g}"
    return str(value) if isinstance(value, bool) else "'" + str(value).replace("'", "''") + "'"
