"""What is said of running trainings: a row each, with its end, its verdict and what looks wrong."""

from __future__ import annotations

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import count, loss_text, percent
from froude.fitting.watching.verdicts import RunVerdict, WatchResult


def answer_of_watch(result: WatchResult) -> Answer:
    """How many trainings should be stopped, and a row for each of those that run."""
    stop = result.to_stop
    running = [run for run in result.runs if run.says != "finished"]
    done = len(result.runs) - len(running)
    headline = f"{count(len(running), 'training')} under way"
    if running:
        headline += f", {len(stop)} to be stopped" if stop else ", none to be stopped"
    facts = [Fact("learned from", _learned(result.finished))]
    if result.goal is not None:
        facts.insert(0, Fact("goal", loss_text(result.goal)))
    if done:
        facts.append(Fact("finished", count(done, "training") + " of these"))
    signs = [(run.name, sign) for run in running for sign in run.signs]
    tables = [
        Table(
            title="Where they will end, with 90% intervals",
            columns=("training", "done", "loss", "at its end", "verdict"),
            rows=tuple(_row(run, result.goal) for run in running),
            left=(0, 4),
        ),
        Table(title="What looks wrong", columns=("training", "sign"), rows=tuple(signs), left=(0, 1)),
    ]
    return Answer(
        headline=headline,
        facts=tuple(facts),
        tables=tuple(table for table in tables if table.rows),
        notes=result.notes,
        data={
            "goal": result.goal,
            "level": 0.9,
            "running": len(running),
            "finished": result.finished,
            "finished_of_these": done,
            "stop": [run.name for run in stop],
            "runs": [_data(run, result.goal) for run in result.runs],
            "notes": list(result.notes),
            **result.origin,
        },
    )


def verdict_text(run: RunVerdict, goal: float | None) -> str:
    """A verdict in words: "stop: it will not reach 2.31 (99%)"."""
    if run.says == "stop" and goal is not None and run.reaches is not None:
        return f"stop: it will not reach {goal:g} ({min(99.9, int(1000 * (1 - run.reaches)) / 10):g}%)"
    if run.says == "diverged":
        return "stop: it has diverged"
    if run.above_law is not None and run.says == "above its law":
        above, half = run.above_law
        return f"will end {percent(above, 1)} ± {percent(half, 1)} above the law of its family"
    if run.reaches is not None and goal is not None:
        return f"{run.says}, reaches {goal:g} with {run.reaches:.0%}"
    return run.says


def _row(run: RunVerdict, goal: float | None) -> tuple[str, ...]:
    half = _half_width(run)
    end = "" if run.forecast is None or half is None else f"{loss_text(run.forecast)} ± {percent(half, 1)}"
    done = "" if run.share is None else f"{run.share:.0%}"
    return run.name, done, loss_text(run.loss), end, verdict_text(run, goal)


def _learned(finished: int) -> str:
    return f"{count(finished, 'finished training')}" if finished else "trainings of other studies"


def _half_width(run: RunVerdict) -> float | None:
    """Half of the interval over the forecast."""
    if run.forecast is None or run.interval is None:
        return None
    return (run.interval[1] - run.interval[0]) / 2 / run.forecast


def _data(run: RunVerdict, goal: float | None) -> dict[str, object]:
    return {
        "name": run.name,
        "says": run.says,
        "verdict": verdict_text(run, goal),
        "share": run.share,
        "step": run.step,
        "end_step": run.end_step,
        "loss": run.loss,
        "forecast": run.forecast,
        "interval": None if run.interval is None else list(run.interval),
        "half_width": _half_width(run),
        "reaches": run.reaches,
        "above_law": None if run.above_law is None else list(run.above_law),
        "signs": list(run.signs),
    }
