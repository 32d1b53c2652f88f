"""Machines by name or file: "1024 x h100", "2 nodes of 8 x h100", a TOML file, or this computer as it was measured."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

from froude.bounds import MOST_DEVICES
from froude.cost.machine.machine import Chip, Link, Machine, NumberSource
from froude.cost.machine.machine_file import MACHINE_FIELDS, MACHINE_FILE, Node, Table, TableReader
from froude.cost.machine.machine_text import MachineText, parse_machine_text
from froude.errors import InputError, close_names, shown
from froude.quantity import format_bytes

_MEASURED = ("this", "cpu")
_CATALOGUE = "chips.toml"
_USER = NumberSource(trust="given", source="by the user")


@final
@dataclass(frozen=True, kw_only=True)
class KnownChip:
    """A chip of the catalogue with its other names, the node it usually stands in, and price, failures and cooling.

    `numbers` is by key of a machine's file, `evidence` by field of Machine.
    """

    chip: Chip
    also: tuple[str, ...]
    node: str
    numbers: Mapping[str, float]
    evidence: Mapping[str, NumberSource]


@final
@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What `chips.toml` holds: chips and nodes by name, latencies, and numbers assumed where nobody says."""

    chips: Mapping[str, KnownChip]
    nodes: Mapping[str, Node]
    latencies: Mapping[str, float]
    latency_evidence: Mapping[str, NumberSource]
    assumed: Mapping[str, float]
    evidence: Mapping[str, NumberSource]


@functools.cache
def catalogue() -> Catalogue:
    """The chips and nodes that Froude knows."""
    import tomllib

    document = tomllib.loads(Path(__file__).with_name(_CATALOGUE).read_text(encoding="utf-8"))
    plain = TableReader(where=_CATALOGUE, latencies={})
    latencies = {kind: plain.quantity(kind, entry[0], "seconds") for kind, entry in document["latency"].items()}
    latency_evidence = {kind: plain.provenance(*entry[1:]) for kind, entry in document["latency"].items()}
    evidence = {key: plain.exception(key, entry) for key, entry in document["evidence"].items()}
    reader = TableReader(where=_CATALOGUE, latencies=latencies, evidence=evidence)
    assumed = document["assumed"]
    numbers = {key: assumed[key] for key in MACHINE_FIELDS}
    return Catalogue(
        chips=MappingProxyType({name: _known(name, numbers | one, reader) for name, one in document["chip"].items()}),
        nodes=MappingProxyType({name: reader.node(one) for name, one in document["node"].items()}),
        latencies=MappingProxyType(latencies),
        latency_evidence=MappingProxyType(latency_evidence),
        assumed=MappingProxyType(_assumed_numbers(assumed, reader)),
        evidence=reader.evidence_of(assumed, MACHINE_FIELDS),
    )


def _known(name: str, table: Table, reader: TableReader) -> KnownChip:
    extra = ("also", "node", *MACHINE_FIELDS)
    return KnownChip(
        chip=reader.chip(name, table, extra),
        also=tuple(table.get("also", ())),
        node=table["node"],
        numbers=MappingProxyType(_assumed_numbers(table, reader)),
        evidence=reader.evidence_of(table, MACHINE_FIELDS),
    )


def _assumed_numbers(table: Table, reader: TableReader) -> dict[str, float]:
    hourly = {key: reader.per_hour(table, key) for key in ("price", "failures")}
    return hourly | {"power_overhead": table["power_overhead"]}


def known_chips() -> tuple[str, ...]:
    """The names of all chips, as `get_machine` takes them."""
    return tuple(catalogue().chips)


def profile_path() -> Path:
    """Where the measured profile of this computer is kept: `froude/machine.toml` in $XDG_CONFIG_HOME or ~/.config."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(folder if os.path.isabs(folder) else os.path.expanduser("~/.config")) / "froude" / "machine.toml"


def get_machine(
    text: str,
    *,
    node: str | None = None,
    fabric: str | None = None,
    price_per_device_hour: float | None = None,
    failures_per_device_hour: float | None = None,
    power_overhead: float | None = None,
) -> Machine:
    """The machine that a text names: "1024 x h100", "2 nodes of 8 x h100", a TOML file, or "this" as it was measured.

    A chip without a count is one node of them; nodes are as large as the text says, else as they usually are. What is
    given besides replaces what the machine would have: `node` by name, `fabric` as "RoCE 1600 Gb/s per node", dollars,
    failures, and the factor for cooling. `Machine.assumed` lists what neither text nor arguments say. InputError for an
    unknown name, with the nearest, and for bad files.
    """
    options = {
        "node": node,
        "fabric": fabric,
        "price": price_per_device_hour,
        "failures": failures_per_device_hour,
        "power_overhead": power_overhead,
    }
    given = {key: value for key, value in options.items() if value is not None}
    asked = parse_machine_text(text)
    path = machine_file(text)
    if path is None:
        reader = TableReader(where="machine", latencies=catalogue().latencies)
        return _build({"chip": asked.name} | given, asked, reader)
    if asked.name.lower() in _MEASURED and not path.is_file():
        raise InputError(f"machine {asked.name!r} has not been measured: run froude machine measure first")
    return _from_file(path, asked, given)


def machine_file(text: str) -> Path | None:
    """The TOML file that holds the machine a text names, there or not; None where the text names a chip."""
    name = parse_machine_text(text).name
    if name.lower() in _MEASURED:
        return profile_path()
    return Path(name) if name.lower().endswith(".toml") else None


def parse_machine(text: str, path: Path) -> Machine:
    """The machine that `get_machine` would read from `path` if this TOML stood there."""
    return _from_table(MACHINE_FILE.parse_toml(text, str(path), dict), path, MachineText(name=path.name), {})


def _from_file(path: Path, asked: MachineText, given: Mapping[str, Any]) -> Machine:
    return _from_table(MACHINE_FILE.read_toml(path, dict), path, asked, given)


def _from_table(table: Mapping[str, Any], path: Path, asked: MachineText, given: Mapping[str, Any]) -> Machine:
    plain = TableReader(where=str(path), latencies=catalogue().latencies)
    reader = replace(plain, default=plain.provenance(table.get("trust", "given"), table.get("source", path.name)))
    reader.check(table, ("devices", "chip", "node", "fabric", *MACHINE_FIELDS, "title", "trust", "source"), ("chip",))
    devices = reader.count(table, "devices") if "devices" in table else None
    numbers = {key: reader.per_hour(table, key) for key in ("price", "failures") if key in table}
    said = asked if asked.devices is not None or asked.nodes is not None else replace(asked, devices=devices)
    return _build(dict(table) | numbers | dict(given), said, reader)


def _build(settings: Mapping[str, Any], asked: MachineText, reader: TableReader) -> Machine:
    """The machine of a chip (a name or a table) and of the other settings; what they leave out is assumed."""
    own = isinstance(settings["chip"], Mapping)
    known = None if own else _find_chip(settings["chip"])
    chip = reader.chip(reader.text(settings["chip"], "name", "chip"), settings["chip"]) if known is None else known.chip
    usual = _node_of(settings, known, reader)
    node = usual if asked.per_node is None else replace(usual, devices=asked.per_node)
    count = node.devices * (asked.nodes or 1) if asked.devices is None else asked.devices
    if count > MOST_DEVICES:
        raise InputError(f"{asked.nodes} nodes of {node.devices} are too many devices: give at most {MOST_DEVICES:,}")
    fabric, mixed = (
        reader.fabric(settings["fabric"], node.devices) if "fabric" in settings else (node.fabric, node.mixed)
    )
    own_fabric = {"fabric": _USER} if "fabric" in settings else {}
    numbers, evidence = _numbers(settings, known)
    machine = Machine(
        chip=chip,
        devices=count,
        devices_per_node=min(node.devices, count),
        node_link=node.link,
        fabric=fabric,
        mixed=mixed,
        tiers=node.tiers,
        node_watts=node.watts,
        node=node.title,
        price_per_device_hour=numbers["price"],
        failures_per_device_hour=numbers["failures"],
        power_overhead=numbers["power_overhead"],
        evidence=MappingProxyType(
            {**node.evidence, **evidence, **own_fabric, **_latencies(node_link=node.link, fabric=fabric)}
        ),
    )
    named = "" if own else str(settings["chip"])
    return replace(machine, assumed=tuple(_assumptions(machine, settings, named, asked, usual)))


def _find_chip(name: Any) -> KnownChip:
    chips = catalogue().chips
    names = {also: key for key, known in chips.items() for also in (key, *known.also)}
    wanted = re.sub(r"[\s_-]+", "-", str(name).strip().lower())
    for prefix in ("nvidia-", "amd-", "google-", "intel-"):
        wanted = wanted.removeprefix(prefix)
    wanted = re.sub(r"(?<=\d)-?gb$", "", wanted)
    if wanted in names:
        return chips[names[wanted]]
    near = dict.fromkeys(names[n] for n in close_names(wanted, names, n=3, cutoff=0.5))
    hint = (
        f"did you mean {' or '.join(near)}?" if near else "froude machine list shows those known; a TOML file is taken"
    )
    raise InputError(f"no chip is called {shown(name)}: {hint}")


def _node_of(settings: Mapping[str, Any], known: KnownChip | None, reader: TableReader) -> Node:
    """The node of the settings, by name or as a table, else the one that the chip usually stands in."""
    nodes = catalogue().nodes
    if isinstance(settings.get("node"), Mapping):
        return reader.node(settings["node"])
    if "node" in settings:
        return nodes[reader.one_of(settings["node"], nodes, "node")]
    if known is None:
        raise InputError(f"{reader.where}: a chip of its own numbers needs a [node]: give its devices, link and fabric")
    return nodes[known.node]


def _numbers(settings: Mapping[str, Any], known: KnownChip | None) -> tuple[dict[str, float], dict[str, NumberSource]]:
    """Price, failures and cooling by key with the source of each by field: from the settings, else assumed."""
    assumed = catalogue().assumed if known is None else known.numbers
    sources = catalogue().evidence if known is None else known.evidence
    values = {key: _number(key, settings[key]) if key in settings else assumed[key] for key in MACHINE_FIELDS}
    return values, {name: _USER if key in settings else sources[name] for key, name in MACHINE_FIELDS.items()}


def _latencies(**links: Link) -> dict[str, NumberSource]:
    """The evidence of latencies that follow from the kind of a link: "fabric.latency_s" and the like."""
    usual, sources = catalogue().latencies, catalogue().latency_evidence
    return {
        f"{field}.latency_s": sources[link.kind]
        for field, link in links.items()
        if link.latency_s == usual.get(link.kind)
    }


def _number(key: str, value: Any) -> float:
    least = 1.0 if key == "power_overhead" else 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < float("inf"):
        raise InputError(f"{key} = {shown(value)}: give a finite number of at least {least:g}")
    return float(value)


def _assumptions(
    machine: Machine, settings: Mapping[str, Any], named: str, asked: MachineText, usual: Node
) -> Iterator[str]:
    """A sentence for each thing that the settings leave out."""
    if named and (others := _siblings(named)):
        yield f"chip: {named} is taken to be the {machine.chip.title}; others are {', '.join(others)}"
    if "," in machine.chip.device:
        yield f"device: a {machine.chip.device}, counts as one device"
    if asked.devices is None and asked.nodes is None:
        yield f"devices: {machine.devices}, one node, because no count was given"
    if asked.per_node not in (None, usual.devices):
        yield f"node: {asked.per_node} devices each, as given; its links are those of nodes of {usual.devices}"
    if machine.devices % machine.devices_per_node:
        yield f"devices: {machine.devices} do not fill nodes of {machine.devices_per_node}, the last is partly used"
    if "node" not in settings:
        tiers = "".join(f", {format_bytes(t.memory_bytes)} of {name} a device" for name, t in machine.tiers.items())
        each = f"each of its {machine.devices_per_node} devices on {link_words(machine.node_link)}"
        yield f"node: {machine.node}, {each}{tiers}"
    if "fabric" not in settings and not isinstance(settings.get("node"), Mapping) and machine.nodes > 1:
        yield f"fabric: {link_words(machine.fabric)} a device between nodes"
    if machine.mixed:
        yield f"fabric: collectives wait for the slowest of {len(machine.mixed)}, {link_words(machine.fabric)} a device"
    if "price" not in settings:
        yield f"price: ${machine.price_per_device_hour:.2f} a device hour ({machine.evidence['price_per_device_hour']})"
    if "failures" not in settings:
        rate = f"{machine.failures_per_device_hour:.3g} per device hour"
        yield f"failures: {rate} ({machine.evidence['failures_per_device_hour']})"
    if not machine.chip.power_watts:
        yield "power: 0 W a chip, because none was given or measured"
    elif "power_overhead" not in settings:
        parts = f"{machine.chip.power_watts:g} W a chip and {machine.node_watts:g} W for its share of the node"
        yield f"power: {parts}, times {machine.power_overhead:g} for cooling"


def _siblings(named: str) -> list[str]:
    """Other chips that a name might have meant."""
    chips, start = catalogue().chips, _find_chip(named).chip.name
    family = re.sub(r"[\s_]+", "-", named.strip().lower())
    return [name for name in chips if name != start and name.startswith(f"{family}-")]


def link_words(link: Link) -> str:
    """A link in words: kind, bandwidth, latency."""
    return f"{link.kind} of {link.bandwidth_bytes_per_s / 1e9:.4g} GB/s and {link.latency_s * 1e6:.3g} us"
