"""What is said of the best sizes for budgets of compute: by a law, by the published approaches, by isoFLOP minima."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from froude.answers.allocations import allocation_to_dict, approach_to_dict, best_size_table, with_interval
from froude.answers.answer import Answer, Table
from froude.answers.forecasts import beyond_text, distance_warning
from froude.answers.numbers import amount, loss_text, number_and_interval, percent
from froude.fitting import Allocation, Approaches, ComputeOptimal, PublishedFit
from froude.fitting.procedures.best_settings import Setting
from froude.fitting.procedures.departures import Departure
from froude.fitting.procedures.isoflop import IsoflopMinimum
from froude.fitting.tokens import about_repeats

HARDLY_KNOWN = 10.0
"""Times from the lower end of an interval of N to the upper, from which on the best size is hardly known."""

_SETTINGS = {"lr": "learning rate", "B": "batch, tokens"}


def answer_of_compute_optimal(best: ComputeOptimal) -> Answer:
    """The best size for each budget with its settings, what other sizes cost, and the published approaches."""
    fit = best.fit
    tables = [table for k in range(len(best.allocations)) for table in _budget_tables(best, k)]
    tables += [_side_by_side(each) for each in best.approaches]
    return Answer(
        headline="the parameters N and tokens D that make the most of a budget of compute C",
        tables=(*tables, *([_minima(best)] if best.minima else [])),
        notes=(
            *(*_distances(best), *_settings_from(best), *_spending_notes(best)),
            *(f"not answered: {sentence}" for sentence in best.missing),
        ),
        warnings=(*_flat(best), *_unchecked(best.allocations), *(() if fit is None else fit.warnings)),
        data=_to_dict(best),
    )


def _budget_tables(best: ComputeOptimal, k: int) -> Iterator[Table]:
    """The best size for one budget, and the sizes beside it."""
    allocation, fit = best.allocations[k], best.fit
    by = "" if fit is None else f", by {fit.name if isinstance(fit, PublishedFit) else fit.law.name}"
    table = best_size_table(allocation, f"C = {amount(allocation.C, 'FLOP')} FLOP{by}")
    width = len(table.columns)
    yield replace(table, rows=(*table.rows, *(_setting_cells(each)[:width] for each in best.settings[k])))
    if best.departures[k]:
        yield _departures(best, best.departures[k])


def _setting_cells(setting: Setting) -> tuple[str, ...]:
    ends = None if setting.lo is None or setting.hi is None else (setting.lo, setting.hi)
    return (_SETTINGS[setting.name], *with_interval(setting.value, ends))


def _departures(best: ComputeOptimal, beside: Sequence[Departure]) -> Table:
    """Other sizes on the same compute, and the compute with which they reach the loss of the best."""
    level = 0.0 if best.fit is None else best.fit.level
    return Table(
        title="other sizes on the same compute",
        columns=("size", "N", "D", f"more {best.y}", f"{level:.0%} interval", f"C for the same {best.y}"),
        rows=tuple(_departure_cells(each) for each in beside),
    )


def _departure_cells(each: Departure) -> tuple[str, ...]:
    size = f"{each.factor:g}×" if each.factor >= 1 else f"1/{1 / each.factor:g}×"
    more, interval = number_and_interval(each.extra, each.lo, each.hi)
    compute = "never" if each.compute is None else f"{each.compute:.3g}×"
    return size, amount(each.N), amount(each.D), f"+{more}", interval.replace("-", "−"), compute


def _settings_from(best: ComputeOptimal) -> Iterator[str]:
    """Where the learning rate and the batch are from, and how far beyond the runs of their rules sizes lie."""
    for k, settings in enumerate(best.settings):
        for each in settings:
            at = "" if len(best.settings) == 1 else f" for {amount(best.allocations[k].C, 'FLOP')} FLOP"
            beyond = beyond_text({x: factor for x, factor in each.beyond.items() if x != "C"})
            where = f"{beyond} the runs of the rule" if beyond == "inside" else f"beyond the runs of the rule: {beyond}"
            yield f"{_SETTINGS[each.name].partition(',')[0]}{at} by {each.source}" + (
                f", {where}" if each.beyond else ""
            )


def _spending_notes(best: ComputeOptimal) -> Iterator[str]:
    spending = best.spending
    if spending.served:
        yield f"{amount(spending.served)} tokens are served out of the same budget, for 2·N FLOP each"
    if spending.unique is not None:
        for each in best.allocations:
            epochs = f"{each.D / spending.unique:.3g} times" if spending.unique < each.D else "at most once"
            yield f"{amount(each.D)} tokens see each of the {amount(spending.unique)} unique ones {epochs}"
        if best.fit is not None and "U" not in best.fit.law.inputs:
            yield about_repeats()
    if best.fit is not None:
        yield from best.fit.notes


def _flat(best: ComputeOptimal) -> Iterator[str]:
    """A sentence where the best size is hardly known."""
    for each, beside in zip(best.allocations, best.departures, strict=True):
        lo, hi = each.intervals.get("N", (each.N, each.N))
        if hi / lo < HARDLY_KNOWN and each.unbounded < 1 - (each.level or 0.0):
            continue
        near = [abs(other.extra) / each.loss for other in beside if 0.5 <= other.factor <= 2]
        costs = f": half or twice the best size costs {percent(max(near), 1)} of the {best.y}" if near else ""
        yield (
            f"the best size for {amount(each.C, 'FLOP')} FLOP is hardly known, as the {best.y} is nearly flat about "
            f"it{costs}; N may be anywhere from {amount(lo)} to {amount(hi)}"
        )


def _distances(best: ComputeOptimal) -> Iterator[str]:
    if best.allocations:
        per_token = f"{best.spending.per_token:.3g}"
        yield f"a budget pays for C = {per_token}·N·D" + (
            "" if per_token == "6" else ", as these runs took in the median"
        )
    for each in best.allocations:
        if each.beyond:
            yield f"the best size for {amount(each.C, 'FLOP')} FLOP, beyond the runs: {beyond_text(each.beyond)}"


def _unchecked(allocations: tuple[Allocation, ...]) -> Iterator[str]:
    for each in allocations:
        if each.distance is not None:
            yield from distance_warning({"N": each.N, "D": each.D}, each.beyond, each.distance)


def _side_by_side(approaches: Approaches) -> Table:
    rows = []
    for each in approaches.answers:
        cells = [with_interval(getattr(each, name), each.intervals.get(name)) for name in ("N", "D")]
        ratio, _ = with_interval(each.tokens_per_param, each.intervals.get("tokens_per_param"))
        rows.append((each.name, *cells[0], *cells[1], ratio))
    compute = amount(approaches.answers[0].C, "FLOP")
    return Table(
        title=f"approaches side by side, C = {compute} FLOP",
        columns=("approach", "N", "interval", "D", "interval", "D/N"),
        rows=tuple(rows),
    )


def _minima(best: ComputeOptimal) -> Table:
    known = any(each.N is not None for each in best.minima)
    heads = ("C", "runs", "D", *(("N", "D/N") if known else ()), best.y, "")
    return Table(
        title="isoFLOP minima: parabolas in log D through runs of equal compute",
        columns=heads,
        rows=tuple(_minimum_cells(each, known) for each in best.minima),
        left=(len(heads) - 1,),
    )


def _minimum_cells(minimum: IsoflopMinimum, known: bool) -> tuple[str, ...]:
    compute, D, N, outcome = amount(minimum.C, "FLOP"), minimum.D, minimum.N, minimum.outcome
    if D is None or outcome is None:
        return (compute, str(minimum.n), *[""] * (4 if known else 2), minimum.why or "")
    sizes = (amount(N), f"{D / N:.3g}") if N is not None else ("", "")
    return (compute, str(minimum.n), amount(D), *(sizes if known else ()), loss_text(outcome), "")


def _to_dict(best: ComputeOptimal) -> dict[str, Any]:
    return {
        "law": None if best.fit is None else best.fit.law.name,
        "flop_per_param_token": best.spending.per_token,
        "inference_tokens": best.spending.served,
        "data_limit_tokens": best.spending.unique,
        "optimal": [
            {
                **allocation_to_dict(each),
                "epochs": None if best.spending.unique is None else each.D / best.spending.unique,
                "settings": {s.name: {**vars(s)} for s in settings},
                "other_sizes": [{**vars(other)} for other in beside],
            }
            for each, settings, beside in zip(best.allocations, best.settings, best.departures, strict=True)
        ],
        "approaches": [
            {"C": each.answers[0].C, "answers": [approach_to_dict(answer) for answer in each.answers]}
            for each in best.approaches
        ],
        "isoflop_minima": [_minimum_to_dict(each) for each in best.minima],
        "missing": list(best.missing),
        "assumptions": [*_settings_from(best), *_spending_notes(best)],
        "warnings": [*_flat(best), *([] if best.fit is None else best.fit.warnings)],
        **best.origin,
    }


def _minimum_to_dict(minimum: IsoflopMinimum) -> dict[str, Any]:
    ratio = minimum.D / minimum.N if minimum.D and minimum.N else None
    return {**vars(minimum), "tokens_per_param": ratio}
