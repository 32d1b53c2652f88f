"""The deployment that serves a load within limits of latency on the fewest devices."""

from __future__ import annotations

from typing import Any

from froude.answers.serving_plans import answer_of_serving_plan
from froude.cost import model_catalogue
from froude.errors import InputError
from froude.planning.serving.best_deployment import plan_serving
from froude.web.charts import share_charts
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf
from froude.web.tables import OpenTables
from froude.web.views.serving import parse_load, plain_name
from froude.web.work import FormField, PageWork, SameElsewhere, WorkResult, command_of, options_of

NAMES = ("model", "load", "input", "output", "ttft", "tpot", "at", "chips", "engine", "objective", "quality_loss")
OPTIONS = {name: f"--{name.replace('_', '-')}" for name in NAMES}
MOST_DEVICES = 256


def fields(shelf: Shelf) -> tuple[FormField, ...]:
    """What is asked for."""
    return (
        FormField(name="model", label="Model", default="llama-3.1-8b", options=tuple(model_catalogue())),
        FormField(name="load", label="Load", hint="20/s, or 64 users", default="20/s"),
        FormField(name="input", label="Prompt tokens", default="2000"),
        FormField(name="output", label="Answer tokens", default="500"),
        FormField(name="ttft", label="First token within", hint="500ms", default="500ms"),
        FormField(name="tpot", label="Each later one within", hint="30ms", default="30ms"),
        FormField(name="chips", label="Chips to choose from", hint="h100,mi300x", default="h100"),
        FormField(name="at", label="Of requests", hint="p95", advanced=True),
        FormField(name="engine", label="Engines", hint="all", advanced=True),
        FormField(name="objective", label="Least", kind="choice", options=("", "devices", "dollars"), advanced=True),
        FormField(name="quality_loss", label="Quality that formats may lose", hint="0%", advanced=True),
    )


def _asked(query: AddressQuery) -> dict[str, Any]:
    """The arguments of `plan_serving`. InputError for what is a path: pages read no file that the shelf has not."""
    parse_load(query.one("load"))  # so that a trace's file is none
    chips = query.one("chips", "h100")
    for chip in chips.split(","):
        plain_name("chips", chip.strip())
    for name in ("input", "output"):
        if not query.amount(name, "count"):
            raise InputError(f"no {name} is given: say how many tokens a request has, as {name}=500")
    texts = {name: query.one(name) for name in ("ttft", "tpot", "at", "objective", "quality_loss") if query.one(name)}
    engines = {"engines": query.one("engine")} if query.one("engine") else {}
    sizes = {name: int(query.amount(name, "count") or 0) for name in ("input", "output")}
    return {"load": query.one("load"), **sizes, "chips": chips, **engines, **texts}


def perform(tables: OpenTables, query: AddressQuery) -> WorkResult:
    """The deployment, or why there is none."""
    plan = plan_serving(plain_name("model", query.one("model")), **_asked(query), max_devices=MOST_DEVICES)
    answer = answer_of_serving_plan(plan)
    return WorkResult(answer=answer, charts=share_charts(answer), result=plan)


def elsewhere(shelf: Shelf, query: AddressQuery) -> SameElsewhere:
    """The command and the Python."""
    more = "".join(f", {name}={value!r}" for name, value in _asked(query).items())
    return SameElsewhere(
        command=command_of("plan", "serve", *options_of(query, OPTIONS)),
        python=f"import froude\nplan = froude.plan_serving({query.one('model')!r}{more})",
    )


WORK = PageWork(
    name="plan-serving",
    title="Plan serving",
    lead="The deployment that serves a load within limits of latency, on the fewest devices or for the least dollars.",
    fields=fields,
    is_ready=lambda query: bool(query.one("model") and query.one("load")),
    perform=perform,
    elsewhere=elsewhere,
    names=NAMES,
    related=(("/serving", "Cost of one deployment"),),
)
