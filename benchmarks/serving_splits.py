"""Splits of measured serving: constants refitted without what is held out, errors, intervals and baselines of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.cost.serving.constants import ServingConstants, serving_constants, serving_entries
from froude.cost.serving.load import decode_seconds, prompt_seconds
from froude.cost.serving.number_formats import KV_FORMATS, number_format, usual_kv
from froude.fitting.costs.serving_batches import predicted_latency, serving_batches
from froude.fitting.costs.serving_calibration import SHIFT, shifted_latency
from froude.fitting.costs.serving_fit import Prior, fit_serving
from froude.fitting.costs.serving_rows import ServingRow

LEVEL = 0.9
NOISE = {"tpot": 0.06, "ttft": 0.25, "e2e": 0.1}
"""Standard deviations of log seconds that constants are not asked to explain: what engines of a kind differ by."""

QUANTITIES = ("tpot", "throughput", "ttft")
CONSTANTS = tuple(serving_entries())
STEPS = 2
"""Gauss-Newton steps of a split's fit, from the constants of all rows: the prior's centre stays the prior."""

ROOFS = replace(
    serving_constants(),
    **dict.fromkeys(
        ("matmul", "bandwidth", "fp4", "attention_memory", "attention_compute", "link", "generation", "overlap"), 1.0
    ),
    **dict.fromkeys(("depth", "kernel", "eager", "reduction", "step", "sequence", "prompt"), 0.0),
)
"""Nothing but data sheets."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Latencies:
    """Rows as arrays: TTFT, TPOT and throughput (3, rows), by the order of `QUANTITIES`."""

    rows: Sequence[ServingRow]
    streamed: Sequence[int]
    alike: Sequence[bool]
    measured: np.ndarray
    used: np.ndarray

    def subset(self, places: np.ndarray) -> Latencies:
        """Some of the rows."""
        return Latencies(
            rows=[self.rows[i] for i in places],
            streamed=[self.streamed[i] for i in places],
            alike=[self.alike[i] for i in places],
            measured=self.measured[:, places],
            used=self.used[places],
        )


def latencies(
    rows: Sequence[ServingRow], streamed: Sequence[int], alike: Sequence[bool], used: np.ndarray
) -> Latencies:
    """Measured rows; `used` (rows,) are those that constants are fitted to."""
    ttft, tpot = (
        np.array([getattr(row, name) for row in rows], dtype=float) for name in ("ttft_seconds", "tpot_seconds")
    )
    return Latencies(rows=rows, streamed=streamed, alike=alike, measured=as_quantities(rows, ttft, tpot), used=used)


def as_quantities(rows: Sequence[ServingRow], ttft: np.ndarray, tpot: np.ndarray) -> np.ndarray:
    """TPOT, throughput (concurrency · output / (TTFT + (output − 1) · TPOT)) and TTFT."""
    users, output = (np.array([getattr(row, name) for row in rows], dtype=float) for name in ("concurrency", "output"))
    return np.stack([tpot, users * output / (ttft + (output - 1) * tpot), ttft])


def predictor(data: Latencies) -> Callable[[ServingConstants], np.ndarray]:
    """Predicted quantities (3, rows) by constants."""
    batches = serving_batches(data.rows, data.streamed, data.alike)

    def predict(constants: ServingConstants) -> np.ndarray:
        found = predicted_latency(batches, constants)
        return as_quantities(data.rows, found["ttft_seconds"], found["tpot_seconds"])

    return predict


def fit(
    data: Latencies,
    near: ServingConstants | None = None,
    steps: int = STEPS,
    batches: Sequence[ServingRow] = (),
) -> ServingConstants:
    """Constants fitted to the rows that are used, and to the seconds that whole batches took."""
    known = data.subset(np.flatnonzero(data.used))
    predict, whole = predictor(known), serving_batches(batches)
    taken = np.array([row.e2e_seconds for row in batches], dtype=float)
    counts = [len(known.rows), len(known.rows), len(batches)]
    noise = np.repeat([NOISE["tpot"], NOISE["ttft"], NOISE["e2e"]], counts)

    def errors(constants: ServingConstants) -> np.ndarray:
        off = np.log(predict(constants) / known.measured)
        late = predicted_latency(whole, constants)["e2e_seconds"] - constants.prompt if whole else taken
        return np.concatenate([off[0], off[2], np.log(late / taken)])

    return fit_serving(errors, noise, Prior.shipped(), near=near, steps=steps)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """What was held out in turn by something: of every row the fold and the log errors (3, rows) of each method.

    `slopes` (constants, 3, rows) are those of the logarithms in the constants of each row's fold.
    """

    name: str
    folds: Sequence[str]
    errors: Mapping[str, np.ndarray]
    slopes: np.ndarray

    def medians(self, method: str = "Froude", keep: np.ndarray | None = None) -> np.ndarray:
        """Medians of absolute relative errors of TPOT, throughput and TTFT."""
        return median_error(self.errors[method][:, slice(None) if keep is None else keep])


def median_error(errors: np.ndarray) -> np.ndarray:
    """Medians of absolute relative errors over the last axis."""
    return np.median(abs(np.expm1(errors)), axis=-1)


def hold_out(
    name: str,
    data: Latencies,
    fold_of: Callable[[ServingRow], str],
    near: ServingConstants,
    batches: Sequence[ServingRow] = (),
) -> Split:
    """Every fold predicted by constants that were fitted without it; beside it what a user would take.

    Whole batches of another table are fitted to besides, but those of the same fold.
    """
    folds = [fold_of(row) for row in data.rows]
    errors = {method: np.full(data.measured.shape, np.nan) for method in ("Froude", "roofline", "nearest")}
    roofs, places = rooflines(data), positions(data.rows)
    slopes = np.zeros((len(CONSTANTS), *data.measured.shape))
    for fold in dict.fromkeys(folds):
        held = np.array([one == fold for one in folds])
        train = data.subset(np.flatnonzero(~held))
        test = data.subset(np.flatnonzero(held))
        others = [row for row in batches if fold_of(row) != fold]
        constants = fit(train, near, batches=others)
        errors["Froude"][:, held] = np.log(predictor(test)(constants) / test.measured)
        slopes[:, :, held] = row_slopes(test, constants)
        shares = np.median(train.measured / roofs[:, ~held], axis=1)
        errors["roofline"][:, held] = np.log(roofs[:, held] * shares[:, None] / test.measured)
        nearest = np.argsort(((places[held][:, None] - places[~held][None]) ** 2).sum(axis=-1), axis=1)[:, :3]
        errors["nearest"][:, held] = np.log(np.median(train.measured[:, nearest], axis=-1) / test.measured)
        print(
            name, fold, held.sum(), *(f"{value:.1%}" for value in median_error(errors["Froude"][:, held])), flush=True
        )
    return Split(name=name, folds=folds, errors=errors, slopes=slopes)


def row_slopes(data: Latencies, constants: ServingConstants) -> np.ndarray:
    """Slopes (constants, 3, rows) of the logarithms of the three quantities in those of the constants."""
    times = len(CONSTANTS) + 1
    copies = serving_batches([*data.rows] * times, [*data.streamed] * times, [*data.alike] * times)
    found = shifted_latency(copies, constants, CONSTANTS, len(data.rows))
    pairs = zip(found["ttft_seconds"], found["tpot_seconds"], strict=True)
    logs = np.log(np.stack([as_quantities(data.rows, ttft, tpot) for ttft, tpot in pairs]))
    slopes = (logs[1:] - logs[:1]) / SHIFT
    return np.where(np.isfinite(slopes), slopes, 0.0)


def rooflines(data: Latencies) -> np.ndarray:
    """TPOT, throughput and TTFT at the data sheet's roofs: a decoding iteration, a prompt at its peak."""
    tpot, ttft = np.zeros(len(data.rows)), np.zeros(len(data.rows))
    for batch in serving_batches(data.rows, data.streamed, data.alike):
        one = batch.deployment
        users = np.asarray(one.users)
        tpot[batch.places] = decode_seconds(one, ROOFS, users)
        ttft[batch.places] = prompt_seconds(one, ROOFS, users)
    return as_quantities(data.rows, ttft, tpot)


def positions(rows: Sequence[ServingRow]) -> np.ndarray:
    """Where rows stand (rows, 7): logarithms of size, bandwidth, devices, bits, lengths and users."""
    found = []
    for row in rows:
        precision = row.precision or "bf16"
        bits = number_format(precision).weights.bits, KV_FORMATS[row.kv or usual_kv(precision)].bits
        chip = get_machine(row.machine).chip
        size = float(get_model(row.model).n_params)
        found.append([size, chip.memory_bandwidth_bytes_per_s, row.tp, bits[0], row.input, row.output, row.concurrency])
    return np.log(np.array(found, dtype=float))
