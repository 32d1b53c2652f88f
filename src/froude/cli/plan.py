"""`froude plan train`: the best way to train on a machine, for so many tokens or for a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from froude.cli.completion import complete_fits, complete_models, complete_recipes
from froude.cli.errors import tell
from froude.cli.options import Json
from froude.cli.outputs import PageFile, output_file, refuse_inputs
from froude.cli.plan_options import budgets, count, number_of_devices, pins, time_limit, whole
from froude.cli.render import say
from froude.cli.show import present, present_with_page
from froude.cli.stack import StackName
from froude.cli.training_options import AdapterText, MachineName, RecipeName
from froude.cli.watching import watching
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.answers import Answer
    from froude.planning import Infeasible, Plan

NO_PLAN = 3
"""The exit code of a command that found no plan within what was asked for."""

ModelText = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        autocompletion=complete_models,
        help="A name, a description or a file. Its size is chosen where a budget is given.",
    ),
]
Tokens = Annotated[str | None, typer.Option(metavar="COUNT", help="Tokens to train on, as 15T.")]
Budgets = Annotated[
    list[str] | None, typer.Option(metavar="QUANTITY", help="1e24FLOP, '$3M' or '30 days'; several combine.")
]
FitText = Annotated[
    str | None,
    typer.Option(
        metavar="FIT|LAW[:SET]",
        autocompletion=complete_fits,
        help="What gives the loss: a file of `froude fit --out`, or a law with published constants. [chinchilla]",
    ),
]
DevicesText = Annotated[
    str | None, typer.Option(metavar="COUNT|auto", help="Not the machine's; auto: the fewest in time.")
]
WithinText = Annotated[str | None, typer.Option(metavar="TIME", help="In which it must end, as '30 days'.")]
MemoryCertainty = Annotated[float | None, typer.Option(help="That memory suffices. [aims at 0.95]")]
Tolerance = Annotated[float | None, typer.Option(help="Share of time for a simpler layout. [0.03]")]
TargetLoss = Annotated[float | None, typer.Option(help="Reach this loss at the least cost.")]
InferenceTokens = Annotated[str | None, typer.Option(metavar="COUNT", help="Tokens served in the model's life.")]
ServeLoad = Annotated[str | None, typer.Option(metavar="N/s", help="Requests served a second, in one budget.")]
ServeInput = Annotated[str | None, typer.Option(metavar="TOKENS", help="Of a request's prompt.")]
ServeOutput = Annotated[str | None, typer.Option(metavar="TOKENS", help="Of its answer.")]
ServeYears = Annotated[float | None, typer.Option(help="For which they are served. [1]")]
DataLimit = Annotated[str | None, typer.Option(metavar="COUNT", help="Unique tokens there are; more are repeats.")]
Quantile = Annotated[float | None, typer.Option(help="Plan for this quantile of a fit's draws, as 0.9.")]
SeqLenText = Annotated[str | None, typer.Option(metavar="TOKENS", help="Length of a sequence.")]
BatchText = Annotated[str | None, typer.Option(metavar="COUNT", help="Sequences of a step.")]
Fixed = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=VALUE,…", help="Pin parts of the layout, by the names of `froude cost train`: tp=8,zero=3."
    ),
]
PrecisionText = Annotated[str | None, typer.Option(metavar="bf16|fp8|…", help="Number types.")]
DevicePrice = Annotated[float | None, typer.Option(metavar="DOLLARS", help="Dollars a device and hour.")]
Pareto = Annotated[bool, typer.Option("--pareto", help="Show what loss, time, dollars and kWh trade for.")]
Emit = Annotated[str | None, typer.Option(metavar="FRAMEWORK", help="torchtitan, megatron, deepspeed or fsdp.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", parser=output_file, help="Where --emit writes. [default: stdout]")
]


def train(
    machine: MachineName = None,
    model: ModelText = None,
    tokens: Tokens = None,
    budget: Budgets = None,
    fit: FitText = None,
    target_loss: TargetLoss = None,
    inference_tokens: InferenceTokens = None,
    serve_load: ServeLoad = None,
    serve_input: ServeInput = None,
    serve_output: ServeOutput = None,
    serve_years: ServeYears = None,
    data_limit: DataLimit = None,
    quantile: Quantile = None,
    seq_len: SeqLenText = None,
    global_batch: BatchText = None,
    fix: Fixed = None,
    precision: PrecisionText = None,
    stack: StackName = None,
    recipe: RecipeName = None,
    devices: DevicesText = None,
    within: WithinText = None,
    adapter: AdapterText = None,
    memory_certainty: MemoryCertainty = None,
    tolerance: Tolerance = None,
    price_per_device_hour: DevicePrice = None,
    pareto: Pareto = False,
    emit: Emit = None,
    out: Out = None,
    page: PageFile = None,
    json: Json = False,
) -> None:
    """Find the best layout of a training; under a budget its size, data, learning rate, batch and precision too.

    Leaves with code 3 where nothing does what is asked for. Examples:
    `froude plan train --model llama-3.1-70B --tokens 15T --machine "1024 x h100"`,
    `froude plan train --budget '$3M' --budget "30 days" --machine "1024 x h100"` and
    `froude plan train --model llama-3.1-8B --tokens 1T --machine h100 --devices auto --within "30 days"`
    """
    options = dict(locals())
    from froude.planning import plan_training
    from froude.planning.emit.fitting import check_framework

    refuse_two_on_stdout(emit, out, json)
    check_framework(emit)
    asked = arguments(options)
    with watching("searching layouts"):
        plan = plan_training(**asked)
    finish(plan, emit, out, page, json)


def arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the options of the command ask of `plan_training`."""
    from froude.cost import get_machine, get_model
    from froude.cost.machine.known_machines import machine_file
    from froude.cost.model.catalogue import model_file
    from froude.planning import get_recipe

    machine, model, recipe = (options[name] for name in ("machine", "model", "recipe"))
    files = [machine and machine_file(machine), model and model_file(model), options["fit"]]
    refuse_inputs({"--out": options["out"], "--page": options["page"]}, files)
    place = machine or (get_recipe(recipe).machine if recipe else None)
    price, tolerance = options["price_per_device_hour"], options["tolerance"]
    plain = (
        *("target_loss", "fit", "quantile", "precision", "stack", "recipe"),
        *("memory_certainty", "pareto", "adapter"),
    )
    return {
        "machine": None if place is None else get_machine(place, price_per_device_hour=price),
        "model": None if model is None else get_model(model),
        "tokens": count("--tokens", options["tokens"]),
        **budgets([*(options["budget"] or []), *time_limit(options["within"], options["budget"])]),
        "inference_tokens": count("--inference-tokens", options["inference_tokens"]) or 0.0,
        "serve_load": options["serve_load"],
        **{name: whole(f"--{name.replace('_', '-')}", options[name]) for name in ("serve_input", "serve_output")},
        "serve_years": options["serve_years"],
        "data_limit_tokens": count("--data-limit", options["data_limit"]),
        "seq_len": whole("--seq-len", options["seq_len"]),
        "global_batch": whole("--global-batch", options["global_batch"]),
        "fixed": pins(options["fix"]),
        "framework": options["emit"],
        "devices": number_of_devices(options["devices"]),
        **({} if tolerance is None else {"tolerance": tolerance}),
        **{name: options[name] for name in plain},
    }


RecipeArgument = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", autocompletion=complete_recipes, help="One of them, with source and trust."),
]


def recipes(name: RecipeArgument = None, json: Json = False) -> None:
    """Published trainings that a plan can take batch, precision, length and layout from.

    Examples: `froude plan recipes` and `froude plan recipes llama-3.1-405b`. Plans and costs
    take what it shows by --recipe.
    """
    from froude.answers.recipes import answer_of_recipe, answer_of_recipes
    from froude.planning import get_recipe, known_recipes

    present(answer_of_recipes(known_recipes()) if name is None else answer_of_recipe(get_recipe(name)), json)


def finish(plan: Plan | Infeasible, emit: str | None, out: Path | None, page: Path | None, json: bool) -> None:
    """Writes a plan's page and configuration where they are asked for, and shows the plan unless stdout has those.

    Leaves with `NO_PLAN` where there is no plan: it is shown as ever, and nothing is written for a framework.
    """
    from froude.answers.plans import answer_of_plan
    from froude.files import write_outputs
    from froude.planning import Infeasible, configuration

    answer = answer_of_plan(plan)
    if isinstance(plan, Infeasible):
        show_no_plan(plan, answer, emit, page, json)
        raise typer.Exit(NO_PLAN)
    text = None if emit is None else configuration(emit, plan)
    if text is not None and out is None:
        for change in plan.changes:
            tell(change)
    files = {} if page is None else {page: page_of(page, answer, plan)}
    if text is not None and out is not None:
        files[out] = text.encode()
    write_outputs(files)
    if page is not None:
        tell(f"page: {page}")
    if text is not None and out is None:
        say(text, end="" if text.endswith("\n") else "\n")
        return
    if out is not None:
        answer = replace(answer, next_steps=(*answer.next_steps, f"written for {emit}: {out}"))
    present(answer, json)


def show_no_plan(plan: Infeasible, answer: Answer, emit: str | None, page: Path | None, json: bool) -> None:
    """Says why there is no plan: on the page that was asked for too, and that nothing is written for a framework."""
    if emit is not None:
        tell(f"there is no plan to write for {emit}: {plan.reasons[0]}; {plan.nearest}")
    present_with_page(answer, json, page, plan)


def refuse_two_on_stdout(emit: str | None, out: Path | None, json: bool) -> None:
    """InputError where --out has nothing to write, and where a configuration and JSON would both go to stdout."""
    if out is not None and emit is None:
        raise InputError(f"--out {str(out)!r} needs --emit FRAMEWORK: it says where the configuration goes")
    if emit is not None and json and out is None:
        raise InputError(f"--emit {emit} and --json both write on stdout: give --out FILE for the configuration")


def page_of(page: Path, answer: Answer, plan: Plan | Infeasible) -> bytes:
    """The page of a plan, or its picture."""
    from froude.reporting.page import page_bytes

    return page_bytes(page, answer, plan)
