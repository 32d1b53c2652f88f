"""`froude cost serve`: latency, throughput, memory and price of serving a model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.completion import complete_models
from froude.cli.options import Json
from froude.cli.show import present
from froude.errors import InputError
from froude.quantity import parse_quantity

if TYPE_CHECKING:
    from froude.cost import Machine

ServedModel = Annotated[
    str,
    typer.Option("--model", metavar="MODEL", autocompletion=complete_models, help="As cost train takes it."),
]
ServedOn = Annotated[str, typer.Option("--machine", metavar="MACHINE", help='As "8 x h100", or a file.')]
EngineName = Annotated[
    str | None, typer.Option("--engine", metavar="NAME[@VERSION]", help="vllm, sglang, tensorrt-llm or static.")
]
Precision = Annotated[str | None, typer.Option(metavar="FORMAT", help="Of weights: bf16, fp16, fp8, fp4, int8, int4.")]
Kv = Annotated[str | None, typer.Option(metavar="FORMAT", help="Of keys and values: bf16, fp8, fp4.")]
Tokens = Annotated[str, typer.Option(metavar="TOKENS", help="Of a request's prompt.")]
Answered = Annotated[str, typer.Option(metavar="TOKENS", help="Of its answer.")]
Load = Annotated[str | None, typer.Option(metavar='"N users"|N/s', help="Users in a loop, or arrivals a second.")]
Concurrency = Annotated[float | None, typer.Option(metavar="USERS", help="The same as --load.")]
Rate = Annotated[float | None, typer.Option(metavar="PER_SECOND", help="The same as --load.")]
Tp = Annotated[int | None, typer.Option(help="Devices of tensor parallelism.")]
Pp = Annotated[int, typer.Option(help="Stages of a pipeline.")]
Ep = Annotated[int | None, typer.Option(help="Devices among which experts are divided.")]
Dp = Annotated[int | None, typer.Option(help="Replicas.")]
CalibratedStack = Annotated[str | None, typer.Option("--stack", metavar="FILE", help="As cost calibrate writes it.")]
MeanOnly = Annotated[bool, typer.Option("--mean-only", help="No percentiles, which are simulated.")]
HourPrice = Annotated[str | None, typer.Option("--price-per-device-hour", metavar="DOLLARS")]


def serve(
    model: ServedModel,
    machine: ServedOn,
    input: Tokens,
    output: Answered,
    load: Load = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    engine: EngineName = None,
    precision: Precision = None,
    kv: Kv = None,
    tp: Tp = None,
    pp: Pp = 1,
    ep: Ep = None,
    dp: Dp = None,
    price: HourPrice = None,
    stack: CalibratedStack = None,
    mean_only: MeanOnly = False,
    json: Json = False,
) -> None:
    """Latency, throughput, memory and price of serving a model under a load.

    Example: `froude cost serve --model llama-3.1-70b --machine "8 x h100" --engine vllm --tp 4 --precision fp8
    --input 2000 --output 500 --load "64 users"`
    """
    from froude.answers.serving import answer_of_serve_cost
    from froude.cost import serve_cost

    users, per_second = parse_load(load, concurrency, rate)
    cost = serve_cost(
        model,
        machine_at(machine, price),
        input=int(parse_quantity(input, expect="count")),
        output=int(parse_quantity(output, expect="count")),
        users=users,
        rate=per_second,
        engine=engine,
        precision=precision,
        kv=kv,
        tp=tp,
        pp=pp,
        ep=ep,
        dp=dp,
        stack=stack,
        mean_only=mean_only,
    )
    present(answer_of_serve_cost(cost), json)


def machine_at(machine: str, price: str | None) -> Machine:
    """A machine, at a price of its own for an hour of a device."""
    from froude.cost import get_machine

    dollars = parse_quantity(price, expect="dollars") if price else None
    return get_machine(machine, price_per_device_hour=dollars)


def parse_lengths(input: str | None, output: str | None) -> dict[str, int | None]:
    """Tokens of prompts and of answers, None where nothing is said."""
    texts = {"input": input, "output": output}
    return {name: None if text is None else int(parse_quantity(text, expect="count")) for name, text in texts.items()}


def parse_load(load: str | None, concurrency: float | None, rate: float | None) -> tuple[float | None, float | None]:
    """Users, or requests a second, that a load says. InputError where it says neither, or where there are two."""
    if sum(one is not None for one in (load, concurrency, rate)) > 1:
        raise InputError("--load, --concurrency and --rate say the same: give one of them")
    if load is None:
        return concurrency, rate
    match = re.fullmatch(r"\s*([\d.,_]+)\s*(users?|/\s*s)\s*", load)
    if match is None:
        raise InputError(f'--load {load!r} is no load: write "64 users", or 3.5/s')
    amount = parse_quantity(match[1])
    return (amount, None) if match[2].startswith("user") else (None, amount)
