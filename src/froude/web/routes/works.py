"""Addresses of pages that compute: opened by GET, computed by POST, and the JSON of what was."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from froude.errors import InputError
from froude.web.query import AddressQuery
from froude.web.routes.replies import NOT_YET, answer_json, html, json_reply, query_of
from froude.web.site import WebSite
from froude.web.views import compare, law, optimal, plan, plan_serving, serving
from froude.web.work import PageWork, SameElsewhere, WorkResult

WORKS: tuple[PageWork, ...] = (law.WORK, optimal.WORK, compare.WORK, plan.WORK, serving.WORK, plan_serving.WORK)
"""The pages that compute; a new one joins by a line."""


def work_routes(site: WebSite) -> APIRouter:
    """The routes of all works, and of the forecast at a target that is dragged."""
    router = APIRouter()
    for work in WORKS:
        _add(router, site, work)

    @router.post(
        "/law/forecast.json", openapi_extra={"parameters": _parameters([*law.NAMES, "N", "D", "C", "machine"])}
    )
    def forecast(request: Request) -> Response:
        query = query_of(request)
        if not law.WORK.is_ready(query):
            raise InputError("no runs are chosen: give path, the name of a study or a table")
        return json_reply(law.forecast_at(site.tables, site.works.make(law.WORK, query).result, query))

    return router


def _add(router: APIRouter, site: WebSite, work: PageWork) -> None:
    about = {"parameters": _parameters(work.names)}

    def result_of(query: AddressQuery) -> WorkResult:
        if not work.is_ready(query):
            raise InputError(work.empty)
        return site.works.make(work, query)

    def page(request: Request) -> Response:
        query = query_of(request)
        fields = work.fields(site.shelf)
        ready = work.is_ready(query)
        known, trouble, elsewhere = None, "", None
        if ready:
            try:
                known, elsewhere = site.works.known(work, query), work.elsewhere(site.shelf, query)
            except InputError as error:
                ready, trouble = False, str(error)
        return html(
            work.template, **site.frame(f"/{work.name}", work.title), work=work, fields=fields, query=query,
            ready=ready, known=known, trouble=trouble, elsewhere=elsewhere,
        )  # fmt: skip

    def twin(request: Request) -> Response:
        query = query_of(request)
        if not work.is_ready(query):
            return json_reply({"error": work.empty}, 400)
        known = site.works.known(work, query)
        if known is not None:
            return answer_json([known.answer])
        elsewhere: SameElsewhere = work.elsewhere(site.shelf, query)
        return json_reply(
            {"state": "not computed", "remedy": "POST here with the page's token", "command": elsewhere.command},
            NOT_YET,
        )

    def compute(request: Request) -> Response:
        query = query_of(request)
        result = result_of(query)
        return html("result.html.j2", work=work, query=query, known=result, elsewhere=work.elsewhere(site.shelf, query))

    def compute_twin(request: Request) -> Response:
        return answer_json([result_of(query_of(request)).answer])

    for method, path, function in (
        ("GET", f"/{work.name}", page),
        ("GET", f"/{work.name}.json", twin),
        ("POST", f"/{work.name}", compute),
        ("POST", f"/{work.name}.json", compute_twin),
    ):
        router.add_api_route(path, function, methods=[method], openapi_extra=about, name=f"{work.name} {method} {path}")


def _parameters(names: list[str] | tuple[str, ...]) -> list[dict[str, object]]:
    return [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
