"""What is said of a machine, and of all chips that are known."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import count
from froude.cost.machine.known_machines import link_words
from froude.cost.machine.machine import Link, Machine
from froude.quantity import format_bytes


def answer_of_machine(machine: Machine, written: Path | None = None) -> Answer:
    """One machine: every number with its source and how far to trust it, and what was assumed.

    `written` is the file that a measurement of it went to.
    """
    data = machine_to_dict(machine)
    return Answer(
        headline=f"{machine.devices} x {machine.chip.name}: {machine.chip.title}",
        facts=tuple(_facts(machine)),
        next_steps=() if written is None else (f"written: {written}",),
        data=data if written is None else data | {"path": str(written)},
    )


def answer_of_machines(machines: Sequence[Machine]) -> Answer:
    """Machines in a table, a row each: peak of a training's matmuls, memory, node and price."""
    return Answer(
        headline=f"{count(len(machines), 'chip')}, each in the node it usually stands in",
        tables=(
            Table(
                title="",
                columns=("name", "TFLOP/s", "memory", "TB/s", "node", "$/h", "title"),
                rows=tuple(map(_row, machines)),
                left=(0, 6),
            ),
        ),
        notes=(
            "node: devices joined by the fastest link; $/h: a rough price of a device",
            'froude machine show NAME shows one whole, and takes "1024 x h100" or a TOML file too',
        ),
        data=[machine_to_dict(one) for one in machines],
    )


def machine_to_dict(machine: Machine) -> dict[str, Any]:
    """All that is said of a machine, as JSON in base units."""
    chip = machine.chip
    return {
        "chip": {
            "name": chip.name,
            "title": chip.title,
            "device": chip.device,
            "peak_flops": dict(chip.peak_flops),
            "memory_bytes": chip.memory_bytes,
            "memory_bandwidth_bytes_per_s": chip.memory_bandwidth_bytes_per_s,
            "power_watts": chip.power_watts,
            "matmul_share": dict(chip.matmul_share),
            "matmul_held_out_error": {kind: fit.held_out_error for kind, fit in chip.matmul_time.items()},
        },
        "devices": machine.devices,
        "devices_per_node": machine.devices_per_node,
        "node": machine.node,
        "node_link": _link_to_dict(machine.node_link),
        "fabric": _link_to_dict(machine.fabric),
        "mixed": [{"share": share} | _link_to_dict(link) for share, link in machine.mixed],
        "tiers": {
            name: {"memory_bytes": tier.memory_bytes, "link": _link_to_dict(tier.link)}
            for name, tier in machine.tiers.items()
        },
        "node_watts": machine.node_watts,
        "power_overhead": machine.power_overhead,
        "failures_per_device_hour": machine.failures_per_device_hour,
        "price_per_device_hour": machine.price_per_device_hour,
        "evidence": {
            field: {"trust": one.trust, "source": one.source}
            for field, one in {**chip.evidence, **machine.evidence}.items()
        },
        "assumptions": list(machine.assumed),
    }


def _link_to_dict(link: Link) -> dict[str, Any]:
    return {
        "kind": link.kind,
        "bandwidth_bytes_per_s": link.bandwidth_bytes_per_s,
        "latency_s": link.latency_s,
    }


def _row(machine: Machine) -> tuple[str, ...]:
    chip = machine.chip
    return (
        chip.name,
        f"{chip.peak_flops.get('bf16', chip.peak_flops.get('fp16', 0.0)) / 1e12:.1f}",
        f"{chip.memory_bytes / 2**30:.0f} GiB",
        f"{chip.memory_bandwidth_bytes_per_s / 1e12:.2f}",
        f"{machine.devices_per_node}",
        f"{machine.price_per_device_hour:.2f}",
        chip.title,
    )


def _facts(machine: Machine) -> Iterator[Fact]:
    """What is known of a machine; a fact without a head says how far to trust what stands above."""
    evidence = {**machine.chip.evidence, **machine.evidence}
    shown = [(fact, evidence.get(field)) for fact, field in _known(machine) if fact.text]
    for (fact, source), after in itertools.zip_longest(shown, [source for _, source in shown[1:]]):
        yield fact
        if source is not None and source != after:  # said once for what stands together
            yield Fact("", f"[{source}]")
    for i, sentence in enumerate(machine.assumed):
        yield Fact("" if i else "assumed", sentence)


def _known(machine: Machine) -> Iterator[tuple[Fact, str]]:
    """Facts, empty where there is nothing to say, each with the field whose evidence they rest on."""
    yield from _of_chip(machine)
    tiers = ", ".join(
        f"{format_bytes(t.memory_bytes)} of {name} over {link_words(t.link)}" for name, t in machine.tiers.items()
    )
    devices = count(machine.devices_per_node, "device")
    watts = f"{machine.node_watts:g} W for its share of the node" if machine.node_watts else ""
    yield Fact("", watts), "node_watts"
    yield Fact("", f"times {machine.power_overhead:g} for cooling"), "power_overhead"
    yield Fact("node", f"{machine.node}: {devices}, {link_words(machine.node_link)}"), "node_link"
    yield Fact("tiers", tiers), "tiers"
    yield Fact("fabric", f"{link_words(machine.fabric)} a device between nodes"), "fabric"
    yield Fact("price", f"${machine.price_per_device_hour:.2f} a device hour"), "price_per_device_hour"
    yield Fact("failures", f"{machine.failures_per_device_hour:.3g} a device hour"), "failures_per_device_hour"


def _of_chip(machine: Machine) -> Iterator[tuple[Fact, str]]:
    chip = machine.chip
    peaks = ", ".join(f"{kind} {peak / 1e12:.5g} TFLOP/s" for kind, peak in chip.peak_flops.items())
    shares = ", ".join(f"{kind} {share:.1%}" for kind, share in chip.matmul_share.items())
    held_out = {kind: fit.held_out_error for kind, fit in chip.matmul_time.items() if fit.held_out_error is not None}
    errors = ", ".join(f"{kind} {error:.1%}" for kind, error in held_out.items())
    fitted = f"times fitted to their sizes, off on held-out shapes by {errors}" if errors else ""
    yield Fact("dense peak", peaks), "peak_flops"
    yield Fact("matmuls", f"the best reached of it: {shares}" if shares else ""), "matmul_share"
    yield Fact("", fitted), "matmul_time"
    yield Fact("memory", format_bytes(chip.memory_bytes)), "memory_bytes"
    yield Fact("", f"{chip.memory_bandwidth_bytes_per_s / 1e9:.4g} GB/s"), "memory_bandwidth_bytes_per_s"
    yield Fact("power", f"{chip.power_watts:g} W a device" if chip.power_watts else ""), "power_watts"
