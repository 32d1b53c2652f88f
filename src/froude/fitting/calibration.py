"""How far forecasts can be trusted, measured on published runs and learned from them.

Every case is a table of real runs, split by size: the smaller runs choose laws and forecast the larger ones, as
`choose` does for a user. What is learned of one study's errors is judged on the others only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, final

import numpy as np

from froude.documents import DocumentKind
from froude.errors import InputError, shown
from froude.fitting.choice import NEAREST, Choice, HeldOut, choose, update_drift
from froude.fitting.extrapolation import Extrapolation
from froude.fitting.forecasting import disagreement_beyond
from froude.fitting.small_samples import deviations_at
from froude.provenance import Computed, recorded
from froude.runs import Runs, get_published

T = TypeVar("T")

LEVELS = (0.5, 0.8, 0.9, 0.95)
DRAWS = 200
RESAMPLES = 2000
CASES_FILE = DocumentKind(what="file of calibration cases", remedy="give a file of calibration cases, or correct it")
_STUDY = {"name", "study", "hold_out"}
_OPTIONS = {"set", "file", "columns", "where", "fit", "best", "x", "why", "cluster", "curve"}


@final
@dataclass(frozen=True, kw_only=True)
class Case:
    """A split of a published table: runs for which `hold_out` holds are forecast from those for which `fit` does.

    Without `fit` it is from all others. `study` is the table's name in the registry, `columns` maps roles to its
    columns; `best` keeps, of runs that are equal in these columns, the one with the lowest loss; `where` keeps some
    runs only, for the reason `why`. Runs equal in the column `cluster` are points of one training, which counts as one
    run. Where `curve`, all are points along one training. Cases of one `set` are judged together.
    """

    name: str
    study: str
    hold_out: str
    file: str | None = None
    columns: Mapping[str, str] | None = None
    where: str | None = None
    fit: str | None = None
    best: tuple[str, ...] = ()
    x: str | None = None
    why: str = ""
    cluster: str | None = None
    set: str = ""
    curve: bool = False

    def runs(self) -> Runs:
        """The runs of the case. InputError where the table is nowhere to be found or does not suit."""
        runs = get_published(self.study).read(self.file, self.columns)
        runs = runs if self.where is None else runs.where(self.where)
        return runs.take(_best(runs, self.best)) if self.best else runs


@dataclass(frozen=True)
class _ListedCases:
    case: list[dict[str, Any]]


@dataclass(frozen=True)
class _Cases:
    case: tuple[Case, ...]


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class JudgedCase(Computed):
    """A case forecast and compared with what was measured.

    `errors` are log forecast − log measured of the average (held out,), `reaches` how far beyond the fitted runs in ln
    size, `noise` and `disagreement` the relative standard deviations that come from parameters and residuals, and from
    the disagreement of laws. `cuts` are the hold-outs inside the fitted runs, `candidate_errors` the errors of every
    candidate law by itself, `n_fit` the number of runs fitted.
    """

    case: Case
    errors: np.ndarray
    reaches: np.ndarray
    noise: np.ndarray
    disagreement: np.ndarray
    cuts: tuple[HeldOut, ...]
    candidate_errors: Mapping[str, np.ndarray]
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

    def extrapolation_error(self, drift: float) -> np.ndarray:
        """The part of extrapolation (held out,), not stretched, where published studies have this drift."""
        return np.hypot(update_drift(drift, self.cuts) * self.reaches, self.disagreement)


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases in a TOML file, a table `[[case]]` each. InputError, naming the case, for one that makes no sense."""
    document = CASES_FILE.read_toml(path, dict)
    if not document.get("case"):
        raise CASES_FILE.wrong(path, "it has no [[case]], and should have some of at least two studies")
    listed = CASES_FILE.check(document, str(path), _ListedCases).case
    for number, fields in enumerate(listed, start=1):
        if missing := _STUDY - set(fields):
            raise CASES_FILE.wrong(path, f"case {number} has no {min(missing)}: add it")
        if unknown := set(fields) - _STUDY - _OPTIONS:
            known = ", ".join(sorted(_STUDY | _OPTIONS))
            raise CASES_FILE.wrong(
                path, f"case {number} has {shown(min(unknown), 40)}, which means nothing: {known} do"
            )
    return CASES_FILE.check(document, str(path), _Cases).case


@recorded
def calibrate(
    path: str | Path, watch: Callable[[Sequence[Case]], Iterable[Case]] = lambda cases: cases
) -> list[JudgedCase]:
    """Every case of a TOML file forecast from its smaller runs, as `froude calibrate` does; `watch` sees them pass.

    `learn` says what they teach, `froude.fitting.coverage.summarise` how often the intervals held. InputError where a
    case cannot be judged.
    """
    return [judge(case) for case in watch(read_cases(Path(path)))]


def judge(case: Case) -> JudgedCase:
    """Choose laws on the smaller runs of a case and forecast the larger ones. InputError where it cannot be done."""
    runs = case.runs()
    runs = runs.take(runs.finite())
    held_out = runs.mask(case.hold_out)
    fitted = ~held_out if case.fit is None else runs.mask(case.fit) & ~held_out
    if not held_out.any() or not fitted.any():
        raise InputError(
            f"case {case.name}: {case.hold_out!r} holds out {held_out.sum()} of {len(runs)} runs and "
            f"{fitted.sum()} are left to fit: change it"
        )
    choice = choose(runs.take(fitted), x=case.x, draws=DRAWS, cluster=case.cluster)
    return _compare(case, choice, runs.take(held_out))


def learn(cases: Sequence[JudgedCase]) -> Extrapolation:
    """Drift and stretch from these cases, their studies weighted equally.

    InputError where no case holds out a run that lies beyond its fitted ones.
    """
    if not any(np.any(each.reaches > NEAREST) for each in cases):
        names = shown(", ".join(each.case.name for each in cases))
        raise InputError(f"cases {names} hold out no run larger than all others: change hold_out, as to C > 1e21")
    drift = float(np.sqrt(mean_over_studies(cases, lambda each: each.drift**2)))
    stretch = {level: _quantile(cases, drift, level) for level in LEVELS}
    farthest = float(max(each.reaches.max() for each in cases))
    return Extrapolation(drift=drift, farthest=farthest, stretch=stretch, studies=studies_of(cases))


def leave_one_out(cases: Sequence[JudgedCase]) -> dict[str, Extrapolation]:
    """By study, what is learned from all the others. InputError for fewer than two studies."""
    studies = studies_of(cases)
    if len(studies) < 2:
        raise InputError(f"cases are all of {', '.join(studies)}: judging one study by others needs at least two")
    return {study: learn([each for each in cases if each.case.study != study]) for study in studies}


def studies_of(cases: Sequence[JudgedCase]) -> tuple[str, ...]:
    """The studies of the cases, each once, in order."""
    return tuple(dict.fromkeys(each.case.study for each in cases))


def mean_over_studies(cases: Sequence[JudgedCase], value: Callable[[JudgedCase], float]) -> float:
    """The mean over studies of the mean over each study's cases."""
    return float(np.mean([np.mean(values) for values in group_by_study(cases, value).values()]))


def group_by_study(cases: Sequence[JudgedCase], value: Callable[[JudgedCase], T]) -> dict[str, list[T]]:
    """A value of each case, by study."""
    return {study: [value(each) for each in cases if each.case.study == study] for study in studies_of(cases)}


def half_widths(case: JudgedCase, extrapolation: Extrapolation, level: float) -> np.ndarray:
    """The half-widths (held out,) in ln loss of the intervals at a level."""
    stretched = extrapolation.stretch_at(level) * case.extrapolation_error(extrapolation.drift)
    return deviations_at(level) * np.hypot(case.noise, stretched)


def coverage_of(case: JudgedCase, extrapolation: Extrapolation, level: float) -> float:
    """The share of held-out runs inside their intervals."""
    return float(np.mean(np.abs(case.errors) <= half_widths(case, extrapolation, level)))


def constant_half_width(cases: Sequence[JudgedCase], coverage: float) -> float:
    """The one half-width in ln loss, around the same forecasts, that holds this share, studies weighted equally."""
    return _share_quantile(cases, lambda each: np.abs(each.errors), coverage)


def interval_over_studies(
    cases: Sequence[JudgedCase], value: Callable[[JudgedCase], float], seed: int = 0
) -> tuple[float, float]:
    """The 90% interval of `mean_over_studies` under a bootstrap of the studies."""
    means = np.array([np.mean(values) for values in group_by_study(cases, value).values()])
    drawn = np.random.default_rng(seed).choice(means, size=(RESAMPLES, len(means))).mean(axis=1)
    low, high = np.quantile(drawn, [0.05, 0.95])
    return float(low), float(high)


def errors_by_law(cases: Sequence[JudgedCase]) -> dict[str, float]:
    """By candidate law, its mean error over the cases it was fitted to, studies weighted equally."""
    laws = dict.fromkeys(name for each in cases for name in each.candidate_errors)
    return {
        law: mean_over_studies(
            [each for each in cases if law in each.candidate_errors],
            lambda each, law=law: _mean_error(each.candidate_errors[law]),
        )
        for law in laws
    }


def best_in_hindsight(cases: Sequence[JudgedCase]) -> float:
    """The mean error of always taking one law a set of inputs, the one that turned out best over all studies."""
    errors = errors_by_law(cases)
    kinds: dict[frozenset[str], list[JudgedCase]] = {}
    for each in cases:
        kinds.setdefault(frozenset(each.candidate_errors), []).append(each)
    best = {kind: min(kind, key=lambda law: errors[law]) for kind in kinds}
    return mean_over_studies(
        cases, lambda each: _mean_error(each.candidate_errors[best[frozenset(each.candidate_errors)]])
    )


def _mean_error(errors: np.ndarray) -> float:
    return float(np.abs(np.expm1(errors)).mean())


def _compare(case: Case, choice: Choice, held_out: Runs) -> JudgedCase:
    fit, measured = choice.fit, held_out["loss"]
    at = {x: held_out[x] for x in fit.law.inputs}
    forecast = fit.predict(of="run", **at)
    noise = np.hypot(forecast.parts["parameters"], forecast.parts["residual"])
    return JudgedCase(
        case=case,
        errors=np.log(forecast.mean / measured),
        reaches=np.maximum(0.0, fit.reach(at)),
        noise=noise,
        disagreement=disagreement_beyond(fit, at),
        cuts=choice.held_out,
        candidate_errors={
            each.fit.law.name: np.log(each.fit.predict(of="run", **at).mean / measured) for each in choice.candidates
        },
        law=fit.law.name,
        n_fit=fit.n,
    )


def _quantile(cases: Sequence[JudgedCase], drift: float, level: float) -> float:
    """The stretch under which the intervals of these cases hold this share of the runs.

    The share is taken (n + 1)/n of the level for n cases, as split conformal prediction does: the next case may be
    worse than all of them. Runs that lie no farther than NEAREST beyond the fitted ones say nothing of extrapolation.
    """
    informative = [each for each in cases if np.any(each.reaches > NEAREST)]
    share = min(1.0, level * (len(informative) + 1) / len(informative))
    return _share_quantile(informative, lambda each: _needed_stretch(each, drift, level), share)


def _needed_stretch(each: JudgedCase, drift: float, level: float) -> np.ndarray:
    """The stretch that would just bring a run into its interval, for those that lie far enough beyond to tell."""
    unexplained = np.sqrt(np.maximum(0.0, (each.errors / deviations_at(level)) ** 2 - each.noise**2))
    return (unexplained / np.maximum(each.extrapolation_error(drift), 1e-12))[each.reaches > NEAREST]


def _share_quantile(cases: Sequence[JudgedCase], score: Callable[[JudgedCase], np.ndarray], share: float) -> float:
    """The value that this share of held-out runs stays below; studies, their cases and their runs weigh equally."""
    counts = {study: len(some) for study, some in group_by_study(cases, lambda each: 0.0).items()}
    scores = [score(each) for each in cases]
    weights = [np.full(s.size, 1 / s.size / counts[each.case.study]) for s, each in zip(scores, cases, strict=True)]
    value, weight = np.concatenate(scores), np.concatenate(weights)
    order = np.argsort(value)
    cumulative = np.cumsum(weight[order]) / weight.sum()
    return float(value[order][min(int(np.searchsorted(cumulative, share)), value.size - 1)])


def _best(runs: Runs, columns: Sequence[str]) -> np.ndarray:
    keys = np.stack([runs[name] for name in columns], axis=1)
    _, group = np.unique(keys, axis=0, return_inverse=True)
    order = np.lexsort((runs["loss"], group.ravel()))
    _, first = np.unique(group.ravel()[order], return_index=True)
    return np.sort(order[first])
