"""The server of `froude ui`: this machine alone, until it is interrupted."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from froude.errors import InputError

if TYPE_CHECKING:
    from froude.web.site import WebSite

PORT = 8765
BACKLOG = 128


def serve_pages(
    source: str | os.PathLike[str] = ".",
    *,
    port: int = PORT,
    hosts: Sequence[str] = (),
    ready: Callable[[str, int], None] | None = None,
) -> None:
    """Serve the pages of a folder, a study or a table on 127.0.0.1 until interrupted.

    Port 0 takes a free one. `hosts` are further names under which a browser may ask, as that of a proxy. `ready` is
    called with the address and the number of runs that were read, once the study that was named has been read.
    InputError where the source is not there, the port is taken, or a library of `froude[ui]` is missing.
    """
    uvicorn = _uvicorn()
    from froude.web.app import inner_app
    from froude.web.security import AccessGuard
    from froude.web.shelf import Shelf
    from froude.web.site import WebSite

    site = WebSite.of(Shelf.of(source), secrets.token_urlsafe(24))
    guarded = AccessGuard(inner_app(site), tuple(hosts), site.token)
    listening = _listen(port)
    with listening:
        runs = _read_named(site)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        config = uvicorn.Config(guarded, log_level="error", access_log=False, server_header=False)
        server = uvicorn.Server(config)
        if ready is not None:
            ready(address, runs)
        server.run(sockets=[listening])


def _read_named(site: WebSite) -> int:
    """Read the one study or table that was named, so that its page answers at once; how many runs it has."""
    from froude.web.routes.works import WORKS
    from froude.web.views.shown import folder_page

    folder_page(site.shelf)
    for work in WORKS:
        work.fields(site.shelf)
    if site.shelf.only is None:
        return 0
    from froude.web.query import AddressQuery
    from froude.web.routes.studies import study_page

    try:
        runs = len(site.tables.read(site.shelf.only))
        study_page(site, AddressQuery((("path", site.shelf.only),)))  # what it imports and fills is kept
    except InputError:  # without a finished run yet, or no table, which its page says
        return 0
    return runs


def _listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1. InputError where the port is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"port {port} cannot be had ({reason}): name another with --port, 0 for any that is free"
        ) from None
    listening.listen(BACKLOG)
    return listening


def _uvicorn() -> Any:
    """The server's library. InputError, with the line that installs it, where it or another is missing."""
    try:
        import fastapi  # noqa: F401
        import jinja2  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise InputError(f"{error.name} is missing, which shows pages: pip install 'froude[ui]'") from None
    return uvicorn
