"""The user's own computer as a machine: what was timed, and the few constants that explain it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from froude.answers import Answer, Fact
from froude.answers.registry import answer_of
from froude.cost.machine.machine import Link, MatmulTime
from froude.cost.machine.machine_file import VALUE_BYTES
from froude.errors import InputError
from froude.host import memory_bytes, processor_name
from froude.quantity import format_bytes, format_seconds
from froude.result import Result
from froude.tank.device import choose_device
from froude.tank.machine import timings
from froude.tank.machine.constants import fit_collectives, fit_copies, fit_matmul_time

BUSY = 0.3  # processes at work beside, above which the timings are in doubt


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Profile(Result):
    """What was measured of a computer: devices of a kind, and the constants fitted to their timings.

    `best_flops_per_s` is by number type the fastest matmul. `host` is the link to host memory where the device is not
    the host itself, `link` the one between devices (processes, on a CPU). `conditions` says with what, and when.
    `host_memory_bytes` is a device's share of it, None where the system does not say how much there is.
    """

    title: str
    device: str
    devices: int
    memory_bytes: float
    memory_bandwidth_bytes_per_s: float
    matmuls: Mapping[str, MatmulTime]
    best_flops_per_s: Mapping[str, float]
    link: Link
    host: Link | None
    host_memory_bytes: float | None
    conditions: str


def measure_machine(device: str, seconds: float, watch: Callable[[str], None] = lambda subject: None) -> Profile:
    """Times this computer for about so many seconds, and fits; `watch` takes the name of what is being timed.

    Collectives start processes: a script that calls this must do so under `if __name__ == "__main__":`. InputError
    where PyTorch or the device is not here.
    """
    name = choose_device(device).name
    description = _description(name)  # before there is any load of ours
    types = timings.number_types(name)
    timed = {}
    for number_type in types:
        watch(f"matmuls in {number_type}")
        timed[number_type] = timings.time_matmuls(name, number_type, 0.6 * seconds / len(types))
    watch("copies")
    copied_bytes, copy_seconds = timings.time_copy(name, 0.1 * seconds)
    copied_per_s = copied_bytes / copy_seconds
    host = fit_copies(timings.time_host_copies(0.1 * seconds)) if name == "cuda" else None
    watch("collectives")
    link = fit_collectives(timings.time_collectives(name, 0.2 * seconds), "NCCL" if name == "cuda" else "gloo")
    return Profile(
        **description,
        memory_bandwidth_bytes_per_s=2 * copied_per_s,
        matmuls={kind: fit_matmul_time(m, t, VALUE_BYTES[kind]) for kind, (m, t) in timed.items()},
        best_flops_per_s={kind: float(np.max(2.0 * m.prod(1) / t)) for kind, (m, t) in timed.items()},
        link=link or host or Link(bandwidth_bytes_per_s=copied_per_s, latency_s=0.0, kind="memory"),
        host=host,
    )


def _description(device: str) -> dict[str, Any]:
    """What the system says of itself."""
    import torch

    when = time.strftime("%Y-%m-%d")
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    host_bytes = memory_bytes()
    if device == "cuda":
        chip = torch.cuda.get_device_properties(0)
        title, devices, memory = chip.name, torch.cuda.device_count(), float(chip.total_memory)
        conditions = f"{when}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}"
    else:
        if host_bytes is None:
            raise InputError("this system does not say how much memory it has: write its TOML file by hand")
        title, devices, memory = processor_name(), 1, float(host_bytes)
        threads = "1 thread" if torch.get_num_threads() == 1 else f"{torch.get_num_threads()} threads"
        conditions = f"{when}, PyTorch {torch.__version__}, {threads} on {processor_name()}"
    return {
        "title": title,
        "device": "GPU" if device == "cuda" else "computer",
        "devices": devices,
        "memory_bytes": memory,
        "host_memory_bytes": None if host_bytes is None else host_bytes / devices,
        "conditions": conditions + (f", busy with a load of {busy:.1f} from other work" if busy > BUSY else ""),
    }


@answer_of.register(Profile)
def answer_of_profile(profile: Profile) -> Answer:
    """What was measured of a computer: its fastest matmuls, its memory and its links."""
    links = {"link": profile.link, "to the host": profile.host}
    best = ", ".join(f"{kind} {rate / 1e12:.4g} TFLOP/s" for kind, rate in profile.best_flops_per_s.items())
    facts = [
        Fact("devices", f"{profile.devices} of {profile.device}, {format_bytes(profile.memory_bytes)} each"),
        Fact("matmuls", f"the fastest: {best}"),
        Fact("memory", f"{profile.memory_bandwidth_bytes_per_s / 1e9:.4g} GB/s"),
        *(
            Fact(head, f"{one.kind} of {one.bandwidth_bytes_per_s / 1e9:.3g} GB/s and {format_seconds(one.latency_s)}")
            for head, one in links.items()
            if one is not None
        ),
        Fact("measured", profile.conditions),
    ]
    rates = {"best_flops_per_s": dict(profile.best_flops_per_s)}
    plain = ("title", "device", "devices", "memory_bytes", "memory_bandwidth_bytes_per_s", "host_memory_bytes")
    bandwidths = {
        "links": {
            head: {"kind": one.kind, "bandwidth_bytes_per_s": one.bandwidth_bytes_per_s, "latency_s": one.latency_s}
            for head, one in links.items()
            if one is not None
        }
    }
    data = {name: getattr(profile, name) for name in plain} | rates | bandwidths | {"conditions": profile.conditions}
    return Answer(headline=profile.title, facts=tuple(facts), data=data)
