"""The TOML file of a computer that was measured, which `froude.cost.machine` reads back."""

from __future__ import annotations

import json

import numpy as np

from froude.cost.machine.machine import Link, MatmulTime
from froude.tank.machine.profile import Profile


def profile_toml(profile: Profile) -> str:
    """A machine's TOML file, which `get_machine` reads back."""
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
    """The table of the node; its fabric, which cannot be measured here, is assumed to be the link within."""
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
    if profile.host is not None and profile.host_memory_bytes is not None:
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
