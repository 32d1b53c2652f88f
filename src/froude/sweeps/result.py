"""What a sweep comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.answers import Answer, Fact, Table
from froude.answers.numbers import count, loss_text
from froude.answers.registry import answer_of
from froude.provenance import Computed
from froude.quantity import format_seconds
from froude.sweeps.outcome import RunOutcome

SHOWN = 10
"""Runs that a table shows: those of the lowest losses, and of those that failed the first."""


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class SweepResult(Computed):
    """The runs of a space as they stand in a study: finished, diverged, or left unfinished with a reason."""

    study: Path
    runs: tuple[RunOutcome, ...]
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[RunOutcome, ...]:
        """The runs that are left unfinished: they failed, or their time was over."""
        return tuple(run for run in self.runs if not run.is_done)

    @property
    def best(self) -> tuple[RunOutcome, ...]:
        """The finished runs, the lowest loss first."""
        return tuple(sorted((run for run in self.runs if run.loss is not None), key=lambda run: run.loss or 0.0))

    def to_dict(self) -> dict[str, Any]:
        """What `froude sweep --json` prints."""
        states = [run.state for run in self.runs]
        return {
            "study": str(self.study),
            "n": len(self.runs),
            "finished": states.count("finished"),
            "diverged": states.count("diverged"),
            "stopped": states.count("stopped"),
            "failed": len(self.failed),
            "runs": [run.to_dict() for run in self.runs],
            "warnings": list(self.warnings),
            **self.origin,
        }


@answer_of.register(SweepResult)
def answer_of_sweep(result: SweepResult) -> Answer:
    """How many runs are finished, the best of them, and which failed and why."""
    data, best, failed = result.to_dict(), result.best, result.failed
    parts = [f"{data['finished']} finished", f"{data['diverged']} diverged"]
    parts += [f"{data['stopped']} stopped early", f"{data['failed']} failed"]
    seconds = sum(run.seconds or 0.0 for run in result.runs)
    varied = varied_names([run.config for run in result.runs])
    facts = [Fact("study", str(result.study))]
    if seconds:
        facts.append(Fact("runs took", f"{format_seconds(seconds, 2)} in all, one after another"))
    runs = Table(
        title=f"{'The' if len(best) <= SHOWN else f'The {SHOWN}'} runs of the lowest loss",
        columns=(*varied, "loss"),
        rows=tuple((*_settings(run, varied), loss_text(run.loss or 0.0)) for run in best[:SHOWN]),
        left=(),
    )
    failures = Table(
        title="Runs that failed, and the end of what they wrote to stderr",
        columns=(*varied, "why"),
        rows=tuple((*_settings(run, varied), run.reason) for run in failed[:SHOWN]),
        left=(len(varied),),
        details=tuple(" / ".join(run.stderr) for run in failed[:SHOWN]),
    )
    again = f"give the same command again: it runs the {count(len(failed), 'run')} that failed, and no other"
    return Answer(
        headline=f"{count(len(result.runs), 'run')}: {', '.join(part for part in parts if part[:2] != '0 ')}",
        facts=tuple(facts),
        tables=tuple(table for table in (runs, failures) if table.rows),
        warnings=result.warnings,
        next_steps=(again,) if failed else (f"froude fit {result.study}", f"froude report {result.study}"),
        data=data,
    )


def varied_names(configs: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """The names whose values differ between runs; of a single run all."""
    names = dict.fromkeys(name for config in configs for name in config)
    differ = tuple(name for name in names if len({repr(config.get(name)) for config in configs}) > 1)
    return differ or tuple(names)


def _settings(run: RunOutcome, names: tuple[str, ...]) -> tuple[str, ...]:
    values = (run.config.get(name, "") for name in names)
    return tuple(f"{value:.4g}" if isinstance(value, float) else str(value) for value in values)
