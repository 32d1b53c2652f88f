"""`froude report`: the page of a study, written again from what is on disk."""

from typing import Annotated

import typer

from froude.cli.options import Json
from froude.cli.render import print_json
from froude.errors import InputError


def report(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study folder, such as `froude pilot` makes.")],
    json: Json = False,
) -> None:
    """Write a study's page again from what is on disk, and print where it is."""
    from froude.reporting import write_report
    from froude.runs import Study

    opened = Study.open(study)
    if opened.settings.get("kind") == "growth":
        raise InputError(
            f"{study!r} keeps timings of growth ({opened.settings['title']!r}): give its froude grow again, with "
            f"--study {study} --page FILE.html; nothing kept is timed again"
        )
    page = write_report(opened)
    if json:
        print_json({"report": str(page)})
    else:
        print(page)
