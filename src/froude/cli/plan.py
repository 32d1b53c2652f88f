"""`froude plan train`: the best way to train on a machine, for so many tokens or for a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from froude.cli.errors import tell
from froude.cli.options import Json
from froude.cli.render import print_json
from froude.errors import InputError
from froude.quantity import format_quantity, parse_quantity

if TYPE_CHECKING:
    from froude.cost import Machine, Model
    from froude.fitting import Fit
    from froude.planning.plans import Infeasible, Plan
    from froude.planning.training.size_options import BudgetProblem, Spent

LAW = "chinchilla"
BUDGETS = {"FLOP": "budget_flops", "dollars": "budget_dollars", "seconds": "budget_seconds"}
"""Arguments of the planner by the dimension of a budget."""

WARMUP_STEPS, FINAL_RATE = 2000, 1e-5
"""Schedule of the trainings behind the rules for learning rate and batch (Li et al. 2025, arXiv:2503.04715, as
remembered): a linear warm-up, then a cosine to this rate."""

SHARDED = {"torchtitan": {"zero": 3}, "fsdp": {"zero": 3, "tensor": 1, "pipeline": 1, "context": 1, "expert": 1}}
"""What frameworks that know no other layouts ask of the search, where the user does not pin it."""

Text = str | None
Rows = list[dict[str, Any]]


def train(
    machine: Annotated[str, typer.Option(help='"1024 x h100", a chip alone for one node, or a TOML file.')],
    model: Annotated[
        Text, typer.Option(help="A name, a description or a file. Its size is chosen where a budget is given.")
    ] = None,
    tokens: Annotated[Text, typer.Option(metavar="COUNT", help="Tokens to train on, as 15T.")] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(metavar="QUANTITY", help='1e24FLOP, "$3M" or "30 days"; several combine.'),
    ] = None,
    law: Annotated[
        Text, typer.Option(metavar="NAME[:SET]", help="Law of the loss, and its published constants. [chinchilla]")
    ] = None,
    fit: Annotated[Text, typer.Option(metavar="FILE", help="Law of the loss: what `froude fit --out` saved.")] = None,
    target_loss: Annotated[float | None, typer.Option(help="Reach this loss at the least cost.")] = None,
    inference_tokens: Annotated[Text, typer.Option(metavar="COUNT", help="Tokens served in the model's life.")] = None,
    data_limit: Annotated[
        Text, typer.Option(metavar="COUNT", help="Unique tokens there are; more are repeats.")
    ] = None,
    quantile: Annotated[float | None, typer.Option(help="Plan for this quantile of a fit's draws, as 0.9.")] = None,
    seq_len: Annotated[Text, typer.Option(metavar="TOKENS", help="Length of a sequence.")] = None,
    global_batch: Annotated[Text, typer.Option(metavar="COUNT", help="Sequences of a step.")] = None,
    fix: Annotated[Text, typer.Option(metavar="NAME=VALUE,…", help="Pin parts of the layout: tensor=8,zero=3.")] = None,
    precision: Annotated[Text, typer.Option(metavar="bf16|fp8|…", help="Number types.")] = None,
    price_per_device_hour: Annotated[float | None, typer.Option(metavar="DOLLARS", help="Of a device.")] = None,
    pareto: Annotated[bool, typer.Option("--pareto", help="Show what loss, time, dollars and kWh trade for.")] = False,
    emit: Annotated[
        Text, typer.Option(metavar="FRAMEWORK", help="Write it for torchtitan, megatron, deepspeed or fsdp.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where --emit writes. [default: stdout]")] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page of the plan: memory, time, what it hangs on.")
    ] = None,
    json: Json = False,
) -> None:
    """Find the best layout of a training; under a budget its size, data, learning rate, batch and precision too.

    Examples: `froude plan train --model llama-3.1-70B --tokens 15T --machine "1024 x h100"` and
    `froude plan train --budget "$3M" --budget "30 days" --machine "1024 x h100"`
    """
    from froude.cost import get_machine, get_model

    if out is not None and emit is None:
        raise InputError(f"--out {str(out)!r} needs --emit FRAMEWORK: it says where the configuration goes")
    if emit is not None and json and out is None:
        raise InputError(f"--emit {emit} and --json both write on stdout: give --out FILE for the configuration")
    where = get_machine(machine, price_per_device_hour=price_per_device_hour)
    what = get_model(model) if model is not None else None
    settled = {
        "seq_len": whole("--seq-len", seq_len),
        "global_batch": whole("--global-batch", global_batch),
        "fixed": {
            **SHARDED.get(emit or "", {}),
            **pins(fix),
            **({} if precision is None else {"precision": precision}),
        },
    }
    source = source_of(law, fit)
    if tokens is not None:
        refuse_beside_tokens(target_loss, inference_tokens, data_limit, quantile)
        found, front = for_tokens(where, what, tokens, budgets(budget), settled, source, law or fit, pareto)
    else:
        asked = {
            **budgets(budget),
            "target_loss": target_loss,
            "inference_tokens": count("--inference-tokens", inference_tokens) or 0.0,
            "data_limit_tokens": count("--data-limit", data_limit),
            "quantile": quantile,
        }
        found, front = for_budget(where, what, {**asked, **settled}, source, pareto)
    if page is not None:
        write_page(found, front, page)
    finish(found, front, emit, out, json)


def for_tokens(
    machine: Machine,
    model: Model | None,
    tokens: str,
    limits: Mapping[str, float],
    settled: Mapping[str, Any],
    source: Fit | str,
    forecasted: object,
    pareto: bool,
) -> tuple[Plan | Infeasible, Rows | None]:
    """The plan of a model on so many tokens, with what a law says of it where one is named."""
    from froude.planning.plans import Plan
    from froude.planning.training.layout_finder import best_learning_rate
    from froude.planning.training.on_budget import problem_of
    from froude.planning.training.on_tokens import plan_train

    many = count("--tokens", tokens) or 0.0
    if model is None:
        raise InputError(f"--tokens {tokens} says how long, not what: give --model too, or a --budget in its place")
    if "budget_flops" in limits:
        raise InputError("--tokens and a budget of FLOP both say how long: give one of them")
    deadline, dollars = limits.get("budget_seconds"), limits.get("budget_dollars")
    found = plan_train(model, machine, tokens=many, **settled, deadline_seconds=deadline, budget_dollars=dollars)
    if not isinstance(found, Plan):
        return found, [] if pareto else None
    length = found.choice.layout.seq_len
    flops = {"budget_flops": float(model.training_flops(length)) * found.steps * float(found.choice.layout.tokens)}
    known = {**settled, "seq_len": int(length), "global_batch": int(found.choice.layout.global_batch)}
    problem = problem_of(machine, source, model=model, **flops, **known)
    rate = {"learning_rate": best_learning_rate(model, many), "description": dict(model.description)}
    found = replace(found, chosen={**found.chosen, **rate})
    if forecasted is not None:
        said = problem.belief.forecast(float(model.n_active), many)
        found = replace(found, forecast=said, assumptions=(*problem.belief.assumptions(), *found.assumptions))
    return found, front_of(problem, (1.0,)) if pareto else None


def for_budget(
    machine: Machine, model: Model | None, asked: Mapping[str, Any], source: Fit | str, pareto: bool
) -> tuple[Plan | Infeasible, Rows | None]:
    """The plan of what budgets buy, and the front around it."""
    from froude.planning.training.on_budget import problem_of, solve
    from froude.planning.training.trade_offs import LENGTHS

    given = {name for name in BUDGETS.values() if name in asked}
    spent: Spent = "flops" if given == {"budget_flops"} else "dollars"
    problem = problem_of(machine, source, model=model, minimise=spent, **asked)
    return solve(problem), front_of(problem, LENGTHS) if pareto else None


def front_of(problem: BudgetProblem, lengths: tuple[float, ...]) -> Rows:
    """The front as rows."""
    from froude.planning.training.trade_offs import pareto

    return [point.to_dict() for point in pareto(problem, lengths=lengths)]


def finish(found: Plan | Infeasible, front: Rows | None, emit: str | None, out: Path | None, json: bool) -> None:
    """Writes what was found: as JSON, as a configuration, or for a person."""
    from froude.cli.plan_view import show, show_front
    from froude.planning.plans import Plan

    text = ""
    if emit is not None:
        if not isinstance(found, Plan):
            raise InputError(f"there is no plan to emit: {found.reasons[0]}; {found.nearest}")
        text = configuration(emit, found)
        if out is None:
            print(text, end="" if text.endswith("\n") else "\n")
            return
        write(out, text)
    if json:
        print_json({**found.to_dict(), **({"pareto": front} if front is not None else {})})
        return
    show(found)
    if front:
        show_front(front)
    if text:
        print(f"\nwritten for {emit}: {out}")


def write_page(found: Plan | Infeasible, front: Rows | None, path: Path) -> None:
    """Writes the page of a plan, or of why there is none, and says where it is."""
    from froude.cost.model.description import build_model
    from froude.planning.plans import Plan
    from froude.planning.training.trade_offs import Point
    from froude.reporting import write_plan_page

    model = build_model(found.model, found.chosen["description"]) if isinstance(found, Plan) else None
    tell(f"page: {write_plan_page(found, path, model=model, points=[Point(**row) for row in front or ()])}")


def configuration(framework: str, plan: Plan) -> str:
    """A plan as the configuration of a framework; InputError where that cannot express it."""
    from froude.planning.emit import Recipe, emit

    rate, steps = float(plan.chosen["learning_rate"]), plan.steps
    return emit(
        framework,
        Recipe(
            model=plan.model,
            description=plan.chosen["description"],
            layout=plan.choice.layout,
            machine=plan.machine.chip.name,
            devices_per_node=plan.machine.devices_per_node,
            steps=steps,
            learning_rate=rate,
            warmup_steps=min(WARMUP_STEPS, steps // 10),
            final_learning_rate=min(FINAL_RATE, rate),
            reasons={
                "steps": f"{format_quantity(plan.tokens)} tokens",
                "learning_rate": "by the Step Law, Li et al. 2025, arXiv:2503.04715",
                "warmup_steps": "as in the trainings behind the Step Law, at most a tenth of the steps",
            },
        ),
    )


def write(path: Path, text: str) -> None:
    """Writes a configuration; InputError where that cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {str(path)!r} cannot be written ({error.strerror}): name another file") from None


def budgets(texts: list[str] | None) -> dict[str, float]:
    """The planner's arguments for budgets; InputError for what is none and for two of a kind."""
    found: dict[str, float] = {}
    for text in texts or ():
        name = BUDGETS[dimension_of(text)]
        if name in found:
            raise InputError(f"--budget {text!r} is a second budget of its kind: give one each of FLOP, $ and time")
        found[name] = parse_quantity(text)
    return found


def dimension_of(text: str) -> str:
    """Whether a budget is in FLOP, dollars or seconds."""
    for dimension in BUDGETS:
        try:
            plain = parse_quantity(text, expect=dimension)
        except InputError:
            continue
        if is_bare(text):
            break
        if not plain > 0:
            raise InputError(f"--budget {text!r} buys nothing: give more than 0")
        return dimension
    raise InputError(f"--budget {text!r} is no budget: write 1e24FLOP, $3M or 30 days")


def is_bare(text: str) -> bool:
    """Whether a quantity has no unit, so that it would pass for any."""
    try:
        return parse_quantity(text, expect="FLOP") == parse_quantity(text, expect="dollars")
    except InputError:
        return False


def source_of(law: str | None, fit: str | None) -> Fit | str:
    """The law or the fit that the loss is taken from."""
    if law is not None and fit is not None:
        raise InputError(f"--law {law} and --fit {fit} both say what the loss is: give one of them")
    if fit is None:
        return law or LAW
    from froude.fitting import Fit

    return Fit.load(fit)


def pins(text: str | None) -> dict[str, Any]:
    """The parts of a layout that `--fix` pins, each of its kind. InputError for other names and values."""
    from froude.cost.model.keys import split_assignments
    from froude.cost.training.layout import CHOICES, Layout

    names = [one.name for one in fields(Layout) if one.name not in ("devices", "global_batch", "seq_len")]
    flags = {"true": True, "yes": True, "false": False, "no": False}
    found: dict[str, Any] = {}
    for name, value in (split_assignments(text) if text is not None else {}).items():
        if name not in names:
            raise InputError(f"--fix {name}={value}: a layout has no {name}; it has {', '.join(names)}")
        default = next(one.default for one in fields(Layout) if one.name == name)
        if name == "precision" or isinstance(default, str):
            found[name] = value
        elif isinstance(default, bool):
            if value.lower() not in flags:
                raise InputError(f"--fix {name}={value}: write true or false")
            found[name] = flags[value.lower()]
        else:
            found[name] = pinned_number(name, value)
        if name in CHOICES and found[name] not in CHOICES[name]:
            raise InputError(f"--fix {name}={value}: take one of {', '.join(map(str, CHOICES[name]))}")
    return found


def pinned_number(name: str, value: str) -> int | float:
    """A number of a layout: whole and from 1, or what the few others may be."""
    number = parse_quantity(value)
    if name in ("recomputed", "compress"):
        if not number > 0:
            raise InputError(f"--fix {name}={value}: give a number above 0")
        return number
    least = 0 if name in ("zero", "shard") else 1
    if number != int(number) or number < least:
        raise InputError(f"--fix {name}={value}: give a whole number of at least {least}")
    return int(number)


def count(option: str, text: str | None) -> float | None:
    """A count above 0 that an option gives."""
    if text is None:
        return None
    number = parse_quantity(text, expect="count")
    if not number > 0:
        raise InputError(f"{option} {text!r}: give a number above 0")
    return number


def whole(option: str, text: str | None) -> int | None:
    """A whole number of at least 1 that an option gives."""
    number = count(option, text)
    if number is not None and number != int(number):
        raise InputError(f"{option} {text!r}: give a whole number")
    return None if number is None else int(number)


def refuse_beside_tokens(
    target_loss: float | None, inference_tokens: str | None, data_limit: str | None, quantile: float | None
) -> None:
    """InputError for what would decide the tokens that are given."""
    said = {
        "--target-loss": target_loss,
        "--inference-tokens": inference_tokens,
        "--data-limit": data_limit,
        "--quantile": quantile,
    }
    for option, value in said.items():
        if value is not None:
            raise InputError(f"{option} {value} is for choosing tokens, and --tokens gives them: leave one out")
