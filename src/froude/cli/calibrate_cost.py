"""`froude cost calibrate`: the constants of one's own stack and machine, from measured steps or load tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from froude.cli.completion import complete_stacks
from froude.cli.options import Json, Where
from froude.cli.outputs import output_file, refuse_inputs
from froude.cli.show import present
from froude.errors import InputError
from froude.runs.roles import parse_roles


def calibrate_cost(
    table: Annotated[
        str,
        typer.Argument(metavar="RUNS", help="Three trainings or load tests or more: a table, or what tests wrote."),
    ],
    stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[@VERSION]",
            autocompletion=complete_stacks,
            help="Where constants start, or a TOML file. [default: the column stack, or the likeliest]",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="NAME=COLUMN,…", help="Columns by name, where theirs differ: devices=n_gpus,tp=tp_size."),
    ] = None,
    fix: Annotated[
        str | None,
        typer.Option(metavar="NAME=VALUE,…", help="What all rows have: machine=h100,zero=3,recompute=full."),
    ] = None,
    where: Where = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=output_file, help="The stack file. [default: NAME.stack.toml]"),
    ] = None,
    json: Json = False,
) -> None:
    """Fit the constants of your stack and machine to steps or load tests that you measured.

    Columns bear the names that `froude cost train` takes: model, machine, devices, tp, pp, cp, ep, micro_batch,
    global_batch, seq_len, precision, recompute, zero, … What was measured is step_seconds, tokens_per_second,
    tokens_per_second_per_device, tflops_per_device or mfu, and memory_gib where known. Of serving they are model,
    machine, engine, version, tp, …, input, output, concurrency or rate, and ttft_ms, tpot_ms, e2e_ms; or RUNS is the
    JSON of vllm bench serve, SGLang's bench_serving or guidellm, or a folder of it.
    Constants move as far as the rows speak. The file is for every `--stack`.
    Example: `froude cost calibrate results/ --fix machine=h100,engine=vllm,version=0.12,tp=2`
    """
    from froude.answers.cost_calibrations import answer_of_cost_calibration
    from froude.answers.serving_calibrations import answer_of_serving_calibration
    from froude.cost.model.keys import split_assignments
    from froude.fitting import CostCalibration
    from froude.fitting import calibrate_cost as calibrate

    given = split_assignments(fix) if fix is not None else {}
    found = calibrate(table, stack=stack, columns=parse_roles(columns), where=where, **given)
    path = out or Path(f"{found.stack.name}.stack.toml")
    if path.suffix != ".toml":
        raise InputError(f"--out {str(path)!r} is not a TOML file: give a name that ends in .toml")
    refuse_inputs({"--out": path}, [table])
    found.save(path)
    if isinstance(found, CostCalibration):
        present(answer_of_cost_calibration(found, str(path)), json)
    else:
        present(answer_of_serving_calibration(found, str(path)), json)
