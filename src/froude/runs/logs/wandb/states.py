"""The states of runs as W&B's pages and its client name them."""

from __future__ import annotations

from collections.abc import Mapping

from froude.runs.logs.logged_run import State

STATES: Mapping[str, State] = {
    "finished": "finished",
    "running": "running",
    "pending": "running",
    "crashed": "crashed",
    "failed": "crashed",
    "killed": "crashed",
    "preempted": "crashed",
    "preempting": "crashed",
}
