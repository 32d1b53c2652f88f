"""What is said of methods side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from froude.answers.answer import Answer, Fact, Table
from froude.answers.forecasts import beyond_text, chance_text, distance_warning
from froude.answers.numbers import amount, number_and_interval, percent
from froude.fitting import Comparison, Estimate, Fit, Forecast, Ranking
from froude.fitting.comparing.comparison import Side
from froude.fitting.comparing.drawn import SHARED
from froude.quantity import format_quantity

_RUNS = {"run": "of one run each", "mean": "of the mean of many runs"}
_AT_BEST = ", each at its best"
_AT = {"input": "", "ratio": ", and along at its D/N", "frontier": ", each at its own best N and D"}


def answer_of_comparison(comparison: Comparison, names: tuple[str, str] = ("first", "second")) -> Answer:
    """Which of two methods is ahead, the ratio of their outcomes, and by how many times less compute; named so."""
    first, second = names
    place, y, needs = place_of(comparison), comparison.first.y, [*_needs(comparison)]
    small = {"first": first, "second": second}.get(comparison.small or "", "neither for sure")
    fallen = y if comparison.first.law.falling(0.0) == 0 else f"1 − {y}"
    rows = [
        (f"{fallen} of {first} / that of {second}", *_estimate(comparison.ratio)),
        *(_needs_row(names, comparison.x, *each) for each in needs),
    ]
    crossing = f"{comparison.x} where they cross, as {percent(comparison.crossing.share, 0)} of draws do"
    rows.append((crossing, *_amounts(comparison.crossing, comparison.x)))
    warnings = tuple(_warnings(names, (comparison.first, comparison.second), comparison.forecasts))
    return Answer(
        headline=_headline(comparison),
        facts=(
            Fact("ahead", f"where both are smallest: {small}"),
            Fact("", f"at {place}: {_ahead_words(comparison, names)}"),
            *_law_facts(names, (comparison.first, comparison.second)),
        ),
        tables=(
            _forecasts(names, comparison.forecasts, comparison),
            Table(title="", columns=("", "", f"{comparison.level:.0%} interval"), rows=tuple(rows)),
        ),
        notes=_notes(comparison),
        warnings=warnings,
        data={
            **comparison.to_dict(),
            "shared": SHARED,
            "needs": [{"side": side, **each.to_dict()} for side, _, each in needs],
            "warnings": list(warnings),
        },
    )


def answer_of_ranking(ranking: Ranking) -> Answer:
    """Several methods: the forecast of each, how probably it is the best, and what it is beside the best."""
    one = ranking.comparisons[0]
    forecasts = (one.forecasts[1], *(each.forecasts[0] for each in ranking.comparisons))
    best, *others = ranking.names
    beside = Table(
        title=f"beside {best}",
        columns=("", "ratio", "interval", f"times its {one.x} needed", "interval", f"ahead of {best}"),
        rows=tuple(
            (name, *_estimate(each.ratio), *_estimate(each.multiplier), chance_text(each.ahead))
            for name, each in zip(others, ranking.comparisons, strict=True)
        ),
    )
    warnings = tuple(_warnings(ranking.names, ranking.fits, forecasts))
    return Answer(
        headline=_headline(one),
        facts=(
            Fact("best", f"{best}, with a probability of {chance_text(ranking.probabilities[0])}"),
            *_law_facts(ranking.names, ranking.fits),
        ),
        tables=(_forecasts(ranking.names, forecasts, one, ranking.probabilities), beside),
        notes=_notes(one),
        warnings=warnings,
        data={**ranking.to_dict(), "shared": SHARED, "warnings": list(warnings)},
    )


def place_of(comparison: Comparison) -> str:
    """Where two methods are compared, as it was asked for."""
    if comparison.route.along == "ratio":
        return ", ".join(f"{x} = {format_quantity(value)}" for x, value in comparison.forecasts[0].at.items())
    return f"{comparison.x} = {amount(comparison.at, 'FLOP' if comparison.x == 'C' else '')}"


def _notes(comparison: Comparison) -> tuple[str, ...]:
    """How compute is counted, where it is not what was measured, and what the intervals rest on."""
    counted = () if comparison.route.along == "input" else ("C = 6·N·D",)
    return (*counted, f"errors beyond the runs are taken to correlate by {SHARED:g}, as published methods' do")


def _headline(comparison: Comparison) -> str:
    return f"{comparison.first.y} {_RUNS[comparison.of]} at {place_of(comparison)}{_AT[comparison.route.along]}"


def _ahead_words(comparison: Comparison, names: tuple[str, str]) -> str:
    k = int(comparison.ahead < 0.5)
    chance = f"with a probability of {chance_text(max(comparison.ahead, 1 - comparison.ahead))}"
    return f"{names[k]}, {chance}" if comparison.winner else f"neither for sure; {names[k]} {chance}"


def _law_facts(names: Sequence[str], fits: Sequence[Fit]) -> Iterator[Fact]:
    """The law of all methods, or that of each."""
    laws = [f"an average of {len(fit.law.members)} laws" if fit.law.members else fit.law.name for fit in fits]
    if len({*laws}) == 1:
        yield Fact("law", laws[0] if not fits[0].law.members else f"{laws[0]} for each")
        return
    for k, (name, law) in enumerate(zip(names, laws, strict=True)):
        yield Fact("" if k else "law", f"{name}: {law}")


def _needs(comparison: Comparison) -> Iterator[tuple[Side, str, Estimate]]:
    """Which side needs more of x on the route and, where that is another, on the frontier, where, and how much more.

    It is the one that is behind by the value itself; without a value the first.
    """
    where = {"input": "", "ratio": ", at the same D/N", "frontier": _AT_BEST}[comparison.route.along]
    for place, each in ((where, comparison.multiplier), (_AT_BEST, comparison.best_multiplier)):
        if each is not None:
            turned = each.value is not None and each.value < 1
            yield ("second" if turned else "first", place, inverse(each) if turned else each)


def _needs_row(names: tuple[str, str], x: str, side: Side, where: str, needed: Estimate) -> tuple[str, str, str]:
    behind, ahead = names if side == "first" else names[::-1]
    return f"times the {x} of {ahead} that {behind} needs{where}", *_estimate(needed)


def inverse(each: Estimate) -> Estimate:
    """One over an estimate above 0."""
    value, lo, hi = (None if end is None else 1 / end for end in (each.value, each.hi, each.lo))
    return Estimate(value=value, lo=lo, hi=hi, share=each.share)


def _forecasts(
    names: Sequence[str], forecasts: Sequence[Forecast], one: Comparison, probabilities: Sequence[float] = ()
) -> Table:
    """The forecast of each method, at its inputs where these differ, and how probably it is the best."""
    inputs = tuple(forecasts[0].at) if one.route.along == "frontier" else ()
    best = ("best",) if probabilities else ()
    rows = tuple(
        (
            name,
            *(format_quantity(each.at[x]) for x in inputs),
            *number_and_interval(each.mean, each.lo, each.hi),
            *map(chance_text, probabilities[k : k + 1]),
            beyond_text(each.beyond),
        )
        for k, (name, each) in enumerate(zip(names, forecasts, strict=True))
    )
    columns = ("", *inputs, "forecast", f"{one.level:.0%} interval", *best, "beyond the runs")
    return Table(title="", columns=columns, rows=rows, left=(0, len(columns) - 1))


def _warnings(names: Sequence[str], fits: Sequence[Fit], forecasts: Sequence[Forecast]) -> Iterator[str]:
    for name, fit, forecast in zip(names, fits, forecasts, strict=True):
        far = list(distance_warning(forecast.at, forecast.beyond, float(forecast.distance or 1.0)))
        yield from (f"{name}: {sentence}" for sentence in (*far, *fit.warnings[:1]))


def _estimate(estimate: Estimate) -> tuple[str, str]:
    """An estimate and its interval; "none" where the fits have none."""
    if estimate.value is None:
        return "none", ""
    if estimate.lo is None or estimate.hi is None:
        return f"{estimate.value:.3g}", ""
    return number_and_interval(estimate.value, estimate.lo, estimate.hi)


def _amounts(estimate: Estimate, x: str) -> tuple[str, str]:
    """An estimate of a size and its interval, as sizes are written."""
    unit = "FLOP" if x == "C" else ""
    if estimate.value is None:
        return "none", ""
    if estimate.lo is None or estimate.hi is None:
        return amount(estimate.value, unit), ""
    return amount(estimate.value, unit), f"{amount(estimate.lo, unit)} to {amount(estimate.hi, unit)}"
