"""`froude machine`: the chips and nodes that Froude knows, and this computer as a machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.completion import complete_machines
from froude.cli.options import Json
from froude.cli.outputs import output_file
from froude.cli.show import present
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.tank.machine import Profile


def list_machines(json: Json = False) -> None:
    """List the chips that Froude knows, each with the node it usually stands in.

    Peaks are dense, of the matmuls of a training: bf16, or fp16 where a chip has no bf16.
    Example: `froude machine list`
    """
    from froude.answers.machines import answer_of_machines
    from froude.cost.machine.known_machines import get_machine, known_chips

    present(answer_of_machines([get_machine(name) for name in known_chips()]), json)


def show_machine(
    name: Annotated[
        str,
        typer.Argument(
            metavar="MACHINE", autocompletion=complete_machines, help='A chip, "1024 x h100", a TOML file, or this.'
        ),
    ],
    json: Json = False,
) -> None:
    """Show a machine whole: every number with its source and how far to trust it, and what was assumed.

    Examples: `froude machine show h100` and `froude machine show "1024 x a100-80"`
    """
    from froude.answers.machines import answer_of_machine
    from froude.cost.machine.known_machines import get_machine

    present(answer_of_machine(get_machine(name)), json)


def measure(
    minutes: Annotated[float, typer.Option(help="How long to measure, about.")] = 2.0,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="What to measure.")] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", parser=output_file, help="Where to write the machine. [default: read as machine `this`]"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Measure this computer: matmuls, copies and collectives through PyTorch, and the constants that explain them.

    Writes a TOML file that every option `--machine` reads; without `--out` it becomes the machine `this`.
    Example: `froude machine measure --minutes 2 --out mine.toml`
    """
    from froude.answers.machines import answer_of_machine
    from froude.cost.machine.known_machines import parse_machine, profile_path
    from froude.files import write_outputs
    from froude.tank.machine import profile_toml

    if not 0 < minutes <= 60:
        raise InputError(f"--minutes {minutes:g}: give a number above 0 and at most 60")
    path = profile_path() if out is None else out
    if path.suffix != ".toml":
        raise InputError(f"--out {str(path)!r} is not a TOML file: give a name that ends in .toml")
    profile = measured_profile(device, 60 * minutes)
    text = profile_toml(profile)
    machine = parse_machine(text, path)
    write_outputs({path: text.encode()}, make_folders=True)
    present(answer_of_machine(machine, path), json)


def measured_profile(device: str, seconds: float) -> Profile:
    """The profile of this computer, with what is being timed on stderr where a person watches."""
    from rich.console import Console

    from froude.tank.machine.profile import measure_machine

    console = Console(stderr=True)
    if not console.is_terminal:
        return measure_machine(device, seconds)
    with console.status("measuring") as status:
        return measure_machine(device, seconds, watch=lambda part: status.update(f"measuring {part}"))
