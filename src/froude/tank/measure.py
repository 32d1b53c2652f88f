"""The user's own computer as a machine: timings, the few constants that explain them, and the TOML file of both."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.cost.machine.machine import Link, MatmulTime
from froude.cost.machine.machine_file import VALUE_BYTES
from froude.host import memory_bytes, processor_name
from froude.tank import timings
from froude.tank.device import choose_device

HUBER = 0.1  # relative error beyond which a timing counts less: other work on the computer makes outliers
RIDGE = 1.0  # of a correction, whose features are of the size of one
HOLD_OUT = 3  # every third shape
BUSY = 0.3  # processes at work beside, above which the timings are in doubt


@final
@dataclass(frozen=True, kw_only=True)
class Profile:
    """What was measured of a computer: devices of a kind, and the constants fitted to their timings.

    `best_flops_per_s` is by number type the fastest matmul. `host` is the link to host memory where the device is not
    the host itself, `link` the one between devices (processes, on a CPU). `conditions` says with what, and when.
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
    host_memory_bytes: float
    conditions: str


def measure_machine(device: str, seconds: float, watch: Callable[[str], None] = lambda said: None) -> Profile:
    """Times this computer for about so many seconds, and fits; `watch` hears what is being timed.

    Collectives start processes: a script that calls this must do so under `if __name__ == "__main__":`. InputError
    where PyTorch or the device is not here.
    """
    name = choose_device(device).name
    described = _described(name)  # before there is any load of ours
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
        **described,
        memory_bandwidth_bytes_per_s=2 * copied_per_s,
        matmuls={kind: fit_matmul_time(m, t, VALUE_BYTES[kind]) for kind, (m, t) in timed.items()},
        best_flops_per_s={kind: float(np.max(2.0 * m.prod(1) / t)) for kind, (m, t) in timed.items()},
        link=link or host or Link(bandwidth_bytes_per_s=copied_per_s, latency_s=0.0, kind="memory"),
        host=host,
    )


def fit_matmul_time(shapes: np.ndarray, seconds: np.ndarray, value_bytes: float) -> MatmulTime:
    """Three constants of MatmulTime, none negative, by robust least squares of the relative errors.

    Every third shape is held out to find the error, and to decide on the correction: a ridge regression on the log
    sizes, kept only where it lowers the error of what is held out. All shapes are then fitted. Trees boosted on the
    residuals were not tried: no library for them is among the dependencies, and three dozen shapes would not feed one.
    """
    held = np.arange(len(shapes)) % HOLD_OUT == HOLD_OUT - 1
    errors = {
        corrected: _relative_error(
            _fit(shapes[~held], seconds[~held], value_bytes, corrected), shapes[held], seconds[held]
        )
        for corrected in (False, True)
    }
    corrected = errors[True] < errors[False]
    fitted = _fit(shapes, seconds, value_bytes, corrected)
    return replace(fitted, held_out_error=errors[corrected], plain_error=errors[False])


def _fit(shapes: np.ndarray, seconds: np.ndarray, value_bytes: float, corrected: bool) -> MatmulTime:
    m, k, n = shapes.T.astype(float)
    terms = np.stack([np.ones_like(m), 2 * m * k * n, value_bytes * (m * k + k * n + m * n)], axis=-1)
    fixed, per_flop, per_byte = fit_relative(terms, seconds)
    plain = MatmulTime(
        fixed_s=fixed,
        flops_per_s=1 / per_flop if per_flop else float("inf"),
        bytes_per_s=1 / per_byte if per_byte else float("inf"),
        value_bytes=value_bytes,
        span=(float(shapes.min()), float(shapes.max())),
    )
    if not corrected:
        return plain
    features, left = plain.features(m, k, n), np.log(seconds / plain.seconds(m, k, n))
    weights = np.linalg.solve(features.T @ features + RIDGE * np.eye(features.shape[1]), features.T @ left)
    return replace(plain, correction=tuple(map(float, weights)))


def fit_relative(terms: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Constants, none negative, for which terms (rows × constants) add up to seconds, in relative Huber error.

    The best over every set of constants that may be positive: few enough to try them all.
    """
    count = terms.shape[1]
    sets = itertools.chain(*(itertools.combinations(range(count), size) for size in range(1, count + 1)))
    found = [_reweighted(terms / seconds[:, None], list(chosen)) for chosen in sets]
    return min((one for one in found if (one >= 0).all()), key=lambda one: _loss(terms @ one / seconds - 1))


def _reweighted(rows: np.ndarray, chosen: list[int]) -> np.ndarray:
    """Least squares of rows · constants = 1 over the chosen constants, outliers weighted down as Huber does."""
    kept, weights = rows[:, chosen], np.ones(len(rows))
    scale = np.linalg.norm(kept, axis=0)
    constants = np.zeros(rows.shape[1])
    for _ in range(20):
        root = np.sqrt(weights)
        constants[chosen] = np.linalg.lstsq(kept / scale * root[:, None], root, rcond=None)[0] / scale
        weights = HUBER / np.maximum(np.abs(rows @ constants - 1), HUBER)
    return constants


def _loss(errors: np.ndarray) -> float:
    size = np.abs(errors)
    return float(np.sum(np.where(size < HUBER, size**2 / 2, HUBER * (size - HUBER / 2))))


def _relative_error(fitted: MatmulTime, shapes: np.ndarray, seconds: np.ndarray) -> float:
    """Mean absolute relative error."""
    return float(np.mean(np.abs(fitted.seconds(*shapes.T.astype(float)) / seconds - 1)))


def fit_copies(seconds: Mapping[int, float]) -> Link:
    """The link whose latency and bandwidth explain the seconds of copies by bytes."""
    sizes = np.array([*seconds], dtype=float)
    latency, per_byte = fit_relative(np.stack([np.ones_like(sizes), sizes], axis=-1), np.array([*seconds.values()]))
    return Link(bandwidth_bytes_per_s=1 / per_byte, latency_s=latency, kind="PCIe")


def fit_collectives(found: Sequence[Mapping[str, Any]], kind: str) -> Link | None:
    """The link whose latency and bandwidth explain collectives as rings; None where nothing was timed.

    An all-gather of n bytes over r ranks takes r − 1 hops and moves n·(r − 1)/r bytes a rank, an all-reduce twice that.
    """
    if not found:
        return None
    hops = np.array([(one["ranks"] - 1.0) * (2 if one["operation"] == "all-reduce" else 1) for one in found])
    moved = hops * [one["bytes"] / one["ranks"] for one in found]
    latency, per_byte = fit_relative(np.stack([hops, moved], axis=-1), np.array([one["seconds"] for one in found]))
    return Link(bandwidth_bytes_per_s=1 / per_byte, latency_s=latency, kind=kind)


def _described(device: str) -> dict[str, Any]:
    """What the system says of itself."""
    import torch

    when = time.strftime("%Y-%m-%d")
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    host_bytes = float(memory_bytes() or 0)
    if device == "cuda":
        chip = torch.cuda.get_device_properties(0)
        title, devices, memory = chip.name, torch.cuda.device_count(), float(chip.total_memory)
        said = f"{when}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}"
    else:
        title, devices, memory = processor_name(), 1, host_bytes
        threads = "1 thread" if torch.get_num_threads() == 1 else f"{torch.get_num_threads()} threads"
        said = f"{when}, PyTorch {torch.__version__}, {threads} on {processor_name()}"
    return {
        "title": title,
        "device": "GPU" if device == "cuda" else "computer",
        "devices": devices,
        "memory_bytes": memory,
        "host_memory_bytes": host_bytes / devices,
        "conditions": said + (f", busy with a load of {busy:.1f} from other work" if busy > BUSY else ""),
    }


def profile_toml(profile: Profile) -> str:
    """A machine's TOML file, which `froude.cost.get_machine` reads back."""
    return "\n".join([*_head(profile), *_chip(profile), *_node(profile), ""])


def _head(profile: Profile) -> list[str]:
    return [
        "# A machine as froude machine measure found it: edit what it could not know, price and power above all.",
        f"devices = {profile.devices}",
        'price = "$0 per hour"',
    ]


def _chip(profile: Profile) -> list[str]:
    """The table of the chip: peaks are what the fit says of matmuls without end, shares what the best one reached."""
    best = profile.best_flops_per_s
    peaks = {kind: max(best[kind], _finite(fit.flops_per_s)) for kind, fit in profile.matmuls.items()}
    lines = [
        "",
        "[chip]",
        'name = "this"',
        f"title = {json.dumps(profile.title)}",
        f"device = {json.dumps(profile.device)}",
        f"memory = {_unit(profile.memory_bytes / 2**30, 'GiB')}",
        f"bandwidth = {_unit(profile.memory_bandwidth_bytes_per_s / 1e9, 'GB/s')}",
        "peaks = { " + ", ".join(f"{kind} = {_unit(peak / 1e9, 'GFLOP/s')}" for kind, peak in peaks.items()) + " }",
        "share = { " + ", ".join(f"{kind} = {best[kind] / peak:.4g}" for kind, peak in peaks.items()) + " }",
        *_measured(profile),
    ]
    for kind, fit in profile.matmuls.items():
        lines += [
            "",
            f"[chip.matmul.{kind}]  # seconds = fixed + FLOPs / rate + bytes / bandwidth",
            *_matmul(fit, peaks[kind]),
        ]
    return lines


def _matmul(fit: MatmulTime, peak: float) -> list[str]:
    lines = [
        f"fixed = {_unit(fit.fixed_s * 1e6, 'us')}",
        f"rate = {_unit((_finite(fit.flops_per_s) or peak) / 1e9, 'GFLOP/s')}",
    ]
    if np.isfinite(fit.bytes_per_s):
        lines.append(f"bandwidth = {_unit(fit.bytes_per_s / 1e9, 'GB/s')}")
    lines.append(f"span = [{fit.span[0]:g}, {fit.span[1]:g}]")
    if fit.correction:
        lines.append(f"correction = [{', '.join(f'{weight:.6g}' for weight in fit.correction)}]")
    return [
        *lines,
        f"held_out_error = {fit.held_out_error:.4g}  # mean, on every third shape",
        f"plain_error = {fit.plain_error:.4g}  # without the correction",
    ]


def _node(profile: Profile) -> list[str]:
    """The table of the node; what joins it to others cannot be known and is taken to be what joins devices within."""
    lines = [
        "",
        "[node]",
        'title = "this computer"',
        f"devices = {profile.devices}",
        f"link = {_link(profile.link)}",
        f"fabric = {_link(profile.link)}",
        *_measured(profile),
        'evidence = { fabric = ["guess", "not measured: as the link within"] }',
    ]
    if profile.host is not None:
        memory = _unit(profile.host_memory_bytes / 2**30, "GiB")
        lines.append(f"host = {{ memory = {memory}, link = {_link(profile.host)} }}")
    return lines


def _measured(profile: Profile) -> list[str]:
    return ['trust = "measured"', f"source = {json.dumps(profile.conditions)}"]


def _link(link: Link) -> str:
    return f'"{link.kind} {link.bandwidth_bytes_per_s / 1e9:.6g} GB/s, {link.latency_s * 1e6:.6g} us"'


def _unit(value: float, unit: str) -> str:
    return f'"{value:.6g} {unit}"'


def _finite(value: float) -> float:
    return value if np.isfinite(value) else 0.0
