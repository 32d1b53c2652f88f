"""The serving model fitted to a user's measured points: its constants moved, and how well that predicts.

log measured = log predicted(constants) + noise, and log constants ~ Normal(log shipped, spread²), as in `serving_fit`.
A row's measurements are left out together: with slopes J, weights W of the loss and C = (Σ⁻¹ + JᵀWJ)⁻¹, the block of a
row in H = J C Jᵀ W says how much of its own errors r it explains, and left out they are (I − H)⁻¹ r (linear regression
with a normal prior, Rasmussen and Williams 2006, section 5.4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import final

import numpy as np

from froude.cost.model.catalogue import get_model
from froude.cost.serving.calibrated import constants_under
from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.engines import get_engine
from froude.cost.serving.intervals import unexplained
from froude.cost.serving.load import serving_seconds
from froude.cost.stack.keeping import Keeping
from froude.cost.stack.stack import ServingUncertainty, Stack, StackFact, Uncertainty
from froude.cost.stack.stack_file import stack_toml
from froude.errors import InputError
from froude.files import write_outputs
from froude.fitting.costs.moved import MovedConstant
from froude.fitting.costs.served_rows import row_of_point
from froude.fitting.costs.serving_batches import (
    MEASURED,
    ServingBatch,
    machine_of_row,
    predicted_latency,
    serving_batches,
)
from froude.fitting.costs.serving_fit import Prior, fit_serving
from froude.fitting.costs.serving_rows import ServingRow
from froude.provenance import Computed
from froude.runs.load_tests.table import ServingTable

NOISE: Mapping[str, float] = {"ttft_seconds": 0.25, "tpot_seconds": 0.06, "e2e_seconds": 0.06}
"""Standard deviation of a logarithm that constants do not explain, before a user's rows say otherwise (a guess)."""

NOISE_ROWS = 5.0
"""Rows that this counts as, beside a user's own (a guess)."""

TURNS = 2
"""Of constants and noise after each other."""

SAME = 1e-3
"""Of a factor's logarithm: what moved by less has not moved."""

SHIFT = 0.01
HALF_WIDTH = 1.645
"""Standard deviations of a normal to the end of its central 90%."""


@final
@dataclass(frozen=True, kw_only=True)
class CalibratedLatency:
    """A measured latency (`what`) of a row, and by what factor it is predicted: `before`, `fitted`, and by constants
    that were fitted to all other rows, with a 90% interval of the last."""

    name: str
    what: str
    measured_seconds: float
    before: float
    fitted: float
    left_out: float
    interval: tuple[float, float]

    @property
    def is_covered(self) -> bool:
        """Whether the interval that the other rows give holds the measurement."""
        return self.interval[0] <= 1 <= self.interval[1]


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ServingCalibration(Computed):
    """The serving model fitted to measured points, in a `stack` that `froude cost serve` takes.

    `latencies` has an entry for each measurement, `unanswered` the rows of which the model says that the load is above
    what can be served. `notes` say what is not plain of the rows, `unused` names columns of which nothing was taken.
    """

    stack: Stack
    rows: int
    latencies: tuple[CalibratedLatency, ...]
    moved: tuple[MovedConstant, ...]
    unanswered: tuple[str, ...]
    notes: tuple[str, ...]
    unused: tuple[str, ...]

    def save(self, path: str | Path) -> None:
        """Write the stack as a file. InputError where that cannot be."""
        write_outputs({Path(path): stack_toml(self.stack).encode()})

    @property
    def kinds(self) -> tuple[str, ...]:
        """What was measured: of "ttft_seconds", "tpot_seconds" and "e2e_seconds"."""
        return tuple(dict.fromkeys(one.what for one in self.latencies))

    def error(self, what: str, kind: str) -> float:
        """Mean absolute relative error of a latency "before", "fitted" or "left_out"."""
        return float(np.mean([abs(getattr(one, kind) - 1) for one in self.latencies if one.what == what]))

    def half_width(self, what: str) -> float:
        """The median half-width of a latency's intervals, as a share."""
        ends = [one.interval for one in self.latencies if one.what == what]
        return float(np.median([np.sqrt(high / low) - 1 for low, high in ends]))

    @property
    def coverage(self) -> float:
        """Share of measurements that the intervals of the other rows hold."""
        return float(np.mean([one.is_covered for one in self.latencies]))


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ServingFit:
    """Constants after rows, what is uncertain of them (`spreads` of logarithms), the `noise` of each kind of latency
    that they do not explain, and log errors (measurements,)."""

    constants: ServingConstants
    spreads: Uncertainty
    noise: Mapping[str, float]
    fitted: np.ndarray
    left_out: np.ndarray
    deviation: np.ndarray


def calibrate_serving(table: ServingTable, sha256: str, start: Stack | None = None) -> ServingCalibration:
    """The constants of the serving model as measured points have them, from three rows upward.

    They start where `start` has them, by default as they ship. InputError, naming the row, for a model, machine, engine
    or format that is unknown, and where a stack was fitted to load tests already.
    """
    if start is not None and start.serving:
        raise InputError(f"stack {start.label} was fitted to load tests already: give all rows at once, without it")
    rows = [row_of_point(point) for point in table.points]
    problem = _Measurements.of(rows, constants_under(start))
    if not problem.logs.size:
        raise InputError(f"the load of all {len(rows)} rows is above what the model can serve: check their machine")
    found = problem.fit()
    names = [point.name for point in table.points]
    before = problem.errors(problem.prior.start)
    answered = {int(place) for place in problem.places}
    return ServingCalibration(
        stack=_stack(rows, found, start, sha256),
        rows=len(rows),
        latencies=tuple(_latency(problem, found, before, names, i) for i in range(problem.logs.size)),
        moved=_moved(problem.prior, found),
        unanswered=tuple(name for i, name in enumerate(names) if i not in answered),
        notes=(*table.notes, *_unstated(rows)),
        unused=table.unused,
    )


def fit_points(
    rows: Sequence[ServingRow],
    start: ServingConstants,
    streamed: Sequence[int] | None = None,
    alike: Sequence[bool] | None = None,
) -> ServingConstants:
    """The constants of the serving model moved to explain rows; where they start if there are none.

    `streamed` tokens of each row's answers are sent at a time, 1 by default; requests of rows that are `alike` have all
    the same lengths.
    """
    problem = _Measurements.of(rows, start, streamed, alike) if rows else None
    return start if problem is None or not problem.logs.size else problem.fit().constants


def measured_of(row: ServingRow) -> dict[str, float]:
    """The measurements of a row that say something each: TTFT and TPOT, else E2E, else that of the throughput.

    In a closed loop E2E = users · output / (output tokens a second) (Little 1961).
    """
    names = ("ttft_seconds", "tpot_seconds")
    found = {name: value for name in names if (value := getattr(row, name)) is not None}
    whole = row.e2e_seconds
    if whole is None and row.concurrency and row.output_tokens_per_second:
        whole = row.concurrency * row.output / row.output_tokens_per_second
    return found if len(found) == 2 or whole is None else {**found, "e2e_seconds": whole}


def shifted_latency(
    copies: Sequence[ServingBatch], constants: ServingConstants, names: Sequence[str], rows: int
) -> dict[str, np.ndarray]:
    """Latencies of rows (1 + constants, rows): by constants as they are, and with each in turn `SHIFT` larger, in logs.

    `copies` are the rows over and over, so that all are predicted at once.
    """
    shifts = np.vstack([np.zeros(len(names)), SHIFT * np.eye(len(names))])
    values = {name: np.repeat(getattr(constants, name) * np.exp(shifts[:, i]), rows) for i, name in enumerate(names)}
    found = {name: np.full((len(names) + 1) * rows, np.nan) for name in MEASURED}
    for batch in copies:
        mine = replace(constants, **{name: value[batch.places] for name, value in values.items()})
        seconds = serving_seconds(batch.deployment, mine)
        for name, one in zip(MEASURED, (seconds.ttft, seconds.tpot, seconds.e2e), strict=True):
            found[name][batch.places] = one
    return {name: one.reshape(len(names) + 1, rows) for name, one in found.items()}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class _Measurements:
    """Measurements: the `places` of their rows, which latency each is, its logarithm, and what predicts them."""

    places: np.ndarray
    kinds: np.ndarray
    logs: np.ndarray
    predict: Callable[[ServingConstants], np.ndarray]
    slopes: Callable[[ServingConstants], np.ndarray]
    prior: Prior

    @classmethod
    def of(
        cls,
        rows: Sequence[ServingRow],
        start: ServingConstants,
        streamed: Sequence[int] | None = None,
        alike: Sequence[bool] | None = None,
    ) -> _Measurements:
        """That of rows; what is not answered by the constants at the start is left out."""
        batches = serving_batches(rows, streamed, alike)
        wanted = [(i, name, value) for i, row in enumerate(rows) for name, value in measured_of(row).items()]
        first = predicted_latency(batches, start)
        kept = [(i, name, value) for i, name, value in wanted if np.isfinite(first[name][i])]
        pairs = [(name, i) for i, name, _ in kept]

        prior = replace(Prior.shipped(), start=start)
        times = len(prior.spreads) + 1
        copies = serving_batches([*rows] * times, streamed and [*streamed] * times, alike and [*alike] * times)

        def predict(constants: ServingConstants) -> np.ndarray:
            seconds = predicted_latency(batches, constants)
            return np.log([seconds[name][i] for name, i in pairs])

        def slopes(constants: ServingConstants) -> np.ndarray:
            seconds = shifted_latency(copies, constants, list(prior.spreads), len(rows))
            logs = np.log([seconds[name][:, i] for name, i in pairs])
            found = (logs[:, 1:] - logs[:, :1]) / SHIFT
            return np.where(np.isfinite(found), found, 0.0)

        return cls(
            places=np.array([i for i, _, _ in kept], dtype=int),
            kinds=np.array([name for _, name, _ in kept]),
            logs=np.log([value for _, _, value in kept]),
            predict=predict,
            slopes=slopes,
            prior=prior,
        )

    def errors(self, constants: ServingConstants) -> np.ndarray:
        """Log errors of all measurements."""
        return self.predict(constants) - self.logs

    def fit(self) -> ServingFit:
        """Constants, and noise as the rows have it, after each other."""
        known = np.array([NOISE[kind] for kind in self.kinds])
        noise, near = known, None
        for _ in range(TURNS):
            near = fit_serving(self.errors, noise, self.prior, near, slopes_at=self.slopes)
            found = self.around(near, noise)
            noise = known * self._factors(found.fitted, known)
        return self.around(fit_serving(self.errors, noise, self.prior, near, slopes_at=self.slopes), noise)

    def around(self, constants: ServingConstants, noise: np.ndarray) -> ServingFit:
        """What is uncertain around fitted constants, where the model is taken as linear."""
        errors, slopes = self.errors(constants), self.slopes(constants)
        errors = np.where(np.isfinite(errors), errors, 0.0)
        weights = np.minimum(1, noise / np.maximum(abs(errors), 1e-12)) / noise**2
        spreads = np.array(list(self.prior.spreads.values()))
        covariance = np.linalg.inv(np.diag(1 / spreads**2) + (slopes.T * weights) @ slopes)
        left_out, deviation = errors.copy(), np.empty_like(errors)
        for place in np.unique(self.places):
            mine = self.places == place
            block = slopes[mine] @ covariance @ slopes[mine].T
            rest = np.linalg.inv(np.eye(mine.sum()) - block * weights[mine])
            left_out[mine] = rest @ errors[mine]
            deviation[mine] = noise[mine] * np.sqrt(np.maximum(np.diag(rest), 1))
        return ServingFit(
            constants=constants,
            spreads=Uncertainty(constants=tuple(self.prior.spreads), covariance=tuple(map(tuple, covariance.tolist()))),
            noise=dict(zip(self.kinds.tolist(), noise.tolist(), strict=True)),
            fitted=errors,
            left_out=left_out,
            deviation=deviation,
        )

    def _factors(self, errors: np.ndarray, known: np.ndarray) -> np.ndarray:
        """By what noise of each kind of latency is over what is known of it."""
        factors = np.ones(len(known))
        for kind in np.unique(self.kinds):
            mine = self.kinds == kind
            squares = np.minimum(abs(errors[mine]) / known[mine], (errors[mine] / known[mine]) ** 2)
            factors[mine] = np.sqrt((NOISE_ROWS + squares.sum()) / (NOISE_ROWS + mine.sum()))
        return factors


def _latency(
    problem: _Measurements, found: ServingFit, before: np.ndarray, names: Sequence[str], i: int
) -> CalibratedLatency:
    """What is made of measurement `i`."""
    left, half = found.left_out[i], HALF_WIDTH * found.deviation[i]
    return CalibratedLatency(
        name=names[int(problem.places[i])],
        what=str(problem.kinds[i]),
        measured_seconds=float(np.exp(problem.logs[i])),
        before=float(np.exp(before[i])),
        fitted=float(np.exp(found.fitted[i])),
        left_out=float(np.exp(left)),
        interval=(float(np.exp(left - half)), float(np.exp(left + half))),
    )


def _moved(prior: Prior, found: ServingFit) -> tuple[MovedConstant, ...]:
    before, after = asdict(prior.start), asdict(found.constants)
    return tuple(
        MovedConstant(
            name=name,
            before=float(before[name]),
            after=float(after[name]),
            spread_before=float(np.exp(spread)),
            spread_after=found.spreads.factors[name],
        )
        for name, spread in prior.spreads.items()
    )


def _stack(rows: Sequence[ServingRow], found: ServingFit, start: Stack | None, sha256: str) -> Stack:
    """The stack from which constants started, or one of serving alone, with the factors of those that moved."""
    shipped, after = asdict(constants_under(None)), asdict(found.constants)
    ratios = {name: float(after[name] / shipped[name]) for name in after}
    factors = {name: ratio for name, ratio in ratios.items() if abs(np.log(ratio)) > SAME}
    models, machines = (sorted({str(getattr(row, name)) for row in rows}) for name in ("model", "machine"))
    on = f"{', '.join(models)} on {', '.join(machines)}"
    source = f"{len(rows)} load tests of {on}, data {sha256[:12]} (froude cost calibrate)"
    facts = (
        StackFact(kind="serving", name=name, where="", value=value, trust="fitted", source=source)
        for name, value in factors.items()
    )
    base = start or _of_engine(rows[0], len(rows))
    return replace(
        base,
        serving=MappingProxyType(factors),
        serving_uncertainty=_uncertainty(rows, found),
        facts=(*base.facts, *facts),
    )


def _uncertainty(rows: Sequence[ServingRow], found: ServingFit) -> ServingUncertainty:
    """What the rows leave open. Of a latency that was not measured more is unexplained, as of one that nobody did."""
    learned = {name.removesuffix("_seconds"): noise for name, noise in found.noise.items()}
    if "e2e" not in learned and "tpot" in learned:
        learned["e2e"] = learned["tpot"]
    return ServingUncertainty(
        spreads=found.spreads,
        unexplained={**unexplained(), **learned},
        rows=len(rows),
        models=tuple(sorted({get_model(row.model).name for row in rows})),
        machines=tuple(sorted({machine_of_row(row).chip.name for row in rows})),
        engines=tuple(sorted({row.engine for row in rows})),
    )


def _unstated(rows: Sequence[ServingRow]) -> Iterator[str]:
    """What is taken of engines whose release no row states."""
    for name in dict.fromkeys(row.engine for row in rows if not row.version):
        yield f"the version of {name} is not stated, {get_engine(name).version} is taken: say so with --fix version=…"


def _of_engine(row: ServingRow, rows: int) -> Stack:
    """A stack that says nothing but what load tests say."""
    engine = get_engine(row.engine)
    empty = MappingProxyType({})
    return Stack(
        name=engine.name,
        version=f"{row.version or engine.version}+{rows}-rows",
        title=f"{engine.name} as measured by load tests",
        fields=empty,
        precisions=empty,
        keeps=Keeping(),
        factors=empty,
        errors=empty,
        facts=(),
    )
