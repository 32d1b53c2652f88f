"""Which metric of a run is its loss, and which its training loss; a question where several may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.runs.logs.evidence import LogEvidence, RoleValue
from froude.runs.logs.logged_run import Series
from froude.runs.logs.loss_names import Data, is_learning_rate, is_of_reinforcement, loss_name, words_of

_SAID: dict[Data, str] = {
    "held-out": ", which is held out",
    "test": ", of the test",
    "training": ", a training loss: no held-out one is logged",
    "": ", whose name does not say on which data",
}


@final
@dataclass(frozen=True, kw_only=True)
class Losses:
    """The loss of a run, held out where such a one is logged, and beside a held-out one that of training."""

    loss: RoleValue | None
    train_loss: RoleValue | None = None


def losses_of(evidence: LogEvidence) -> Losses:
    """Return the losses of a run. InputError asks where several metrics may be the loss.

    Held out comes before the test's, that before training, and that of all data before that of one set of several.
    """
    names = _by_data(evidence)
    training = [*names["training"], *names[""]] if len(names["training"]) != 1 else names["training"]
    beside = _choice(evidence, training, "training", ask=False)
    if (given := evidence.given("loss")) is not None:
        return Losses(loss=given, train_loss=None if beside is None or beside.metric == given.metric else beside)
    for data in ("held-out", "test"):
        if names[data]:
            return Losses(loss=_choice(evidence, names[data], data, ask=True), train_loss=beside)
    if any(map(is_of_reinforcement, evidence.ends)):
        return Losses(loss=None)
    both = [*names["training"], *names[""]]
    return Losses(loss=_choice(evidence, both, "training" if names["training"] else "", ask=True))


def curve_of_loss(evidence: LogEvidence, losses: Losses) -> Series | None:
    """Return the curve at whose end a run is judged: that of its loss, else the longest; None without any."""
    if losses.loss is not None and losses.loss.metric is not None and losses.loss.metric in evidence.normal:
        return evidence.run.series[losses.loss.metric]
    return max((evidence.run.series[n] for n in evidence.normal), key=lambda each: float(each.at[-1]), default=None)


def _by_data(evidence: LogEvidence) -> dict[Data, list[str]]:
    """The names of losses by their data; a plain one that goes along with the learning rate is of training."""
    found: dict[Data, list[str]] = {"held-out": [], "test": [], "training": [], "": []}
    for name in evidence.ends:
        said = loss_name(name)
        if said is not None and not _is_mean_of_training(evidence, name):
            of_steps = said.data == "" and _goes_along_with_steps(evidence, name)
            found["training" if of_steps else said.data].append(name)
    return found


def _goes_along_with_steps(evidence: LogEvidence, name: str) -> bool:
    """Whether a metric is logged where the learning rate or the norm of the gradient is: with steps."""
    if name not in evidence.normal:
        return False
    at = evidence.run.series[name].at
    beside = (n for n in evidence.normal if is_learning_rate(n) or {"grad", "norm"} <= {*words_of(n)})
    return any(np.isin(at, evidence.run.series[n].at).mean() > 0.5 for n in beside)


def _is_mean_of_training(evidence: LogEvidence, name: str) -> bool:
    """Whether it is what the Hugging Face Trainer logs at its end, the mean of all losses ("train/train_loss")."""
    stem = name.removesuffix("train_loss")
    return stem != name and stem in ("", "train/") and f"{stem}train_runtime" in evidence.ends


def _choice(evidence: LogEvidence, names: Sequence[str], data: Data, *, ask: bool) -> RoleValue | None:
    """The one loss among names: of all data before that of one set, plain before weak; else a question, or None."""
    said = {name: found for name in names if (found := loss_name(name)) is not None}
    if not said:
        return None
    ranks = {name: (bool(found.of_set), found.weak) for name, found in said.items()}
    best = [name for name in said if ranks[name] == min(ranks.values())]
    ends = [evidence.ends[name] for name in best]
    if len(ends) > 1 and not np.allclose(ends, ends[0], rtol=1e-3, equal_nan=True):
        if ask:
            raise evidence.question("loss", best, f"the {data} loss" if data else "the loss")
        return None
    # Of those that end alike, the longest is the one.
    sizes = {n: evidence.run.series[n].values.size if n in evidence.normal else 0 for n in best}
    name = max(best, key=lambda each: sizes[each])
    end = _SAID[data] if ask else ""
    return RoleValue(value=evidence.ends[name], source=f"the last of {name!r}{end}", metric=name)
