"""`froude pilot`: the main job, with a display of how it goes."""

from typing import Annotated

import typer

from froude.cli.render import Json, print_json


def pilot(
    minutes: Annotated[float, typer.Option(help="Wall time of the whole command.")] = 5.0,
    seed: Annotated[int, typer.Option(help="Seed of weights and order of data.")] = 0,
    study: Annotated[
        str | None, typer.Option(help="Folder of the study. [default: froude-studies/pilot-<hash of settings>]")
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="Folder or file to train on. [default: the Python sources installed here]")
    ] = None,
    plan: Annotated[str | None, typer.Option(help="Follow this plan.json instead of making a plan.")] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Train the target too, or stop before.")] = True,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    engine: Annotated[str, typer.Option(help="Where to train: local.")] = "local",
    json: Json = False,
) -> None:
    """Train small models, forecast a larger one, train that too, and show whether the forecast was right.

    Give the same command again and it goes on where it stopped.
    """
    from froude.cli.progress import Display
    from froude.pilot import pilot as run_pilot

    with Display() as display:
        result = run_pilot(
            minutes=minutes,
            seed=seed,
            study=study,
            corpus=corpus,
            plan=plan,
            check=check,
            device=device,
            engine=engine,
            watch=display.watch,
        )
    if json:
        print_json(result.to_dict())
