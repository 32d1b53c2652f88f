"""`froude report`: the page of a study, written again from what is on disk."""

from typing import Annotated

import typer

from froude.cli.options import Json
from froude.cli.render import print_json, say
from froude.errors import visible
from froude.provenance import Provenance


def report(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study folder, such as `froude pilot` makes.")],
    json: Json = False,
) -> None:
    """Write a study's page again from what is on disk, and print where it is.

    Example: `froude report froude-studies/mine`
    """
    from froude.reporting import write_report
    from froude.runs import Study

    page = write_report(Study.open(study))
    print_json({"report": str(page), "provenance": Provenance.now().to_dict()}) if json else say(visible(str(page)))
