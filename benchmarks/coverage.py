"""How often 90% intervals hold where the law is known: parameters, and runs 10 and 100 times larger than all fitted.

A law is planted, runs are drawn from it by a design, the law is fitted to them, and its intervals are compared with the
truth: of every parameter, and of a run with its own noise, along the runs' ratio of tokens to parameters and at thirty
times it. Intervals are of parameters and residual noise alone: here the form of the law is right, so that what laws of
published studies err by plays no part. Asked: 85% to 97% inside, and a median half-width of at most 1.5 times that of
the narrowest constant interval around the same forecasts that holds 90%. Where runs cannot determine a law, a refusal
is an answer: under two sizes, a ladder and five runs, not elsewhere.

Every law of N and D and three of C are tried under every design, the others under the good one and five runs. Truths
and inputs of the others are those of the laws' contract in `tests/support/designs.py`.
Command: python benchmarks/coverage.py --simulations 200
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

import designs
from froude.errors import InputError
from froude.fitting.estimation import estimate
from froude.fitting.options import FitOptions
from froude.host import cores
from froude.laws import Law, get_law
from froude.laws.lr_history import LrHistory
from froude.runs import Runs
from record import record

Columns = dict[str, np.ndarray]

NOISE = 0.005  # relative, of one run
OF_COMPUTE = ("power", "power-floor", "saturating")
MAY_REFUSE = ("two sizes", "ladder", "five runs")
EVERYWHERE = ("good", "five runs")
LEAST, MOST, WIDEST = 0.85, 0.97, 1.5
TRUTH = {
    "chinchilla": get_law("chinchilla").published["besiroglu-2024"],
    "chinchilla-tied": {"E": 1.7, "A": 400.0, "alpha": 0.33, "B": 900.0},
}


@final
@dataclass(frozen=True)
class Table:
    """Runs of a planted law, and runs to forecast: inputs `at`, each (places,), and their outcomes `run`."""

    inputs: Columns
    y: np.ndarray
    at: Mapping[str, Any]
    run: np.ndarray


def truth_of(law: Law) -> Mapping[str, float]:
    """The planted parameters."""
    return TRUTH.get(law.name) or designs.truth_of(law)


def places(law: Law, design: str, rng: np.random.Generator) -> Columns:
    """The inputs (n,) of the runs of a design."""
    if law.inputs == ("C",):
        spread = {"two sizes": np.repeat([1e19, 1e20], 6), "five runs": np.geomspace(1e18, 1e21, 5)}
        return {"C": spread.get(design, np.geomspace(1e17, 1e21, 14 if design == "ladder" else 24))}
    if design == "ladder":
        N = np.geomspace(2e7, 2e9, 14)
        return {"N": N, "D": 20 * N}
    if design == "five runs":
        N = np.geomspace(2e7, 2e9, 5)
        return {"N": N, "D": 20 * N * np.exp(rng.normal(0, 1, 5))}
    N = np.array([1e8, 1e9]) if design == "two sizes" else np.geomspace(2e7, 2e9, 6)
    each, ratio = (grid.ravel() for grid in np.meshgrid(N, np.geomspace(2, 200, 6)))
    return {"N": each, "D": each * ratio}


def beyond(inputs: Columns) -> Columns:
    """Inputs of runs 10 and 100 times larger than the largest: along the middle ratio D/N, then at thirty times it."""
    if "C" in inputs:
        return {"C": inputs["C"].max() * np.array([10.0, 100.0])}
    N, D = inputs["N"], inputs["D"]
    size = (N * D).max() * np.array([10.0, 100.0, 10.0, 100.0])
    ratio = np.exp(np.median(np.log(D / N))) * np.array([1, 1, 30, 30])
    return {"N": np.sqrt(size / ratio), "D": np.sqrt(size * ratio)}


def draw_table(law: Law, design: str, seed: int) -> Table:
    """The runs of a law of N and D or of C by a design."""
    rng = np.random.default_rng([seed, sum(design.encode())])
    inputs = places(law, design, rng)
    y = law(**inputs, **truth_of(law))
    size = np.sum([np.log(values) for values in inputs.values()], axis=0)
    rise = (size - size.min()) / np.ptp(size)
    noise = NOISE * 5 ** (0.5 - rise) if design == "heteroscedastic noise" else np.full(y.size, NOISE)
    spoiled = SPOILED.get(design, lambda y, rng: y)(y * np.exp(noise * rng.standard_normal(y.size)), rng)
    if design == "copied rows":
        inputs = {x: np.repeat(values, 4) for x, values in inputs.items()}
    at = beyond(inputs)
    exact = law(**at, **truth_of(law))
    run = exact * np.exp(noise[np.argmax(size)] * rng.standard_normal(exact.size))
    return Table(inputs, spoiled, at, _of_either_protocol(run, rng) if design == "two protocols" else run)


def _outliers(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    wild = rng.permutation(y.size)[: max(2, y.size // 10)]
    y[wild] *= np.exp(rng.uniform(0.05, 0.3, wild.size))
    return y


def _of_either_protocol(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(y.size) < 0.3, 1.02 * y, y)


SPOILED: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "outliers": _outliers,
    "two protocols": _of_either_protocol,
    "bits beside nats": lambda y, rng: np.where(rng.random(y.size) < 0.2, y / np.log(2), y),
    "rounded losses": lambda y, rng: np.round(y, 2),
    "copied rows": lambda y, rng: np.repeat(y, 4),
}
DESIGNS = ("good", *MAY_REFUSE, *SPOILED, "heteroscedastic noise")


def draw_other(law: Law, design: str, seed: int) -> Table:
    """The runs of any other law, and runs beyond them: of curves others of the kind, else of inputs that grow."""
    n = 5 if design == "five runs" else 60
    table, rng = designs.columns(law, n, NOISE, seed), np.random.default_rng(seed)
    inputs = {x: np.asarray(values) for x, values in table.items() if x != "loss" and not isinstance(values, LrHistory)}
    if designs.is_of_curves(law):
        at = designs.inputs_of(law, 4, seed + 1000)
    else:
        sizes = [x for x in law.inputs if law.marks[x].is_size]
        grown = {x: np.max(inputs[x]) * np.array([10.0, 100.0]) ** (1 / max(len(sizes), 1)) for x in sizes}
        at = {x: grown.get(x, np.full(2, np.median(inputs[x]))) for x in law.inputs}
    with np.errstate(all="ignore"):
        exact = law(**at, **truth_of(law))
    if not np.all(exact > 0):  # a learning rate that is 0 from some size on: no law so far out
        at = {x: np.full(2, np.median(inputs[x])) for x in law.inputs}
        exact = law(**at, **truth_of(law))
    return Table(inputs, table["loss"], at, exact * np.exp(NOISE * rng.standard_normal(exact.size)))


def simulate(law: Law, design: str, simulations: int, draws: int) -> dict[str, Any]:
    """The row of a law under a design: coverage of parameters and forecasts, widths, refusals and CPU seconds a fit."""
    draw = draw_table if law.inputs in (("N", "D"), ("C",)) else draw_other
    began, refused = time.process_time(), []
    held: dict[str, list[bool]] = {}
    inside, errors, halves = [], [], []
    for seed in range(simulations):
        table = draw(law, design, seed)
        try:
            runs = Runs.from_columns({**table.inputs, "loss": table.y})
            fit = replace(estimate(law, runs, options=FitOptions(draws=draws, starts=8, seed=seed)), drift=0.0)
        except InputError as error:
            refused.append(str(error))
            continue
        if fit.interpolates:
            refused.append(fit.warnings[0])  # no interval of parameters and noise: forecasts rest on other studies
            continue
        for name, (low, high) in fit.intervals.items():
            held.setdefault(name, []).append(low <= truth_of(law)[name] <= high)
        with np.errstate(all="ignore"):
            forecast = fit.predict(**table.at)
            inside.append((table.run >= forecast.lo) & (table.run <= forecast.hi))
            errors.append(np.abs(np.log(table.run / forecast.mean)))
            halves.append(np.log(forecast.hi / forecast.lo) / 2)
    seconds = (time.process_time() - began) / simulations
    row = {"law": law.name, "design": design, "refused": len(refused), "why": refused[0] if refused else ""}
    if inside:
        narrowest = np.quantile(errors, 0.9, axis=0)
        row |= {
            "parameters": {name: float(np.mean(each)) for name, each in held.items()},
            "forecasts": np.mean(inside, axis=0).tolist(),
            "widths": (np.median(halves, axis=0) / narrowest).tolist(),
        }
    return {**row, "cpu_seconds": seconds}


def verdict(row: Mapping[str, Any]) -> str:
    """What of a row is not as asked, in words; nothing where all is."""
    if row["design"] in MAY_REFUSE and row["refused"] and "forecasts" not in row:
        return ""
    faults = []
    if row["refused"] and row["design"] not in MAY_REFUSE:
        faults.append(f"{row['refused']} refused")
    off = [f"{name} {share:.0%}" for name, share in row.get("parameters", {}).items() if not LEAST <= share <= MOST]
    faults += off
    faults += [f"forecast {share:.0%}" for share in row.get("forecasts", ()) if not LEAST <= share <= MOST]
    if row["design"] not in MAY_REFUSE:
        faults += [f"width {width:.2f}" for width in row.get("widths", ()) if not width <= WIDEST]
    return ", ".join(faults)


def combinations(laws: Sequence[str], chosen: Sequence[str]) -> Iterator[tuple[Law, str]]:
    """Every law beside every design that it is tried under, of these laws and designs only where some are named."""
    for law in designs.every_law():
        named = get_law(law.name, "C") if law.name in OF_COMPUTE else law
        fully = law.inputs == ("N", "D") or law.name in OF_COMPUTE
        for design in DESIGNS if fully else EVERYWHERE:
            if (not laws or law.name in laws) and (not chosen or design in chosen):
                yield named, design


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--law", action="append", default=[], help="only this law; may be repeated")
    parser.add_argument("--design", action="append", default=[], choices=DESIGNS)
    parser.add_argument("--json", action="store_true", help="print all rows as JSON")
    parser.add_argument("--kept", type=Path, help="a file of finished rows, of this commit: an interrupted run goes on")
    given = parser.parse_args()
    pairs = [(law.name, design) for law, design in combinations(given.law, given.design)]
    lines = given.kept.read_text().splitlines() if given.kept and given.kept.exists() else ()
    done = {(row["law"], row["design"]): row for row in map(json.loads, lines)}
    with ProcessPoolExecutor(cores()) as pool:
        work = partial(_simulate_named, simulations=given.simulations, draws=given.draws)
        for row in pool.map(work, [pair for pair in pairs if pair not in done]):
            done[row["law"], row["design"]] = row
            print(line(row), file=sys.stderr, flush=True)
            if given.kept:
                with given.kept.open("a") as file:
                    print(json.dumps(row), file=file)
    rows = [done[pair] for pair in pairs]
    print(json.dumps(rows, indent=1) if given.json else "\n".join(map(line, rows)))
    if not (given.law or given.design):
        command = f"python benchmarks/coverage.py --simulations {given.simulations}"
        record("coverage", command, list(summary(rows)), all=rows)


def _simulate_named(pair: tuple[str, str], simulations: int, draws: int) -> dict[str, Any]:
    name, design = pair
    return simulate(get_law(name, "C") if name in OF_COMPUTE else get_law(name), design, simulations, draws)


def line(row: Mapping[str, Any]) -> str:
    """A row as text."""
    words = f"{row['law']:18} {row['design']:22} {row['cpu_seconds']:.2f} s"
    if "forecasts" in row:
        shares = list(row["parameters"].values())
        known = f"{min(shares):.0%} to {max(shares):.0%}" if shares else "no intervals"
        forecasts = " ".join(f"{share:.0%}" for share in row["forecasts"])
        words += f"  parameters {known}; forecasts {forecasts}; widths " + " ".join(f"{w:.2f}" for w in row["widths"])
    refused = f"  {row['refused']} refused" if row["refused"] else ""
    return f"{words}{refused}" + (f"  ✗ {verdict(row)}" if verdict(row) else "")


def summary(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """A row a design for the documents, over all laws that were tried under it."""
    for design in DESIGNS:
        some = [row for row in rows if row["design"] == design]
        known = [row for row in some if "forecasts" in row]
        parameters = [share for row in known for share in row["parameters"].values()]
        forecasts = [share for row in known for share in row["forecasts"]]
        widths = [width for row in known for width in row["widths"]]
        yield {
            "design": design,
            "laws": str(len(some)),
            "refused": f"{np.mean([row['refused'] for row in some]):.0f}",
            "parameters held": f"{np.mean(parameters):.0%}" if parameters else "",
            "forecasts held": f"{np.mean(forecasts):.0%}" if forecasts else "",
            "least": f"{min(forecasts):.0%}" if forecasts else "",
            "half-width": f"{np.nanmedian(widths):.2f}" if widths else "",
            "as asked": f"{sum(not verdict(row) for row in some)} of {len(some)}",
        }


if __name__ == "__main__":
    main()
