"""What a user's own measured steps are worth: errors of held-out rows after 0, 1, 3 and 10 rows of a table.

A user has the rows of one table on one chip; of Megatron-Bridge's dense models and mixtures apart, and for once the rows
of one model on all chips. In every draw a third of the measurements is held out, with all rows that measure the same
again, and constants are fitted to the first rows of a random order of the others. Where they start knows nothing of the
table: a stack fitted to it is taken without its factors, of llm-foundry's rows constants calibrated on other tables are,
and how far stacks differ (three numbers) is learned from the other tables. Beside stands the median MFU of the own rows.

Command: FROUDE_PUBLISHED=… python benchmarks/cost_calibration.py [--draws N]; `--learn` writes what all tables teach of
how far stacks differ into constants.toml.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import final

import numpy as np
from scipy.optimize import minimize

from froude.cost.machine import constants as shipped
from froude.cost.machine.constants import constants, entries
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
    QUESTIONS,
    Question,
    korthikanti,
    llm_foundry,
    megatron_2021,
    megatron_2024,
)
from planner_scores import measured_rate
from record import record

COMMAND = "FROUDE_PUBLISHED=… python benchmarks/cost_calibration.py"
OWN_ROWS = (0, 1, 3, 10)
FEWEST = 8
"""Different measurements that a user must have to be counted."""

SHAPE: Mapping[str, float] = MappingProxyType(
    {name: float(entry["spread"]) for name, entry in entries().items()}
    | {"matmul": 1.08, "attention": 1.3, "launch": 2.0, "beside": 1.5, "collective": 1.15, "bandwidth": 1.1}
)
"""How far constants of a stack differ from those that ship, but for a common power that is learned: the spread of what
physics suggests, less for those that the older tables fixed."""


@final
@dataclass(frozen=True, kw_only=True)
class Measured:
    """A measured step with what it is told apart by: the users whose it is, and what else measures the same."""

    step: MeasuredStep
    users: tuple[str, ...]
    twin: object

    @property
    def mfu(self) -> float:
        """The measured share of the peak."""
        cost = self.step.cost
        return float(cost.model_flops / cost.devices / cost.peak_flops) / self.step.seconds


@final
@dataclass(frozen=True, kw_only=True)
class Spread:
    """How far stacks differ: the power of `SHAPE`, and the noise of dense models and mixtures that no constant has."""

    power: float
    dense: float
    mixture: float

    def of(self, stack: Stack) -> Stack:
        """A stack of which only this is known."""
        spreads = {name: factor**self.power for name, factor in SHAPE.items()}
        errors = {"dense": HALF_WIDTH * self.dense, "mixture": HALF_WIDTH * self.mixture}
        return replace(stack, uncertainty=Uncertainty.of_spreads(spreads), errors=errors)


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
    for read in QUESTIONS:
        for question in read():
            measured = _measured(question)
            if measured is not None:
                found.setdefault(question.table, []).append(measured)
    return found | {"llm-foundry": list(_foundry())}


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
        seconds=float(cost.tokens) / rate, memory_bytes=None,
    )  # fmt: skip
    bridge = question.table == "megatron-bridge"
    kind = "mixtures" if kind_of(model) == "mixture" else "dense"
    users = (f"{question.table}{f', {kind}' if bridge else ''}/{question.gpu}",)
    by_model = (f"{question.table}, a model/{question.name}",) if bridge else ()
    return Measured(step=step, users=(*users, *by_model), twin=question.twin)


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
            memory_bytes=None,
        )  # fmt: skip
        chip = row.machine.chip.name
        twin = (row.name, chip, int(layout.devices), int(layout.seq_len))
        yield Measured(step=step, users=(f"llm-foundry/{chip}",), twin=twin)


def learn(rows: Mapping[str, Sequence[Measured]]) -> Spread:
    """How far stacks differ: the median over tables of the most likely power, then the most likely noise of all."""
    parts = [_linear([one.step for one in some]) for some in rows.values()]
    power = float(np.median([_most_likely([part], [0.0, np.log(0.06), np.log(0.15)])[0] for part in parts]))
    noise = _most_likely(parts, [np.log(0.06), np.log(0.15)], power)
    return Spread(power=power, dense=float(noise[0]), mixture=float(noise[1]))


Linear = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Log errors of a table's steps, their slopes over constants, and which are of mixtures."""

_LINEAR: dict[int, Linear] = {}


def _linear(steps: Sequence[MeasuredStep]) -> Linear:
    """The same for steps that were asked before."""
    key = id(steps[0])
    if key not in _LINEAR:
        start = steps[0].layout.constants
        batches, seconds = batches_of(steps), np.array([step.seconds for step in steps])
        errors = np.log(predicted_seconds(batches, start) / seconds)
        mixtures = np.array([kind_of(step.model) == "mixture" for step in steps])
        _LINEAR[key] = errors, slopes_of(batches, start, list(SHAPE)), mixtures
    return _LINEAR[key]


def _most_likely(parts: Sequence[Linear], begin: Sequence[float], power: float | None = None) -> np.ndarray:
    """The most likely power, unless it is given, and noises; tables count as the root of their rows."""
    variances = np.log([*SHAPE.values()]) ** 2

    def loss(logs: np.ndarray) -> float:
        values = np.exp(logs)
        scale, noise = (power, values) if power is not None else (values[0], values[1:])
        total = 0.0
        for errors, slopes, mixtures in parts:
            covariance = scale**2 * (slopes * variances) @ slopes.T + np.diag(np.where(mixtures, *noise[::-1]) ** 2)
            root = np.linalg.cholesky(covariance + 1e-6 * np.eye(len(errors)))
            whitened = np.linalg.solve(root, errors)
            total += (0.5 * whitened @ whitened + np.log(np.diag(root)).sum()) / np.sqrt(len(errors))
        return total

    bounds = [(-4.0, 3.0)] * len(begin)
    return np.exp(minimize(loss, begin, method="Nelder-Mead", bounds=bounds).x)


def draws_of(user: str, rows: Sequence[Measured], start: Spread, draws: int) -> Iterator[Outcome]:
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


def judged(user: str, own: Sequence[Measured], test: Sequence[Measured], spread: Spread) -> Outcome:
    """Errors and intervals of held-out rows by constants that were fitted to one's own."""
    steps, held = [one.step for one in own], [one.step for one in test]
    stack = spread.of((held[0].layout.stack or known_stacks()[0]))
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
    plain = [one for one in outcomes if ", a model/" not in one.user]
    groups = {name: [one for one in outcomes if one.user.partition("/")[0] == name] for name in _tables_of(outcomes)}
    enough = {one.user for one in plain if one.own == OWN_ROWS[-1]}
    everybody = {"all of a chip": plain, "of these, with ten rows": [one for one in plain if one.user in enough]}
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
    names = dict.fromkeys(user for row in rows for user in row.users)
    found = {name: [row for row in rows if name in row.users] for name in names}
    return {name: some for name, some in found.items() if len({str(row.twin) for row in some}) >= FEWEST}


def write_spread(spread: Spread) -> None:
    """Writes how far stacks differ into the package."""
    path = Path(shipped.__file__).parent / "constants.toml"
    text = path.read_text(encoding="utf-8")
    for name, factor in SHAPE.items():
        text = re.sub(
            rf"(\[{name}\]\n(?:[a-z]+ = .*\n)*?between = ).*", rf"\g<1>{factor**spread.power:.3g}", text
        )
    for kind in ("dense", "mixture"):
        text = re.sub(rf"(?m)^{kind} = .*$", f"{kind} = {getattr(spread, kind):.3g}", text)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Draws, fits and judges for every user, prints and records."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--learn", action="store_true")
    asked = parser.parse_args()
    rows = tables()
    everything = learn(rows)
    print(f"{everything}", {name: len(some) for name, some in rows.items()}, flush=True)
    if asked.learn:
        write_spread(everything)
        return
    outcomes: list[Outcome] = []
    for table, some in rows.items():
        start = learn({name: others for name, others in rows.items() if name != table})
        print(table, start, flush=True)
        for user, mine in users_of(some).items():
            outcomes += draws_of(user, mine, start, asked.draws)
            print(user, *({one.own: round(one.error, 3) for one in outcomes if one.user == user}.items()), flush=True)
    made = list(summary(outcomes))
    print(*made, sep="\n")
    record(
        "cost_calibration",
        COMMAND,
        made,
        notes=[f"{asked.draws} draws a user; mean error of held-out rows, then how many lie in the 90% interval."],
        learned=asdict(everything),
        draws=[asdict(one) for one in outcomes],
    )


if __name__ == "__main__":
    main()
