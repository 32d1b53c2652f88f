"""How far forecasts can be trusted: measured on published runs, and learned from them.

Every case is a table of real runs, split by size: the smaller runs choose laws and forecast the larger ones, as
`choose` does for a user. What is learned of one study's errors is judged on the others only.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, final

import numpy as np

from froude.errors import InputError
from froude.fitting.choice import NEAREST, Choice, HeldOut, choose, sharpened
from froude.fitting.extrapolation import Extrapolation
from froude.fitting.forecasting import apart, deviations_at
from froude.runs import Runs, get_published

T = TypeVar("T")

LEVELS = (0.5, 0.8, 0.9, 0.95)
DRAWS = 200
RESAMPLES = 2000
_STUDY = {"name", "study", "hold_out"}
_OPTIONS = {"file", "columns", "where", "best", "x", "why"}


@final
@dataclass(frozen=True, kw_only=True)
class Case:
    """A split of a published table: runs for which `hold_out` holds are forecast from the others.

    `study` is the table's name in the registry, `columns` maps roles to its columns; `best` keeps, of runs that are
    equal in these columns, the one with the lowest loss; `where` keeps some runs only, for the reason `why`.
    """

    name: str
    study: str
    hold_out: str
    file: str | None = None
    columns: Mapping[str, str] | None = None
    where: str | None = None
    best: tuple[str, ...] = ()
    x: str | None = None
    why: str = ""

    def runs(self) -> Runs:
        """The runs of the case. InputError where the table is nowhere to be found or does not suit."""
        runs = get_published(self.study).read(self.file, self.columns)
        kept = runs if self.where is None else runs.where(self.where)
        return kept.take(_best(kept, self.best)) if self.best else kept


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedCase:
    """A case forecast: `errors` are log forecast − log measured of the average (held out,), `reaches` how far beyond
    the fitted runs in ln size, `known` and `apart` the relative standard deviations that come from parameters and
    residuals, and from the disagreement of laws. `cuts` are the hold-outs inside the fitted runs, `alone` the errors
    of every candidate by itself, `n_fit` the number of runs fitted."""

    case: Case
    errors: np.ndarray
    reaches: np.ndarray
    known: np.ndarray
    apart: np.ndarray
    cuts: tuple[HeldOut, ...]
    alone: Mapping[str, np.ndarray]
    law: str
    n_fit: int

    @property
    def mean_error(self) -> float:
        """The mean absolute relative error."""
        return float(np.abs(np.expm1(self.errors)).mean())

    @property
    def drift(self) -> float:
        """The error gained for each factor e of size, root mean square over the case and the cuts inside it."""
        whole = HeldOut(n=self.n_fit, errors=self.errors, reaches=self.reaches)
        return float(np.sqrt(np.mean([cut.drift**2 for cut in (*self.cuts, whole)])))

    def beyond(self, drift: float) -> np.ndarray:
        """The part of extrapolation (held out,), not stretched, if published studies teach this drift."""
        return np.hypot(sharpened(drift, self.cuts) * self.reaches, self.apart)


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases in a TOML file, a table `[[case]]` each. InputError, naming the case, for one that makes no sense."""
    try:
        listed = tomllib.loads(path.read_text(encoding="utf-8")).get("case", [])
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; give a file of calibration cases") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is no TOML ({error}): correct it") from error
    if not listed:
        raise InputError(f"{path} has no [[case]]: give at least two studies")
    return tuple(_case(path, number, said) for number, said in enumerate(listed, start=1))


def judge(case: Case) -> JudgedCase:
    """Choose laws on the smaller runs of a case and forecast the larger ones. InputError where it cannot be done."""
    runs = case.runs()
    runs = runs.take(~runs.diverged())
    held = runs.mask(case.hold_out)
    if not held.any() or held.all():
        raise InputError(f"case {case.name}: {case.hold_out!r} holds out {held.sum()} of {len(runs)} runs: change it")
    choice = choose(runs.take(~held), x=case.x, draws=DRAWS)
    return _judged(case, choice, runs.take(held))


def learn(cases: Sequence[JudgedCase]) -> Extrapolation:
    """What these cases teach, their studies weighted equally."""
    drift = float(np.sqrt(weighted(cases, lambda each: each.drift**2)))
    stretch = {level: _quantile(cases, drift, level) for level in LEVELS}
    return Extrapolation(drift=drift, stretch=stretch, studies=studies_of(cases))


def leave_one_out(cases: Sequence[JudgedCase]) -> dict[str, Extrapolation]:
    """By study, what all the others teach. InputError for fewer than two studies."""
    studies = studies_of(cases)
    if len(studies) < 2:
        raise InputError(f"cases are all of {', '.join(studies)}: judging one study by others needs at least two")
    return {study: learn([each for each in cases if each.case.study != study]) for study in studies}


def studies_of(cases: Sequence[JudgedCase]) -> tuple[str, ...]:
    """The studies of the cases, each once, in order."""
    return tuple(dict.fromkeys(each.case.study for each in cases))


def weighted(cases: Sequence[JudgedCase], value: Callable[[JudgedCase], float]) -> float:
    """The mean over studies of the mean over each study's cases."""
    return float(np.mean([np.mean(values) for values in by_study(cases, value).values()]))


def by_study(cases: Sequence[JudgedCase], value: Callable[[JudgedCase], T]) -> dict[str, list[T]]:
    """A value of each case, by study."""
    return {study: [value(each) for each in cases if each.case.study == study] for study in studies_of(cases)}


def half_widths(case: JudgedCase, learned: Extrapolation, level: float) -> np.ndarray:
    """The half-widths (held out,) in ln loss of the intervals at a level."""
    return deviations_at(level) * np.hypot(case.known, learned.stretch_at(level) * case.beyond(learned.drift))


def covered(case: JudgedCase, learned: Extrapolation, level: float) -> float:
    """The share of held-out runs inside their intervals."""
    return float(np.mean(np.abs(case.errors) <= half_widths(case, learned, level)))


def constant_half_width(cases: Sequence[JudgedCase], coverage: float) -> float:
    """The one half-width in ln loss, around the same forecasts, that holds this share, studies weighted equally."""
    return _share_quantile(cases, lambda each: np.abs(each.errors), coverage)


def between_studies(
    cases: Sequence[JudgedCase], value: Callable[[JudgedCase], float], seed: int = 0
) -> tuple[float, float]:
    """The 90% interval of `weighted` under a bootstrap of the studies."""
    means = np.array([np.mean(values) for values in by_study(cases, value).values()])
    drawn = np.random.default_rng(seed).choice(means, size=(RESAMPLES, len(means))).mean(axis=1)
    low, high = np.quantile(drawn, [0.05, 0.95])
    return float(low), float(high)


def alone(cases: Sequence[JudgedCase]) -> dict[str, float]:
    """By candidate law, its mean error over the cases it was tried on, studies weighted equally."""
    laws = dict.fromkeys(name for each in cases for name in each.alone)
    tried = {law: [each for each in cases if law in each.alone] for law in laws}
    return {law: weighted(some, lambda each, law=law: _mean_error(each.alone[law])) for law, some in tried.items()}


def summary(cases: Sequence[JudgedCase]) -> dict[str, Any]:
    """What matters of these cases, each study judged by what the others teach, as `--json` prints it.

    For every level: the coverage, with its interval between studies, the median over cases of the median relative
    half-width, and the constant half-width that would hold as many.
    """
    others = leave_one_out(cases)
    found = []
    for level in LEVELS:
        inside = {id(each): covered(each, others[each.case.study], level) for each in cases}
        widths = [float(np.median(half_widths(each, others[each.case.study], level))) for each in cases]
        coverage = weighted(cases, lambda each, inside=inside: inside[id(each)])
        between = between_studies(cases, lambda each, inside=inside: inside[id(each)])
        constant = constant_half_width(cases, coverage)
        found.append(
            {
                "level": level,
                "coverage": coverage,
                "coverage_interval": list(between),
                "half_width": float(np.expm1(np.median(widths))),
                "constant": float(np.expm1(constant)),
            }
        )
    return {
        "cases": len(cases),
        "studies": len(others),
        "runs": sum(each.errors.size for each in cases),
        "mean_error": weighted(cases, lambda each: each.mean_error),
        "mean_error_interval": list(between_studies(cases, lambda each: each.mean_error)),
        "hindsight": best_in_hindsight(cases),
        "intervals": found,
    }


def best_in_hindsight(cases: Sequence[JudgedCase]) -> float:
    """The mean error of always taking one law a set of inputs, the one that turned out best over all studies."""
    errors = alone(cases)
    kinds: dict[frozenset[str], list[JudgedCase]] = {}
    for each in cases:
        kinds.setdefault(frozenset(each.alone), []).append(each)
    best = {kind: min(kind, key=lambda law: errors[law]) for kind in kinds}
    return weighted(cases, lambda each: _mean_error(each.alone[best[frozenset(each.alone)]]))


def _mean_error(errors: np.ndarray) -> float:
    return float(np.abs(np.expm1(errors)).mean())


def _judged(case: Case, choice: Choice, held: Runs) -> JudgedCase:
    made = choice.fit
    at = {x: held[x] for x in made.law.inputs}
    forecast = made.predict(of="run", **at)
    known = np.hypot(forecast.parts["parameters"], forecast.parts["residual"])
    reaches = np.maximum(0.0, made.reach(at))
    return JudgedCase(
        case=case,
        errors=np.log(forecast.mean / held["loss"]),
        reaches=reaches,
        known=known,
        apart=apart(made, at, reaches),
        cuts=choice.held_out,
        alone={
            each.fit.law.name: np.log(each.fit.predict(of="run", **at).mean / held["loss"])
            for each in choice.candidates
        },
        law=made.law.name,
        n_fit=made.n,
    )


def _quantile(cases: Sequence[JudgedCase], drift: float, level: float) -> float:
    """The stretch under which the intervals of these cases hold this share of the runs.

    The share is taken (n + 1)/n of the level for n cases, as split conformal prediction does: the next case may be
    worse than all of them. Runs that lie no farther than NEAREST beyond the fitted ones say nothing of extrapolation.
    """
    telling = [each for each in cases if np.any(each.reaches > NEAREST)]
    share = min(1.0, level * (len(telling) + 1) / len(telling))
    return _share_quantile(telling, lambda each: _needed(each, drift, level), share)


def _needed(each: JudgedCase, drift: float, level: float) -> np.ndarray:
    """The stretch that would just bring a run into its interval, for those that lie far enough beyond to tell."""
    unexplained = np.sqrt(np.maximum(0.0, (each.errors / deviations_at(level)) ** 2 - each.known**2))
    return (unexplained / np.maximum(each.beyond(drift), 1e-12))[each.reaches > NEAREST]


def _share_quantile(cases: Sequence[JudgedCase], score: Callable[[JudgedCase], np.ndarray], share: float) -> float:
    """The value that this share of held-out runs stays below; studies, their cases and their runs weigh equally."""
    counts = {study: len(some) for study, some in by_study(cases, lambda each: 0.0).items()}
    scores = [score(each) for each in cases]
    weights = [np.full(s.size, 1 / s.size / counts[each.case.study]) for s, each in zip(scores, cases, strict=True)]
    value, weight = np.concatenate(scores), np.concatenate(weights)
    order = np.argsort(value)
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(value[order][min(int(np.searchsorted(reached, share)), value.size - 1)])


def _best(runs: Runs, columns: Sequence[str]) -> np.ndarray:
    keys = np.stack([runs[name] for name in columns], axis=1)
    _, group = np.unique(keys, axis=0, return_inverse=True)
    order = np.lexsort((runs["loss"], group.ravel()))
    _, first = np.unique(group.ravel()[order], return_index=True)
    return np.sort(order[first])


def _case(path: Path, number: int, said: Mapping[str, Any]) -> Case:
    name = f"case {number} of {path}"
    if missing := _STUDY - set(said):
        raise InputError(f"{name} has no {sorted(missing)[0]}: say it")
    if unknown := set(said) - _STUDY - _OPTIONS:
        known = ", ".join(sorted(_STUDY | _OPTIONS))
        raise InputError(f"{name} says {sorted(unknown)[0]!r}, which means nothing: a case has {known}")
    return Case(**{**said, "best": tuple(said.get("best", ()))})
