"""`froude simulate serve`: requests served event by event, what each of them met, and a page of it."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from froude.bounds import MOST_SEED
from froude.cli.cost_serve import (
    CalibratedStack,
    Dp,
    EngineName,
    Ep,
    HourPrice,
    Kv,
    Load,
    Pp,
    Precision,
    ServedModel,
    ServedOn,
    Tp,
    parse_load,
)
from froude.cli.options import Json
from froude.cli.outputs import PageFile, output_file, refuse_inputs
from froude.cli.show import present_with_page
from froude.quantity import parse_quantity

InTokens = Annotated[str | None, typer.Option("--input", metavar="TOKENS", help="Of a request's prompt.")]
OutTokens = Annotated[str | None, typer.Option("--output", metavar="TOKENS", help="Of its answer.")]
TraceFile = Annotated[
    Path | None, typer.Option("--trace", metavar="FILE", help="Requests as CSV or JSONL: lengths, times, hashes.")
]
Count = Annotated[int | None, typer.Option("--requests", metavar="N", help="How many. [default: 2000, or the trace]")]
Limit = Annotated[str | None, typer.Option(metavar="TIME", help="Limit of goodput, as 500ms.")]
Chunk = Annotated[int | None, typer.Option("--token-budget", metavar="TOKENS", help="Of an iteration.")]
Sequences = Annotated[int | None, typer.Option("--batch-limit", metavar="N", help="Requests at once on a replica.")]
Preempted = Annotated[
    Literal["recompute", "swap"], typer.Option("--preemption", help="What becomes of keys that must make room.")
]
Routed = Annotated[Literal["round-robin", "least-loaded"], typer.Option("--routing", help="Of arrivals to replicas.")]
Shared = Annotated[bool, typer.Option("--prefix-cache/--no-prefix-cache", help="Share blocks of a trace's hashes.")]
Drawn = Annotated[int, typer.Option("--seed", min=0, max=MOST_SEED, help="Of arrivals and lengths.")]
OutFile = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE.parquet", parser=output_file, help="Write a row a request."),
]


def simulate_serve(
    model: ServedModel,
    machine: ServedOn,
    input: InTokens = None,
    output: OutTokens = None,
    load: Load = None,
    trace: TraceFile = None,
    requests: Count = None,
    engine: EngineName = None,
    precision: Precision = None,
    kv: Kv = None,
    tp: Tp = None,
    pp: Pp = 1,
    ep: Ep = None,
    dp: Dp = None,
    ttft: Limit = None,
    tpot: Limit = None,
    chunk: Chunk = None,
    sequences: Sequences = None,
    preemption: Preempted = "recompute",
    routing: Routed = "round-robin",
    prefix_cache: Shared = True,
    price: HourPrice = None,
    stack: CalibratedStack = None,
    seed: Drawn = 0,
    out: OutFile = None,
    page: PageFile = None,
    json: Json = False,
) -> None:
    """Requests served event by event: latency by percentile, queue, goodput.

    Example: `froude simulate serve --model llama-3.1-8b --machine h100 --input 2000 --output 500 --load 4/s
    --ttft 500ms --tpot 30ms`
    """
    from froude.answers.serving_simulations import answer_of_serve_simulation
    from froude.cost import get_machine, simulate_serving
    from froude.files import write_outputs

    refuse_inputs({"--out": out, "--page": page}, [trace])
    users, per_second = parse_load(load, None, None)
    found = simulate_serving(
        model,
        get_machine(machine, price_per_device_hour=parse_quantity(price, expect="dollars") if price else None),
        input=int(parse_quantity(input, expect="count")) if input else None,
        output=int(parse_quantity(output, expect="count")) if output else None,
        users=users,
        rate=per_second,
        trace=trace,
        requests=requests,
        engine=engine,
        precision=precision,
        kv=kv,
        tp=tp,
        pp=pp,
        ep=ep,
        dp=dp,
        stack=stack,
        ttft=parse_quantity(ttft, expect="seconds") if ttft else None,
        tpot=parse_quantity(tpot, expect="seconds") if tpot else None,
        chunk=chunk,
        sequences=sequences,
        preemption=preemption,
        routing="round robin" if routing == "round-robin" else "least loaded",
        prefix_cache=prefix_cache,
        seed=seed,
    )
    if out is not None:
        write_outputs({out: parquet_bytes(found.rows())})
    present_with_page(answer_of_serve_simulation(found, str(out) if out else None), json, page, found)


def parquet_bytes(columns: Mapping[str, Any]) -> bytes:
    """A table as a Parquet file."""
    import polars as pl

    buffer = BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()
