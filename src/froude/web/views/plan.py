"""The best training for tokens, a budget or a target loss."""

from __future__ import annotations

from typing import Any

from froude.answers.plans import answer_of_plan
from froude.cost import get_machine, get_model, known_chips, model_catalogue
from froude.errors import InputError
from froude.fitting.sources import names_constants
from froude.planning import plan_training
from froude.web.charts import share_charts
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf
from froude.web.tables import OpenTables
from froude.web.views.serving import plain_name
from froude.web.work import FormField, PageWork, SameElsewhere, WorkResult, command_of, options_of

NAMES = ("machine", "model", "tokens", "dollars", "days", "flop", "fit", "target_loss", "seq_len", "global_batch")
AMOUNTS = {"dollars": "budget_dollars", "flop": "budget_flops"}


def fields(shelf: Shelf) -> tuple[FormField, ...]:
    """What is asked for."""
    models = tuple(model_catalogue())
    machines = tuple(f"8 x {chip}" for chip in known_chips())
    return (
        FormField(name="machine", label="Machine", hint="64 x h100", default="64 x h100", options=machines),
        FormField(name="model", label="Model", hint="chosen where a budget is given", options=models),
        FormField(name="tokens", label="Tokens", hint="1T"),
        FormField(name="days", label="Days", hint="30"),
        FormField(name="dollars", label="Dollars", hint="3M"),
        FormField(name="flop", label="FLOP", hint="1e24", advanced=True),
        FormField(
            name="fit", label="What gives the loss", hint="chinchilla", options=shelf.names("fit"), advanced=True
        ),
        FormField(name="target_loss", label="Loss to reach", hint="2.1", advanced=True),
        FormField(name="seq_len", label="Length of a sequence", hint="4096", advanced=True),
        FormField(name="global_batch", label="Sequences of a step", hint="1024", advanced=True),
    )


def _asked(shelf: Shelf, query: AddressQuery) -> dict[str, Any]:
    """The arguments of `plan_training`. InputError where nothing says how large the training is."""
    days, fit = query.amount("days"), query.one("fit")
    if not any(query.one(name) for name in ("tokens", "dollars", "days", "flop", "target_loss")):
        raise InputError("nothing says how large the training is: give tokens, days, dollars or FLOP")
    asked = {
        "tokens": query.amount("tokens", "count"),
        "budget_seconds": None if days is None else days * 86400,
        **{argument: query.amount(name) for name, argument in AMOUNTS.items()},
        "target_loss": query.amount("target_loss"),
        "fit": (fit if names_constants_only(fit) else str(shelf.path(fit))) if fit else None,
        "seq_len": query.whole("seq_len", 1, 10**8) if query.one("seq_len") else None,
        "global_batch": query.whole("global_batch", 1, 10**8) if query.one("global_batch") else None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def names_constants_only(text: str) -> bool:
    """Whether a text names a law and no file, in this folder or anywhere."""
    return "/" not in text and not text.endswith(".json") and names_constants(text)


def perform(tables: OpenTables, query: AddressQuery) -> WorkResult:
    """The plan, or why there is none."""
    model = query.one("model")
    plan = plan_training(
        get_machine(plain_name("machine", query.one("machine"))),
        get_model(plain_name("model", model)) if model else None,
        **_asked(tables.shelf, query),
    )
    answer = answer_of_plan(plan)
    return WorkResult(answer=answer, charts=share_charts(answer), result=plan)


def elsewhere(shelf: Shelf, query: AddressQuery) -> SameElsewhere:
    """The command and the Python."""
    options = {"machine": "--machine", "model": "--model", "tokens": "--tokens", "target_loss": "--target-loss"}
    options |= {"seq_len": "--seq-len", "global_batch": "--global-batch"}
    budgets = {"days": "{} days", "dollars": "${}", "flop": "{}FLOP"}
    words = options_of(query, options)
    for name, text in budgets.items():
        words += ["--budget", text.format(query.one(name))] if query.one(name) else []
    asked = _asked(shelf, query)
    words += ["--fit", asked["fit"]] if "fit" in asked else []
    model = repr(query.one("model")) if query.one("model") else "None"
    more = "".join(f", {name}={value!r}" for name, value in asked.items())
    return SameElsewhere(
        command=command_of("plan", "train", *words),
        python=f"import froude\nplan = froude.plan_training({query.one('machine')!r}, {model}{more})",
    )


WORK = PageWork(
    name="plan",
    title="Plan a training",
    lead="The best layout of a training; under a budget its size, data, learning rate and batch too.",
    fields=fields,
    is_ready=lambda query: bool(query.one("machine")) and len(query.only(NAMES).pairs) > 1,
    perform=perform,
    elsewhere=elsewhere,
    empty="Name a machine, and how large the training is: a model and its tokens, or days, dollars or FLOP.",
    names=NAMES,
)
