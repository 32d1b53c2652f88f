"""Addresses of studies: runs, their CSV, curves, and what is said of them while they run."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from froude.errors import InputError
from froude.web.query import AddressQuery
from froude.web.routes.replies import answer_json, html, json_reply, query_of
from froude.web.site import WebSite
from froude.web.views import live, study
from froude.web.views.shown import need
from froude.web.work import SameElsewhere

PATH = [{"name": "path", "in": "query", "required": True, "schema": {"type": "string"}}]
TABLE = PATH + [
    {"name": name, "in": "query", "schema": {"type": "string"}} for name in ("where", "sort", "page", "rows")
]
GOAL = [*PATH, {"name": "goal", "in": "query", "schema": {"type": "string"}}]


def study_routes(site: WebSite) -> APIRouter:
    """The routes of studies."""
    router = APIRouter()

    def pages_of(query: AddressQuery) -> list[study.RunsPage]:
        need(query, "path", "choose a study or a table from the list of studies")
        return [study.runs_page(site.tables, name, query) for name in query.all("path")]

    @router.get("/study", openapi_extra={"parameters": TABLE})
    def show_study(request: Request) -> Response:
        return study_page(site, query_of(request))

    @router.get("/study.json", openapi_extra={"parameters": TABLE})
    def study_json(request: Request) -> Response:
        return answer_json([page.answer for page in pages_of(query_of(request))])

    @router.get("/study.csv", openapi_extra={"parameters": TABLE})
    def study_csv(request: Request) -> Response:
        page = pages_of(query_of(request))[0]
        name = quote(page.name.rpartition("/")[2].rpartition(".")[0] or page.name.rpartition("/")[2], safe="")
        heads = {"content-disposition": f'attachment; filename="{name}.csv"'}
        return StreamingResponse(study.csv_of(page), media_type="text/csv", headers=heads)

    @router.get("/study/runs", openapi_extra={"parameters": TABLE})
    def study_runs(request: Request) -> Response:
        query = query_of(request)
        pages, trouble = _pages_or_trouble(site, query)
        return html("runs.html.j2", pages=pages, trouble=trouble, query=query)

    @router.get("/study/scatter.json", openapi_extra={"parameters": TABLE})
    def study_scatter(request: Request) -> Response:
        chart = study.scatter_of(pages_of(query_of(request)))
        return json_reply(None if chart is None else chart.to_dict())

    @router.get("/study/curves.json", openapi_extra={"parameters": TABLE})
    def study_curves(request: Request) -> Response:
        return json_reply(study.curves_to_dict(site.tables, query_of(request)))

    _add_live(router, site)
    return router


def _pages_or_trouble(site: WebSite, query: AddressQuery) -> tuple[list[study.RunsPage], str]:
    """The runs of each table, or in a sentence why there are none: a study without a finished run is no error."""
    try:
        return [study.runs_page(site.tables, name, query) for name in query.all("path")], ""
    except InputError as error:
        return [], str(error)


def _add_live(router: APIRouter, site: WebSite) -> None:
    """What is asked again and again while trainings run."""

    @router.get("/study/progress.json", openapi_extra={"parameters": PATH})
    def study_progress(request: Request) -> Response:
        found = [live.progress_of(name, site.shelf.path(name)) for name in query_of(request).all("path")]
        return json_reply([{"name": each.name, "finished": each.finished, "running": each.running} for each in found])

    @router.post("/study/verdicts", openapi_extra={"parameters": GOAL})
    def study_verdicts(request: Request) -> Response:
        query = query_of(request)
        need(query, "path", "name a study")
        said = live.verdicts(site.shelf, query)
        progress = live.progress_of(query.one("path"), site.shelf.path(query.one("path")))
        elsewhere: SameElsewhere = live.elsewhere(site.shelf, query)
        return html("live.html.j2", said=said, progress=progress, elsewhere=elsewhere, query=query)

    @router.post("/study/verdicts.json", openapi_extra={"parameters": GOAL})
    def study_verdicts_json(request: Request) -> Response:
        query = query_of(request)
        need(query, "path", "name a study")
        said = live.verdicts(site.shelf, query)
        if isinstance(said, str):
            raise InputError(said)
        return answer_json([said])


def study_page(site: WebSite, query: AddressQuery) -> Response:
    """The page of studies and tables."""
    need(query, "path", "choose a study or a table from the list of studies")
    names, paths = query.all("path"), [site.shelf.path(name) for name in query.all("path")]
    studies = [name for name, path in zip(names, paths, strict=True) if study.is_study(path)]
    pages, trouble = _pages_or_trouble(site, query)
    return html(
        "study.html.j2", **site.frame("/study", " and ".join(names)), names=names, studies=studies, query=query,
        pages=pages, trouble=trouble,
        progress=[live.progress_of(name, site.shelf.path(name)) for name in studies],
        elsewhere=study.elsewhere(site.shelf, query),
        watching=live.elsewhere(site.shelf, AddressQuery((("path", studies[0]),))) if studies else None,
    )  # fmt: skip
