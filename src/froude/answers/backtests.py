"""What is said of laws that were fitted to some runs and judged on the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from froude.answers.answer import Answer, Table
from froude.answers.numbers import count, percent
from froude.fitting import Backtest


def answer_of_backtest(backtest: Backtest) -> Answer:
    """One law judged on runs that it was not fitted to."""
    return replace(answer_of_backtests([backtest]), data=backtest.to_dict())


def answer_of_backtests(backtests: Sequence[Backtest]) -> Answer:
    """Error, coverage and width by law, of laws judged on the same runs."""
    first = backtests[0]
    hold_out = first.hold_out
    table = Table(
        title="",
        columns=("law", "mean error", "worst error", "inside interval", "half-width"),
        rows=tuple(_row(each) for each in backtests),
    )
    return Answer(
        headline=f"{count(first.n_held_out, 'run')} held out ({hold_out}), predicted from {first.n_fit}",
        tables=(table,),
        notes=(f"errors and half-widths are relative; {first.level:.0%} of the runs should lie inside",),
        warnings=tuple(dict.fromkeys(_warnings(backtests))),
        data={
            "hold_out": hold_out,
            "laws": [each.to_dict() for each in backtests],
            **first.origin,
        },
    )


def _warnings(backtests: Sequence[Backtest]) -> Iterator[str]:
    """The warnings of every fit, those of some laws only with the law's name."""
    for each in backtests:
        for warning in each.fit.warnings:
            of_all = len(backtests) > 1 and all(warning in other.fit.warnings for other in backtests)
            yield warning if of_all else f"{each.law.name}: {warning}"


def _row(backtest: Backtest) -> tuple[str, ...]:
    return (
        backtest.law.name,
        percent(backtest.mean_abs_rel_error),
        percent(backtest.worst_abs_rel_error),
        percent(backtest.coverage, 0),
        percent(backtest.mean_half_width),
    )
