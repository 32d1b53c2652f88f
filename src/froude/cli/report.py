"""`froude report`: the page of a study, written again from what is on disk."""

from typing import Annotated

import typer


def report(study: Annotated[str, typer.Argument(help="A study folder.")]) -> None:
    """Write a study's page again from what is on disk."""
    from froude.report import write_report
    from froude.runs import Study

    print(write_report(Study.open(study)))
