"""`froude machine`: the chips and nodes that Froude knows, and this computer as a machine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from froude.cli.options import Json
from froude.cli.render import facts_grid, print_json
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.cost.machine.machine import Link, Machine
    from froude.tank.measure import Profile


def list_machines(json: Json = False) -> None:
    """List the chips that Froude knows, each with the node it usually stands in.

    Peaks are dense, of the matmuls of a training: bf16, or fp16 where a chip has no bf16.
    """
    from froude.cost.machine.known_machines import get_machine, known_chips

    found = [get_machine(name) for name in known_chips()]
    if json:
        print_json([described(one) for one in found])
        return
    wide = max(len(one.chip.name) for one in found)
    print(f"{'name':<{wide}}  {'TFLOP/s':>8}  {'memory':>8}  {'TB/s':>5}  {'node':>4}  {'$/h':>5}  title")
    for one in found:
        print(f"{one.chip.name:<{wide}}  {row(one)}  {one.chip.title}")
    print("\nnode: devices joined by the fastest link; $/h: a rough price of a device")
    print('froude machine show NAME shows one whole, and takes "1024 x h100" or a TOML file too')


def row(one: Machine) -> str:
    """The numbers of a machine in the list."""
    chip = one.chip
    peak = chip.peak_flops.get("bf16", chip.peak_flops.get("fp16", 0.0)) / 1e12
    memory = f"{chip.memory_bytes / 2**30:.0f} GiB"
    speed = chip.memory_bandwidth_bytes_per_s / 1e12
    return f"{peak:>8.1f}  {memory:>8}  {speed:>5.2f}  {one.devices_per_node:>4}  {one.price_per_device_hour:>5.2f}"


def show_machine(
    name: Annotated[str, typer.Argument(metavar="MACHINE", help='A chip, "1024 x h100", a TOML file, or this.')],
    json: Json = False,
) -> None:
    """Show a machine whole: every number with its source and how far to trust it, and what was assumed.

    Examples: `froude machine show h100` and `froude machine show "1024 x a100-80"`
    """
    from froude.cost.machine.known_machines import get_machine

    found = get_machine(name)
    if json:
        print_json(described(found))
    else:
        show(found)


def measure(
    minutes: Annotated[float, typer.Option(help="How long to measure, about.")] = 2.0,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="What to measure.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the machine. [default: read as machine `this`]")
    ] = None,
    json: Json = False,
) -> None:
    """Measure this computer: matmuls, copies and collectives through PyTorch, and the constants that explain them.

    Writes a TOML file that every option `--machine` reads; without `--out` it becomes the machine `this`.
    """
    from froude.cost.machine.known_machines import get_machine, profile_path
    from froude.runs import atomic_write
    from froude.tank.measure import profile_toml

    if not 0 < minutes <= 60:
        raise InputError(f"--minutes {minutes:g}: give a number above 0 and at most 60")
    path = profile_path() if out is None else out
    if path.suffix != ".toml":
        raise InputError(f"--out {str(path)!r} is not a TOML file: give a name that ends in .toml")
    profile = watched(device, 60 * minutes)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, profile_toml(profile).encode())
    found = get_machine(str(path))
    if json:
        print_json(described(found) | {"path": str(path)})
    else:
        show(found)
        print(f"\nwritten: {path}")


def watched(device: str, seconds: float) -> Profile:
    """The measured profile, with what is being timed on stderr where a person watches."""
    from rich.console import Console

    from froude.tank.measure import measure_machine

    console = Console(stderr=True)
    if not console.is_terminal:
        return measure_machine(device, seconds)
    with console.status("measuring") as status:
        return measure_machine(device, seconds, watch=lambda said: status.update(f"measuring {said}"))


def described(found: Machine) -> dict[str, Any]:
    """All that is said of a machine, as JSON in base units."""
    chip = found.chip
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
        "devices": found.devices,
        "devices_per_node": found.devices_per_node,
        "node": found.node,
        "node_link": linked(found.node_link),
        "fabric": linked(found.fabric),
        "mixed": [{"share": share} | linked(link) for share, link in found.mixed],
        "tiers": {
            name: {"memory_bytes": tier.memory_bytes, "link": linked(tier.link)} for name, tier in found.tiers.items()
        },
        "node_watts": found.node_watts,
        "power_overhead": found.power_overhead,
        "failures_per_device_hour": found.failures_per_device_hour,
        "price_per_device_hour": found.price_per_device_hour,
        "evidence": {
            field: {"trust": one.trust, "source": one.source}
            for field, one in {**chip.evidence, **found.evidence}.items()
        },
        "assumptions": list(found.assumed),
    }


def linked(link: Link) -> dict[str, Any]:
    """A link, as JSON."""
    return {
        "kind": link.kind,
        "bandwidth_bytes_per_s": link.bandwidth_bytes_per_s,
        "latency_s": link.latency_s,
    }


def show(found: Machine) -> None:
    """One machine on the terminal, wrapped to its width."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text.assemble((f"{found.devices} x {found.chip.name}", "bold"), f"\n{found.chip.title}\n"))
    console.print(Padding(facts_grid(facts(found)), (0, 0, 0, 2)))


def facts(found: Machine) -> Iterator[tuple[str, str]]:
    """What is said of a machine, as pairs of head and text; an empty head says how far to trust what stands above."""
    from froude.cost.machine.known_machines import link_words
    from froude.quantity import format_bytes

    chip, believed = found.chip, {**found.chip.evidence, **found.evidence}
    peaks = ", ".join(f"{kind} {peak / 1e12:.4g} TFLOP/s" for kind, peak in chip.peak_flops.items())
    shares = ", ".join(f"{kind} {share:.1%}" for kind, share in chip.matmul_share.items())
    errors = ", ".join(f"{kind} {fit.held_out_error:.1%}" for kind, fit in chip.matmul_time.items())
    tiers = ", ".join(
        f"{format_bytes(t.memory_bytes)} of {name} over {link_words(t.link)}" for name, t in found.tiers.items()
    )
    held = "1 device" if found.devices_per_node == 1 else f"{found.devices_per_node} devices"
    said = [
        ("dense peak", peaks, "peak_flops"),
        ("matmuls", f"the best reached of it: {shares}" if shares else "", "matmul_share"),
        ("", f"times fitted to their sizes, off on held-out shapes by {errors}" if errors else "", "matmul_time"),
        ("memory", format_bytes(chip.memory_bytes), "memory_bytes"),
        ("", f"{chip.memory_bandwidth_bytes_per_s / 1e9:.4g} GB/s", "memory_bandwidth_bytes_per_s"),
        ("power", f"{chip.power_watts:g} W a device" if chip.power_watts else "", "power_watts"),
        ("", f"{found.node_watts:g} W for its share of the node" if found.node_watts else "", "node_watts"),
        ("", f"times {found.power_overhead:g} for cooling", "power_overhead"),
        ("node", f"{found.node}: {held}, {link_words(found.node_link)}", "node_link"),
        ("tiers", tiers, "tiers"),
        ("fabric", f"{link_words(found.fabric)} a device between nodes", "fabric"),
        ("price", f"${found.price_per_device_hour:.2f} a device hour", "price_per_device_hour"),
        ("failures", f"{found.failures_per_device_hour:.3g} a device hour", "failures_per_device_hour"),
    ]
    shown = [(head, text, believed.get(field)) for head, text, field in said if text]
    for (head, text, evidence), after in itertools.zip_longest(shown, [evidence for _, _, evidence in shown[1:]]):
        yield head, text
        if evidence is not None and evidence != after:  # said once for what stands together
            yield "", f"[{evidence}]"
    for i, sentence in enumerate(found.assumed):
        yield "" if i else "assumed", sentence
