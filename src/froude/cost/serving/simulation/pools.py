"""Prompts and answers in pools of their own, keys and values going over a link from one to the other.

Zhong et al. 2024 (DistServe, arXiv:2401.09670): replicas that only compute prompts and replicas that only decode do not
hinder one another, and each pool may have a layout of its own. Here a transfer starts when a prompt is computed and has
the link to itself; the pages on the side of prompts are free at once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from froude.cost.machine.machine import Link
from froude.cost.model.formats import kv_bytes
from froude.cost.serving.constants import ServingConstants, serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.simulation.fleet import gathered, replicas_of, seconds_outside, serve_arrivals
from froude.cost.serving.simulation.ledger import Ledger
from froude.cost.serving.simulation.replica import Replica
from froude.cost.serving.simulation.requests import Requests
from froude.cost.serving.simulation.scheduling import Scheduling
from froude.cost.serving.simulation.simulation import Simulation
from froude.errors import InputError


def simulate_pools(
    prompts: Deployment,
    answers: Deployment,
    requests: Requests,
    *,
    link: Link | None = None,
    constants: ServingConstants | None = None,
    scheduling: Scheduling | None = None,
) -> Simulation:
    """Serves arrivals on two pools of the same model: `prompts` makes first tokens, `answers` all others.

    Each pool has its own layout and `dp` replicas. `link` carries keys and values, every device of a replica of
    `prompts` its part; that of the machine's nodes by default. Queues of the result are those of prompts and then of answers.
    InputError for users in a loop, whose next requests hang on answers, and for engines with static batches.
    """
    if requests.arrival is None:
        raise InputError("two pools take arrivals, and these requests come from users: give a rate or a trace")
    if "together" in (prompts.engine.prompts, answers.engine.prompts):
        raise InputError("static batches have no pools of their own: take another engine")
    constants = serving_constants() if constants is None else constants
    scheduling = Scheduling() if scheduling is None else scheduling
    outside = seconds_outside(prompts, constants)
    first = replace(requests, output=np.ones(len(requests), dtype=int))
    entered = Ledger(first)
    before = replicas_of(prompts, first, constants, entered, scheduling=scheduling)
    serve_arrivals(before, requests.arrival + outside, np.arange(len(requests)), scheduling.routing)
    ledger = Ledger(requests)
    after = replicas_of(answers, requests, constants, ledger, scheduling=replace(scheduling, cache=False))
    more = np.flatnonzero(requests.output > 1)
    there = np.array(entered.finished) + transfer_seconds(prompts, requests.input, link)
    more = more[np.argsort(there[more], kind="stable")]
    for replica in after:
        if isinstance(replica, Replica):
            replica.stored.update(more.tolist())
            replica.progress.update(dict.fromkeys(more.tolist(), 1))
    serve_arrivals(after, there[more], more, scheduling.routing)
    for name in ("reached", "started", "first", "reused"):
        setattr(ledger, name, getattr(entered, name))
    one_token = requests.output == 1
    ledger.finished = np.where(one_token, entered.finished, ledger.finished).tolist()
    return gathered(answers, requests, ledger, [*before, *after], outside)


def transfer_seconds(deployment: Deployment, tokens: np.ndarray, link: Link | None = None) -> np.ndarray:
    """Seconds in which the keys and values of prompts go over a link, each device of a replica sending its part."""
    link = deployment.machine.node_link if link is None else link
    devices = float(np.asarray(deployment.tp)) * float(np.asarray(deployment.pp))
    moved = np.asarray(kv_bytes(deployment.model, tokens, deployment.kv_format) * deployment.copies)
    return link.latency_s + moved / (link.bandwidth_bytes_per_s * devices)
