"""What a study keeps of planned runs: those that are finished, checked against their plan, and what is damaged."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from froude.documents.bytes_of_files import bytes_of
from froude.documents.document_error import DocumentError
from froude.runs import Study, run_id
from froude.runs.study.run_file import FinishedRun, NoRun, read_folder, reason_of
from froude.tank.trunk import Trunk

SAME_LOSS = 1e-5  # relative: the mean of the same float32 values, summed in another order


@final
@dataclass(frozen=True, kw_only=True)
class KeptRuns:
    """The ids of planned runs that are finished, and what is wrong with the files of others, by id."""

    finished: frozenset[str]
    damaged: Mapping[str, NoRun]


def kept_runs(study: Study, trunks: Iterable[Trunk]) -> KeptRuns:
    """What the study keeps of the runs of these trunks."""
    folder = study.path / "runs"
    there = list(read_folder(folder))
    found = {run.id: run for run in there if isinstance(run, FinishedRun)}
    refused = {run.path: run for run in there if isinstance(run, NoRun)}
    finished, damaged = set(), {}
    for trunk in trunks:
        for tokens in trunk.tokens:
            id = trunk.run_id(tokens)
            run = found.get(id)
            fault = fault_of(run, trunk, tokens, study) if run else refused.get(folder / f"{id}.jsonl")
            if fault:
                damaged[id] = fault
            elif run:
                finished.add(id)
    return KeptRuns(finished=frozenset(finished), damaged=damaged)


def fault_of(run: FinishedRun, trunk: Trunk, tokens: int, study: Study) -> NoRun | None:
    """Why a finished run is not the one that was planned, or not as it was written; None where it is."""
    decoder = trunk.decoder
    planned = {"N": decoder.n_non_embedding, "C": decoder.training_flops_per_token * tokens}
    if run_id(run.config) != run.id:
        return NoRun(path=run.path, reason="has another configuration than it is named for")
    for name, size in planned.items():
        if run.result.get(name) != size:
            return NoRun(path=run.path, reason=f"has another {name} than the {size} of its training")
    reason = fault_of_loss(run, window_losses_file(study, run.id))
    return NoRun(path=run.path, reason=reason) if reason else None


def fault_of_loss(run: FinishedRun, windows: Path) -> str | None:
    """Why the loss of a run cannot be what its validation gave; None where it is the mean over the windows kept."""
    loss, diverged = run.result.get("loss"), run.result.get("diverged")
    if not isinstance(loss, float) or diverged is not bool(np.isnan(loss)):
        return "has no loss that can be"
    try:
        mean = float(read_window_losses(windows).mean())
    except (OSError, DocumentError) as error:
        return f"has no losses of validation windows beside it ({reason_of(error)})"
    if not diverged and not abs(mean / loss - 1) <= SAME_LOSS:
        return f"has another loss than its validation windows, {mean:.6g}"
    return None


def window_losses_file(study: Study, id: str) -> Path:
    """Where the loss of each validation window of a run is."""
    return study.path / "validation" / f"{id}.npy"


def read_window_losses(path: Path) -> np.ndarray:
    """The loss of each validation window of a run, (windows,). OSError and DocumentError where it cannot be read."""
    body = bytes_of(path)
    try:
        losses = np.load(io.BytesIO(body), allow_pickle=False)
    except Exception as error:  # NumPy raises a dozen kinds on bytes that are no array of it
        raise DocumentError(f"it is no array: {type(error).__name__}") from None
    if not isinstance(losses, np.ndarray) or losses.dtype != np.float32 or losses.ndim != 1 or not losses.size:
        raise DocumentError("it is no column of losses")
    return losses
