"""What is said of the cost of serving: latency, throughput, what a device holds, where a token's time goes."""

from __future__ import annotations

from froude.answers.answer import Answer, Fact, Table
from froude.answers.costs import parts_table, sentences_table
from froude.answers.numbers import percent
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.serve_cost import ServeCost
from froude.quantity import format_bytes, format_quantity, format_seconds

PARTS = {
    "matmuls": "matmuls, weights read",
    "scores": "attention, keys and values read",
    "elementwise": "norms, activations",
    "collectives": "collectives",
    "starts": "kernels' starts",
    "host": "the host: scheduling, sampling",
}
MEMORY = {"weights": "weights", "kv_cache": "keys and values", "runtime": "runtime"}
LATENCIES = {"ttft": "first token (TTFT)", "tpot": "each later token (TPOT)", "e2e": "whole answer (E2E)"}


def answer_of_serve_cost(cost: ServeCost) -> Answer:
    """One deployment: latency with its interval, throughput against capacity, memory, price, and what was assumed."""
    one = cost.deployment
    return Answer(
        headline=headline(cost),
        facts=(
            Fact("deployment", deployment_text(one)),
            Fact("load", load_text(one)),
            Fact("throughput", throughput_text(cost)),
            Fact("capacity", capacity_text(cost)),
            Fact("price", price_text(cost)),
        ),
        tables=(
            *latency_tables(cost),
            memory_table(cost),
            token_table(cost),
            sentences_table("Assumed", _assumed(cost)),
        ),
        data=cost.to_dict(),
    )


def headline(cost: ServeCost) -> str:
    """In a line: what a user waits, or that the load is too much."""
    one = cost.deployment
    who = f"{one.model.name} on {int(one.devices)} x {one.machine.chip.name}"
    if cost.latency is None:
        return f"{who}: {one.rate:g} requests/s are above its capacity of {cost.capacity:.3g}/s"
    first, each = (format_seconds(cost.latency[name][0]) for name in ("ttft", "tpot"))
    return f"{who}: first token after {first}, then {each} each"


def deployment_text(one: Deployment) -> str:
    """Engine, formats and how devices are divided."""
    sizes = {name: int(getattr(one, name)) for name in ("tp", "pp", "dp")}
    if int(one.model.experts) > 1:
        sizes["ep"] = int(one.ep)
    divided = ", ".join(f"{name} {value}" for name, value in sizes.items() if value > 1 or name == "tp")
    return f"{one.engine.label}, {one.precision}, keys and values in {one.kv}; {divided}"


def load_text(one: Deployment) -> str:
    """Who asks, and for how much."""
    users = "" if one.users is None else f"{one.users:g} users" if one.users != 1 else "1 user"
    static = one.engine.prompts == "together" and one.users is not None
    who = f"a batch of {one.users:g}" if static else users or f"{one.rate:g} requests/s"
    return f"{who}, {one.input:,} tokens in, {one.output:,} out"


def throughput_text(cost: ServeCost) -> str:
    """Tokens a second of answers, and of a device."""
    many, devices = cost.output_tokens_per_second, int(cost.deployment.devices)
    each = f", {format_quantity(many / devices)} a device" if devices > 1 else ""
    return f"{format_quantity(many)} output tokens/s{each}"


def capacity_text(cost: ServeCost) -> str:
    """The most requests a second, how far they are used, and how many are held at once."""
    return (
        f"{cost.capacity:.3g} requests/s, {percent(cost.utilisation, 0)} used; "
        f"at most {cost.largest_batch:,} requests at once"
    )


def price_text(cost: ServeCost) -> str:
    """Dollars and joules of tokens."""
    return f"${cost.dollars_per_million_tokens:.3g} a million output tokens, {cost.joules_per_token:.3g} J a token"


def latency_tables(cost: ServeCost) -> tuple[Table, ...]:
    """Means with their intervals, and percentiles where they were simulated; none where the load is too much."""
    if cost.latency is None:
        return ()
    rows = []
    for name, (mean, (lo, hi)) in cost.latency.items():
        most = () if cost.percentiles is None else tuple(map(format_seconds, cost.percentiles[name]))
        rows.append((LATENCIES[name], format_seconds(mean), f"{format_seconds(lo)} to {format_seconds(hi)}", *most))
    more = () if cost.percentiles is None else ("p50", "p99")
    return (Table(title="Latency", columns=("", "mean", "90% interval", *more), rows=tuple(rows)),)


def memory_table(cost: ServeCost) -> Table:
    """Bytes of a device by part, and what is free."""
    parts = {MEMORY[name]: cost.memory[name] for name in MEMORY}
    used, capacity = cost.memory["total"], cost.memory["capacity"]
    title = f"Memory of a device: {format_bytes(used)} used of {format_bytes(capacity)}"
    return parts_table(title, {**parts, "free": max(capacity - used, 0.0)}, format_bytes)


def token_table(cost: ServeCost) -> Table:
    """Seconds from one token to the next by part, no prompt entering."""
    parts = {PARTS[name]: value for name, value in cost.parts.items()}
    return parts_table("From one token to the next, no prompt entering", parts, format_seconds)


def _assumed(cost: ServeCost) -> tuple[str, ...]:
    return tuple(map(str, cost.assumptions))
