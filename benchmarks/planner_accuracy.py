"""How far the planner's step times and peak memory are from measured ones, on rows it was not calibrated on.

`FROUDE_PUBLISHED=… python benchmarks/planner_accuracy.py` calibrates once for every split of the older tables, predicts
what was left out, asks about every row of the newer ones, and writes results and tables of docs/evidence.md; beside
each stands a constant MFU taken from the same training rows. `--calibrate` calibrates on all rows of the older tables
and writes the constants that ship. `--tables` asks and prints the newer tables alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any, final

import numpy as np

from froude.cost.machine import constants as shipped
from froude.cost.machine.constants import entries
from froude.cost.training.evaluation import evaluate
from froude.cost.training.layout import Recompute
from froude.cost.training.memory.device_memory import RELATIVE_ERROR, memory_bytes
from froude.planning.plans import AIM
from planner_calibration import calibrate, log_errors
from planner_rows import MPT, Peak, Row, korthikanti, llm_foundry, megatron_2021, megatron_2024, torchtitan
from planner_scores import (
    Judged,
    Score,
    interval_score,
    memory_errors,
    memory_row,
    memory_rows,
    pairs_in_order,
    percent,
)
from planner_sets import judged_sets, scores
from record import record

COMMAND = "FROUDE_PUBLISHED=… python benchmarks/planner_accuracy.py"
LEVEL = 0.9
NOT_REFITTED = (
    "Newer tables are asked with the constants and stacks that ship; what is held out of them is held out of the "
    "constants beside, not of what a stack was fitted to."
)
BOTH: tuple[Recompute, ...] = ("operators", "full")
"""What torchtitan's default checkpointing may have been."""


@final
@dataclass(frozen=True, kw_only=True)
class Split:
    """Rows held out, the log errors of predictions for them, and those of a constant MFU from the training rows."""

    name: str
    rows: Sequence[Row]
    errors: np.ndarray
    constant: np.ndarray

    @property
    def mean(self) -> float:
        """Mean absolute relative error."""
        return float(np.mean(abs(np.expm1(self.errors))))

    @property
    def constant_mean(self) -> float:
        """That of a constant MFU."""
        return float(np.mean(abs(np.expm1(self.constant))))


def hold_out(name: str, test: Sequence[Row], train: Sequence[Row]) -> Split:
    """Calibrates on some rows and predicts others."""
    return Split(
        name=name, rows=test, errors=log_errors(test, calibrate(train)), constant=constant_mfu_errors(test, train)
    )


def constant_mfu_errors(test: Sequence[Row], train: Sequence[Row]) -> np.ndarray:
    """Log errors of the step times that one MFU, the training rows' median, gives."""
    ideal = {id(row): model_seconds(row) for row in (*test, *train)}
    mfu = np.median([ideal[id(row)] / row.seconds for row in train])
    return np.log([ideal[id(row)] / mfu / row.seconds for row in test])


def model_seconds(row: Row) -> float:
    """Seconds of the model FLOPs at the dense peak."""
    cost = evaluate(row.model, row.machine, row.layout)
    return float(cost.model_flops / cost.devices / cost.peak_flops)


def splits() -> list[Split]:
    """Every split that the planner is judged by."""
    foundry = list(llm_foundry())
    tables = [list(megatron_2021()), list(megatron_2024()), list(korthikanti())]
    made = [hold_out(f"llm-foundry without {m}", *parted(foundry, lambda r, m=m: r.name == m)) for m in MPT]
    made.append(hold_out("llm-foundry, H100 from 128 GPUs", *parted(foundry, lambda r: r.large)))
    for chip in ("a100", "h100"):
        rows = parted(foundry, lambda r, chip=chip: r.machine.chip.name.startswith(chip))
        made.append(hold_out(f"llm-foundry without {chip.upper()}", *rows))
    everything = [*foundry, *(row for table in tables for row in table)]
    made += [hold_out(table[0].table, *parted(everything, lambda r, t=table: r in t)) for table in tables]
    return made


def parted(rows: Sequence[Row], held: Callable[[Row], bool]) -> tuple[list[Row], list[Row]]:
    """Rows held out, and the others."""
    return [row for row in rows if held(row)], [row for row in rows if not held(row)]


def change_of_mfu(split: Split) -> dict[str, tuple[float, float]]:
    """By model, measured and predicted change of MFU in points from 128 to 512 GPUs, in the table's own counting."""
    found = {}
    for name in sorted({row.name for row in split.rows}):
        at = {int(row.layout.devices): i for i, row in enumerate(split.rows) if row.name == name}
        mfu = {n: 100 * model_seconds(split.rows[i]) / split.rows[i].seconds for n, i in at.items()}
        told = {n: mfu[n] / np.exp(split.errors[i]) for n, i in at.items()}
        found[name] = (mfu[512] - mfu[128], float(told[512] - told[128]))
    return found


def intervals(parts: Sequence[Split]) -> tuple[float, float, float]:
    """Coverage of 90% intervals, half-width, and that over the mean error: each split's width from the others'."""
    inside, widths = [], []
    for part in parts:
        width = half_width([other for other in parts if other is not part])
        inside += list(abs(part.errors) <= width)
        widths += [width] * len(part.errors)
    mean = float(np.mean([abs(error) for part in parts for error in part.errors]))
    return float(np.mean(inside)), float(np.median(widths)), float(np.median(widths)) / mean


def half_width(parts: Sequence[Split]) -> float:
    """The 90% quantile of absolute log errors, tables and models of llm-foundry counting equally."""
    return float(np.mean([np.quantile(abs(part.errors), LEVEL) for part in parts]))


def alternatives() -> list[dict[str, Any]]:
    """Error of each weak-scaling table under other choices of what it does not state, calibrated without that table."""
    foundry, others = list(llm_foundry()), list(korthikanti())
    made = []
    for table, rest, modes in (
        (megatron_2021, megatron_2024, ("full",)),
        (megatron_2024, megatron_2021, ("none", "selective", "full")),
    ):
        found = calibrate([*foundry, *others, *rest()])
        choices = [{"micro_batch": m} for m in (1, 2, 4)] + [{"interleave": v} for v in (1, 2)]
        for choice in [{}, *choices, *({"recompute": mode} for mode in modes)]:
            rows = list(table(**choice))
            said = ", ".join(f"{name} {value}" for name, value in choice.items()) or "the rule"
            made.append({"table": rows[0].table, "choice": said, "error": mean_error(log_errors(rows, found))})
    return made


def mean_error(errors: np.ndarray) -> float:
    """Mean absolute relative error of log errors."""
    return float(np.mean(abs(np.expm1(errors))))


def memory(default: Recompute | None = None) -> list[dict[str, Any]]:
    """What the allocator reserves, counted against measured, on torchtitan's rows."""
    return [
        {
            "row": row.name,
            "seq_len": int(row.layout.seq_len),
            "counted_gib": float(memory_bytes(row.model, row.layout).reserved) / 2**30,
            "measured_gib": peak / 2**30,
        }
        for row, peak in torchtitan(default)
    ]


def torchtitan_errors(rows: Sequence[dict[str, Any]]) -> np.ndarray:
    """Relative errors of counted peaks."""
    return np.array([row["counted_gib"] / row["measured_gib"] - 1 for row in rows])


def summary(made: Sequence[Split], sets: Sequence[Judged]) -> list[dict[str, str]]:
    """The rows of the table: of the older tables with constants calibrated on the others, then of the newer ones."""
    models, others = made[: len(MPT)], made[len(MPT) :]
    pooled = Split(
        name="llm-foundry, without the model",
        rows=[row for part in models for row in part.rows],
        errors=np.concatenate([part.errors for part in models]),
        constant=np.concatenate([part.constant for part in models]),
    )
    judged = [part for part in made if is_judged(part)]
    widths = {part.name: half_width([one for one in judged if one.name != part.name]) for part in others}
    widths[pooled.name] = half_width([part for part in judged if part not in models])
    return [*(_calibrated(part, widths[part.name]) for part in (pooled, *others)), *(one.row() for one in sets)]


def _calibrated(part: Split, width: float) -> dict[str, str]:
    """The row of a split, whose interval has the half-width that the other splits taught."""
    return {
        "measured rows": part.name,
        "rows": str(len(part.rows)),
        "refused": "0",
        "mean error": percent(part.mean),
        "signed": f"{100 * float(np.mean(np.expm1(part.errors))):+.1f}%",
        "in 90%": f"{np.mean(abs(part.errors) <= width):.0%}",
        "half-width": percent(width),
        "interval score": f"{np.mean([interval_score(error - width, error + width) for error in part.errors]):.2f}",
        "of a constant width": "",
        "constant MFU": percent(part.constant_mean),
        "of its kind": "",
    }


def memory_summary(asked: Sequence[Score]) -> list[dict[str, str]]:
    """The rows of the table of memory."""
    return [memory_row("torchtitan", "reserved", torchtitan_errors(memory())), *memory_rows(asked)]


def spread_of_memory(asked: Sequence[Score]) -> dict[str, float]:
    """What `RELATIVE_ERROR` should be, of measured over counted peaks of the tables that state their recipes."""
    stated: tuple[tuple[str, Peak], ...] = (("torchtitan-large", "reserved"), ("torchtune", "allocated"))
    errors = [torchtitan_errors(memory()), *(memory_errors(asked, table, peak) for table, peak in stated)]
    above = -np.concatenate(errors) / (1 + np.concatenate(errors))
    bound = NormalDist().inv_cdf(AIM) * RELATIVE_ERROR
    return {
        "by_the_95_quantile": float(np.quantile(above, AIM)) / NormalDist().inv_cdf(AIM),
        "root_mean_square": float(np.sqrt(np.mean(above**2))),
        "within_the_shipped": float(np.mean(above <= bound)),
    }


def newer() -> tuple[list[Judged], list[Score]]:
    """What came of the newer tables, printed, and every score."""
    tables = scores()
    sets, asked = list(judged_sets(tables)), [score for rows in tables.values() for score in rows]
    for one in sets:
        print(" | ".join(one.row().values()))
    for row in memory_summary(asked):
        print(" | ".join(row.values()))
    print(spread_of_memory(asked))
    right, many = pairs_in_order(tables["primus"])
    print(f"{right} of {many} pairs of schedules in the measured order")
    print(*sorted({f"{score.question.table}: {score.refusal}" for score in asked if score.refusal}), sep="\n")
    return sets, asked


def write_constants(made: Sequence[Split]) -> None:
    """Writes the constants calibrated on all rows, and the held-out half-width, into the package."""
    found = asdict(calibrate([*llm_foundry(), *megatron_2021(), *megatron_2024(), *korthikanti()]))
    found["half_width"] = half_width([part for part in made if is_judged(part)])
    path = Path(shipped.__file__).parent / "constants.toml"
    text = path.read_text(encoding="utf-8")
    for name, value in found.items():
        pattern = r"^half_width = .*$" if name == "half_width" else rf"(?<=\[{name}\]\nvalue = ).*$"
        written = f"half_width = {value:.3g}" if name == "half_width" else f"{value:.4g}"
        text = re.sub(pattern, written, text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


def is_judged(part: Split) -> bool:
    """Whether a split's rows are in no other: models of llm-foundry, and the other tables."""
    return "GPUs" not in part.name and not part.name.endswith(("A100", "H100"))


def main() -> None:
    """Measures all splits, prints and records them."""
    if "--tables" in sys.argv:
        newer()
        return
    made = splits()
    if "--calibrate" in sys.argv:
        write_constants(made)
        return
    coverage, width, ratio = intervals([part for part in made if is_judged(part)])
    large = next(part for part in made if "GPUs" in part.name)
    defaults = {mode: torchtitan_errors(memory(mode)).tolist() for mode in BOTH}
    for part in made:
        print(f"{part.name:34} {len(part.rows):4} {100 * part.mean:5.2f}%  constant {100 * part.constant_mean:5.2f}%")
    print({name: f"{a:+.2f} {b:+.2f}" for name, (a, b) in change_of_mfu(large).items()})
    print(f"90% intervals hold {coverage:.1%}, half-width {width:.1%}, {ratio:.2f} times the mean error")
    print(*alternatives(), sep="\n")
    sets, asked = newer()
    record("planner_memory", COMMAND, memory_summary(asked), rows_measured=memory(), spread=spread_of_memory(asked))
    record(
        "planner_accuracy",
        COMMAND,
        summary(made, sets),
        notes=[NOT_REFITTED],
        by_split=[
            {"split": part.name, "rows": len(part.rows), "error": part.mean, "constant_mfu": part.constant_mean}
            for part in made
        ],
        by_row=[score_to_dict(score) for score in asked],
        schedules_in_order=[int(count) for count in pairs_in_order(asked)],
        change_of_mfu_points=change_of_mfu(large),
        interval={"coverage": coverage, "half_width": width, "over_mean_error": ratio},
        alternatives=alternatives(),
        memory_default_checkpointing=defaults,
        constants={
            name: {"value": float(entry["value"]), "prior": float(entry["prior"])} for name, entry in entries().items()
        },
    )


def score_to_dict(score: Score) -> dict[str, Any]:
    """A row of a newer table and what came of it."""
    question = score.question
    return {
        "table": question.table,
        "name": question.name,
        "machine": question.machine,
        "precision": question.precision,
        "stack": question.stack,
        "error": None if score.error is None else score.relative,
        "covered": score.covered,
        "half_width": score.half_width,
        "memory_error": score.memory_error,
        "refusal": score.refusal,
    }


if __name__ == "__main__":
    main()
