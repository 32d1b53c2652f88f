"""The steps, tokens and batch of a run, at the place where its loss was last measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from froude.errors import InputError
from froude.runs.headers import normal
from froude.runs.logs.evidence import SAME, LogEvidence, RoleValue
from froude.runs.logs.logged_run import Series
from froude.runs.logs.token_counts import TokensPerStep, sequence_length, tokens_per_step
from froude.runs.missing_columns import quoted

STEPS = (
    *("global_step", "train_global_step", "trainer_global_step", "iteration", "iter", "iter_num", "current_steps"),
    *("train_step", "training_step", "optimizer_step", "num_updates", "update", "updates", "step", "time_batch"),
)
"""Names of a counter of steps, as `normal` writes them."""
TOTAL_STEPS = (
    *("max_steps", "max_iters", "train_iters", "num_train_steps", "total_steps", "train_steps"),
    *("training.steps", "tokens.train_steps", "num_iterations", "steps"),
)
_TOKENS = (
    *("n_tokens_seen", "throughput_total_tokens", "time_token", "num_input_tokens_seen", "num_tokens", "total_tokens"),
    *("train_num_input_tokens_seen", "train_num_tokens", "train_total_tokens", "consumed_tokens", "optim_total_tokens"),
    *("trained_tokens", "tokens_seen", "total_tokens_seen", "train_tokens", "train_tokens_seen", "tokens_processed"),
    *("consumed_train_tokens", "training_tokens", "global_tokens", "cumulative_tokens"),
)
"""Names of a counter of all tokens trained on, over all devices."""
_LOOSE_TOKENS = ("tokens", "n_tokens", "token_count", "num_train_tokens")
"""Names of what may be that, or the tokens of one device or of one step."""
_SAMPLES = ("consumed_samples", "consumed_train_samples", "train_samples")
_NEAR = 0.1


@final
@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How long a run was trained: steps, tokens, the tokens of a step, the length of a sequence."""

    steps: RoleValue | None
    tokens: RoleValue | None
    batch: RoleValue | None
    length: float | None


def amounts_of(evidence: LogEvidence, curve: Series | None) -> Amounts:
    """Return steps and tokens at the end of a curve. InputError asks where several counts of tokens differ.

    Tokens are those that were counted, else sequences times their length, else steps times the tokens of a step.
    """
    known = tokens_per_step(evidence.config)
    length = (known and known.length) or sequence_length(evidence.config)
    steps = evidence.given("S", curve) or _steps(evidence, curve)
    of_steps = RoleValue(value=known.tokens, source=known.why) if known and known.ramp is None else None
    batch = evidence.given("B") or of_steps
    tokens = evidence.given("D", curve) or _tokens(evidence, curve, _by_steps(evidence, curve, steps, known, length))
    if batch is None and steps is not None and tokens is not None:
        batch = RoleValue(value=tokens.value / steps.value, source="tokens over steps")
    return Amounts(steps=steps, tokens=tokens, batch=batch, length=length)


def _steps(evidence: LogEvidence, curve: Series | None) -> RoleValue | None:
    if "iter_time" in evidence.normal or curve is None:  # the steps of litgpt's log are those of micro-batches
        return None
    names = {known: name for name, known in reversed([*evidence.normal.items()])}
    for wanted in STEPS:
        if wanted in names and evidence.is_counter(names[wanted]):
            return _whole(evidence, evidence.at(names[wanted], curve), f"the step {names[wanted]!r}")
    if normal(curve.x) not in STEPS or _counts_samples(evidence, curve):
        return None
    return _whole(evidence, float(curve.at[-1]), "the step of the last loss")


def _whole(evidence: LogEvidence, steps: float, source: str) -> RoleValue | None:
    """The steps: all that were set where a log that counts from 0 ends one short of them.

    None where a finished run's are far from those set: then they count something else, as a tracker's own may.
    """
    total = evidence.config.number(*TOTAL_STEPS)
    if total is not None and total - 1 <= steps <= total:
        return RoleValue(value=total, source=source)
    far = total is not None and not (1 - _NEAR) * total <= steps <= (1 + _NEAR) * total
    strange = far and evidence.run.state == "finished" and source == "the step of the last loss"
    return RoleValue(value=steps, source=source) if steps > 0 and not strange else None


def _tokens(evidence: LogEvidence, curve: Series | None, by_steps: RoleValue | None) -> RoleValue | None:
    names = {name: evidence.normal.get(name, normal(name)) for name in evidence.ends}
    sure = [n for n, known in names.items() if (known in _TOKENS or n == "D") and evidence.is_counter(n)]
    if sure:
        values = [evidence.at(name, curve) for name in sure]
        if len(values) > 1 and max(values) > (1 + SAME) * min(values):
            raise evidence.question("D", sure, "the training tokens")
        return RoleValue(value=values[0], source=f"the tokens counted in {sure[0]!r}", metric=sure[0])
    loose = next((n for n, known in names.items() if known in _LOOSE_TOKENS and evidence.is_counter(n)), None)
    if loose is None:
        return by_steps
    value = evidence.at(loose, curve)
    if by_steps is None or abs(value / by_steps.value - 1) < SAME:
        return RoleValue(value=value, source=f"the tokens counted in {loose!r}", metric=loose)
    raise InputError(
        f"run {evidence.run.name!r}: {loose!r} counts {value:.4g} tokens, and {by_steps.source} make "
        f"{by_steps.value:.4g}: choose with --columns D={quoted(loose)}, or log the tokens of all devices"
    )


def _by_steps(
    evidence: LogEvidence,
    curve: Series | None,
    steps: RoleValue | None,
    known: TokensPerStep | None,
    length: float | None,
) -> RoleValue | None:
    """Tokens by the sequences that were counted and their length, else by steps and the tokens of one."""
    if length and curve is not None:
        samples = next((n for n, name in evidence.normal.items() if name in _SAMPLES and evidence.is_counter(n)), None)
        if samples is not None:
            value = evidence.at(samples, curve) * length
            return RoleValue(value=value, source=f"the sequences counted in {samples!r} × their length")
        if _counts_samples(evidence, curve):
            return RoleValue(value=float(curve.at[-1]) * length, source="the samples at the last loss × their length")
    if steps is None:
        return None
    if (given := evidence.given("B")) is not None:
        return RoleValue(value=steps.value * given.value, source=f"steps × {given.source}")
    if known is None:
        return None
    ramp = ", the batch growing as set" if known.ramp else ""
    return RoleValue(value=known.after(steps.value), source=f"steps × {known.why}{ramp}")


def _counts_samples(evidence: LogEvidence, curve: Series) -> bool:
    """Whether the axis counts samples, as that of DeepSpeed's monitor ("Train/Samples/train_loss") does."""
    return any(evidence.run.series[name] is curve for name in evidence.normal if name.startswith("Train/Samples/"))
