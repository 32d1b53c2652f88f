"""How far predicted latency and throughput of serving are from measured ones, on rows not fitted to.

`FROUDE_PUBLISHED=… python benchmarks/serving_accuracy.py` refits the constants once for every split of
sys_inference_silicon, predicts what was left out, and writes results and tables of docs/evidence.md. `--fit` fits all
rows, and the dense ones of Argonne's whole batches, which are of older engines, and writes the constants that ship,
with the half-widths that the splits taught.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from froude.cost.serving import constants as shipped
from froude.cost.serving.constants import ServingConstants, serving_constants, serving_entries
from froude.fitting.costs.serving_rows import ServingRow
from record import record
from serving_rows import argonne, faster_than_memory, silicon
from serving_splits import QUANTITIES, Latencies, Split, fit, hold_out, latencies, median_error, predictor

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
    return latencies([one.row for one in rows], [one.streamed for one in rows], ~broken), broken


def dense_batches() -> list[ServingRow]:
    """Argonne's dense rows that are not broken."""
    return [row for row in argonne() if not row.model.startswith("mixtral") and not faster_than_memory(row)]


def batches_of_splits() -> list[ServingRow]:
    """Those of one small and one large model that no other table has, so that splits take minutes."""
    return [row for row in dense_batches() if row.model in ("llama-2-7b", "qwen2-72b")]


def interval_row(split: Split, quantity: int) -> dict[str, str]:
    """Coverage of intervals around one quantity, each fold's half-width from the other folds' errors."""
    froude, roof = (split.errors[name][quantity] for name in ("Froude", "roofline"))
    inside, scores, widths, others = [], [], [], []
    folds = np.array(split.folds)
    for fold in dict.fromkeys(split.folds):
        mine = folds == fold
        half = other_folds_width(froude, folds, fold)
        constant = other_folds_width(roof, folds, fold)
        inside += list(abs(froude[mine]) <= half)
        widths += [half] * int(mine.sum())
        scores += list(interval_scores(froude[mine], half))
        others += list(interval_scores(roof[mine], constant))
    return {
        "in 90%": f"{np.mean(inside):.0%}",
        "half-width": f"{np.median(widths):.1%}",
        "over median error": f"{np.median(widths) / float(median_error(froude)):.1f}",
        "interval score": f"{np.mean(scores):.2f}",
        "of the roofline's": f"{np.mean(scores) / np.mean(others):.2f}",
    }


def other_folds_width(errors: np.ndarray, folds: np.ndarray, fold: str) -> float:
    """The 90% quantile of absolute log errors of all other folds."""
    return float(np.quantile(abs(errors[folds != fold]), LEVEL))


def interval_scores(errors: np.ndarray, half: float) -> np.ndarray:
    """Width, and what lies beyond it times 2 / 0.1 (Gneiting and Raftery 2007, eq. 43)."""
    return 2 * half + 2 / (1 - LEVEL) * np.maximum(abs(errors) - half, 0)


def split_rows(split: Split, broken: np.ndarray) -> list[dict[str, str]]:
    """Rows of the table: each quantity of a split."""
    return [
        {
            "left out": split.name,
            "of": quantity.upper() if quantity != "throughput" else quantity,
            "median error": f"{split.medians()[i]:.1%}",
            "without broken rows": f"{split.medians(keep=~broken)[i]:.1%}",
            "roofline": f"{split.medians('roofline')[i]:.1%}",
            "nearest rows": f"{split.medians('nearest')[i]:.1%}",
            **interval_row(split, i),
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


def write_constants(found: ServingConstants, widths: Mapping[str, float] | None = None) -> None:
    """Writes constants, and half-widths of intervals, into the package."""
    path = Path(shipped.__file__).with_name("constants.toml")
    text = path.read_text(encoding="utf-8")
    for name, value in asdict(found).items():
        text = re.sub(rf"(?<=\[{name}\]\nvalue = ).*$", f"{value:.4g}", text, flags=re.MULTILINE)
    for name, width in (widths or {}).items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {width:.3g}", text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


def half_widths(splits: list[Split]) -> dict[str, float]:
    """Half-widths of intervals that ship: the 90% quantile of the errors of every split, splits counting equally."""
    return {
        quantity: float(np.mean([np.quantile(abs(split.errors["Froude"][i]), LEVEL) for split in splits]))
        for i, quantity in enumerate(QUANTITIES)
    }


NOTES = (
    "Training rows are those of this table and Argonne's of two other models, less the fold of both. The latter joined "
    "after the first splits without them had been seen (TPOT 10.1, 9.5, 9.0 and 10.8% for model, GPU, engine, both); "
    "each fit takes two Gauss-Newton steps from the constants that ship."
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
    write_constants(near, half_widths(splits))


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
