"""What a user's own measured steps are worth: errors of held-out rows after 0, 1, 3 and 10 rows of a table.

A user has the rows of one table on one chip; of Megatron-Bridge those of one model on all chips. In every draw a third
is held out, with all rows that measure the same again, and constants are fitted to the first rows of
a random order of the others. Where they start knows nothing of the table: a stack fitted to it is taken without its
factors, llm-foundry's rows start from constants that other tables gave, and noise is learned from the other tables. How
far stacks differ (`between` in constants.toml) is a judgement, set after some errors of these tables had been seen.
Beside stands the median MFU of the own rows.

Command: FROUDE_PUBLISHED=… python benchmarks/cost_calibration.py [--draws N]; `--learn` writes the noise that all
tables teach into constants.toml.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
from scipy.optimize import minimize

from froude.cost.machine import constants as shipped
from froude.cost.machine.constants import between_stacks, constants
from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.cost.stack.known_stacks import get_stack, known_stacks, likely_stacks
from froude.cost.stack.stack import Stack, Uncertainty
from froude.cost.training.assumptions import HALF_WIDTH, complete, kind_of
from froude.cost.training.evaluation import evaluate
from froude.cost.training.legal import check_legal
from froude.errors import InputError
from froude.fitting.costs.batches import batches_of, predicted_seconds, slopes_of
from froude.fitting.costs.calibration import fit_steps, fitted_stack
from froude.fitting.costs.measured import MeasuredStep
from planner_calibration import calibrate
from planner_rows import (
    Question,
    korthikanti,
    llm_foundry,
    megatron_2021,
    megatron_2024,
    megatron_bridge,
    nemo_2407,
    nemo_automodel,
    torchtitan_large,
)
from planner_scores import measured_rate
from record import record

COMMAND = "FROUDE_PUBLISHED=… python benchmarks/cost_calibration.py"
OWN_ROWS = (0, 1, 3, 10)
FEWEST = 8
"""Different measurements that a user must have to be counted."""

TABLES = (torchtitan_large, nemo_automodel, nemo_2407, megatron_bridge)
"""Newer tables of which a user could have as many rows; llm-foundry's comes beside."""

BETWEEN = tuple(between_stacks())


@final
@dataclass(frozen=True, kw_only=True)
class Measured:
    """A measured step, whose it is, and what all that measure the same share."""

    step: MeasuredStep
    user: str
    twin: object

    @property
    def mfu(self) -> float:
        """The measured share of the peak."""
        cost = self.step.cost
        return float(cost.model_flops / cost.devices / cost.peak_flops) / self.step.seconds


@final
@dataclass(frozen=True, kw_only=True)
class Noise:
    """Standard deviations of log step seconds of dense models and of mixtures that no constant explains."""

    dense: float
    mixture: float

    def of(self, stack: Stack) -> Stack:
        """A stack of which only this is known, and how far stacks differ."""
        errors = {"dense": HALF_WIDTH * self.dense, "mixture": HALF_WIDTH * self.mixture}
        return replace(stack, uncertainty=Uncertainty.of_spreads(between_stacks()), errors=errors)


@final
@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of the held-out rows of a draw: mean error, share inside 90% intervals, half-width, and error of the own MFU."""

    user: str
    own: int
    error: float
    inside: float
    half_width: float
    mfu_error: float | None


def tables() -> dict[str, list[Measured]]:
    """Every trained step that Froude can count, by table."""
    found: dict[str, list[Measured]] = {}
    for read in TABLES:
        for question in read():
            measured = _measured(question)
            if measured is not None:
                found.setdefault(question.table, []).append(measured)
    return {"llm-foundry": list(_foundry())} | found


def _measured(question: Question) -> Measured | None:
    """A row that has a time and is no adapter's; None for what Froude refuses too."""
    rate = measured_rate(question)
    if rate is None or question.adapter:
        return None
    known = {one.name for one in known_stacks()}
    try:
        model, machine = get_model(question.model), get_machine(question.machine)
        named = question.stack.partition("@")[0] in known
        stack = get_stack(question.stack) if named else likely_stacks(machine.chip)[0][0]
        plain = replace(stack, factors={}, errors={})
        layout, _ = complete(model, machine, question.fields, plain)
        check_legal(model, machine, layout)
    except InputError:
        return None
    cost = evaluate(model, machine, layout)
    step = MeasuredStep(
        name=question.name, model=model, machine=machine, layout=layout, cost=cost,
        seconds=float(cost.tokens) / rate, memory_bytes=None, counted_bytes=0.0,
    )  # fmt: skip
    of = question.name if question.table == "megatron-bridge" else question.gpu
    return Measured(step=step, user=f"{question.table}/{of}", twin=question.twin)


def _foundry() -> Iterator[Measured]:
    """llm-foundry's rows, with constants that the other tables gave."""
    found = asdict(calibrate([*megatron_2021(), *megatron_2024(), *korthikanti()]))
    factors = {name: value / getattr(constants(), name) for name, value in found.items()}
    stack = replace(get_stack("llm-foundry"), factors=factors)
    for row in llm_foundry():
        layout = replace(row.layout, stack=stack)
        cost = evaluate(row.model, row.machine, layout)
        step = MeasuredStep(
            name=row.name, model=row.model, machine=row.machine, layout=layout, cost=cost, seconds=row.seconds,
            memory_bytes=None, counted_bytes=0.0,
        )  # fmt: skip
        chip = row.machine.chip.name
        twin = (row.name, chip, int(layout.devices), int(layout.seq_len))
        yield Measured(step=step, user=f"llm-foundry/{chip}", twin=twin)


Linear = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Log errors of a table's steps, their covariance by how far stacks differ, and which are of mixtures."""


def linear(steps: Sequence[MeasuredStep]) -> Linear:
    """A table's errors by the constants that it starts from."""
    start = steps[0].layout.constants
    batches, seconds = batches_of(steps), np.array([step.seconds for step in steps])
    slopes = slopes_of(batches, start, BETWEEN)
    errors = np.log(predicted_seconds(batches, start) / seconds)
    mixtures = np.array([kind_of(step.model) == "mixture" for step in steps])
    return errors, (slopes * np.log([*between_stacks().values()]) ** 2) @ slopes.T, mixtures


def learn(parts: Sequence[Linear]) -> Noise:
    """The most likely noise; tables count as the root of their rows."""

    def loss(logs: np.ndarray) -> float:
        total = 0.0
        for errors, covariance, mixtures in parts:
            noise = np.where(mixtures, *np.exp(logs[::-1])) ** 2
            root = np.linalg.cholesky(covariance + np.diag(noise))
            whitened = np.linalg.solve(root, errors)
            total += (0.5 * whitened @ whitened + np.log(np.diag(root)).sum()) / np.sqrt(len(errors))
        return total

    bounds = [(-4.0, 0.0)] * 2
    found = np.exp(minimize(loss, np.log([0.1, 0.2]), method="Nelder-Mead", bounds=bounds).x)
    return Noise(dense=float(found[0]), mixture=float(found[1]))


def draws_of(user: str, rows: Sequence[Measured], start: Noise, draws: int) -> Iterator[Outcome]:
    """Held-out errors of a user's rows after each number of own ones, several times."""
    rng = np.random.default_rng(0)
    twins = [str(row.twin) for row in rows]
    names = sorted(set(twins))
    for _ in range(draws):
        held = {names[i] for i in rng.permutation(len(names))[: len(names) // 3]}
        test = [row for row, twin in zip(rows, twins, strict=True) if twin in held]
        pool = [row for row, twin in zip(rows, twins, strict=True) if twin not in held]
        order = rng.permutation(len(pool))
        for own in OWN_ROWS:
            if own <= len(pool):
                yield judged(user, [pool[i] for i in order[:own]], test, start)


def judged(user: str, own: Sequence[Measured], test: Sequence[Measured], known: Noise) -> Outcome:
    """Errors and intervals of held-out rows by constants that were fitted to one's own."""
    steps, held = [one.step for one in own], [one.step for one in test]
    stack = known.of(held[0].layout.stack or known_stacks()[0])
    if steps:
        stack = fitted_stack(stack, fit_steps(steps, stack), steps, "")
    batches, found = batches_of(held), stack.constants(constants())
    errors = np.log(predicted_seconds(batches, found) / np.array([step.seconds for step in held]))
    doubt = stack.uncertainty or Uncertainty.of_spreads({})
    slopes = slopes_of(batches, found, doubt.constants)
    of_constants = np.einsum("ij,jk,ik->i", slopes, np.array(doubt.covariance), slopes)
    half = np.hypot([stack.errors[kind_of(step.model)] for step in held], HALF_WIDTH * np.sqrt(of_constants))
    share = float(np.median([one.mfu for one in own])) if own else None
    return Outcome(
        user=user,
        own=len(own),
        error=float(np.mean(abs(np.expm1(errors)))),
        inside=float(np.mean(abs(errors) <= half)),
        half_width=float(np.median(half)),
        mfu_error=float(np.mean([abs(one.mfu / share - 1) for one in test])) if share else None,
    )


def summary(outcomes: Sequence[Outcome]) -> Iterator[dict[str, str]]:
    """The rows of the table: each table's users, then all who have ten rows."""
    groups = {name: [one for one in outcomes if one.user.partition("/")[0] == name] for name in _tables_of(outcomes)}
    enough = {one.user for one in outcomes if one.own == OWN_ROWS[-1]}
    everybody = {"all users": outcomes, "those with ten rows": [one for one in outcomes if one.user in enough]}
    for name, some in (groups | everybody).items():
        row = {"own measurements": name, "users": str(len({one.user for one in some}))}
        for own in OWN_ROWS:
            mine = [one for one in some if one.own == own]
            values = [_of_users(mine, lambda one: one.error), _of_users(mine, lambda one: one.inside)]
            width = _of_users(mine, lambda one: one.half_width)
            row[f"{own} rows"] = f"{values[0]:.1%}, {values[1]:.0%} in ±{width:.0%}" if mine else ""
        for own in OWN_ROWS[2:]:
            mine = [one for one in some if one.own == own]
            row[f"MFU of {own}"] = f"{_of_users(mine, lambda one: one.mfu_error or 0.0):.1%}" if mine else ""
        yield row


def _tables_of(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(one.user.partition("/")[0] for one in outcomes))


def _of_users(outcomes: Sequence[Outcome], value: Callable[[Outcome], float]) -> float:
    """The mean over draws, then over users."""
    users = dict.fromkeys(one.user for one in outcomes)
    return float(np.mean([np.mean([value(one) for one in outcomes if one.user == user]) for user in users] or [0.0]))


def users_of(rows: Sequence[Measured]) -> dict[str, list[Measured]]:
    """The rows of each user who has enough."""
    found = {name: [row for row in rows if row.user == name] for name in dict.fromkeys(row.user for row in rows)}
    return {name: some for name, some in found.items() if len({str(row.twin) for row in some}) >= FEWEST}


def write_noise(noise: Noise) -> None:
    """Writes it into the package."""
    path = Path(shipped.__file__).parent / "constants.toml"
    text = path.read_text(encoding="utf-8")
    for kind, value in asdict(noise).items():
        text = re.sub(rf"(?m)^{kind} = .*$", f"{kind} = {value:.3g}", text)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Draws, fits and judges for every user, prints and records."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--learn", action="store_true")
    asked = parser.parse_args()
    rows = tables()
    parts = {name: linear([one.step for one in some]) for name, some in rows.items()}
    everything = learn([*parts.values()])
    print(everything, {name: len(some) for name, some in rows.items()}, flush=True)
    if asked.learn:
        write_noise(everything)
        return
    outcomes: list[Outcome] = []
    for table, some in rows.items():
        start = learn([part for name, part in parts.items() if name != table])
        for user, mine in users_of(some).items():
            outcomes += draws_of(user, mine, start, asked.draws)
            write(outcomes, everything, asked.draws)  # what is there, should the others take too long
            print(user, *({one.own: round(one.error, 3) for one in outcomes if one.user == user}.items()), flush=True)


def write(outcomes: Sequence[Outcome], learned: Noise, draws: int) -> None:
    """Records what came of the users so far."""
    record(
        "cost_calibration",
        COMMAND,
        list(summary(outcomes)),
        notes=[f"{draws} draws a user."],
        learned=asdict(learned),
        draws=[asdict(one) for one in outcomes],
    )


if __name__ == "__main__":
    main()
