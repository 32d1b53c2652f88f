"""`froude pilot`: the main job, with a display of how it goes."""

from pathlib import Path
from typing import Annotated

import typer

from froude.bounds import MOST_SEED
from froude.cli.options import Json
from froude.cli.outputs import output_folder
from froude.cli.render import print_json
from froude.engines import ENGINES


def pilot(
    minutes: Annotated[float, typer.Option(help="Wall time of the whole command.")] = 5.0,
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
    engine: Annotated[str, typer.Option(metavar="NAME", help=f"Where to train: {', '.join(ENGINES)}.")] = "local",
    json: Json = False,
) -> None:
    """Train small models, forecast a larger one, train that too, and show whether the forecast was right.

    Everything is kept in the study's folder, with a page `report.html`. Stop it at any moment: the same
    command goes on from there.
    Examples: `froude pilot --minutes 5` and `froude pilot --corpus my-texts --study froude-studies/mine`
    """
    from froude.cli.story import StoryTeller
    from froude.pilots.run import pilot as run_pilot

    with StoryTeller(check=check) as teller:
        result = run_pilot(
            minutes=minutes,
            seed=seed,
            study=study,
            corpus=corpus,
            plan=plan,
            check=check,
            device=device,
            engine=engine,
            watch=teller.hear,
        )
    if json:
        print_json(result.to_dict())
