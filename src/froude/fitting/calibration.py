"""How far forecasts can be trusted, measured on published runs and learned from them.

Every case is a table of real runs, split by size: the smaller runs choose laws and forecast the larger ones, as
`choose` does for a user. What is learned of one study's errors is judged on the others only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, final

import numpy as np

from froude.documents import DocumentKind
from froude.errors import InputError, shown
from froude.fitting.choice import Choice, choose
from froude.fitting.extrapolation import Extrapolation, Learned, shipped
from froude.fitting.forecasting import disagreement_beyond
from froude.fitting.held_out import NEAREST, HeldOut, Weighed, update_drift, weigh
from froude.fitting.outcomes import OutcomeKind
from froude.fitting.shares import shares
from froude.fitting.small_samples import deviations_at
from froude.provenance import Computed, recorded
from froude.runs import Runs, get_published

T = TypeVar("T")

LEVELS = (0.5, 0.8, 0.9, 0.95)
DRAWS = 200
RESAMPLES = 2000
CASES_FILE = DocumentKind(what="file of calibration cases", remedy="give a file of calibration cases, or correct it")
_STUDY = {"name", "study", "hold_out"}
_OPTIONS = {"set", "file", "y", "kind", "columns", "where", "fit", "best", "x", "why", "cluster", "curve"}


@final
@dataclass(frozen=True, kw_only=True)
class Case:
    """A split of a published table: runs for which `hold_out` holds are forecast from those for which `fit` does.

    What is forecast is the column `y`, of the `kind` that is said or recognised. Without `fit` it is from all
    others. `study` is the table's name in the registry, `columns` maps roles to its columns; `best` keeps, of runs
    that are equal in these columns, the one with the lowest loss; `where` keeps some runs only, for the reason
    `why`. Runs equal in the column `cluster` are points of one training, which counts as one run. Where `curve`,
    all are points along one training. Cases of one `set` are judged together.
    """

    name: str
    study: str
    hold_out: str
    y: str = "loss"
    kind: OutcomeKind | None = None
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
    """A case forecast and compared with what was measured, where published studies show such a `bias` of laws.

    Where `bias` is None, none is taken out: of laws of one input and of error rates none is known.

    `candidate_errors` are log forecast − log measured, of an accuracy those of its error rate, of every law by itself,
    none of its bias taken out, (held out,), and `candidate_cuts` its hold-outs inside the fitted runs likewise.
    `reaches` are how far beyond the fitted runs the held-out ones lie in ln size, `weights`, of sum 1, what each
    counts, `noise` and `disagreement` the relative standard deviations that come from parameters and residuals, and
    from the disagreement of laws. `law` is the average, `n_fit` the number of runs fitted, and `is_of_shares` says that
    the outcome is an error rate or an accuracy.
    """

    case: Case
    candidate_errors: Mapping[str, np.ndarray]
    candidate_cuts: Mapping[str, tuple[HeldOut, ...]]
    reaches: np.ndarray
    weights: np.ndarray
    noise: np.ndarray
    disagreement: np.ndarray
    law: str
    n_fit: int
    bias: Mapping[str, float] | None
    is_of_shares: bool = False

    @cached_property
    def weighed(self) -> Weighed[str]:
        """What the laws weigh in the average, and how it did at the cuts."""
        bias = self.bias or {}
        return weigh({law: (cuts, bias.get(law, 0.0)) for law, cuts in self.candidate_cuts.items()})

    @cached_property
    def errors(self) -> np.ndarray:
        """The log forecast − log measured of the average, its bias taken out, (held out,)."""
        average = sum(self.candidate_errors[law] * share for law, share in self.weighed.shares.items())
        return np.asarray(average if self.bias is None else average - self.weighed.bias * self.reaches)

    @property
    def cuts(self) -> tuple[HeldOut, ...]:
        """How the average did at the cuts inside the fitted runs."""
        return self.weighed.held_out

    @property
    def mean_error(self) -> float:
        """The mean absolute relative error."""
        return self.mean(np.abs(np.expm1(self.errors)))

    @property
    def signed_error(self) -> float:
        """The mean relative error, above 0 where forecasts are too high."""
        return self.mean(np.expm1(self.errors))

    @property
    def drift(self) -> float:
        """The error gained for each factor e of size, root mean square over the case and the cuts inside it."""
        whole = HeldOut(n=self.n_fit, errors=self.errors, reaches=self.reaches)
        return float(np.sqrt(np.mean([cut.drift**2 for cut in (*self.cuts, whole)])))

    def mean(self, values: np.ndarray) -> float:
        """The mean of values (held out,) over the held-out runs."""
        return float(values @ self.weights)

    def extrapolation_error(self, drift: float) -> np.ndarray:
        """The part of extrapolation (held out,), not stretched, where published studies have this drift."""
        return np.hypot(update_drift(drift, self.cuts) * self.reaches, self.disagreement)

    @property
    def is_average(self) -> bool:
        """Whether it is forecast by an average of laws of a loss over N and D, whose bias is taken out."""
        return self.case.x is None and not self.is_of_shares

    def extrapolation(self, learned: Learned) -> Extrapolation:
        """What is learned of cases like this one."""
        if self.is_of_shares:
            return learned.error_rates
        return learned.average if self.is_average else learned.other

    def with_bias(self, bias: Mapping[str, float] | None) -> "JudgedCase":
        """The case as it is forecast where published studies show this bias."""
        return replace(self, bias=bias if self.is_average else None)

    def bias_of(self, law: str) -> float:
        """The error that a law by itself gained for each factor e of size, with its sign."""
        return HeldOut(n=self.n_fit, errors=self.candidate_errors[law], reaches=self.reaches).bias


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
    runs = runs.take(runs.finite(case.y))
    held_out = runs.mask(case.hold_out)
    fitted = ~held_out if case.fit is None else runs.mask(case.fit) & ~held_out
    if not held_out.any() or not fitted.any():
        raise InputError(
            f"case {case.name}: {case.hold_out!r} holds out {held_out.sum()} of {len(runs)} runs and "
            f"{fitted.sum()} are left to fit: change it"
        )
    choice = choose(runs.take(fitted), case.y, x=case.x, draws=DRAWS, cluster=case.cluster, kind=case.kind)
    return _compare(case, choice, runs.take(held_out))


def learn(cases: Sequence[JudgedCase]) -> Learned:
    """What these cases teach, their studies weighted equally; of losses and of error rates, whichever they are of.

    What they do not tell is as it ships. InputError where no case holds out a run that lies beyond its fitted ones.
    """
    if not any(np.any(each.reaches > NEAREST) for each in cases):
        names = shown(", ".join(each.case.name for each in cases))
        raise InputError(f"cases {names} hold out no run larger than all others: change hold_out, as to C > 1e21")
    rates, losses = ([each for each in cases if each.is_of_shares == of_shares] for of_shares in (True, False))
    learned = shipped()
    if rates:
        learned = replace(learned, error_rates=_extrapolation(rates, {}))
    if losses:
        unseen = [
            each.with_bias(learn_bias([other for other in losses if other.case.study != each.case.study]))
            for each in losses
        ]
        average = _extrapolation(unseen, learn_bias(losses))
        learned = replace(learned, average=average, other=_extrapolation([each.with_bias(None) for each in losses], {}))
    return learned


def _extrapolation(cases: Sequence[JudgedCase], bias: Mapping[str, float]) -> Extrapolation:
    """How fast forecasts like those of these cases err, and how far intervals must be stretched."""
    drift = float(np.sqrt(mean_over_studies(cases, lambda each: each.drift**2)))
    return Extrapolation(
        bias=bias,
        drift=drift,
        farthest=float(max(each.reaches.max() for each in cases)),
        stretch={level: _quantile(cases, drift, level) for level in LEVELS},
        studies=studies_of(cases),
    )


def learn_bias(cases: Sequence[JudgedCase]) -> dict[str, float]:
    """By law of N and D, what it erred by for each factor e of size in cases, their studies weighted equally."""
    several = [each for each in cases if each.is_average]
    laws = dict.fromkeys(law for each in several for law in each.candidate_errors)
    return {
        law: mean_over_studies(
            [each for each in several if law in each.candidate_errors], lambda each, law=law: each.bias_of(law)
        )
        for law in laws
    }


def leave_one_out(cases: Sequence[JudgedCase]) -> dict[str, Learned]:
    """By study, what is learned from all the others. InputError for fewer than two studies."""
    studies = studies_of(cases)
    if len(studies) < 2:
        raise InputError(f"cases are all of {', '.join(studies)}: judging one study by others needs at least two")
    return {study: learn([each for each in cases if each.case.study != study]) for study in studies}


def as_unseen(cases: Sequence[JudgedCase], others: Mapping[str, Learned]) -> list[JudgedCase]:
    """Each case as it is forecast by what all other studies teach of bias."""
    return [each.with_bias(others[each.case.study].average.bias) for each in cases]


def studies_of(cases: Sequence[JudgedCase]) -> tuple[str, ...]:
    """The studies of the cases, each once, in order."""
    return tuple(dict.fromkeys(each.case.study for each in cases))


def mean_over_studies(cases: Sequence[JudgedCase], value: Callable[[JudgedCase], float]) -> float:
    """The mean over studies of the mean over each study's cases."""
    return float(np.mean([np.mean(values) for values in group_by_study(cases, value).values()]))


def group_by_study(cases: Sequence[JudgedCase], value: Callable[[JudgedCase], T]) -> dict[str, list[T]]:
    """A value of each case, by study."""
    return {study: [value(each) for each in cases if each.case.study == study] for study in studies_of(cases)}


def half_widths(case: JudgedCase, learned: Learned, level: float) -> np.ndarray:
    """The half-widths (held out,) in ln loss of the intervals at a level."""
    extrapolation = case.extrapolation(learned)
    stretched = extrapolation.stretch_at(level) * case.extrapolation_error(extrapolation.drift)
    return deviations_at(level) * np.hypot(case.noise, stretched)


def coverage_of(case: JudgedCase, learned: Learned, level: float) -> float:
    """The share of held-out runs inside their intervals."""
    return case.mean(np.abs(case.errors) <= half_widths(case, learned, level))


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
            [each for each in cases if law in each.candidate_errors], lambda each, law=law: _mean_error(each, law)
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
    return mean_over_studies(cases, lambda each: _mean_error(each, best[frozenset(each.candidate_errors)]))


def _mean_error(case: JudgedCase, law: str) -> float:
    return case.mean(np.abs(np.expm1(case.candidate_errors[law])))


def _compare(case: Case, choice: Choice, held_out: Runs) -> JudgedCase:
    fit = choice.fit
    measured = fit.law.on_scale(shares(fit.law, held_out, case.y))
    sign = -1.0 if fit.law.residual == "log error" else 1.0
    at = {x: held_out[x] for x in fit.law.inputs}
    forecast = fit.predict(of="run", **at)
    by_law = {each.fit.law.name: each for each in choice.candidates}
    return JudgedCase(
        case=case,
        candidate_errors={
            law: sign * (fit.law.on_scale(each.fit.predict(of="run", **at).mean) - measured)
            for law, each in by_law.items()
        },
        candidate_cuts={law: each.held_out for law, each in by_law.items()},
        reaches=np.maximum(0.0, fit.reach(at)),
        weights=_weights(held_out, case.cluster),
        noise=np.hypot(forecast.parts["parameters"], forecast.parts["residual"]),
        disagreement=disagreement_beyond(fit, at),
        law=fit.law.name,
        n_fit=fit.n,
        bias=None,
        is_of_shares=fit.law.output.most == 1,
    ).with_bias(shipped().average.bias)


def _weights(held_out: Runs, cluster: str | None) -> np.ndarray:
    """What each held-out run counts, of sum 1: a training as much as any other."""
    if cluster is None:
        return np.full(len(held_out), 1 / len(held_out))
    _, training, points = np.unique(held_out[cluster], return_inverse=True, return_counts=True)
    return 1 / points[training] / points.size


def _quantile(cases: Sequence[JudgedCase], drift: float, level: float) -> float:
    """The stretch under which the intervals of these cases hold this share of the runs.

    The share is taken (n + 1)/n of the level for n cases, as split conformal prediction does: the next case may be
    worse than all of them. Runs that lie no farther than NEAREST beyond the fitted ones say nothing of extrapolation.
    """
    informative = [each for each in cases if np.any(each.reaches > NEAREST)]
    share = min(1.0, level * (len(informative) + 1) / len(informative))
    return _share_quantile(informative, lambda each: _needed_stretch(each, drift, level), share)


def _needed_stretch(each: JudgedCase, drift: float, level: float) -> np.ndarray:
    """The stretch that would just bring each run into its interval; NaN for those that lie too near to tell."""
    unexplained = np.sqrt(np.maximum(0.0, (each.errors / deviations_at(level)) ** 2 - each.noise**2))
    needed = unexplained / np.maximum(each.extrapolation_error(drift), 1e-12)
    return np.where(each.reaches > NEAREST, needed, np.nan)


def _share_quantile(cases: Sequence[JudgedCase], score: Callable[[JudgedCase], np.ndarray], share: float) -> float:
    """The value that this share of held-out runs stays below; studies, their cases and their runs weigh equally."""
    counts = {study: len(some) for study, some in group_by_study(cases, lambda each: 0.0).items()}
    values, weights = [], []
    for each in cases:
        scores = score(each)
        known = ~np.isnan(scores)
        values.append(scores[known])
        weights.append(each.weights[known] / each.weights[known].sum() / counts[each.case.study])
    value, weight = np.concatenate(values), np.concatenate(weights)
    order = np.argsort(value)
    cumulative = np.cumsum(weight[order]) / weight.sum()
    return float(value[order][min(int(np.searchsorted(cumulative, share)), value.size - 1)])


def _best(runs: Runs, columns: Sequence[str]) -> np.ndarray:
    keys = np.stack([runs[name] for name in columns], axis=1)
    _, group = np.unique(keys, axis=0, return_inverse=True)
    order = np.lexsort((runs["loss"], group.ravel()))
    _, first = np.unique(group.ravel()[order], return_index=True)
    return np.sort(order[first])
