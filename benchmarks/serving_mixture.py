"""What is said of DeepSeek-R1, to whose rows no constant was fitted, and how far it is from what was measured.

`FROUDE_PUBLISHED=… python benchmarks/serving_mixture.py` asks `froude.serve_cost` about every aggregated row; a refusal
counts as an error of 100% and as not covered. Of rows whose prompts have devices of their own nobody says how many
there are: with one worker of each kind a token takes what an iteration of decoding does, and the first one what a
prompt does on the other. Some rows draft tokens by multi-token prediction, and no column says which: their tokens come
up to two or three times sooner than any model of this kind says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from froude.cost import serve_cost
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.load import decode_seconds, prompt_seconds
from froude.errors import InputError
from froude.fitting.costs.serving_batches import serving_batches
from froude.fitting.costs.serving_rows import ServingRow
from record import record
from serving_rows.mixture import Apart, mixture, mixture_apart

COMMAND = "FROUDE_PUBLISHED=… python benchmarks/serving_mixture.py"
NAMES = ("tpot", "ttft")


def answered(row: ServingRow) -> dict[str, tuple[float, tuple[float, float]]]:
    """Means and intervals of a row's latencies; InputError where it is refused."""
    engine = f"{row.engine}@{row.version}" if row.version else row.engine
    cost = serve_cost(
        row.model,
        f"{row.devices} x {row.machine}",
        input=round(row.input),
        output=round(row.output),
        users=row.concurrency,
        engine=engine,
        precision=row.precision,
        kv=row.kv,
        tp=row.tp,
        ep=row.ep,
        dp=row.dp,
    )
    return dict(cost.latency or {})


def aggregated(rows: Sequence[ServingRow]) -> tuple[list[dict[str, str]], Counter[str]]:
    """A row of the table for each latency, of all and of those with one device group, and why some were refused."""
    errors = {name: np.full(len(rows), np.nan) for name in NAMES}
    widths = {name: np.full(len(rows), np.nan) for name in NAMES}
    reasons: Counter[str] = Counter()
    for i, row in enumerate(rows):
        try:
            found = answered(row)
        except InputError as error:
            reasons[str(error)[:90]] += 1
            continue
        for name in NAMES:
            mean, (low, high) = found[name]
            measured = row.tpot_seconds if name == "tpot" else row.ttft_seconds
            errors[name][i] = np.log(mean / float(measured or np.nan))
            widths[name][i] = np.log(high / low) / 2
    table = [entry(f"aggregated, {name.upper()}", errors[name], widths[name]) for name in NAMES]
    for engine in dict.fromkeys(row.engine for row in rows):
        mine = np.array([row.engine == engine for row in rows])
        table.append(entry(f"aggregated under {engine}, TPOT", errors["tpot"][mine], widths["tpot"][mine]))
    return table, reasons


def apart(rows: Sequence[Apart]) -> list[dict[str, str]]:
    """A row of the table for each latency of workers of two kinds."""
    constants, found = serving_constants(), {name: np.full(len(rows), np.nan) for name in NAMES}
    for batch in serving_batches([one.decoding for one in rows]):
        one = batch.deployment
        running = np.minimum(np.asarray(one.users) / one.dp, np.maximum(np.asarray(one.largest_batch) / one.dp, 1))
        found["tpot"][batch.places] = decode_seconds(one, constants, running)
    for batch in serving_batches([one.prompts for one in rows]):
        seconds = prompt_seconds(batch.deployment, constants, np.ones(len(batch.places)))
        found["ttft"][batch.places] = constants.prompt + seconds
    measured = {name: np.array([getattr(one.decoding, f"{name}_seconds") for one in rows]) for name in NAMES}
    return [entry(f"prompts apart, {name.upper()}", np.log(found[name] / measured[name])) for name in NAMES]


def entry(name: str, errors: np.ndarray, widths: np.ndarray | None = None) -> dict[str, str]:
    """A row of the table; what was refused is an error of 100%."""
    known = np.isfinite(errors)
    relative = np.where(known, np.expm1(np.where(known, errors, 0.0)), 1.0)
    covered = [] if widths is None else abs(errors) <= widths
    return {
        "rows": name,
        "count": str(len(errors)),
        "answered": f"{known.mean():.0%}",
        "median error": f"{np.median(abs(relative)):.1%}",
        "signed median": f"{np.median(np.expm1(errors[known])):+.1%}",
        "in 90%": "" if widths is None else f"{np.mean(covered):.0%}",
        "half-width": "" if widths is None else f"{np.nanmedian(widths):.1%}",
    }


def main() -> None:
    """Asks, prints and records."""
    table, reasons = aggregated([one.row for one in mixture()])
    table += apart(mixture_apart())
    for row in table:
        print(" | ".join(row.values()), flush=True)
    for reason, count in reasons.most_common():
        print(count, reason)
    record("serving_mixture", COMMAND, table, refused=dict(reasons))


if __name__ == "__main__":
    main()
