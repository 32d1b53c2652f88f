"""What serving a model costs: latency, throughput, memory and price of one deployment."""

from __future__ import annotations

import re

from froude.answers.serving import answer_of_serve_cost
from froude.cost import get_machine, known_chips, model_catalogue, serve_cost
from froude.errors import InputError, shown
from froude.quantity import parse_quantity
from froude.web.charts import share_charts
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf
from froude.web.tables import OpenTables
from froude.web.work import FormField, PageWork, SameElsewhere, WorkResult, command_of, options_of

NAMES = ("model", "machine", "input", "output", "load", "engine", "precision", "kv", "tp", "pp", "ep", "dp")
OPTIONS = {name: f"--{name}" for name in NAMES}
WHOLE = ("tp", "pp", "ep", "dp")


def fields(shelf: Shelf) -> tuple[FormField, ...]:
    """What is asked for."""
    return (
        FormField(name="model", label="Model", hint="llama-3.1-8b", default="llama-3.1-8b", options=_models()),
        FormField(name="machine", label="Machine", hint="1 x h100", default="1 x h100", options=_machines()),
        FormField(name="input", label="Prompt tokens", default="2000"),
        FormField(name="output", label="Answer tokens", default="500"),
        FormField(name="load", label="Load", hint="64 users, or 3.5/s", default="16 users"),
        FormField(
            name="engine", label="Engine", kind="choice", options=("", "vllm", "sglang", "tensorrt-llm", "static")
        ),
        FormField(name="precision", label="Weights", hint="bf16, fp8, int4", advanced=True),
        FormField(name="kv", label="Keys and values", hint="bf16, fp8", advanced=True),
        FormField(name="tp", label="Tensor parallel", advanced=True),
        FormField(name="pp", label="Pipeline stages", advanced=True),
        FormField(name="ep", label="Expert parallel", advanced=True),
        FormField(name="dp", label="Replicas", advanced=True),
    )


def _models() -> tuple[str, ...]:
    return tuple(model_catalogue())


def _machines() -> tuple[str, ...]:
    return tuple(f"8 x {chip}" for chip in known_chips())


def perform(tables: OpenTables, query: AddressQuery) -> WorkResult:
    """What the deployment costs. InputError as `serve_cost` raises it, and for a model or machine that is a path."""
    users, rate = parse_load(query.one("load"))
    cost = serve_cost(
        plain_name("model", query.one("model")),
        get_machine(plain_name("machine", query.one("machine"))),
        input=int(query.amount("input", "count") or 0),
        output=int(query.amount("output", "count") or 0),
        users=users,
        rate=rate,
        engine=query.one("engine") or None,
        precision=query.one("precision") or None,
        kv=query.one("kv") or None,
        tp=_whole(query, "tp"),
        pp=_whole(query, "pp") or 1,
        ep=_whole(query, "ep"),
        dp=_whole(query, "dp"),
    )
    answer = answer_of_serve_cost(cost)
    return WorkResult(answer=answer, charts=share_charts(answer), result=cost)


def plain_name(what: str, text: str) -> str:
    """A name of the catalogue, or a description. InputError for a path: pages read no file that the shelf has not."""
    if not text or "/" in text or "\\" in text or text.startswith((".", "~")) or re.search(r"\.(json|toml)\b", text):
        raise InputError(f"{what}={shown(text, 60)} is no name: choose one of the list; the command line takes files")
    return text


def _whole(query: AddressQuery, name: str) -> int | None:
    return query.whole(name, 1, 100_000) if query.one(name) else None


def parse_load(text: str) -> tuple[float | None, float | None]:
    """Users, or requests a second. InputError for what is neither."""
    if not text:
        return None, None
    match = re.fullmatch(r"\s*([\d.,_]+)\s*(users?|/\s*s)\s*", text)
    if match is None:
        raise InputError(f'load={shown(text, 40)} is no load: write "64 users", or 3.5/s')
    amount = parse_quantity(match[1])
    return (amount, None) if match[2].startswith("user") else (None, amount)


def elsewhere(shelf: Shelf, query: AddressQuery) -> SameElsewhere:
    """The command and the Python."""
    texts = {name: query.one(name) for name in ("engine", "precision", "kv") if query.one(name)}
    more = "".join(f", {name}={value!r}" for name, value in texts.items())
    more += "".join(f", {name}={query.one(name)}" for name in WHOLE if query.one(name))
    users, rate = parse_load(query.one("load"))
    load = "" if users is rate is None else f", users={users:g}" if rate is None else f", rate={rate:g}"
    size = f"input={int(query.amount('input') or 0)}, output={int(query.amount('output') or 0)}"
    return SameElsewhere(
        command=command_of("cost", "serve", *options_of(query, OPTIONS)),
        python=f"import froude\ncost = froude.serve_cost(\n    {query.one('model')!r}, {query.one('machine')!r}, "
        f"{size}{load}{more}\n)",
    )


WORK = PageWork(
    name="serving",
    title="Cost of serving",
    lead="Latency, throughput, memory and price of a model under a load.",
    fields=fields,
    is_ready=lambda query: bool(query.one("model") and query.one("machine")),
    perform=perform,
    elsewhere=elsewhere,
    names=NAMES,
    related=(("/plan-serving", "Find the deployment for limits of latency"),),
)
