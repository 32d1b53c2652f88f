"""What is said of serving that was simulated: what requests met, the queue, the pages, how many were within limits."""

from __future__ import annotations

from collections.abc import Iterator

from froude.answers.answer import Answer, Fact, Table
from froude.answers.costs import sentences_table
from froude.answers.numbers import count, percent
from froude.answers.serving import LATENCIES, deployment_text
from froude.cost.serving.simulation.serve_simulation import WARM_UP, ServeSimulation
from froude.quantity import format_quantity, format_seconds


def answer_of_serve_simulation(found: ServeSimulation, saved: str | None = None) -> Answer:
    """Latency by percentile, throughput, queue, pages and goodput; `saved` is the file with a row a request."""
    return Answer(
        headline=_headline(found),
        facts=tuple(_facts(found)),
        tables=(_latency_table(found), sentences_table("Assumed", tuple(map(str, found.cost.assumptions)))),
        notes=tuple(_notes(found, saved)),
        warnings=tuple(_warnings(found)),
        data=found.to_dict(),
    )


def _headline(found: ServeSimulation) -> str:
    one = found.cost.deployment
    who = f"{one.model.name} on {int(one.devices)} x {one.machine.chip.name}"
    first = found.latency("ttft")
    half, most = (_seconds(first[name]) for name in ("p50", "p99"))
    return f"{who}: first token after {half}, at p99 after {most}"


def _facts(found: ServeSimulation) -> Iterator[Fact]:
    data, cost = found.to_dict(), found.cost
    yield Fact("deployment", deployment_text(cost.deployment))
    yield Fact("load", _load_text(found))
    each = f", {format_quantity(data['per_device'])} a device" if int(cost.deployment.devices) > 1 else ""
    yield Fact(
        "throughput",
        f"{data['requests_per_second']:.3g} requests/s, {format_quantity(data['output_tokens_per_second'])} "
        f"output tokens/s{each}",
    )
    if found.goodput is not None:
        yield Fact("goodput", f"{percent(found.goodput, 1)} of requests within {_limits(found)}")
    waiting, running = data["waiting"], data["running"]
    yield Fact(
        "queue",
        f"{waiting['mean']:.3g} requests wait, {running['mean']:.3g} run; at most {waiting['most']:,.0f} and "
        f"{running['most']:,.0f} on a replica",
    )
    yield Fact(
        "", f"a request waits {_seconds(data['waited_seconds']['mean'])}, p99 {_seconds(data['waited_seconds']['p99'])}"
    )
    taken = data["kv_occupancy"]
    yield Fact(
        "keys and values",
        f"{percent(taken['mean'], 0)} of their room taken, at most {percent(taken['most'], 0)}; "
        f"{count(data['preemptions'], 'preemption')}",
    )
    if data["reused_share"]:
        yield Fact("prefix reuse", f"{percent(data['reused_share'], 1)} of prompts' tokens are not computed again")
    price, joules = data["dollars_per_million_tokens"], data["joules_per_token"]
    yield Fact("price", f"${price:.3g} a million output tokens, {joules:.3g} J a token")


def _load_text(found: ServeSimulation) -> str:
    asked, one = found.simulation.requests, found.cost.deployment
    who = f"{asked.users:,} users" if asked.users is not None else f"{one.rate:.3g} requests/s"
    lengths = f"{one.input:,} tokens in, {one.output:,} out"
    mean = " on average" if asked.input.min() < asked.input.max() else ""
    return f"{count(len(asked), 'request')} of {who}, {lengths}{mean}"


def _limits(found: ServeSimulation) -> str:
    limits = {"TTFT": found.ttft_limit, "TPOT": found.tpot_limit}
    return " and ".join(f"{name} {format_seconds(value)}" for name, value in limits.items() if value is not None)


def _latency_table(found: ServeSimulation) -> Table:
    columns = ("mean", "p50", "p90", "p95", "p99")
    rows = tuple(
        (LATENCIES[name], *(_seconds(found.latency(name)[column]) for column in columns)) for name in LATENCIES
    )
    return Table(title="Latency", columns=("", *columns), rows=rows)


def _seconds(value: float | None) -> str:
    return "none" if value is None else format_seconds(value)


def _notes(found: ServeSimulation, saved: str | None) -> Iterator[str]:
    yield f"latencies leave out the first {percent(WARM_UP, 0)} of requests, which meet emptier replicas"
    if saved is not None:
        yield f"a row a request: {saved}"


def _warnings(found: ServeSimulation) -> Iterator[str]:
    if found.is_falling_behind:
        yield (
            f"requests wait longer and longer: the load is above what can be served, about "
            f"{found.cost.capacity:.3g} requests/s, and latencies grow with the number simulated"
        )
