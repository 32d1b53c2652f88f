"""The over-training study: five small runs forecast the losses of 29 or 30 others, six their errors on tasks.

The published law is fitted as in `scaling/shared.py` and `scaling/laws.py` of github.com/mlfoundations/scaling: least
squares in nats from a grid of starts, and errors on tasks against measured losses. Froude is given the same runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, final

import numpy as np

from froude import Fit, Runs, get_law, get_published
from froude.fitting import choose, fit

from .compare import Contest, off

STUDY, FILE = "overtraining_mlfoundations", "models_loss_and_downstream.csv"
TRAIN_SETS = {"c4_original": "C4", "rpj": "RedPajama", "rw_original": "RefinedWeb"}
SMALL = ("d=96_l=8_h=4", "d=512_l=8_h=4", "d=576_l=24_h=8", "d=1024_l=24_h=8")
SMALLEST, LARGER = SMALL[0], "open_lm_1b"
# SUBSET in scaling/constants.py of the authors' repository.
TASKS = (
    "bigbench_operators",
    "pubmed_qa_labeled",
    "hellaswag_zeroshot",
    "boolq",
    "arc_easy",
    "coqa",
    "bigbench_dyck_languages",
    "lambada_openai",
    "bigbench_novel_concepts",
    "winograd",
    "bigbench_cs_algorithms",
    "commonsense_qa",
    "bigbench_qa_wikidata",
    "hellaswag",
    "copa",
    "squad",
    "piqa",
)
HEADLINE = "loss_c4_val"
LOSSES = (
    HEADLINE,
    "loss_openlm",
    "loss_paloma_c4_en",
    "loss_paloma_dolma_100_programing_languages",
    "loss_paloma_falcon-refinedweb",
    "loss_paloma_ptb",
    "loss_paloma_redpajama",
    "loss_de-en",
)
DRAWS = 200
ERROR_LAW = get_law("error-from-loss")

Curve = Callable[..., np.ndarray]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class SplitForecast:
    """All runs on one training set with both forecasts of each, (runs,); `five` and `six` mark the fitted ones.

    `fit` is Froude's of the loss.
    """

    runs: Runs
    five: np.ndarray
    six: np.ndarray
    published: np.ndarray
    ours: np.ndarray
    published_error: np.ndarray
    ours_error: np.ndarray
    fit: Fit

    @property
    def task_error(self) -> np.ndarray:
        """The measured mean error over the 17 tasks."""
        return task_error(self.runs)


def contests() -> list[Contest]:
    """The losses on C4 and on all eight validation sets, and the task errors, over the three training sets."""
    headline = forecast_column(HEADLINE)
    every = [each for column in LOSSES for each in (headline if column == HEADLINE else forecast_column(column))]
    return [
        _losses("over-training: loss on C4", headline),
        _losses("over-training: losses on all eight validation sets", every),
        Contest(
            name="over-training: mean error over 17 tasks",
            split="six runs a training set, all others judged",
            rival="Err(L), refitted",
            fitted=sum(int(each.six.sum()) for each in headline),
            ours=np.concatenate([off(each.ours_error, each.task_error)[~each.six] for each in headline]),
            theirs=np.concatenate([off(each.published_error, each.task_error)[~each.six] for each in headline]),
            groups=np.concatenate([_groups(each.runs.take(~each.six)) for each in headline]),
        ),
    ]


def single_points() -> list[dict[str, str]]:
    """A line for each of the largest runs: measured, with the interval of the measurement over tokens, and forecast."""
    return [
        _point(each, int(i))
        for each in forecast_column(HEADLINE)
        for i in np.flatnonzero(np.char.find(model_of(each.runs).astype(str), "open_lm") == 0)
        if not each.six[i]
    ]


@cache
def forecast_column(column: str) -> list[SplitForecast]:
    """Both forecasts of every run, by the losses in a column, for each training set."""
    study = get_published(STUDY).read(FILE, {"loss": column})
    return [_forecast_split(study.where(f"train_set = '{train_set}'")) for train_set in TRAIN_SETS]


def fit_points(runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """Which runs (runs,) of one training set the authors fitted the loss to, and which the error."""
    model, M = model_of(runs), 20 * runs["cc_mult"]
    five = (np.isin(model, SMALL) & (M == 20)) | ((model == SMALLEST) & (M == 320))
    return five, five | ((model == LARGER) & (M == 20))


def model_of(runs: Runs) -> np.ndarray:
    """The shape of each run's model, (runs,): its name without training set and length."""
    return np.array([name.split("-", 1)[1].rsplit("-", 1)[0] for name in runs["name"]])


def task_error(runs: Runs) -> np.ndarray:
    """The mean error over the 17 tasks, (runs,)."""
    return 1 - np.mean([runs[f"acc_{task}"] for task in TASKS], axis=0)


def published_loss(N: np.ndarray, M: np.ndarray, loss: np.ndarray) -> tuple[Curve, np.ndarray]:
    """The authors' law L(N, M) and its parameters (alpha, beta, s, E), by least squares from their grid of starts."""
    from scipy.optimize import curve_fit

    def law(x: Any, alpha: float, beta: float, s: float, E: float) -> np.ndarray:
        return alpha * x[0] ** s + beta * 6 ** (s / 2) * (x[1] * x[0]) ** s + E

    x, scales = np.stack([N, M]), (1e2, 3e2, 1e3, 3e3)
    with np.errstate(all="ignore"):
        ends = [
            curve_fit(law, x, loss, p0=start, maxfev=10_000)[0]
            for start in product(scales, scales, (-0.1, -0.3), (0.0, 1.0, 2.0, 10.0))
        ]
    best = min(ends, key=lambda end: float(np.sum((law(x, *end) - loss) ** 2)))
    return lambda N, M: law((N, M), *best), best


def published_error(loss: np.ndarray, error: np.ndarray) -> tuple[Curve, np.ndarray]:
    """The authors' Err(L) and its parameters (k, gamma, epsilon), by least squares."""
    from scipy.optimize import curve_fit

    def law(L: Any, k: float, gamma: float, epsilon: float) -> np.ndarray:
        return epsilon - k * np.exp(-gamma * L)

    best = curve_fit(law, loss, error, maxfev=10_000)[0]
    return lambda L: law(L, *best), best


def _forecast_split(runs: Runs) -> SplitForecast:
    five, six = fit_points(runs)
    N, M, loss, error = runs["N"], 20 * runs["cc_mult"], runs["loss"], task_error(runs)
    published = published_loss(N[five], M[five], loss[five])[0](N, M)
    made = choose(runs.take(five), draws=DRAWS).fit
    ours = made.predict(N=N, D=runs["D"]).mean
    error_fit = fit(ERROR_LAW, Runs.from_columns({"L": loss[six], "error": error[six]}), "error", draws=DRAWS)
    return SplitForecast(
        runs=runs,
        five=five,
        six=six,
        published=published,
        ours=ours,
        published_error=published_error(loss[six], error[six])[0](published),
        ours_error=error_fit.predict(L=ours).mean,
        fit=made,
    )


def _losses(name: str, splits: list[SplitForecast]) -> Contest:
    return Contest(
        name=name,
        split="five runs a training set, all others judged",
        rival="L(C, M), refitted",
        fitted=sum(int(each.five.sum()) for each in splits),
        ours=np.concatenate([off(each.ours, each.runs["loss"])[~each.five] for each in splits]),
        theirs=np.concatenate([off(each.published, each.runs["loss"])[~each.five] for each in splits]),
        groups=np.concatenate([_groups(each.runs.take(~each.five)) for each in splits]),
    )


def _groups(runs: Runs) -> np.ndarray:
    # Runs of one model on one training set err alike, whatever the validation set.
    return np.char.add(runs["train_set"].astype(str), model_of(runs).astype(str))


def _point(each: SplitForecast, i: int) -> dict[str, str]:
    run = each.runs.take([i])
    loss, error = float(run["loss"][0]), float(each.task_error[i])
    low, high = (float(run[f"{HEADLINE}_{end}95tok"][0]) for end in ("lo", "hi"))
    forecast = each.fit.predict(N=run["N"][0], D=run["D"][0])
    return {
        "trained on": TRAIN_SETS[run["train_set"][0]],
        "N, M": f"{run['N'][0] / 1e9:.2g}B, {20 * run['cc_mult'][0]:g}",
        "loss on C4 (95% over tokens)": f"{loss:.4f} ({low:.4f} to {high:.4f})",
        "L(C, M)": f"{each.published[i]:.4f}, {_percent(each.published[i] / loss)}",
        "Froude (90%)": f"{forecast.mean:.4f} ({forecast.lo:.2f} to {forecast.hi:.2f}), "
        + _percent(forecast.mean / loss),
        "17-task error": f"{error:.4f}",
        "Err(L)": _percent(each.published_error[i] / error),
        "Froude": _percent(each.ours_error[i] / error),
    }


def _percent(ratio: float) -> str:
    return f"{ratio - 1:+.4%}"
