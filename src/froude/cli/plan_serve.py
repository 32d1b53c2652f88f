"""`froude plan serve`: the deployment that serves a load within limits of latency on the fewest devices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.cost_serve import ServedModel, parse_lengths
from froude.cli.errors import tell
from froude.cli.options import Json
from froude.cli.outputs import PageFile, output_file, refuse_inputs
from froude.cli.plan import NO_PLAN, refuse_two_on_stdout
from froude.cli.render import say
from froude.cli.show import present
from froude.cli.watching import watching

if TYPE_CHECKING:
    from froude.planning.serving.serving_plan import NoServingPlan, ServingPlan

Load = Annotated[
    str, typer.Option(metavar='"N users"|N/s|TRACE', help="Users in a loop, arrivals a second, or a trace's file.")
]
Input = Annotated[str | None, typer.Option(metavar="TOKENS", help="Of a request's prompt.")]
Output = Annotated[str | None, typer.Option(metavar="TOKENS", help="Of its answer.")]
Lengths = Annotated[
    str | None, typer.Option(metavar="uniform:LOW-HIGH", help="Lengths are drawn as these shares of them.")
]
Prefix = Annotated[float, typer.Option("--prefix-share", help="Share of prompts that is the same in all.")]
Ttft = Annotated[str | None, typer.Option(metavar="TIME", help="Limit of the first token, as 500ms.")]
Tpot = Annotated[str | None, typer.Option(metavar="TIME", help="Limit of each later token, as 30ms.")]
At = Annotated[str, typer.Option(metavar="PERCENTILE", help="At which limits hold.")]
Chips = Annotated[str, typer.Option(metavar="CHIP,…", help="Chips to choose from, or a machine's file.")]
Engines = Annotated[str | None, typer.Option("--engine", metavar="NAME,…", help="vllm, sglang, tensorrt-llm. [all]")]
Objective = Annotated[str, typer.Option(metavar="devices|dollars", help="What is to be least.")]
Quality = Annotated[str, typer.Option(metavar="SHARE", help="Of quality that formats may lose, as published.")]
MostDevices = Annotated[int, typer.Option(metavar="COUNT", help="Devices at most.")]
Seed = Annotated[int, typer.Option(help="Of the simulation.")]
EmitFor = Annotated[str | None, typer.Option(metavar="vllm|sglang", help="Write the engine's start as a script.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", parser=output_file, help="Where --emit writes. [default: stdout]")
]


def serve(
    model: ServedModel,
    load: Load,
    input: Input = None,
    output: Output = None,
    lengths: Lengths = None,
    prefix_share: Prefix = 0.0,
    ttft: Ttft = None,
    tpot: Tpot = None,
    at: At = "p95",
    chips: Chips = "h100",
    engine: Engines = None,
    objective: Objective = "devices",
    quality_loss: Quality = "0%",
    max_devices: MostDevices = 256,
    seed: Seed = 0,
    emit: EmitFor = None,
    out: Out = None,
    page: PageFile = None,
    json: Json = False,
) -> None:
    """Find the deployment that serves a load within limits of latency on the fewest devices, or for the least dollars.

    Leaves with code 3 where none does. Example: `froude plan serve --model qwen3-32b --load 20/s --input 2000
    --output 500 --ttft 500ms --tpot 30ms --chips h100,mi300x,b200`
    """
    from froude.planning.serving.best_deployment import plan_serving
    from froude.planning.serving.engine_flags import check_engine

    refuse_two_on_stdout(emit, out, json)
    if emit is not None:
        engine = check_engine(emit, engine)
    files = [load, *(chip for chip in chips.split(",") if chip.endswith(".toml"))]
    refuse_inputs({"--out": out, "--page": page}, files)
    with watching("comparing deployments"):
        plan = plan_serving(
            model,
            load=load,
            **parse_lengths(input, output),
            lengths=lengths,
            prefix_share=prefix_share,
            ttft=ttft,
            tpot=tpot,
            at=at,
            chips=chips,
            engines=engine,
            objective=objective,  # type: ignore[arg-type]
            quality_loss=quality_loss,
            max_devices=max_devices,
            seed=seed,
        )
    finish(plan, emit, out, page, json)


def finish(
    plan: ServingPlan | NoServingPlan, emit: str | None, out: Path | None, page: Path | None, json: bool
) -> None:
    """Writes the page and the engine's script where they are asked for, and shows the plan unless stdout has those.

    Leaves with `NO_PLAN` where there is no plan: then nothing is written for an engine.
    """
    from dataclasses import replace

    from froude.answers.serving_plans import answer_of_serving_plan
    from froude.files import write_outputs
    from froude.planning.serving.engine_flags import serving_script
    from froude.planning.serving.serving_plan import NoServingPlan
    from froude.reporting.page import page_bytes

    answer = answer_of_serving_plan(plan)
    is_none = isinstance(plan, NoServingPlan)
    text = None if emit is None or isinstance(plan, NoServingPlan) else serving_script(plan)
    files = {} if page is None else {page: page_bytes(page, answer, plan)}
    if text is not None and out is not None:
        files[out] = text.encode()
    write_outputs(files)
    if page is not None:
        tell(f"page: {page}")
    if is_none and emit is not None:
        tell(f"there is no plan to write for {emit}")
    if text is not None and out is None:
        say(text, end="")
        return
    if text is not None and out is not None:
        answer = replace(answer, next_steps=(*answer.next_steps, f"written for {emit}: {out}"))
    present(answer, json)
    if is_none:
        raise typer.Exit(NO_PLAN)
