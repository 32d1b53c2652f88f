"""What a user's own load tests are worth: errors of held-out rows of serving after 0, 3 and 10 rows of one's own.

A user has the rows of one model under one engine on one chip in sys_inference_silicon, dense models, without those that
contradict each other by the rule of `serving_rows`. Constants start where a fit without any row of that engine on that
chip leaves them, so that nothing of the user's is in them. In every draw a third of the user's configurations (devices,
lengths, precision: all loads of one together) is held out, and constants are fitted to the first rows of a random order
of the others. Beside stands what a user would do without: measured times over those of the data sheet, as one share, of
the rows that constants were fitted to (0 own rows) or of the own ones.

Command: FROUDE_PUBLISHED=… python benchmarks/serving_calibration.py [--draws N]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import final

import numpy as np

from froude.cost.serving.constants import ServingConstants, serving_constants
from froude.fitting.costs.serving_calibration import fit_points
from froude.fitting.costs.serving_rows import ServingRow
from record import record
from serving_accuracy import silicon_latencies
from serving_splits import QUANTITIES, Latencies, fit, median_error, predictor, rooflines

COMMAND = "FROUDE_PUBLISHED=… python benchmarks/serving_calibration.py"
OWN_ROWS = (0, 3, 10)
FEWEST = 4
"""Different configurations that a user must have to be counted."""


@final
@dataclass(frozen=True, kw_only=True)
class Served:
    """Median errors of the held-out rows of a draw (TPOT, throughput, TTFT), Froude's and the constant share's."""

    user: str
    own: int
    errors: list[float]
    shares: list[float]


def held_with(row: ServingRow) -> str:
    """Whose rows constants must not have seen: those of one engine on one chip."""
    return f"{row.engine} on {row.machine}"


def user_of(row: ServingRow) -> str:
    """The user whose row it is."""
    return f"{row.model}, {held_with(row)}"


def configuration_of(row: ServingRow) -> tuple[object, ...]:
    """What all loads of one configuration share."""
    return (row.version, row.tp, row.precision, row.kv, row.input, row.output)


def draws_of(user: str, mine: Latencies, others: Latencies, start: ServingConstants, draws: int) -> Iterator[Served]:
    """Held-out errors of a user's rows after each number of own ones, several times."""
    rng = np.random.default_rng(0)
    configurations = [str(configuration_of(row)) for row in mine.rows]
    names = sorted(set(configurations))
    roofs, other_roofs = rooflines(mine), rooflines(others)
    for _ in range(draws):
        held = {names[i] for i in rng.permutation(len(names))[: max(len(names) // 3, 1)]}
        test = np.array([i for i, name in enumerate(configurations) if name in held])
        pool = rng.permutation([i for i, name in enumerate(configurations) if name not in held])
        for own in OWN_ROWS:
            if own > len(pool):
                continue
            known = mine.subset(pool[:own])
            constants = fit_points(known.rows, start, known.streamed, known.alike)
            errors = np.log(predictor(mine.subset(test))(constants) / mine.measured[:, test])
            ratios = known.measured / roofs[:, pool[:own]] if own else others.measured / other_roofs
            share = np.median(ratios, axis=1)[:, None]
            constant = np.log(roofs[:, test] * share / mine.measured[:, test])
            yield Served(
                user=user, own=own, errors=median_error(errors).tolist(), shares=median_error(constant).tolist()
            )


def summary(outcomes: Sequence[Served]) -> Iterator[dict[str, str]]:
    """The rows of the table: a quantity and a number of own rows, of all users who have ten."""
    enough = {one.user for one in outcomes if one.own == OWN_ROWS[-1]}
    for i, quantity in enumerate(QUANTITIES):
        row = {"median error of": quantity.upper() if quantity != "throughput" else quantity, "users": str(len(enough))}
        for own in OWN_ROWS:
            some = [one for one in outcomes if one.own == own and one.user in enough]
            row[f"{own} own rows"] = f"{_of_users(some, [one.errors[i] for one in some]):.1%}"
            row[f"constant share, {own}"] = f"{_of_users(some, [one.shares[i] for one in some]):.1%}"
        yield row


def _of_users(outcomes: Sequence[Served], values: Sequence[float]) -> float:
    """The mean over draws, then over users."""
    users = [one.user for one in outcomes]
    pairs = list(zip(users, values, strict=True))
    return float(np.mean([np.mean([value for name, value in pairs if name == user]) for user in dict.fromkeys(users)]))


def main() -> None:
    """Fits without each engine on each chip, draws and judges for its users, prints and records."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=4)
    draws = parser.parse_args().draws
    whole, broken = silicon_latencies()
    data = whole.subset(np.flatnonzero(~broken))
    folds = np.array([held_with(row) for row in data.rows])
    users = np.array([user_of(row) for row in data.rows])
    outcomes: list[Served] = []
    for fold in dict.fromkeys(folds.tolist()):
        others = data.subset(np.flatnonzero(folds != fold))
        start = fit(others, serving_constants())
        for user in dict.fromkeys(users[folds == fold].tolist()):
            mine = data.subset(np.flatnonzero(users == user))
            if len({configuration_of(row) for row in mine.rows}) >= FEWEST:
                outcomes += draws_of(user, mine, others, start, draws)
                print(user, *(one.errors for one in outcomes if one.user == user), flush=True)
        record(
            "serving_calibration",
            COMMAND,
            list(summary(outcomes)),
            notes=[f"{draws} draws a user, {len({one.user for one in outcomes})} users."],
            draws=[asdict(one) for one in outcomes],
        )


if __name__ == "__main__":
    main()
