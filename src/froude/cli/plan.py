"""`froude plan train`: the best way to train on a machine, for so many tokens or for a budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.completion import complete_fits, complete_machines, complete_models
from froude.cli.errors import tell
from froude.cli.options import Json
from froude.cli.outputs import PageFile, output_file, refuse_inputs
from froude.cli.plan_options import budgets, count, pins, whole
from froude.cli.render import say
from froude.cli.show import present, present_with_page
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.answers import Answer
    from froude.planning import Infeasible, Plan

NO_PLAN = 3
"""The exit code of a command that found no plan within what was asked for."""

MachineText = Annotated[
    str,
    typer.Option(
        metavar="MACHINE",
        autocompletion=complete_machines,
        help='"1024 x h100", "2 nodes of 8 x h100", a chip alone for one node, or a TOML file.',
    ),
]
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
TargetLoss = Annotated[float | None, typer.Option(help="Reach this loss at the least cost.")]
InferenceTokens = Annotated[str | None, typer.Option(metavar="COUNT", help="Tokens served in the model's life.")]
DataLimit = Annotated[str | None, typer.Option(metavar="COUNT", help="Unique tokens there are; more are repeats.")]
Quantile = Annotated[float | None, typer.Option(help="Plan for this quantile of a fit's draws, as 0.9.")]
SeqLenText = Annotated[str | None, typer.Option(metavar="TOKENS", help="Length of a sequence.")]
BatchText = Annotated[str | None, typer.Option(metavar="COUNT", help="Sequences of a step.")]
Fixed = Annotated[str | None, typer.Option(metavar="NAME=VALUE,…", help="Pin parts of the layout, by the names of `froude cost train`: tp=8,zero=3.")]
PrecisionText = Annotated[str | None, typer.Option(metavar="bf16|fp8|…", help="Number types.")]
DevicePrice = Annotated[float | None, typer.Option(metavar="DOLLARS", help="Dollars a device and hour.")]
Pareto = Annotated[bool, typer.Option("--pareto", help="Show what loss, time, dollars and kWh trade for.")]
Emit = Annotated[
    str | None, typer.Option(metavar="FRAMEWORK", help="Write it for torchtitan, megatron, deepspeed or fsdp.")
]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", parser=output_file, help="Where --emit writes. [default: stdout]")
]


def train(
    machine: MachineText,
    model: ModelText = None,
    tokens: Tokens = None,
    budget: Budgets = None,
    fit: FitText = None,
    target_loss: TargetLoss = None,
    inference_tokens: InferenceTokens = None,
    data_limit: DataLimit = None,
    quantile: Quantile = None,
    seq_len: SeqLenText = None,
    global_batch: BatchText = None,
    fix: Fixed = None,
    precision: PrecisionText = None,
    price_per_device_hour: DevicePrice = None,
    pareto: Pareto = False,
    emit: Emit = None,
    out: Out = None,
    page: PageFile = None,
    json: Json = False,
) -> None:
    """Find the best layout of a training; under a budget its size, data, learning rate, batch and precision too.

    Examples: `froude plan train --model llama-3.1-70B --tokens 15T --machine "1024 x h100"` and
    `froude plan train --budget '$3M' --budget "30 days" --machine "1024 x h100"`
    """
    from froude.cost import get_machine, get_model
    from froude.cost.machine.known_machines import machine_file
    from froude.cost.model.catalogue import model_file
    from froude.planning import plan_training

    refuse_two_on_stdout(emit, out, json)
    refuse_inputs({"--out": out, "--page": page}, [machine_file(machine), model and model_file(model), fit])
    limits = budgets(budget)
    plan = plan_training(
        get_machine(machine, price_per_device_hour=price_per_device_hour),
        None if model is None else get_model(model),
        tokens=count("--tokens", tokens),
        budget_flops=limits.get("budget_flops"),
        budget_dollars=limits.get("budget_dollars"),
        budget_seconds=limits.get("budget_seconds"),
        target_loss=target_loss,
        fit=fit,
        inference_tokens=count("--inference-tokens", inference_tokens) or 0.0,
        data_limit_tokens=count("--data-limit", data_limit),
        quantile=quantile,
        seq_len=whole("--seq-len", seq_len),
        global_batch=whole("--global-batch", global_batch),
        precision=precision,
        fixed=pins(fix),
        framework=emit,
        pareto=pareto,
    )
    finish(plan, emit, out, page, json)


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
