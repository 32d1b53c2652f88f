"""A plan of serving as the command that starts its engine: each flag with a comment on the choice behind it."""

from __future__ import annotations

import functools
import json
import shlex
import textwrap
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from froude.errors import InputError, close_names
from froude.planning.serving.judging import LEAST_REQUESTS
from froude.planning.serving.serving_plan import ServingPlan
from froude.quantity import format_quantity, format_seconds

_WIDTH = 100
"""Characters of a comment line."""

ROUND = 256
"""Tokens to which the longest context is rounded up."""

CHECKPOINTS = {
    "int8": "serve a checkpoint with 8-bit integers (compressed-tensors): its own configuration says so",
    "int4": "serve a checkpoint of 4-bit weights (AWQ, GPTQ, compressed-tensors): its own configuration says so",
    "fp4": "serve a checkpoint in nvfp4 (ModelOpt, compressed-tensors): its own configuration says so",
}
"""What formats need that no flag makes of 16-bit weights."""


class ServingFlag(NamedTuple):
    """A flag, its value ("" where it takes none), and why it is set."""

    name: str
    value: str
    why: str


@functools.cache
def known_flags() -> Mapping[str, Mapping[str, Any]]:
    """By engine the version, and all flags of its server ("serve") and load test ("bench"), from its wheel."""
    return json.loads((files("froude.planning.serving") / "engine_flags.json").read_text(encoding="utf-8"))


def check_engine(emit: str, engines: str | None) -> str:
    """The engines to choose from where a plan is written for `emit`: that one. InputError for others, and where it is
    not among those that are named.
    """
    if emit not in WRITERS:
        near = close_names(emit, list(WRITERS)) or list(WRITERS)
        raise InputError(f"--emit {emit!r}: plans of serving are written for {' and '.join(near)}")
    if engines is not None and emit not in [one.strip() for one in engines.split(",")]:
        raise InputError(f"--emit {emit} and --engine {engines}: leave --engine out, or name {emit} there")
    return emit


def serving_script(plan: ServingPlan) -> str:
    """The plan as a shell script for its own engine. InputError for an engine that no script is written for."""
    name = plan.choice.deployment.engine.name
    if name not in WRITERS:
        raise InputError(f"the plan is for {name}: plans of serving are written for {' and '.join(WRITERS)}")
    command, flags_of = WRITERS[name]
    flags = list(flags_of(plan))
    # Comments cannot stand within a command, so that the flags are an array.
    lines = ["#!/usr/bin/env bash", *_comment(_heading(plan)), *_comment(_where(plan)), "flags=("]
    for flag in flags:
        lines += [f"  {line}" for line in _comment(flag.why)]
        lines.append(f"  {flag.name} {shlex.quote(flag.value)}".rstrip() if flag.value else f"  {flag.name}")
    return "\n".join([*lines, ")", f'{command} "${{flags[@]}}"', "", *_tests(plan)]) + "\n"


def vllm_flags(plan: ServingPlan) -> Iterator[ServingFlag]:
    """The flags of `vllm serve`."""
    one = plan.choice.deployment
    yield ServingFlag("--model", plan.model.name, "the model, or the folder of its checkpoint")
    yield from _parallel(plan, "--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size")
    if int(one.model.experts) > 1 and (int(one.ep) > int(one.tp) or int(one.tp) > 1):
        yield ServingFlag(
            "--enable-expert-parallel", "", f"experts are divided among devices: the plan has them on {int(one.ep)}"
        )
    yield from _formats(plan)
    yield ServingFlag("--max-model-len", str(_longest(plan)), "the longest request, prompt and answer, rounded up")
    yield ServingFlag("--max-num-seqs", str(int(one.engine.sequences)), _sequences(plan))
    yield ServingFlag("--max-num-batched-tokens", str(int(one.engine.chunk)), _chunk(plan))
    yield ServingFlag("--gpu-memory-utilization", f"{one.engine.memory or 0.9:g}", _memory(plan))
    if float(one.reused):
        yield ServingFlag("--enable-prefix-caching", "", _reuse(plan))


def sglang_flags(plan: ServingPlan) -> Iterator[ServingFlag]:
    """The flags of `python -m sglang.launch_server`."""
    one = plan.choice.deployment
    yield ServingFlag("--model-path", plan.model.name, "the model, or the folder of its checkpoint")
    yield from _parallel(plan, "--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size")
    if int(one.model.experts) > 1 and int(one.tp) > 1:
        yield ServingFlag(
            "--expert-parallel-size",
            str(min(int(one.ep), int(one.tp))),
            f"the plan has experts on {int(one.ep)} devices",
        )
    yield from _formats(plan)
    yield ServingFlag("--context-length", str(_longest(plan)), "the longest request, prompt and answer, rounded up")
    yield ServingFlag("--max-running-requests", str(int(one.engine.sequences)), _sequences(plan))
    yield ServingFlag("--chunked-prefill-size", str(int(one.engine.chunk)), _chunk(plan))
    yield ServingFlag("--mem-fraction-static", f"{one.engine.memory or 0.87:g}", _memory(plan))
    if not float(one.reused):
        yield ServingFlag("--disable-radix-cache", "", "no prompts begin alike, so that nothing is kept of them")


WRITERS: Mapping[str, tuple[str, Callable[[ServingPlan], Iterator[ServingFlag]]]] = {
    "vllm": ("vllm serve", vllm_flags),
    "sglang": ("python -m sglang.launch_server", sglang_flags),
}
"""Engines that plans are written for: the command that starts one, and its flags."""


def _parallel(plan: ServingPlan, tp: str, pp: str, dp: str) -> Iterator[ServingFlag]:
    one = plan.choice.deployment
    yield ServingFlag(tp, str(int(one.tp)), f"each matmul is split over {int(one.tp)} devices")
    if int(one.pp) > 1:
        yield ServingFlag(pp, str(int(one.pp)), f"the layers are split over {int(one.pp)} stages of a pipeline")
    here = replicas_a_node(plan)
    if here > 1:
        yield ServingFlag(dp, str(here), f"{here} of the {int(one.dp)} replicas, as many as a node of the plan has")


def _formats(plan: ServingPlan) -> Iterator[ServingFlag]:
    one = plan.choice.deployment
    precision, kv = str(one.precision), str(one.kv)
    loss = plan.losses.get(f"weights in {precision}")
    why = "" if loss is None else f"; loses {loss.share:.1%} of quality ({loss.trust}: {loss.source})"
    if precision == "fp8":
        yield ServingFlag("--quantization", "fp8", f"weights and what they multiply in fp8{why}")
    elif precision in ("bf16", "fp16"):
        yield ServingFlag("--dtype", "bfloat16" if precision == "bf16" else "float16", f"weights in {precision}{why}")
    if kv == "fp8":
        yield ServingFlag("--kv-cache-dtype", "fp8_e4m3", "keys and values of 8 bits: more requests have room")


def replicas_a_node(plan: ServingPlan) -> int:
    """Replicas of the plan on a node: as many as fit, at least one."""
    one = plan.choice.deployment
    return min(int(one.dp), max(one.machine.devices_per_node // (int(one.tp) * int(one.pp)), 1))


def _heading(plan: ServingPlan) -> str:
    choice, name = plan.choice, plan.choice.deployment.engine.name
    limits = {"TTFT": plan.limits.ttft, "TPOT": plan.limits.tpot}
    kept = ", ".join(f"{key} {format_seconds(value)}" for key, value in limits.items() if value is not None)
    return (
        f"{plan.model.name} for {plan.load.words()}, within {kept} at p{100 * plan.limits.at:g}: {choice.devices} x "
        f"{choice.deployment.machine.chip.name}. Written by froude plan serve; flags are those of {name} "
        f"{known_flags()[name]['version']}."
    )


def _where(plan: ServingPlan) -> str:
    """On how many nodes the script is run."""
    one, here = plan.choice.deployment, replicas_a_node(plan)
    replica, node = int(one.tp) * int(one.pp), one.machine.devices_per_node
    if replica > node:
        return (
            f"A replica takes {replica // node} nodes: add the addresses that your cluster has, and run it for each of "
            f"{int(one.dp)} replicas behind a balancer of load."
        )
    times = -(-int(one.dp) // here)
    last = int(one.dp) - (times - 1) * here
    more = "" if last == here else f", the last with {last} in place of {here} replicas"
    text = f"Run it on each of {times} nodes, behind a balancer of load{more}." if times > 1 else "Run it on one node."
    return f"{text} {CHECKPOINTS[str(one.precision)]}." if str(one.precision) in CHECKPOINTS else text


def _longest(plan: ServingPlan) -> int:
    longest = int(np.max(plan.load.inputs + plan.load.outputs))
    return -(-longest // ROUND) * ROUND


def _sequences(plan: ServingPlan) -> str:
    return f"requests of a replica at once, of which {plan.choice.running:.0f} are expected to run"


def _chunk(plan: ServingPlan) -> str:
    return (
        f"tokens of an iteration: those that decode, and chunks of prompts of {format_quantity(plan.load.input)} tokens"
    )


def _memory(plan: ServingPlan) -> str:
    one = plan.choice.deployment
    room = float(one.largest_batch) / float(one.dp)
    return f"share of a device's memory: a replica then has room for {room:,.0f} requests at once"


def _reuse(plan: ServingPlan) -> str:
    return f"{float(plan.choice.deployment.reused):.0%} of prompts' tokens began other prompts before, which are kept"


def _tests(plan: ServingPlan) -> Iterator[str]:
    """The load tests that would check it, as comments: a shell would run them before the server answers."""
    yield f"# Check it, once the server answers, by at least {LEAST_REQUESTS} requests:"
    for command in plan.load_tests.values():
        yield f"#   {command}"


def _comment(text: str) -> list[str]:
    wrapped = textwrap.wrap(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in wrapped]
