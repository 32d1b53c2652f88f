"""What every fitting tool is handed and hands back as JSON, and the score by which all are judged.

A tool is a script that reads the runs {"N": [...], "D": [...], "loss": [...]} from standard input, fits
L(N, D) = E + A/N^alpha + B/D^beta and prints one JSON object. Its two arguments j and k ask for start j and every
k-th one after it, where it has a grid of starts.
"""

import json
import sys
from collections.abc import Sequence
from importlib import metadata, util
from platform import python_version
from typing import Any

import numpy as np

DELTA = 1e-3


def huber_of_logs(log_predicted: np.ndarray, log_measured: np.ndarray) -> float:
    """The sum of Huber(log predicted − log measured, δ = 1e-3) over the runs (n,)."""
    size = np.abs(log_predicted - log_measured)
    return float(np.where(size <= DELTA, size**2 / 2, DELTA * (size - DELTA / 2)).sum())


def handed() -> tuple[dict[str, np.ndarray], slice]:
    """The runs, each column (n,), and which starts are wanted."""
    first, every = map(int, sys.argv[1:3])
    return {name: np.array(column) for name, column in json.load(sys.stdin).items()}, slice(first, None, every)


def hand_back(
    runs: dict[str, np.ndarray],
    predicted: Any,
    seconds: float,
    objectives: Sequence[float],
    succeeded: int,
    starts: int,
    packages: Sequence[str],
) -> None:
    """Print the score of what was predicted (n,), the CPU seconds, and how the starts that were tried ended.

    `objectives` are the tool's own at the end of each start, `succeeded` how many reported success, `starts` how many
    the whole recipe has.
    """
    found = {
        "score": huber_of_logs(np.log(np.asarray(predicted, dtype=float)), np.log(runs["loss"])),
        "seconds": seconds,
        "objectives": [float(value) for value in objectives],
        "succeeded": succeeded,
        "starts": starts,
        "versions": {"python": python_version(), **{name: metadata.version(name) for name in packages}},
    }
    print(json.dumps(found))


def leave_if_missing(module: str, install: str) -> None:
    """End the script where a module is not installed, handing back what to install."""
    if util.find_spec(module) is None:
        print(json.dumps({"missing": install}))
        sys.exit(0)
