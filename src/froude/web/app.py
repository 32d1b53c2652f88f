"""The application put together: routes, files, refusals."""

from __future__ import annotations

import secrets
from functools import cache
from importlib import resources
from typing import Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from froude.errors import InputError
from froude.version import __version__
from froude.web.routes.replies import answer_json, html, problem, query_of
from froude.web.routes.studies import study_routes
from froude.web.routes.works import work_routes
from froude.web.security import AccessGuard
from froude.web.shelf import Shelf
from froude.web.site import WebSite
from froude.web.templating import theme_css
from froude.web.views.shown import atlas_page, folder_page, forecasts_page

KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".txt": "text/plain"}
ATLAS = {"parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("text", "record")]}


def make_app(shelf: Shelf, hosts: tuple[str, ...] = (), token: str | None = None) -> AccessGuard:
    """The application over a folder. `hosts` are names beside this machine's own by which it may be asked."""
    site = WebSite.of(shelf, token or secrets.token_urlsafe(24))
    return AccessGuard(inner_app(site), hosts, site.token)


def inner_app(site: WebSite) -> FastAPI:
    """The application without its guard."""
    app = FastAPI(title="Froude", version=__version__, docs_url=None, redoc_url=None)
    app.include_router(study_routes(site))
    app.include_router(work_routes(site))
    _add_shown(app, site)
    _add_files(app)

    @app.exception_handler(InputError)
    def refuse(request: Request, error: InputError) -> Response:
        return problem(request, str(error))

    @app.exception_handler(HTTPException)
    def missing(request: Request, error: HTTPException) -> Response:
        text = "there is no such page: the menu has all there are" if error.status_code == 404 else str(error.detail)
        return problem(request, text, error.status_code)

    return app


def _add_shown(app: FastAPI, site: WebSite) -> None:
    """Pages that look something up, each with its JSON."""

    @app.get("/")
    def index(request: Request) -> Response:
        page = folder_page(site.shelf)
        return html("index.html.j2", **site.frame("/", "Studies"), page=page, shelf=site.shelf)

    @app.get("/index.json")
    def index_json() -> Response:
        return answer_json([folder_page(site.shelf).answer])

    @app.get("/forecasts")
    def forecasts(request: Request) -> Response:
        page = forecasts_page(site.shelf)
        return html("forecasts.html.j2", **site.frame("/forecasts", "Forecasts on record"), page=page)

    @app.get("/forecasts.json")
    def forecasts_json() -> Response:
        return answer_json([forecasts_page(site.shelf).answer])

    @app.get("/atlas", openapi_extra=ATLAS)
    def atlas(request: Request) -> Response:
        query = query_of(request)
        return html("atlas.html.j2", **site.frame("/atlas", "Atlas"), page=atlas_page(query), query=query)

    @app.get("/atlas.json", openapi_extra=ATLAS)
    def atlas_json(request: Request) -> Response:
        return answer_json([atlas_page(query_of(request)).answer])


def _add_files(app: FastAPI) -> None:
    """Scripts and styles, all of this package."""

    @app.get("/theme.css", include_in_schema=False)
    def theme() -> Response:
        return _kept(theme_css().encode(), ".css")

    @app.get("/files/{name}", include_in_schema=False)
    def file(name: str) -> Response:
        found = _files().get(name)
        if found is None:
            raise HTTPException(404)
        return _kept(found, "." + name.rpartition(".")[2])


def _kept(data: bytes, ending: str) -> Response:
    return Response(data, media_type=KINDS[ending], headers={"cache-control": "no-cache"})


@cache
def _files() -> dict[str, bytes]:
    """The files of this package that pages load, by name."""
    folders = (resources.files("froude.web").joinpath(name) for name in ("static", "vendored"))
    found: dict[str, Any] = {each.name: each for folder in folders for each in folder.iterdir()}
    return {name: each.read_bytes() for name, each in found.items() if "." + name.rpartition(".")[2] in KINDS}
