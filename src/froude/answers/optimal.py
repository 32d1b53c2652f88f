"""What is said of the best sizes for budgets of compute: by a law, by the published approaches, by isoFLOP minima."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from froude.answers.allocations import allocation_to_dict, approach_to_dict, best_size_table, with_interval
from froude.answers.answer import Answer, Table
from froude.answers.forecasts import beyond_text, distance_warning
from froude.answers.numbers import amount, loss_text
from froude.fitting import Allocation, Approaches, ComputeOptimal
from froude.fitting.procedures.isoflop import IsoflopMinimum


def answer_of_compute_optimal(best: ComputeOptimal) -> Answer:
    """The best size for each budget, the approaches side by side, and the minima of equal compute."""
    fit = best.fit
    law = "" if fit is None else f", by {fit.law.name}"
    tables = [best_size_table(each, f"C = {amount(each.C, 'FLOP')} FLOP{law}") for each in best.allocations]
    tables += [_side_by_side(each) for each in best.approaches]
    return Answer(
        headline="the parameters N and tokens D that make the most of a budget of compute C",
        tables=(*tables, *([_minima(best)] if best.minima else [])),
        notes=(*_distances(best), *(f"not answered: {sentence}" for sentence in best.missing)),
        warnings=(*_unchecked(best.allocations), *(() if fit is None else fit.warnings)),
        data=_to_dict(best),
    )


def _distances(best: ComputeOptimal) -> Iterator[str]:
    if best.allocations:
        per_token = f"{best.flop_per_param_token:.3g}"
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
        "flop_per_param_token": best.flop_per_param_token,
        "optimal": [allocation_to_dict(each) for each in best.allocations],
        "approaches": [
            {"C": each.answers[0].C, "answers": [approach_to_dict(answer) for answer in each.answers]}
            for each in best.approaches
        ],
        "isoflop_minima": [_minimum_to_dict(each) for each in best.minima],
        "missing": list(best.missing),
        "warnings": [] if best.fit is None else list(best.fit.warnings),
        **best.origin,
    }


def _minimum_to_dict(minimum: IsoflopMinimum) -> dict[str, Any]:
    ratio = minimum.D / minimum.N if minimum.D and minimum.N else None
    return {**vars(minimum), "tokens_per_param": ratio}
