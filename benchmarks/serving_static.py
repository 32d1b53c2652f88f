"""How far predicted latency of whole batches is from measured: Argonne's table and AMD's.

`FROUDE_PUBLISHED=… python benchmarks/serving_static.py` refits the constants to Argonne's dense rows with each
hardware left out in turn, and asks about Mixtral and AMD's with those that ship, to which none of their rows was
fitted; beside it the constant share of the roofline from the same training rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from froude.cost.serving.constants import ServingConstants, serving_constants
from froude.fitting.costs.serving_batches import predicted_latency, serving_batches
from froude.fitting.costs.serving_fit import Prior, fit_serving
from froude.fitting.costs.serving_rows import ServingRow
from record import record
from serving_rows import amd, argonne, faster_than_memory
from serving_splits import ROOFS

COMMAND = "FROUDE_PUBLISHED=… python benchmarks/serving_static.py"
NOISE, STEPS = 0.1, 3


def log_errors(rows: Sequence[ServingRow], constants: ServingConstants) -> np.ndarray:
    """Logarithms of predicted over measured seconds of the whole batch, less what no batch of a script waits for."""
    found = predicted_latency(serving_batches(rows), constants)["e2e_seconds"] - constants.prompt
    return np.log(found / np.array([row.e2e_seconds for row in rows], dtype=float))


def refit(rows: Sequence[ServingRow]) -> ServingConstants:
    """Constants fitted to the rows from their priors."""
    batches = serving_batches(rows)
    measured = np.array([row.e2e_seconds for row in rows], dtype=float)

    def errors(constants: ServingConstants) -> np.ndarray:
        return np.log((predicted_latency(batches, constants)["e2e_seconds"] - constants.prompt) / measured)

    return fit_serving(errors, np.full(len(rows), NOISE), Prior.shipped(), near=serving_constants(), steps=STEPS)


def entry(name: str, errors: np.ndarray, roofline: np.ndarray | None = None) -> dict[str, str]:
    """A row of the table."""
    relative = np.expm1(errors)
    return {
        "rows": name,
        "count": str(len(errors)),
        "median error": f"{np.median(abs(relative)):.1%}",
        "mean": f"{np.mean(abs(relative)):.1%}",
        "signed median": f"{np.median(relative):+.1%}",
        "roofline": "" if roofline is None else f"{np.median(abs(np.expm1(roofline))):.1%}",
    }


def main() -> None:
    """Asks, refits, prints and records."""
    shipped = serving_constants()
    rows = list(argonne())
    broken = np.array([faster_than_memory(row) for row in rows])
    mixture = np.array([row.model.startswith("mixtral") for row in rows])
    used = [row for row, bad, mixed in zip(rows, broken, mixture, strict=True) if not bad and not mixed]
    mixed_rows = [row for row, bad, mixed in zip(rows, broken, mixture, strict=True) if mixed and not bad]
    table = []
    held_errors, roofs = np.full(len(used), np.nan), np.full(len(used), np.nan)
    bound = log_errors(used, ROOFS)
    chips = np.array([row.machine for row in used])
    for chip in dict.fromkeys(chips):
        held = chips == chip
        train = [row for row, out in zip(used, held, strict=True) if not out]
        held_errors[held] = log_errors([row for row in used if row.machine == chip], refit(train))
        roofs[held] = bound[held] - np.median(bound[~held])
        table.append(entry(f"Argonne, dense, without {chip}", held_errors[held], roofs[held]))
        print(table[-1], flush=True)
    table.append(entry("Argonne, dense, hardware left out", held_errors, roofs))
    table.append(entry("Argonne, Mixtral, constants that ship", log_errors(mixed_rows, shipped)))
    table.append(
        entry("Argonne, broken by the rule", log_errors([r for r, b in zip(rows, broken, strict=True) if b], shipped))
    )
    table.append(entry("AMD, MI300X, constants that ship", log_errors(list(amd()), shipped)))
    for one in table:
        print(" | ".join(one.values()))
    record("serving_static", COMMAND, table)


if __name__ == "__main__":
    main()
