"""`froude pilot`: the main job, with a display of how it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.bounds import MOST_SEED, MOST_WORKERS
from froude.cli.options import EngineName, Json, RunNeeds
from froude.cli.outputs import output_folder
from froude.cli.render import print_json
from froude.errors import InputError
from froude.quantity import parse_quantity
from froude.runs.roles import parse_roles

if TYPE_CHECKING:
    from froude.cli.story import StoryTeller

RATIO = 20.0
Command = Annotated[
    str | None,
    typer.Option(metavar="'CMD {NAME} …'", help="Your trainer. [default: Froude's own]", show_default=False),
]
Dial = Annotated[
    str | None, typer.Option(metavar="NAME=A:B[:M]", help="Its size, A to B, multiples of M: width=16:512:8.")
]
Derived = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=SUM", help="Its other {NAME}s: lr=3e-3, steps=tokens//512."),
]
Metrics = Annotated[str | None, typer.Option(metavar="FILE", help="In {log}: its log. [default: JSON lines on stdout]")]
Columns = Annotated[str | None, typer.Option(metavar="ROLE=NAME,…", help="What it calls N, D and loss: loss=val_loss.")]
Resume = Annotated[str | None, typer.Option(metavar="WORDS", help="Added to its command for a run begun before.")]


def pilot(
    command: Command = None,
    dial: Dial = None,
    derived: Derived = None,
    minutes: Annotated[float, typer.Option(help="Wall time of the whole command.")] = 5.0,
    flops: Annotated[str | None, typer.Option(metavar="FLOP", help="Compute of its runs, in place of minutes.")] = None,
    ratio: Annotated[float, typer.Option(metavar="NUMBER", help="Tokens a parameter of its target.")] = RATIO,
    first_tokens: Annotated[str, typer.Option(metavar="TOKENS", help="Length of its first short run.")] = "100k",
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of weights and of the order of data.")] = 0,
    study: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=output_folder,
            help="Folder of the study. [default: froude-studies/pilot-HASH, of the settings]",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Folder or file to train on. [default: Python sources installed here]"),
    ] = None,
    plan: Annotated[
        str | None, typer.Option(metavar="FILE", help="Follow this plan.json instead of making a plan.")
    ] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Train the target too, or stop before it.")] = True,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_WORKERS, help="Runs at a time. [default: 1 of yours, or a core each]"),
    ] = None,
    metrics: Metrics = None,
    columns: Columns = None,
    resume: Resume = None,
    engine: EngineName = "local",
    needs: RunNeeds = None,
    json: Json = False,
) -> None:
    """Train small models, forecast a larger one, train that too, and show whether the forecast was right.

    Models are Froude's own, or your trainer's: --command is run as by `froude sweep`, told {tokens} and its dial.
    All is kept in the study's folder, with a page `report.html`. Stop it at any moment: the same command goes on.
    Examples: `froude pilot --minutes 5` and
    `froude pilot --command "python train.py --width {width} --tokens {tokens}" --dial width=16:512`
    """
    from froude.pilots.run import pilot as run_pilot

    with teller(command, check) as tells:
        result = run_pilot(
            train=command, dial=dial, derived=parse_settings(derived), minutes=minutes, flops=flops,
            ratio=ratio, first_tokens=parse_quantity(first_tokens, expect="count"), seed=seed,
            study=study, corpus=corpus, plan=plan, check=check, device=device, workers=workers, metrics=metrics,
            columns=parse_roles(columns), resume=resume, engine=engine, needs=needs, watch=tells.hear,
        )  # fmt: skip
    if json:
        print_json(result.to_dict())


def teller(command: str | None, check: bool) -> StoryTeller:
    """What tells how it goes."""
    from froude.cli.command_story import CommandStoryTeller
    from froude.cli.story import StoryTeller

    return StoryTeller(check=check) if command is None else CommandStoryTeller(check=check)


def parse_settings(given: list[str] | None) -> dict[str, str] | None:
    """Settings by name, as "lr=3e-3" writes one. InputError for what is none."""
    settings: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise InputError(f"--set {text!r} sets nothing: write it like lr=3e-3 or steps=tokens//512")
        settings[name.strip()] = value.strip()
    return settings or None
