"""What is said of a learning-rate schedule, and of the best one that a search found."""

from __future__ import annotations

from typing import Any

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import loss_text
from froude.fitting import BestSchedule, Schedule


def answer_of_schedule(schedule: Schedule) -> Answer:
    """A schedule: its peak, its phases and where it ends."""
    stable = schedule.steps - schedule.warmup - schedule.decay
    return Answer(
        headline=f"learning rate over {schedule.steps:,} steps, at most {schedule.peak:g}",
        facts=(
            Fact("warm-up", f"{schedule.warmup:,} steps"),
            Fact("stable", f"{stable:,} steps at {schedule.peak:g}"),
            Fact("decay", f"{schedule.decay:,} steps, {schedule.shape}, to {schedule.final:g}"),
        ),
        data=schedule_to_dict(schedule) | {"stable": stable},
    )


def answer_of_best_schedule(best: BestSchedule) -> Answer:
    """The best schedule of a search beside the others that it beat."""
    rivals = {"the best": (best.schedule, best.loss), **best.rivals}
    return Answer(
        headline=f"best schedule: {schedule_words(best.schedule)}",
        tables=(
            Table(
                title="",
                columns=("schedule", "loss at its end", "how it goes"),
                rows=tuple((name, loss_text(loss), schedule_words(each)) for name, (each, loss) in rivals.items()),
                left=(0, 2),
            ),
        ),
        data={
            "schedule": schedule_to_dict(best.schedule),
            "loss": best.loss,
            **best.origin,
            "rivals": {
                name: {"schedule": schedule_to_dict(each), "loss": loss} for name, (each, loss) in best.rivals.items()
            },
        },
    )


def schedule_words(schedule: Schedule) -> str:
    """A schedule in a line."""
    start = f"warm-up of {schedule.warmup:,} steps, " if schedule.warmup else ""
    end = (
        f"{schedule.shape} decay over the last {schedule.decay:,} to {schedule.final:g}"
        if schedule.decay
        else "constant"
    )
    return f"{start}{end}"


def schedule_to_dict(schedule: Schedule) -> dict[str, Any]:
    """A schedule as JSON."""
    return {name: getattr(schedule, name) for name in ("peak", "steps", "warmup", "decay", "shape", "final")}
