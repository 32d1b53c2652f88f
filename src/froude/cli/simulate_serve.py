"""`froude simulate serve`: requests served event by event, what each of them met, and a page of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    machine_at,
    parse_lengths,
    parse_load,
)
from froude.cli.options import Json
from froude.cli.outputs import PageFile, output_file, refuse_inputs
from froude.cli.show import present_with_page
from froude.errors import InputError
from froude.quantity import parse_quantity

if TYPE_CHECKING:
    from froude.cost import ServeSimulation
    from froude.cost.serving.simulation import Speculation

InTokens = Annotated[str | None, typer.Option("--input", metavar="TOKENS", help="Of a request's prompt.")]
OutTokens = Annotated[str | None, typer.Option("--output", metavar="TOKENS", help="Of its answer.")]
TraceFile = Annotated[
    Path | None, typer.Option("--trace", metavar="FILE", help="Requests as CSV or JSONL: lengths, times, hashes.")
]
Count = Annotated[int | None, typer.Option("--requests", metavar="N", help="How many. [default: 2000, or the trace]")]
Limit = Annotated[str | None, typer.Option(metavar="TIME", help="Limit of goodput, as 500ms.")]
Chunk = Annotated[int | None, typer.Option("--token-budget", metavar="TOKENS", help="Of an iteration.")]
Sequences = Annotated[int | None, typer.Option("--batch-limit", metavar="N", help="Requests at once on a replica.")]
Swapped = Annotated[bool, typer.Option("--swap", help="Keys that make room go to the host and come back.")]
Routed = Annotated[bool, typer.Option("--least-loaded", help="Arrivals go there, not to each replica in turn.")]
Unshared = Annotated[bool, typer.Option("--no-prefix-cache", help="Prompts share no blocks, whatever their hashes.")]
Drafted = Annotated[
    str | None, typer.Option("--speculation", metavar="N:SHARE[:MODEL]", help="Tokens drafted, kept, by which model.")
]
PrefillReplicas = Annotated[int, typer.Option("--prefill-replicas", metavar="N", help="Of --dp, for prompts alone.")]
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
    swap: Swapped = False,
    least_loaded: Routed = False,
    no_prefix_cache: Unshared = False,
    speculation: Drafted = None,
    prefill_replicas: PrefillReplicas = 0,
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
    from froude.cost import simulate_serving

    refuse_inputs({"--out": out, "--page": page}, [trace])
    layout = {"engine": engine, "precision": precision, "kv": kv, "tp": tp, "pp": pp, "ep": ep, "dp": dp}
    scheduler = {"chunk": chunk, "sequences": sequences, "prefix_cache": not no_prefix_cache}
    found = simulate_serving(
        model,
        machine_at(machine, price),
        **parse_requests(input, output, load, {"ttft": ttft, "tpot": tpot}),
        **layout,
        **scheduler,
        trace=trace,
        requests=requests,
        stack=stack,
        preemption="swap" if swap else "recompute",
        routing="least loaded" if least_loaded else "round robin",
        speculation=parse_speculation(speculation) if speculation else None,
        prefill_replicas=prefill_replicas,
        seed=seed,
    )
    if out is not None:
        write_rows(out, found)
    present_with_page(answer_of_serve_simulation(found, str(out) if out else None), json, page, found)


def parse_requests(
    input: str | None, output: str | None, load: str | None, limits: Mapping[str, str | None]
) -> dict[str, Any]:
    """Lengths, users or rate, and limits in seconds, as `simulate_serving` takes them."""
    users, rate = parse_load(load, None, None)
    seconds = {name: parse_quantity(one, expect="seconds") if one else None for name, one in limits.items()}
    return {**parse_lengths(input, output), "users": users, "rate": rate, **seconds}


def parse_speculation(text: str) -> Speculation:
    """What "4:0.7" or "4:0.7:qwen2.5-0.5b" says: tokens drafted, the share kept, the model that drafts."""
    from froude.cost import get_model
    from froude.cost.serving.simulation import Speculation

    match = re.fullmatch(r"\s*(\d+)\s*:\s*([\d.]+)\s*(?::\s*(\S.*?))?\s*", text)
    if match is None:
        raise InputError(f"--speculation {text!r} is none: write tokens drafted and the share kept, as 4:0.7")
    drafted, share, draft = match.groups()
    chance = parse_quantity(share)
    return Speculation(drafted=int(drafted), acceptance=chance, draft=get_model(draft) if draft else None)


def write_rows(path: Path, found: ServeSimulation) -> None:
    """Writes a Parquet file with a row a request."""
    import polars as pl

    from froude.files import write_outputs

    buffer = BytesIO()
    pl.DataFrame(found.rows()).write_parquet(buffer)
    write_outputs({path: buffer.getvalue()})
