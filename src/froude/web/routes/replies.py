"""What goes back to the browser: pages, pieces of them, JSON, and refusals that say what to do."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import HTMLResponse, Response

from froude.answers.answer import Answer
from froude.web.query import AddressQuery
from froude.web.templating import fill, json_text

BAD_INPUT = 400
NOT_YET = 202
"""The status of the JSON of some work that nobody has asked to compute yet."""


def query_of(request: Request) -> AddressQuery:
    """What the address of a request asks for."""
    return AddressQuery.of(request.query_params.multi_items())


def html(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A filled template."""
    return HTMLResponse(fill(template, **values), status)


def json_reply(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(json_text(value), status, media_type="application/json")


def answer_json(answers: list[Answer], is_one: bool = True) -> Response:
    """What `--json` prints of an answer, or a list of such."""
    dicts = [answer.to_dict() for answer in answers]
    return json_reply(dicts[0] if is_one and len(dicts) == 1 else dicts)


def problem(request: Request, text: str, status: int = BAD_INPUT) -> Response:
    """A refusal as what was asked for: JSON, a piece of a page, or a page."""
    if request.url.path.endswith(".json"):
        return json_reply({"error": text}, status)
    if request.headers.get("hx-request") == "true":
        return html("problem.html.j2", status, text=text)
    return html("error.html.j2", status, text=text, here=request.url.path, token="", title="That did not work")
