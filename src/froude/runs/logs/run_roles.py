"""Which numbers of a logged run are its parameters, tokens, losses and settings, each with why; or a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from froude.runs.headers import normal
from froude.runs.logs.configuration import quantity_of
from froude.runs.logs.evidence import SAME, LogEvidence, RoleValue
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.loss_names import is_learning_rate
from froude.runs.logs.losses import curve_of_loss, losses_of
from froude.runs.logs.model_counts import count_model
from froude.runs.logs.steps_and_tokens import amounts_of
from froude.runs.logs.texts import finite_number_of
from froude.runs.roles import ROLES

RUN_ROLES = ("N", "D", "loss", "train_loss", "S", "B", "lr", "seq_len")
"""What is looked for in a run, in this order; `train_loss` and `seq_len` are no roles of a law."""
_RATES = (
    *("optimizer.params.lr", "optimizer.learning_rate_scheduler.learning_rate", "optimizer.learning_rate"),
    *("optimizer.lr", "optim.lr", "learning_rate", "max_lr", "peak_lr", "lr"),
)
_COUNTS = frozenset(ROLES["N"].synonyms) | {"model_num_parameters", "num_model_parameters"}
_PARTIAL = ("trainable", "active", "embed")
_FEWEST = 1e3  # of parameters that a count can be taken for by its name


def roles_of_run(run: LoggedRun, columns: Mapping[str, str] | None = None) -> dict[str, RoleValue]:
    """Return what N, D, loss, train_loss, S, B, lr and seq_len are in a run, those that it says.

    Tokens and steps are those at the last loss. `columns` maps a role to a metric, a value of the summary or a key of
    the configuration; the rest is found.

    Raises InputError where loss, N or D may be several numbers: it names them and the `--columns` to give.
    """
    evidence = LogEvidence(run=run, by_hand=columns or {})
    losses = losses_of(evidence)
    amounts = amounts_of(evidence, curve_of_loss(evidence, losses))
    found = {
        "N": evidence.given("N") or _parameters(evidence),
        "D": amounts.tokens,
        "loss": losses.loss,
        "train_loss": losses.train_loss,
        "S": amounts.steps,
        "B": amounts.batch,
        "lr": evidence.given("lr") or _rate(evidence),
        "seq_len": RoleValue(value=amounts.length, source="the length of a sequence") if amounts.length else None,
    }
    found |= {role: evidence.given(role) for role in sorted({*evidence.by_hand} - {*found})}
    return {role: value for role, value in found.items() if value is not None}


def _parameters(evidence: LogEvidence) -> RoleValue | None:
    """A logged count; else one from the configuration; else a rounded one in words ("124M")."""
    logged = dict(_logged_counts(evidence))
    counts = {name: value for name, value in logged.items() if not isinstance(value, str)}
    whole = {n: v for n, v in counts.items() if not any(word in normal(n) for word in _PARTIAL)} or counts
    if whole:
        if len(whole) > 1 and max(whole.values()) > (1 + SAME) * min(whole.values()):
            raise evidence.question("N", whole, "the parameters")
        name, value = next(iter(whole.items()))
        return RoleValue(value=value, source=f"the count {name!r}")
    if (counted := count_model(evidence.config)) is not None:
        return RoleValue(value=counted.n_params, source=f"counted from {counted.source}")
    rounded = ((name, quantity_of(text)) for name, text in logged.items())
    return next(
        (RoleValue(value=v, source=f"the rounded {name!r}") for name, v in rounded if v is not None and v >= _FEWEST),
        None,
    )


def _logged_counts(evidence: LogEvidence) -> Iterator[tuple[str, Any]]:
    """What may be a count of parameters by its name: the last of a metric, of the summary, of the configuration."""
    for place in (evidence.ends, evidence.run.summary, evidence.config.flat):
        for name, value in place.items():
            if name != "N" and not _is_count(name):
                continue
            number = finite_number_of(value)
            if isinstance(value, str) if number is None else name == "N" or number >= _FEWEST:
                yield name, value if number is None else number


@lru_cache(maxsize=65536)
def _is_count(name: str) -> bool:
    return normal(name) in _COUNTS or normal(name.replace("/", ".").rpartition(".")[2]) in _COUNTS


def _rate(evidence: LogEvidence) -> RoleValue | None:
    """The learning rate that was set, else the highest that was logged."""
    for path in _RATES:
        value = evidence.config.number(path)
        if value is not None and value > 0:
            return RoleValue(value=value, source=f"{path!r} of the configuration", metric=_rate_metric(evidence))
    metric = _rate_metric(evidence)
    if metric is None:
        return None
    highest = float(np.nanmax(evidence.run.series[metric].values))
    return RoleValue(value=highest, source=f"the highest {metric!r}", metric=metric) if highest > 0 else None


def _rate_metric(evidence: LogEvidence) -> str | None:
    """The metric that is the learning rate, None where there is none."""
    rates = (name for name in evidence.normal if is_learning_rate(name))
    return next((name for name in rates if np.isfinite(evidence.run.series[name].values).any()), None)
