"""How far predicted latency and throughput of serving are from measured ones, on rows not fitted to.

`FROUDE_PUBLISHED=… python benchmarks/serving_accuracy.py` refits the constants once for every split of
sys_inference_silicon, predicts what was left out, and writes results and tables of docs/evidence.md. `--fit` fits all
rows, and the dense ones of Argonne's whole batches, which are of older engines, and writes the constants that ship,
with the half-widths that the splits taught.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from froude.cost.serving import constants as shipped
from froude.cost.serving.constants import ServingConstants, serving_constants, serving_entries
from froude.fitting.costs.serving_rows import ServingRow
from record import record
from serving_rows import argonne, faster_than_memory, silicon
from serving_splits import CONSTANTS, QUANTITIES, Latencies, Split, fit, hold_out, latencies, median_error, predictor
from serving_widths import Widths, fit_widths

COMMAND = "FROUDE_PUBLISHED=… python benchmarks/serving_accuracy.py"
LEVEL = 0.9
HELD_OUT: Mapping[str, Callable[[ServingRow], str]] = {
    "model": lambda row: row.model,
    "engine": lambda row: row.engine,
    "GPU": lambda row: row.machine,
    "model and engine": lambda row: f"{row.model}, {row.engine}",
}


def silicon_latencies() -> tuple[Latencies, np.ndarray]:
    """Rows of dense models, and which of them contradict each other."""
    rows = silicon()
    broken = np.array([one.broken for one in rows])
    streamed, alike = [one.streamed for one in rows], [one.alike for one in rows]
    return latencies([one.row for one in rows], streamed, alike, ~broken), broken


def dense_batches() -> list[ServingRow]:
    """Argonne's dense rows that are not broken."""
    return [row for row in argonne() if not row.model.startswith("mixtral") and not faster_than_memory(row)]


def batches_of_splits() -> list[ServingRow]:
    """Those of one small and one large model that no other table has, so that splits take minutes."""
    return [row for row in dense_batches() if row.model in ("llama-2-7b", "qwen2-72b")]


def interval_row(split: Split, quantity: int, widths: np.ndarray) -> dict[str, str]:
    """Coverage of intervals around one quantity, whose half-widths (rows,) the other folds' errors taught."""
    froude, roof = (split.errors[name][quantity] for name in ("Froude", "roofline"))
    folds = np.array(split.folds)
    constant, own = (np.array([other_folds_width(one, folds, fold) for fold in split.folds]) for one in (roof, froude))
    scores = interval_scores(froude, widths)
    return {
        "in 90%": f"{np.mean(abs(froude) <= widths):.0%}",
        "half-width": f"{np.median(widths):.1%}",
        "over median error": f"{np.median(widths) / float(median_error(froude)):.1f}",
        "interval score": f"{np.mean(scores):.2f}",
        "with one half-width": f"{np.mean(interval_scores(froude, own)):.2f}",
        "of the roofline's": f"{np.mean(scores) / np.mean(interval_scores(roof, constant)):.2f}",
    }


def widths_of(split: Split) -> np.ndarray:
    """Half-widths (3, rows) of each fold by the spreads that the other folds' errors have."""
    folds = np.array(split.folds)
    found = np.zeros_like(split.errors["Froude"])
    for fold in dict.fromkeys(split.folds):
        mine = folds == fold
        learned = fit_widths(split.errors["Froude"][:, ~mine], split.slopes[:, :, ~mine], CONSTANTS)
        found[:, mine] = learned.half_widths(split.slopes[:, :, mine])
    return found


def other_folds_width(errors: np.ndarray, folds: np.ndarray, fold: str) -> float:
    """The 90% quantile of absolute log errors of all other folds."""
    return float(np.quantile(abs(errors[folds != fold]), LEVEL))


def interval_scores(errors: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Width, and what lies beyond it times 2 / 0.1 (Gneiting and Raftery 2007, eq. 43)."""
    return 2 * half + 2 / (1 - LEVEL) * np.maximum(abs(errors) - half, 0)


def split_rows(split: Split, broken: np.ndarray) -> list[dict[str, str]]:
    """Rows of the table: each quantity of a split."""
    widths = widths_of(split)
    return [
        {
            "left out": split.name,
            "of": quantity.upper() if quantity != "throughput" else quantity,
            "median error": f"{split.medians()[i]:.1%}",
            "without broken rows": f"{split.medians(keep=~broken)[i]:.1%}",
            "roofline": f"{split.medians('roofline')[i]:.1%}",
            "nearest rows": f"{split.medians('nearest')[i]:.1%}",
            **interval_row(split, i, widths[i]),
        }
        for i, quantity in enumerate(QUANTITIES)
    ]


def fold_rows(split: Split) -> list[dict[str, Any]]:
    """Every fold with its medians."""
    folds = np.array(split.folds)
    return [
        {
            "left out": fold,
            "rows": int((folds == fold).sum()),
            **dict(zip(QUANTITIES, split.medians(keep=folds == fold).tolist(), strict=True)),
        }
        for fold in dict.fromkeys(split.folds)
    ]


def write_constants(found: ServingConstants, widths: Widths | None = None) -> None:
    """Writes constants, and how far they lie from a deployment's, into the package."""
    path = Path(shipped.__file__).with_name("constants.toml")
    text = path.read_text(encoding="utf-8")
    for name, value in asdict(found).items():
        text = re.sub(rf"(?<=\[{name}\]\nvalue = ).*$", f"{value:.4g}", text, flags=re.MULTILINE)
    if widths is not None:
        for name, value in zip(CONSTANTS, np.exp(widths.between), strict=True):
            text = re.sub(rf"(\[{name}\]\n(?:.+\n)*?between = ).*$", rf"\g<1>{value:.4g}", text, flags=re.MULTILINE)
        for name, value in zip(("tpot", "e2e", "ttft"), widths.unexplained, strict=True):
            text = re.sub(rf"^{name} = .*$", f"{name} = {value:.3g}", text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


def widths_of_all(splits: Sequence[Split]) -> Widths:
    """The spreads that ship: those that the errors of all splits have together."""
    errors = np.concatenate([split.errors["Froude"] for split in splits], axis=-1)
    return fit_widths(errors, np.concatenate([split.slopes for split in splits], axis=-1), CONSTANTS)


NOTES = (
    "Training rows are those of this table and Argonne's of two other models, less the fold of both; each fit takes "
    "two Gauss-Newton steps from the constants that ship, which have seen all rows. How kernels start, and that "
    "requests of equal lengths keep in step, was put in after the errors without it had been seen (TPOT 9.6, 9.8, 10.3 "
    "and 9.1% for model, GPU, engine, both; TTFT 39.5, 31.4, 22.0 and 26.7%)."
)


def main() -> None:
    """Fits, holds out, prints and records."""
    data, broken = silicon_latencies()
    if "--fit" in sys.argv:
        found = fit(data, near=serving_constants(), steps=6, batches=dense_batches())
        write_constants(found)
        print(found, median_error(np.log(predictor(data)(found) / data.measured)))
        return
    near = serving_constants()
    splits: list[Split] = []
    for name, fold_of in HELD_OUT.items():
        splits.append(hold_out(name, data, fold_of, near, batches_of_splits()))
        record_splits(splits, broken)
        write_constants(near, widths_of_all(splits))


def record_splits(splits: list[Split], broken: np.ndarray) -> None:
    """Prints and records the splits that there are."""
    rows = [row for split in splits for row in split_rows(split, broken)]
    for row in rows:
        print(" | ".join(row.values()), flush=True)
    entries = serving_entries()
    record(
        "serving_accuracy",
        COMMAND,
        rows,
        notes=[f"{len(broken)} rows, {int(broken.sum())} broken by the rule, {len(entries)} fitted constants.", NOTES],
        by_fold={split.name: fold_rows(split) for split in splits},
        constants={name: dict(entry) for name, entry in entries.items()},
    )


if __name__ == "__main__":
    main()
