"""How much two methods that were trained alike err alike beyond their runs, and how often intervals of ratios hold.

Command: python benchmarks/sibling_errors.py

Every method of a group of sibling_cases.toml is fitted to its smaller runs, and held-out runs of two methods at nearly
the same inputs are a pair. Bias, drift and stretch that a study's forecasts use are learned from the other studies, and
so is the correlation of errors. Studies weigh alike, and in each its groups, the pairs of methods and their runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.documents import DocumentKind
from froude.errors import InputError
from froude.fitting.calibration import Case, JudgedCase, half_widths, judge, learn, leave_one_out
from froude.fitting.extrapolation import Learned
from froude.fitting.small_samples import deviations_at
from record import record

HERE = Path(__file__).parent
CASES = DocumentKind(what="file of groups of methods", remedy="correct it")
LEVEL = 0.9
NEAR = 1.05
APART = ("laion_comparison",)
"""Studies of error rates, which err many times as much as losses do: judged by the others, teaching them nothing."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """Held-out runs of two methods, each array (2, runs) but for the weights (runs,), of sum 1.

    `errors` are log forecast − log measured, `noise` and `spread` the relative standard deviations of parameters and
    residuals, and of extrapolation.
    """

    study: str
    group: str
    errors: np.ndarray
    noise: np.ndarray
    spread: np.ndarray
    weights: np.ndarray

    @property
    def standardised(self) -> np.ndarray:
        """Errors in standard deviations, (2, runs)."""
        return self.errors / np.hypot(self.noise, self.spread)

    @property
    def miss(self) -> np.ndarray:
        """How far off the logarithm of the ratio is, (runs,)."""
        return np.abs(self.errors[0] - self.errors[1])

    def half_width(self, shared: float) -> np.ndarray:
        """Half the interval of the logarithm of the ratio, (runs,), where errors of extrapolation correlate so."""
        squares = (self.noise**2 + self.spread**2).sum(axis=0) - 2 * shared * self.spread.prod(axis=0)
        return deviations_at(LEVEL) * np.sqrt(squares)

    def mean(self, values: np.ndarray) -> float:
        """The mean of values (runs,)."""
        return float(values @ self.weights)


def main() -> None:
    """Judges every method, and records correlation, coverage, widths and scores."""
    groups = CASES.read_toml(HERE / "sibling_cases.toml", dict)["group"]
    judged = dict(map(judge_group, groups))
    cases = [case for methods in judged.values() for case in methods]
    losses = [case for case in cases if case.case.study not in APART]
    learned = leave_one_out(losses) | dict.fromkeys(APART, learn(losses))
    near = {group["name"]: np.log(group.get("near", NEAR)) for group in groups}
    found = [pair for name, methods in judged.items() for pair in pairs_of(name, methods, learned, near[name])]
    pairs = [pair for pair in found if pair.study not in APART]
    shared = {study: correlation([each for each in pairs if each.study != study]) for study in studies_of(pairs)}
    rows = [row(study, [each for each in pairs if each.study == study], shared[study]) for study in shared]
    everything = correlation(pairs)
    total = summary(pairs, shared)
    apart = [
        row(study, some, everything) for study in APART if (some := [each for each in found if each.study == study])
    ]
    methods = sum(len(group["methods"]) for group in groups)
    refused = f"Of {methods} methods {methods - len(cases)} were not fitted, as one size alone lies below the cut. "
    record(
        "sibling_errors",
        "python benchmarks/sibling_errors.py",
        [*rows, total | {"correlation": f"{everything:.2f}"}, *apart],
        notes=[refused + said(pairs, shared)],
        correlation=everything,
    )
    print(f"correlation {everything:.3f}", *rows, total, *apart, refused + said(pairs, shared), sep="\n")


def judge_group(group: dict[str, Any]) -> tuple[str, list[JudgedCase]]:
    """The name of a group, and each of its methods that can be forecast."""
    fields = {name: value for name, value in group.items() if name not in ("name", "methods", "near", "where", "best")}
    kept = f"({group['where']}) AND " if "where" in group else ""
    judged = []
    for method, condition in group["methods"].items():
        case = Case(
            name=f"{group['name']}: {method}",
            where=f"{kept}({condition})",
            best=tuple(group.get("best", ())),
            **fields,
        )
        try:
            judged.append(judge(case))
        except InputError as error:
            print(case.name, error, flush=True)
        else:
            print(case.name, f"{judged[-1].mean_error:.2%}", flush=True)
    return group["name"], judged


def pairs_of(name: str, methods: Sequence[JudgedCase], learned: dict[str, Learned], near: float) -> list[Pair]:
    """Every two methods of a group that have held-out runs whose inputs are, in logarithms, `near` each other."""
    return [pair for one, other in combinations(methods, 2) if (pair := pair_of(name, one, other, learned, near))]


def pair_of(name: str, one: JudgedCase, other: JudgedCase, learned: dict[str, Learned], near: float) -> Pair | None:
    """Two methods, each run of the first beside the nearest of the other."""
    study = one.case.study
    here, there = inputs_of(one), inputs_of(other)
    apart = np.abs(here[:, None] - there[None]).max(axis=-1)
    nearest = apart.argmin(axis=1)
    kept = apart.min(axis=1) <= near
    if not kept.any():
        return None
    parts = []
    for case, rows in ((one, np.flatnonzero(kept)), (other, nearest[kept])):
        unseen = case.with_bias(learned[study].average.bias)
        half = half_widths(unseen, learned[study], LEVEL) / deviations_at(LEVEL)
        spread = np.sqrt(np.maximum(half**2 - unseen.noise**2, 0))
        parts.append((unseen.errors[rows], unseen.noise[rows], spread[rows]))
    errors, noise, spread = (np.array(both) for both in zip(*parts, strict=True))
    weights = one.weights[kept] / one.weights[kept].sum()
    return Pair(study=study, group=name, errors=errors, noise=noise, spread=spread, weights=weights)


def inputs_of(case: JudgedCase) -> np.ndarray:
    """The logarithms (held out, inputs) of the inputs of a case's held-out runs."""
    runs = case.case.runs()
    runs = runs.take(runs.finite())
    runs = runs.take(runs.mask(case.case.hold_out))
    return np.log(np.stack([runs[x] for x in ([case.case.x] if case.case.x else ["N", "D"])], axis=1))


def studies_of(pairs: Sequence[Pair]) -> list[str]:
    """The studies of the pairs, each once."""
    return list(dict.fromkeys(each.study for each in pairs))


def over_studies(pairs: Sequence[Pair], value: Callable[[Pair], float]) -> float:
    """The mean over studies of the mean over groups of the mean over pairs."""
    groups: dict[str, dict[str, list[float]]] = {}
    for each in pairs:
        groups.setdefault(each.study, {}).setdefault(each.group, []).append(value(each))
    return float(np.mean([np.mean([np.mean(some) for some in group.values()]) for group in groups.values()]))


def correlation(pairs: Sequence[Pair]) -> float:
    """The mean over studies of the correlation, about 0, of the standardised errors of two methods."""
    return float(np.mean([_of_study([each for each in pairs if each.study == study]) for study in studies_of(pairs)]))


def _of_study(pairs: Sequence[Pair]) -> float:
    both = over_studies(pairs, lambda each: each.mean(each.standardised.prod(axis=0)))
    one, other = (over_studies(pairs, lambda each, k=k: each.mean(each.standardised[k] ** 2)) for k in (0, 1))
    return both / float(np.sqrt(one * other))


def coverage(each: Pair, shared: float) -> float:
    """The share of ratios inside their intervals."""
    return each.mean(each.miss <= each.half_width(shared))


def score(each: Pair, half: np.ndarray | float) -> float:
    """The mean interval score of the logarithm of the ratio (Gneiting and Raftery 2007, eq. 43)."""
    return each.mean(2 * half + 2 / (1 - LEVEL) * np.maximum(0, each.miss - half))


def constant(pairs: Sequence[Pair], shares: np.ndarray) -> float:
    """The one half-width that has the least mean score on these pairs, among quantiles of what they miss by."""
    misses = np.concatenate([each.miss for each in pairs])
    halves = np.quantile(misses, shares)
    return float(halves[np.argmin([over_studies(pairs, lambda each, half=half: score(each, half)) for half in halves])])


def row(study: str, pairs: Sequence[Pair], shared: float) -> dict[str, str]:
    """A row of the table: a study, judged with the correlation that others show."""
    return {
        "study": f"`{study}`",
        "pairs of methods": str(len(pairs)),
        "pairs of runs": str(sum(each.weights.size for each in pairs)),
        "correlation": f"{_of_study(pairs):.2f}",
        "error of the ratio": f"{over_studies(pairs, lambda each: each.mean(np.expm1(each.miss))):.2%}",
        "inside their 90% interval": f"{over_studies(pairs, lambda each: coverage(each, shared)):.0%}",
        "half-width": f"{over_studies(pairs, lambda each: float(np.median(each.half_width(shared)))):.1%}",
        "half-width if independent": f"{over_studies(pairs, lambda each: float(np.median(each.half_width(0.0)))):.1%}",
    }


def summary(pairs: Sequence[Pair], shared: dict[str, float]) -> dict[str, str]:
    """The row of all studies, each judged with the correlation that the others show."""
    return row("all", pairs, 0.0) | {
        "study": "all, equally weighted",
        "inside their 90% interval": f"{over_studies(pairs, lambda each: coverage(each, shared[each.study])):.0%}",
        "half-width": f"{over_studies(pairs, lambda each: float(np.median(each.half_width(shared[each.study])))):.1%}",
    }


def said(pairs: Sequence[Pair], shared: dict[str, float]) -> str:
    """Mean interval scores, beside those of independent and of wholly shared errors and of a constant half-width."""
    shares = np.linspace(0.5, 1, 51)
    halves = {study: constant([each for each in pairs if each.study != study], shares) for study in shared}
    scores = {
        "as correlated as the other studies show": lambda each: score(each, each.half_width(shared[each.study])),
        "independent": lambda each: score(each, each.half_width(0.0)),
        "wholly shared": lambda each: score(each, each.half_width(1.0)),
        "one half-width for all, learned from the other studies": lambda each: score(each, halves[each.study]),
    }
    texts = [f"{name} {over_studies(pairs, value):.4f}" for name, value in scores.items()]
    covered = (
        over_studies(pairs, lambda each: coverage(each, 0.0)),
        over_studies(pairs, lambda each: coverage(each, 1.0)),
    )
    return (
        f"Mean interval score of the logarithm of the ratio: {', '.join(texts)}. Correlations learned: "
        f"{min(shared.values()):.2f} to {max(shared.values()):.2f}. Of the intervals {covered[0]:.0%} would hold were "
        f"errors taken as independent, {covered[1]:.0%} as wholly shared."
    )


if __name__ == "__main__":
    main()
