"""Fit a law to runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from froude.errors import InputError
from froude.fitting.bootstrap import cluster_groups, refits, resample, reweigh
from froude.fitting.diagnostics import doubts
from froude.fitting.evidence import FitEvidence, best_row
from froude.fitting.extrapolation import learned
from froude.fitting.forecasting import Forecast, forecast
from froude.fitting.measured import Measured, check_enough, measure
from froude.fitting.problem import FitProblem, make_problem
from froude.fitting.solver import Minima, minimise
from froude.laws import Law, get_law
from froude.runs import Runs

if TYPE_CHECKING:
    from froude.fitting.curves.schedules import Schedule
    from froude.laws.lr_history import LearningRates

_FEWEST_DRAWS = 20


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A law with numbers, and how sure they are. Made by `fit` or `Fit.load`.

    `objective` is the sum of Huber(residual, delta 1e-3). `starts_agree` of `starts_tried` random starts
    converged within 1e-6 relative of it; `converged` is False where none converged, and this is then no fit.
    `gradient` is the scaled gradient there (`Minima`), for an average the largest of its members: 0 at a minimum.
    `draws` (draws, P) are the parameters of bootstrap refits, in the order of `law.parameters`, and
    `intervals` their percentiles at `level`. `residuals` (n,) are log predicted − log measured, or
    predicted − measured, of the fitted runs, which are at positions `rows` (n,) of the table and have inputs
    `inputs`, each (n,). `drift` is the relative standard deviation that a forecast gains for each factor e
    beyond the fitted runs: what published studies teach, or `choose` learned from hold-outs of these runs.
    """

    law: Law
    y: str
    params: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    level: float
    n: int
    diverged: int
    objective: float
    starts_tried: int
    starts_agree: int
    converged: bool
    gradient: float
    warnings: tuple[str, ...]
    draws: np.ndarray
    residuals: np.ndarray
    inputs: Mapping[str, np.ndarray]
    rows: np.ndarray
    seed: int
    drift: float

    @property
    def residual(self) -> Literal["log", "plain"]:
        """How far off is counted: "log" or "plain"."""
        return self.law.residual

    def predict(self, of: Literal["run", "mean"] = "run", **inputs: Any) -> Forecast:
        """The outcome forecast at these inputs: of one run, or of the mean of many, without residual noise.

        Inputs may be arrays; they broadcast. InputError for an input missing, unknown or not positive.
        """
        return forecast(self, of, inputs)

    def along(
        self, schedule: "Schedule | LearningRates", at: np.ndarray | None = None, of: Literal["run", "mean"] = "run"
    ) -> Forecast:
        """The loss curve forecast under a learning-rate schedule, for a law of such curves.

        `at` are the steps (n,), 200 from the end of warm-up to the last by default; they are the forecast's `at["S"]`.
        InputError for a law that learning rates do not suffice for, and for steps outside the schedule.
        """
        from froude.fitting.curves.along import along

        return along(self, schedule, at, of)

    @property
    def farthest(self) -> float:
        """The largest product of the law's inputs among the fitted runs."""
        return float(np.exp(log_size(self.law, self.inputs).max()))

    def reach(self, at: Mapping[str, Any]) -> np.ndarray:
        """How far inputs lie beyond the fitted runs: ln(product of the inputs / `farthest`), negative among them."""
        return log_size(self.law, at) - log_size(self.law, self.inputs).max()

    @property
    def n_parameters(self) -> int:
        """How many parameters were fitted at once: for an average of laws, the most of any member."""
        return max([len(law.parameters) for law, _ in self.law.members] or [len(self.params)])

    def save(self, path: str | Path) -> None:
        """Write one JSON file that `Fit.load` reads back exactly. InputError where it cannot be written."""
        from froude.fitting.fit_file import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "Fit":
        """Read a fit from a file that `save` wrote.

        InputError where the file is missing, is no fit, is of another version or of an unknown law.
        """
        from froude.fitting.fit_file import load

        return load(Path(path))

    def to_dict(self) -> dict[str, Any]:
        """What `froude fit --json` prints."""
        return {
            "law": self.law.name,
            "n": self.n,
            "diverged": self.diverged,
            "params": dict(self.params),
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "level": self.level,
            "residual": self.residual,
            "objective": self.objective,
            "gradient": self.gradient,
            "starts": {"tried": self.starts_tried, "agree": self.starts_agree},
            "warnings": list(self.warnings),
        }


def fit(
    law: Law | str,
    runs: Runs,
    y: str = "loss",
    *,
    x: str | None = None,
    starts: int = 27,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.9,
    cluster: str | None = None,
) -> Fit:
    """Fit law to the outcome y of runs, from random starts, with a bootstrap of the runs for the uncertainty.

    The law "auto" is the average that `choose` makes of several, by what they predict of the largest runs. `x` is the
    input of a law of one input. Diverged runs are counted and not fitted. `cluster` names a column whose equal values
    are resampled together: runs taken from one training are not independent. Doubts about the fit are sentences in
    `warnings`. InputError where the runs cannot be fitted at all, saying why.
    """
    if law == "auto":
        from froude.fitting.choice import choose

        options = {"starts": starts, "draws": draws, "seed": seed, "level": level, "cluster": cluster}
        return choose(runs, y, x=x, **options).fit
    law = get_law(law, x) if isinstance(law, str) else (law if x is None else law.over(x))
    check_options(starts, draws, level)
    measured = measure(law, runs, y)
    return fit_of(gather(law, measured, runs, y, starts, draws, seed, level, cluster), seed)


def gather(
    law: Law,
    measured: Measured,
    runs: Runs,
    y: str,
    starts: int,
    draws: int,
    seed: int,
    level: float,
    cluster: str | None,
) -> FitEvidence:
    """All that a fit of law to the measured rows of runs is judged by; the options are those of `fit`."""
    check_enough(law, measured, y)
    start_rng, draw_rng = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    groups = measured.stretches if cluster is None else cluster_groups(runs, measured.rows, cluster)
    weights = resample(draws, measured.n, draw_rng) if groups is None else reweigh(draws, groups, draw_rng)

    problem, minima = solve(law, measured, starts, start_rng)
    drawn = refits(problem, minima.points[best_row(minima)], weights)
    return FitEvidence(runs, y, measured, problem, minima, drawn, level)


def solve(law: Law, measured: Measured, starts: int, rng: np.random.Generator) -> tuple[FitProblem, Minima]:
    """The problem of fitting law to what was measured, and the minima that random starts lead to."""
    problem = make_problem(law, measured.given, measured.y)
    points = problem.starts(starts, rng)
    return problem, minimise(problem.residuals, points, np.ones((starts, measured.n)), problem.space())


def log_size(law: Law, inputs: Mapping[str, Any]) -> np.ndarray:
    """The logarithm of the product of a law's inputs that make runs smaller or larger, (n,)."""
    sizes = [values for x, values in inputs.items() if law.marks[x].is_size]
    return np.asarray(sum(np.log(values) for values in sizes))


def fit_of(found: FitEvidence, seed: int) -> Fit:
    """The fit that the evidence makes."""
    return Fit(
        law=found.problem.law,
        y=found.y,
        params=found.params,
        intervals=found.intervals,
        level=found.level,
        n=found.measured.n,
        diverged=found.measured.diverged.size,
        objective=float(found.minima.objectives[found.best]),
        starts_tried=len(found.minima.points),
        starts_agree=int(found.agree.sum()),
        converged=bool(found.minima.converged[found.best]),
        gradient=float(found.minima.gradients[found.best]),
        warnings=doubts(found),
        draws=np.stack(list(found.draws.values()), axis=1),
        residuals=found.residuals,
        inputs=found.measured.inputs,
        rows=found.measured.rows,
        seed=seed,
        drift=learned().drift,
    )


def check_options(starts: int, draws: int, level: float) -> None:
    """InputError for options that no fit can be made with."""
    if starts < 1:
        raise InputError(f"starts = {starts}: give at least 1")
    if draws < _FEWEST_DRAWS:
        raise InputError(f"draws = {draws}: an interval needs at least {_FEWEST_DRAWS} bootstrap refits")
    if not 0 < level < 1:
        raise InputError(f"level = {level:g}: give a share between 0 and 1, such as 0.9")
