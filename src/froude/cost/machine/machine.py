"""Where it is trained: chips, their memories, the links between them, power and price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, final, get_args

import numpy as np

from froude.cost.model.operators import Number
from froude.result import Result

Trust = Literal["given", "measured", "datasheet", "published", "as remembered", "guess"]
"""How far a number is to be believed: said by the user; measured on such a device; read in its maker's data sheet;
read in another named source; quoted from memory without a look at the source; nobody's but ours."""

TRUSTS: tuple[str, ...] = get_args(Trust)

Place = Literal["device", "host", "nvme"]
"""Where bytes lie: in the device's own memory, or in one of the machine's `tiers`."""

RUNTIME_BYTES = 2 * 2**30
"""Memory of a device outside of the allocator: the driver's context and the communication library (guess)."""


@final
@dataclass(frozen=True, kw_only=True)
class NumberSource:
    """Where a number comes from, and how far to believe it."""

    trust: Trust
    source: str

    def __str__(self) -> str:
        return f"{self.trust}: {self.source}"


def _no_evidence() -> Mapping[str, NumberSource]:
    return MappingProxyType({})


@final
@dataclass(frozen=True, kw_only=True)
class Link:
    """A connection: seconds = latency + bytes / bandwidth, bandwidth in one direction and for one device."""

    bandwidth_bytes_per_s: float
    latency_s: float
    kind: str = ""

    def __post_init__(self) -> None:
        if np.any(np.asarray(self.bandwidth_bytes_per_s) <= 0):
            raise ValueError(f"bandwidth must be positive, got {self.bandwidth_bytes_per_s} bytes/s")


@final
@dataclass(frozen=True, kw_only=True)
class Tier:
    """A memory beside the devices' own, as one device sees it: its share of the bytes, and the link to it.

    Links count with all devices of the node at work.
    """

    memory_bytes: float
    link: Link


@final
@dataclass(frozen=True, kw_only=True)
class MatmulTime:
    """Seconds of a matmul against its size: fixed_s + FLOPs / flops_per_s + bytes moved / bytes_per_s.

    Three constants fitted to timings on the device. `correction` multiplies that by the exponential of a quadratic in
    the logarithms of the sizes, fitted to what was left; it is empty where it did not lower the error on held-out
    shapes. Beyond `span`, the smallest and the largest size that was timed, it stays what it is there.
    `held_out_error` is the mean absolute relative error on shapes that were not fitted, `plain_error` that of the
    three constants alone; None where nobody measured them.
    """

    fixed_s: float
    flops_per_s: float
    bytes_per_s: float
    value_bytes: float
    span: tuple[float, float]
    correction: tuple[float, ...] = ()
    held_out_error: float | None = None
    plain_error: float | None = None

    def seconds(self, m: Number, k: Number, n: Number) -> Number:
        """Seconds of (m × k) times (k × n); sizes are numbers or arrays that broadcast."""
        moved = self.value_bytes * (m * k + k * n + m * n)
        plain = self.fixed_s + 2.0 * m * k * n / self.flops_per_s + moved / self.bytes_per_s
        return plain * np.exp(self.features(m, k, n) @ np.array(self.correction)) if self.correction else plain

    @property
    def largest_correction(self) -> float:
        """The largest logarithm, up or down, that the correction reaches where sizes are the least or the largest."""
        if not self.correction:
            return 0.0
        corners = np.stack(np.meshgrid(self.span, self.span, self.span))
        return float(np.abs(self.features(*corners) @ np.array(self.correction)).max())

    def features(self, m: Number, k: Number, n: Number) -> np.ndarray:
        """What the correction is linear in, along a last axis: 1, three log sizes, their squares and products."""
        x, y, z = np.broadcast_arrays(*(np.log2(np.clip(size, *self.span)) - 10.0 for size in (m, k, n)))
        return np.stack([np.ones_like(x), x, y, z, x * x, y * y, z * z, x * y, x * z, y * z], axis=-1)


@final
@dataclass(frozen=True, kw_only=True)
class Cores:
    """A chip's multiprocessors (compute units): how many there are, their highest clock, and the cache they share.

    How soon a small kernel ends goes by the clock, and what fits into the cache need not pass the memory.
    """

    units: float
    clock_hz: float
    cache_bytes: float


@final
@dataclass(frozen=True, kw_only=True)
class Chip:
    """A device: dense peaks by number type (FLOP/s), its memory, and its power.

    `peak_flops` has "bf16" (or "fp16" where the chip knows no bf16) and where it has them "fp8", "mxfp8",
    "nvfp4", "tf32", "fp32" and "int8".
    `matmul_share` is the share of the peak that the best large matmul was measured to reach, by number type; empty
    where nobody measured. `memory_bytes` is what the datasheet sells (80 GB of an A100 are 80 GiB there).
    `special_per_s` is what its special function units compute (exponentials), which bounds the softmax of fused
    attention; None where it is not known. `device` says what one device is where a package holds several.
    `cores` are its multiprocessors; None where they are not known.
    `matmul_time` is the time of a matmul against its size by number type, only where it was measured. `evidence` is
    by the fields' names.
    """

    name: str
    peak_flops: Mapping[str, float]
    memory_bytes: float
    memory_bandwidth_bytes_per_s: float
    power_watts: float
    matmul_share: Mapping[str, float] = field(default_factory=dict)
    special_per_s: float | None = None
    cores: Cores | None = None
    title: str = ""
    device: str = "GPU"
    matmul_time: Mapping[str, MatmulTime] = field(default_factory=dict)
    evidence: Mapping[str, NumberSource] = field(default_factory=_no_evidence)


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Machine(Result):
    """Devices in nodes: `devices_per_node` joined by `node_link`, the nodes by `fabric` (both as one device sees them).

    `tiers` are further memories by name, "host" and "nvme". A device draws its chip's power and `node_watts`, its
    share of the rest of the node, times `power_overhead` for cooling. `failures_per_device_hour` is the rate at which
    a device stops the job. `mixed` has the share and the link of each fabric where nodes are joined by several;
    `fabric` is then the slowest, on which collectives wait.

    `assumed` says in a sentence each what the user did not; `evidence` is by the fields' names.
    """

    chip: Chip
    devices: int
    devices_per_node: int
    node_link: Link
    fabric: Link
    tiers: Mapping[str, Tier]
    power_overhead: float
    failures_per_device_hour: float
    price_per_device_hour: float
    node_watts: float = 0.0
    mixed: tuple[tuple[float, Link], ...] = ()
    node: str = ""
    assumed: tuple[str, ...] = ()
    evidence: Mapping[str, NumberSource] = field(default_factory=_no_evidence)

    @property
    def nodes(self) -> int:
        """Nodes, the last of which may be partly used."""
        return -(-self.devices // self.devices_per_node)

    @property
    def watts_per_device(self) -> float:
        """What one device draws with its share of node and cooling, all at full power."""
        return (self.chip.power_watts + self.node_watts) * self.power_overhead

    def dollars(self, seconds: float) -> float:
        """The price of all devices for so long."""
        return seconds / 3600 * self.devices * self.price_per_device_hour

    def kwh(self, seconds: float) -> float:
        """What all devices draw in so long, at full power."""
        return seconds / 3600 * self.devices * self.watts_per_device / 1000
