"""Short first runs of a trainer, from the smallest size up, until they tell which target fits.

They are runs of a study of their own inside the pilot's, so that none is trained twice, whatever ends in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from froude.engines import Engine
from froude.errors import InputError
from froude.pilots.command.ladder import LadderBudget, is_affordable, target_size
from froude.pilots.command.scale import FirstRun, Scale, is_clear, scale_of
from froude.pilots.command.settings import CommandSettings
from froude.pilots.events import FirstRunReady, Watch
from froude.runs import Study, run_id
from froude.sweeps.outcome import RunOutcome
from froude.sweeps.trainer import same_engine

FOLDER = "first_runs"
LONGER = 4  # times the tokens of the run before
LARGER = 2  # times the size of the run before
MOST_SHARE = 0.15  # of the minutes that runs may take which tell seconds a token at the smallest size
TOKENS_OFF = 0.2  # relative: a run on other tokens than asked for by more is no run that was asked for


@final
class FirstRuns:
    """Performs first runs, one at a time, and keeps what they say."""

    def __init__(self, study: Study, settings: CommandSettings, engine: Engine, watch: Watch) -> None:
        self.study = Study.create(study.path / FOLDER, settings.to_dict())
        self.settings, self.engine, self.watch = settings, engine, watch
        self.runs: list[FirstRun] = []

    @property
    def seconds(self) -> float:
        """What they have taken in all."""
        return sum(run.seconds for run in self.runs)

    @property
    def scale(self) -> Scale:
        """What they say."""
        return scale_of(self.runs)

    def run(self, size: int | float, tokens: int) -> FirstRun:
        """A run of this size and length. InputError where it fails, or says no parameters."""
        config = self.settings.config(size, tokens)
        (outcome,) = self.settings.trainer.perform(self.study, [config], same_engine(self.engine), self.watch)
        if not outcome.is_done:
            raise failed_run("the first run", outcome)
        row = self.study.runs([run_id(config)])
        if "N" not in row or "D" not in row:
            raise InputError(
                "the first run says no number of parameters: print it, as in "
                f'{{"N": 1e6}}, name it with --columns N=COLUMN, or compute it, as in --set "N=12*4*{self._name}**2"'
            )
        first = FirstRun(
            size=size, tokens=tokens, n_params=float(row["N"][0]), tokens_said=float(row["D"][0]),
            flops=float(row["C"][0]), seconds=float(row["seconds"][0]),
        )  # fmt: skip
        self.runs.append(first)
        self.watch(FirstRunReady(dial=self.settings.dial.name, run=first))
        return first

    @property
    def _name(self) -> str:
        return self.settings.dial.name


def measure_scale(runs: FirstRuns, budget_of: Callable[[float], LadderBudget]) -> tuple[Scale, int | float]:
    """What first runs say at sizes up to the first whose target does not fit and at the target's own; that size.

    `budget_of` gives what is left after so many seconds.
    """
    settings = runs.settings
    dial, tokens = settings.dial, settings.first_tokens
    size = dial.sizes(dial.low, dial.low, 1)[0]
    here = [runs.run(size, tokens)]
    while not budget_of(0).in_flops and not is_clear(here) and runs.seconds < MOST_SHARE * budget_of(0).amount:
        tokens *= LONGER
        here.append(runs.run(size, tokens))
    check_tokens(here[-1])
    while size < dial.high and is_affordable(runs.scale, size, settings, budget_of(runs.seconds)):
        tokens = max(settings.first_tokens, tokens // LONGER)
        end = min(LARGER * size, dial.high)
        (larger,) = dial.sizes(end, end, 1)
        if larger <= size:
            break
        size = larger
        runs.run(size, tokens)
    target = target_size(runs.scale, settings, budget_of(runs.seconds))
    if target not in runs.scale.sizes:
        runs.run(target, max(tokens, settings.first_tokens))
    return runs.scale, target


def check_tokens(run: FirstRun) -> None:
    """InputError where a run trains on other tokens than it was asked to."""
    if abs(run.tokens_said / run.tokens - 1) > TOKENS_OFF:
        raise InputError(
            f"a first run was given tokens = {run.tokens:,} and says that it trained on {run.tokens_said:,.0f}: let "
            "{tokens} be what a run trains on, as in --set steps=tokens//512 for batches of 512 tokens, or give "
            "more --first-tokens"
        )


def failed_run(which: str, outcome: RunOutcome) -> InputError:
    """The error that says which run failed, how, and the end of what it wrote."""
    end = f" ({outcome.stderr[-1].strip()})" if outcome.stderr else ""
    return InputError(
        f"{which} failed, {outcome.name}: {outcome.reason}{end}; mend it, and give the same command again"
    )
