"""How far the iteration's cost of single matmuls and of decode attention is from kernels measured alone.

`FROUDE_PUBLISHED=… python benchmarks/kernels.py` leaves each of six GPUs out in turn, fits the constants of the serving
model that speak of kernels to some rows of the others, and predicts every row of the one left out by `operator_busy`,
which an iteration's price is the sum of. Beside it the constant share of the roofline of the same training rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.operators import Attention, Matmul
from froude.cost.serving.constants import ServingConstants, serving_constants
from froude.cost.serving.iteration import Serving, operator_busy
from froude.cost.serving.number_formats import KV_FORMATS, matmul_kind, number_format
from froude.fitting.costs.serving_fit import Prior, fit_serving
from record import record
from serving_rows.kernels import Kernels, decode_kernels, matmul_kernels

COMMAND = "FROUDE_PUBLISHED=… python benchmarks/kernels.py"
FITTED = ("matmul", "overlap", "depth", "bandwidth", "fp4", "kernel", "attention_memory", "attention_compute")
"""The constants that kernels alone speak of; all others of the serving model do not enter."""

TRAINED = ("matmul bf16", "decode bf16")
"""What is fitted; `fp4`, which nothing else depends on, is then fitted to nvfp4's matmuls."""

ROWS, NOISE, SEED = 1000, 0.08, 0
"""Training rows of a kind and chip, drawn at random; the standard deviation that constants are not asked to explain."""

ROOFS = {name: 0.0 if name in ("depth", "kernel") else 1.0 for name in FITTED}


def predicted_seconds(kernels: Kernels, constants: ServingConstants) -> np.ndarray:
    """Seconds of each kernel by the serving model."""
    machine = get_machine(f"1 x {kernels.chip}")
    sizes = kernels.sizes
    if kernels.kind.startswith("decode"):
        serving = Serving(
            batch=sizes["batch"],
            context=sizes["context"],
            kv=KV_FORMATS[kernels.kind.split(",")[0].removeprefix("decode ")],
            constants=constants,
        )
        scores = Attention(
            name="scores",
            heads=sizes["heads"],
            kv_heads=sizes["kv_heads"],
            score_width=sizes["width"],
            value_width=sizes["width"],
            cached=2 * sizes["kv_heads"] * sizes["width"],
            window=sizes["window"],
        )
        return np.asarray(operator_busy(scores, machine, serving, serving.weights).seconds)
    form = number_format({"fp8 in blocks": "fp8", "nvfp4": "fp4"}.get(kind := kernels.kind[7:], kind))
    serving = Serving(
        batch=sizes["rows"],
        weights=form.weights,
        activations=form.activations,
        matmuls=matmul_kind(form, machine.chip),
        narrow=form.narrow,
        casts=0 if form.weights.bits == 16 else 1,
        constants=constants,
    )
    product = Matmul(name="matmul", inputs=sizes["inputs"], outputs=sizes["outputs"])
    return np.asarray(operator_busy(product, machine, serving, form.weights).seconds)


def log_errors(kernels: Kernels, constants: ServingConstants) -> np.ndarray:
    """Logarithms of predicted over measured seconds."""
    return np.log(predicted_seconds(kernels, constants) / kernels.seconds)


def trained_on(known: Sequence[Kernels]) -> list[Kernels]:
    """The training rows: as many of each kind and chip."""
    rng = np.random.default_rng(SEED)
    some = [one for one in known if one.kind in (*TRAINED, "matmul nvfp4")]
    return [one.subset(rng.permutation(len(one.seconds))[:ROWS]) for one in some]


def fit_kernels(known: Sequence[Kernels]) -> ServingConstants:
    """The constants that kernels speak of, fitted to them from their priors."""
    plain = [one for one in known if one.kind in TRAINED]
    names = [name for name in FITTED if name != "fp4"]
    found = _fitted(plain, Prior.shipped(names))
    narrow = [one for one in known if one.kind == "matmul nvfp4"]
    return _fitted(narrow, replace(Prior.shipped(("fp4",)), start=found)) if narrow else found


def _fitted(known: Sequence[Kernels], prior: Prior) -> ServingConstants:
    def errors(constants: ServingConstants) -> np.ndarray:
        return np.concatenate([log_errors(one, constants) for one in known])

    return fit_serving(errors, np.full(sum(len(one.seconds) for one in known), NOISE), prior)


def median_error(errors: np.ndarray) -> float:
    """The median of absolute relative errors."""
    return float(np.median(abs(np.expm1(errors))))


def main() -> None:
    """Fits, holds out, prints and records."""
    tables = [*matmul_kernels(), *decode_kernels()]
    roofs = replace(serving_constants(), **ROOFS)
    chips = list(dict.fromkeys(one.chip for one in tables))
    kinds = list(dict.fromkeys(one.kind for one in tables))
    errors: dict[tuple[str, str], dict[str, float]] = {}
    counts = {kind: sum(len(one.seconds) for one in tables if one.kind == kind) for kind in kinds}
    found: dict[str, dict[str, float]] = {}
    for chip in chips:
        known = trained_on([one for one in tables if one.chip != chip])
        constants = fit_kernels(known)
        found[chip] = {name: float(getattr(constants, name)) for name in FITTED}
        for one in tables:
            if one.chip != chip:
                continue
            same = [other for other in known if other.kind == one.kind]
            share = np.median(np.concatenate([log_errors(other, roofs) for other in same])) if same else np.nan
            errors[one.kind, chip] = {
                "error": median_error(log_errors(one, constants)),
                "shipped": median_error(log_errors(one, serving_constants())),
                "roofline": median_error(log_errors(one, roofs) - share),
            }
            print(chip, one.kind, len(one.seconds), errors[one.kind, chip], flush=True)
        print(chip, found[chip], flush=True)
    rows = [_row(kind, counts[kind], chips, errors) for kind in kinds]
    for row in rows:
        print(" | ".join(row.values()))
    record("kernels", COMMAND, rows, notes=[_notes()], constants=found)


def _row(
    kind: str, count: int, chips: Sequence[str], errors: dict[tuple[str, str], dict[str, float]]
) -> dict[str, str]:
    """A row of the table: medians by chip and their mean, which is the figure asked for."""
    mine = {chip: errors[kind, chip] for chip in chips if (kind, chip) in errors}
    means = {name: np.mean([one[name] for one in mine.values()]) for name in ("error", "roofline", "shipped")}
    return {
        "kernels": kind,
        "rows": f"{count:,}",
        "mean over GPUs": f"{means['error']:.1%}",
        "roofline's share": f"{means['roofline']:.1%}" if np.isfinite(means["roofline"]) else "",
        "as shipped": f"{means['shipped']:.1%}",
        **{chip: f"{mine[chip]['error']:.1%}" if chip in mine else "" for chip in chips},
    }


def _notes() -> str:
    return (
        f"Medians of absolute errors over all rows of a GPU that nothing was fitted to; {len(FITTED)} constants fitted "
        f"in each split to {ROWS:,} rows of each kind and GPU (seed {SEED}), those in blocks and with windows to none."
    )


if __name__ == "__main__":
    main()
