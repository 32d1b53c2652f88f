"""What is said of two methods side by side."""

from __future__ import annotations

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import number_and_interval, percent
from froude.fitting import Comparison, Estimate


def answer_of_comparison(comparison: Comparison, names: tuple[str, str] = ("first", "second")) -> Answer:
    """Where the curves of two fits cross, which is ahead, and by how many times less input; `names` are theirs."""
    fits = comparison.first, comparison.second
    x, (first, second) = comparison.x, names
    place = f"{x} = {comparison.at:g}"
    table = Table(
        title="",
        columns=("", "", f"{comparison.level:.0%} interval"),
        rows=(
            (
                f"{x} where they cross, as {percent(comparison.crossing.share, 0)} of draws do",
                *_estimate(comparison.crossing),
            ),
            (f"times the {x} of {second} that {first} needs", *_estimate(comparison.multiplier)),
        ),
    )
    warnings = tuple(f"{name}: {fit.warnings[0]}" for name, fit in zip(names, fits, strict=True) if fit.warnings)
    ahead = {"first": first, "second": second}
    return Answer(
        headline=f"{fits[0].y} by {fits[0].law.name}, compared at {place}",
        facts=(
            Fact("ahead", f"where both are smallest: {ahead.get(comparison.small or '', 'neither for sure')}"),
            Fact("", f"at {place}: {ahead.get(comparison.winner or '', 'neither for sure')}"),
            Fact(
                "stays", f"the one ahead now is ahead there with a probability of {percent(comparison.still_wins, 0)}"
            ),
        ),
        tables=(table,),
        warnings=warnings,
        data={**comparison.to_dict(), "warnings": list(warnings)},
    )


def _estimate(estimate: Estimate) -> tuple[str, str]:
    """An estimate and its interval; "none" where the fits have none."""
    if estimate.value is None:
        return "none", ""
    if estimate.lo is None or estimate.hi is None:
        return f"{estimate.value:.3g}", ""
    return number_and_interval(estimate.value, estimate.lo, estimate.hi)
