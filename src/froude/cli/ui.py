"""`froude ui`: the pages of a folder in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from froude.cli.errors import tell
from froude.cli.options import Json
from froude.cli.render import print_json, say


def ui(
    source: Annotated[
        str, typer.Argument(metavar="STUDY|FOLDER", help="A folder of studies, tables and fits, or one of them.")
    ] = ".",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="On 127.0.0.1; 0 takes a free one.")] = 8765,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Another name to be asked by, as that of a proxy.")
    ] = None,
    json: Json = False,
) -> None:
    """Look at studies, laws, plans and claims in a browser, until interrupted.

    A study is shown live while it runs. Only this machine is served; nothing is written and nothing leaves it.
    Examples: `froude ui`, `froude ui runs/ --port 9000`
    """
    from froude.web import serve_pages

    def ready(address: str, runs: int) -> None:
        if json:
            print_json({"address": address, "runs": runs})
            return
        say(f"ready at {address}")
        tell(f"{runs} runs read; press Ctrl-C to stop" if runs else "press Ctrl-C to stop")

    serve_pages(source, port=port, hosts=allow_host or (), ready=ready)
