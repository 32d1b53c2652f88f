"""Chips, nodes and machines as TOML tables: every quantity with its unit, every number with its source and trust.

`chips.toml` says at its head what the tables hold; a user's file has the same `[chip]` and `[node]`, and over them
`devices`, `chip` and `node` by name, `fabric`, `price`, `failures` and `power_overhead`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, final

from froude.bounds import MOST_DEVICES
from froude.cost.machine.machine import TRUSTS, Chip, Cores, Link, MatmulTime, NumberSource, Tier
from froude.documents import DocumentKind
from froude.errors import InputError, close_names, shown
from froude.quantity import parse_quantity

Table = Mapping[str, Any]

MACHINE_FILE = DocumentKind(
    what="machine file",
    remedy="correct it, or let froude machine measure --out FILE write one",
    missing="check the path, or name a chip; froude machine list shows them",
)

NUMBER_TYPES = ("fp32", "tf32", "fp16", "bf16", "fp8", "mxfp8", "nvfp4", "int8")
"""Number types of matmuls that a chip may have a peak for."""

VALUE_BYTES: Mapping[str, float] = {
    **{"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "fp8": 1, "int8": 1},
    "mxfp8": 1 + 1 / 32,
    "nvfp4": 0.5 + 1 / 16,
}
"""Bytes of a number in memory by type, its part of a shared scale with it: one byte for 32 values of mxfp8 (OCP
Microscaling Formats 1.0, section 5) and for 16 of nvfp4, whose scale of a whole tensor counts nothing."""

CHIP_FIELDS = {
    "peaks": "peak_flops",
    "memory": "memory_bytes",
    "bandwidth": "memory_bandwidth_bytes_per_s",
    "power": "power_watts",
    "share": "matmul_share",
    "special": "special_per_s",
    "cores": "cores",
    "matmul": "matmul_time",
}
"""Keys of a chip's numbers → fields of Chip."""

NODE_FIELDS = {
    "devices": "devices_per_node",
    "link": "node_link",
    "fabric": "fabric",
    "tiers": "tiers",
    "rest": "node_watts",
}
"""Keys of a node's numbers → fields of Machine; "tiers" stands for `host` and `nvme` where evidence is given."""

MACHINE_FIELDS = {
    "price": "price_per_device_hour",
    "failures": "failures_per_device_hour",
    "power_overhead": "power_overhead",
}
"""Keys of the other numbers of a machine → fields of Machine."""

_FIELDS = CHIP_FIELDS | NODE_FIELDS | MACHINE_FIELDS
_ABOUT = ("title", "trust", "source", "evidence")
_MOST_CORRECTION = 50.0  # of the logarithm of a time
_MOST = 1e30  # in whatever unit: powers of what is larger leave the range of floats
_WATTS = {"W": 1.0, "kW": 1e3, "MW": 1e6}
_LINK = re.compile(
    r"(?:(?P<share>[\d.]+)%\s+)?(?P<kind>[A-Za-z][A-Za-z ]*?)\s+(?P<bandwidth>[\d.,]+\s*[A-Za-z/]+)"
    r"(?:\s+(?:per|a)\s+(?P<per>node|device|gpu))?(?:,\s*(?P<latency>.+))?",
    re.IGNORECASE,
)


@final
@dataclass(frozen=True, kw_only=True)
class Node:
    """Devices that stand together: their number, links inside and out, further memories, and power beside the chips.

    `mixed` has the share and the link of each fabric where there are several; `fabric` is the slowest of them.
    """

    title: str
    devices: int
    link: Link
    fabric: Link
    tiers: Mapping[str, Tier]
    watts: float
    mixed: tuple[tuple[float, Link], ...] = ()
    evidence: Mapping[str, NumberSource] = field(default_factory=lambda: MappingProxyType({}))


@final
@dataclass(frozen=True, kw_only=True)
class TableReader:
    """Reads tables of one file: its name in errors, and latencies by kind of link.

    `evidence` is by key, for entries that give none; `default` for tables without any, which are refused where it is
    None. Every method raises InputError, naming the file, the key and the value, with the remedy.
    """

    where: str
    latencies: Mapping[str, float]
    evidence: Mapping[str, NumberSource] = field(default_factory=lambda: MappingProxyType({}))
    default: NumberSource | None = None

    def chip(self, name: str, table: Table, extra: Iterable[str] = ()) -> Chip:
        """The chip that a table describes; `extra` are keys that it may have besides."""
        self.check(table, [*CHIP_FIELDS, *_ABOUT, "name", "device", *extra], needed=("peaks", "memory", "bandwidth"))
        return Chip(
            name=name,
            title=self.text(table, "title", name),
            device=self.text(table, "device", "GPU"),
            peak_flops=self.peaks(table),
            memory_bytes=self.amount(table, "memory", "bytes"),
            memory_bandwidth_bytes_per_s=self.amount(table, "bandwidth", "bytes/s"),
            power_watts=self.watts(table, "power") if "power" in table else 0.0,
            matmul_share=MappingProxyType({kind: self.share(table, kind) for kind in self.optional(table, "share")}),
            special_per_s=self.quantity("special", table["special"], "FLOP/s") if "special" in table else None,
            cores=self.cores(table["cores"]) if "cores" in table else None,
            matmul_time=MappingProxyType({kind: self.matmul(table, kind) for kind in self.optional(table, "matmul")}),
            evidence=self.evidence_of(table, CHIP_FIELDS),
        )

    def cores(self, table: Any) -> Cores:
        """The multiprocessors that a table of three writes."""
        if not isinstance(table, Mapping):
            raise self.wrong("cores", table, 'write { units = 132, ghz = 1.98, cache = "50 MB" }')
        keys = ("units", "ghz", "cache")
        self.check(table, keys, needed=keys)
        ghz = table["ghz"]
        if isinstance(ghz, bool) or not isinstance(ghz, int | float) or not 0.01 <= ghz <= 100:
            raise self.wrong("ghz", ghz, "give a number of GHz, as in 1.98")
        return Cores(
            units=self.count(table, "units"), clock_hz=1e9 * ghz, cache_bytes=self.amount(table, "cache", "bytes")
        )

    def node(self, table: Table) -> Node:
        """The node that a table describes."""
        self.check(table, [*NODE_FIELDS, *_ABOUT, "host", "nvme"], needed=("devices", "link", "fabric"))
        devices = self.count(table, "devices")
        fabric, mixed = self.fabric(table["fabric"], devices)
        return Node(
            title=self.text(table, "title", f"a node of {devices}"),
            devices=devices,
            link=self.link(table["link"], devices)[1],
            fabric=fabric,
            mixed=mixed,
            tiers=MappingProxyType({k: self.tier(table[k], k, devices) for k in ("host", "nvme") if k in table}),
            watts=self.watts(table, "rest") if "rest" in table else 0.0,
            evidence=self.evidence_of(table, NODE_FIELDS),
        )

    def fabric(self, value: Any, devices: int) -> tuple[Link, tuple[tuple[float, Link], ...]]:
        """The link between nodes, and where several are given with their shares all of them: the slowest binds."""
        if not isinstance(value, list):
            share, link = self.link(value, devices)
            if share != 1:
                raise self.wrong("fabric", value, 'list all fabrics, as in ["75% RoCE 400 Gb/s", "25% RoCE 200 Gb/s"]')
            return link, ()
        mixed = tuple(self.link(one, devices) for one in value)
        if not mixed or abs(sum(share for share, _ in mixed) - 1) > 0.005:
            raise self.wrong(
                "fabric", value, 'shares must add to 100%, as in ["75% RoCE 400 Gb/s", "25% RoCE 200 Gb/s"]'
            )
        return min((link for _, link in mixed), key=lambda link: link.bandwidth_bytes_per_s), mixed

    def link(self, text: Any, devices: int) -> tuple[float, Link]:
        """The share (1 where none is given) and the link that "KIND BANDWIDTH [per node][, LATENCY]" writes."""
        match = _LINK.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise self.wrong("link", text, 'write kind, bandwidth and unit, as in "RoCE 1600 Gb/s per node"')
        kind = self.one_of(match["kind"], self.latencies, "kind of link")
        bandwidth = self.quantity("link", match["bandwidth"], "bytes/s")
        latency = self.quantity("link", match["latency"], "seconds") if match["latency"] else self.latencies[kind]
        shared = devices if (match["per"] or "").lower() == "node" else 1
        link = Link(bandwidth_bytes_per_s=bandwidth / shared, latency_s=latency, kind=kind)
        return float(match["share"]) / 100 if match["share"] else 1.0, link

    def tier(self, table: Any, key: str, devices: int) -> Tier:
        """The memory and the link to it that a table of two writes."""
        if not isinstance(table, Mapping):
            raise self.wrong(key, table, 'write { memory = "256 GiB", link = "PCIe 64 GB/s" }')
        self.check(table, ("memory", "link"), needed=("memory", "link"))
        return Tier(memory_bytes=self.amount(table, "memory", "bytes"), link=self.link(table["link"], devices)[1])

    def peaks(self, table: Table) -> Mapping[str, float]:
        """FLOP/s by number type."""
        peaks = self.mapping(table, "peaks")
        return MappingProxyType(
            {self.one_of(k, NUMBER_TYPES, "number type"): self.amount(peaks, k, "FLOP/s") for k in peaks}
        )

    def share(self, table: Table, kind: str) -> float:
        """The share of the peak that a number type reached."""
        share = self.mapping(table, "share")[kind]
        is_number = isinstance(share, int | float) and not isinstance(share, bool)
        if kind not in table["peaks"] or not is_number or not 0 < share <= 1:
            raise self.wrong("share", f"{kind} = {share}", "give a number of at most 1 for a type that has a peak")
        return float(share)

    def matmul(self, table: Table, kind: str) -> MatmulTime:
        """The measured time of matmuls of a number type."""
        timing = self.mapping(self.mapping(table, "matmul"), kind)
        errors = ("held_out_error", "plain_error")
        self.check(
            timing, ("fixed", "rate", "bandwidth", "span", "correction", *errors), needed=("fixed", "rate", "span")
        )
        smallest, largest = self.numbers(timing, "span", 2)
        if not 0 < smallest <= largest:
            raise self.wrong("span", timing["span"], "give the smallest and the largest size that was timed")
        measured = MatmulTime(
            fixed_s=self.quantity("fixed", timing["fixed"], "seconds"),
            flops_per_s=self.amount(timing, "rate", "FLOP/s"),
            bytes_per_s=self.amount(timing, "bandwidth", "bytes/s") if "bandwidth" in timing else float("inf"),
            value_bytes=VALUE_BYTES[self.one_of(kind, NUMBER_TYPES, "number type")],
            span=(float(smallest), float(largest)),
            correction=self.numbers(timing, "correction", 10) if "correction" in timing else (),
            **{key: self.numbers({key: [timing[key]]}, key, 1)[0] for key in errors if key in timing},
        )
        if measured.largest_correction > _MOST_CORRECTION:
            raise self.wrong(
                "correction", timing["correction"], "a time cannot be wrong by so much: give smaller numbers"
            )
        return measured

    def evidence_of(self, table: Table, fields: Mapping[str, str]) -> Mapping[str, NumberSource]:
        """By field: the exception of the table, else what the file says of the field, else the whole entry's."""
        exceptions = self.optional(table, "evidence")
        self.check(exceptions, _FIELDS)
        own = {key: self.exception(key, entry) for key, entry in exceptions.items()}
        if self.default is None or "trust" in table or "source" in table:
            whole = self.provenance(table.get("trust", ""), table.get("source", ""))
        else:
            whole = self.default
        chosen = {key: own.get(key, self.evidence.get(key, whole)) for key in fields if present(key, table)}
        return MappingProxyType({fields[key]: evidence for key, evidence in chosen.items()})

    def exception(self, key: str, entry: Any) -> NumberSource:
        """Evidence written as a list of two."""
        if not isinstance(entry, list) or len(entry) != 2:
            raise self.wrong(f"evidence of {key}", entry, 'write [trust, source], as in ["measured", "our cluster"]')
        return self.provenance(*entry)

    def provenance(self, trust: Any, source: Any) -> NumberSource:
        """Evidence, checked."""
        if not source or not isinstance(source, str):
            raise self.wrong("source", source, "name where the number is from")
        return NumberSource(trust=self.one_of(trust, TRUSTS, "trust"), source=source)  # pyright: ignore[reportArgumentType]

    def amount(self, table: Table, key: str, unit: str) -> float:
        """A positive quantity with a unit."""
        value = self.quantity(key, table[key], unit)
        if value <= 0:
            raise self.wrong(key, table[key], "must be positive")
        return value

    def quantity(self, key: str, value: Any, unit: str) -> float:
        """A quantity, whose unit must be written."""
        if not isinstance(value, str) or not re.search(r"[A-Za-z]$", value.strip()):
            raise self.wrong(key, value, f'has no unit: write it in {unit}, as in "{_EXAMPLES[unit]}"')
        return self.parsed(key, value, value, unit)

    def parsed(self, key: str, value: str, text: str, unit: str | None = None) -> float:
        """The quantity that a part `text` of a value writes."""
        try:
            quantity = parse_quantity(text, expect=unit)
        except InputError as error:
            raise InputError(f"{self.where}: {key}: {error}") from None
        if abs(quantity) > _MOST:
            raise self.wrong(key, value, f"give at most {_MOST:g} in base units")
        return quantity

    def watts(self, table: Table, key: str) -> float:
        """A power."""
        return self.with_unit(table, key, r"\s*(W|kW|MW)", '"700 W"', lambda unit: _WATTS[unit])

    def per_hour(self, table: Table, key: str) -> float:
        """Dollars or events an hour."""
        return self.with_unit(table, key, r"\s*(per hour|/h|/ h)", '"$2.50 per hour" or "2e-5 per hour"', lambda _: 1.0)

    def with_unit(self, table: Table, key: str, unit: str, example: str, factor: Callable[[str], float]) -> float:
        """A number that is not negative, before one of the units a pattern knows."""
        value = table[key]
        match = re.fullmatch(r"\$?([\d.,]+(?:[eE][+-]?\d+)?)" + unit, value.strip()) if isinstance(value, str) else None
        if match is None:
            raise self.wrong(key, value, f"write number and unit, as in {example}")
        return self.parsed(key, value, match[1]) * factor(match[2])

    def count(self, table: Table, key: str) -> int:
        """A number of devices, one at least."""
        value = table[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.wrong(key, value, "give a whole number of at least 1")
        if value > MOST_DEVICES:
            raise self.wrong(key, value, f"give at most {MOST_DEVICES:,}")
        return value

    def numbers(self, table: Table, key: str, count: int) -> tuple[float, ...]:
        """A list of so many finite numbers."""
        values = table[key]
        if not isinstance(values, list) or len(values) != count or not all(map(_is_number, values)):
            raise self.wrong(key, values, f"give {count} numbers")
        return tuple(map(float, values))

    def text(self, table: Table, key: str, default: str) -> str:
        """A text."""
        if not isinstance(value := table.get(key, default), str):
            raise self.wrong(key, value, "write it in quotes")
        return value

    def mapping(self, table: Table, key: str) -> Table:
        """A table inside a table."""
        if not isinstance(value := table[key], Mapping) or not value:
            raise self.wrong(key, value, "write a table, as in { bf16 = … }")
        return value

    def optional(self, table: Table, key: str) -> Table:
        """A table inside a table, empty where there is none."""
        return self.mapping(table, key) if table.get(key, {}) != {} else {}

    def check(self, table: Any, known: Iterable[str], needed: Iterable[str] = ()) -> None:
        """Refuses keys that are not known, and the lack of those needed."""
        for key in table:
            self.one_of(key, known, "key")
        missing = [key for key in needed if key not in table]
        if missing:
            raise InputError(f"{self.where}: {shown(table.get('title', 'a table'))} lacks {', '.join(missing)}: add it")

    def one_of(self, name: Any, known: Iterable[str], what: str) -> str:
        """The known name that is meant: case does not matter."""
        names = {name.lower(): name for name in known}
        if isinstance(name, str) and name.lower() in names:
            return names[name.lower()]
        near = close_names(str(name).lower(), names, n=1)
        hint = f"did you mean {names[near[0]]}?" if near else f"there are {', '.join(names.values())}"
        raise InputError(f"{self.where}: no {what} is called {shown(name)}: {hint}")

    def wrong(self, key: str, value: Any, remedy: str) -> InputError:
        """The error that names a value and what to do."""
        return InputError(f"{self.where}: {shown(key)[1:-1]} = {shown(value)}: {remedy}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


_EXAMPLES = {"bytes": "80 GiB", "bytes/s": "400 Gb/s", "FLOP/s": "989 TFLOP/s", "seconds": "5 us"}


def present(key: str, table: Table) -> bool:
    """Whether a table has a number of that key."""
    return "host" in table or "nvme" in table if key == "tiers" else key in table
