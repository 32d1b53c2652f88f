"""How long a pipeline takes and what it holds: closed forms of its schedules, many layouts at once.

`froude.cost.training.pipeline.events.simulate` is their check.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import final

import numpy as np

from froude.cost.model.operators import Number
from froude.cost.training.layout import Flow
from froude.errors import InputError

WEIGHT_SHARE = 0.5
"""Of the backward pass of a matmul, the part that makes the gradients of its weights: equal FLOPs on both sides."""


def is_legal(flow: Flow) -> np.ndarray:
    """Whether a schedule exists for these sizes, elementwise.

    Only 1F1B interleaves, over two or more stages, and asks for a multiple of `stages` micro-batches (Megatron-LM's
    rule; Narayanan et al. 2021, arXiv:2104.04473, section 2.2).
    """
    stages, interleave, micro_batches = np.broadcast_arrays(flow.stages, flow.interleave, flow.micro_batches)
    positive = (stages >= 1) & (interleave >= 1) & (micro_batches >= 1)
    interleaved = (flow.schedule == "1f1b") & (stages > 1) & (micro_batches % np.maximum(stages, 1) == 0)
    return positive & ((interleave == 1) | interleaved)


def pipeline_seconds(
    flow: Flow,
    forward_seconds: Number,
    backward_seconds: Number,
    send_seconds: Number,
    *,
    first: Number = 1.0,
    last: Number = 1.0,
    weight_share: Number = WEIGHT_SHARE,
) -> Number:
    """Seconds from the first forward pass to the end of the last backward pass, elementwise.

    `forward_seconds` and `backward_seconds` are of one micro-batch on a middle stage, all its `interleave` chunks;
    the stage with the embedding takes `first` times as long, that with the head `last` times, a single stage
    first + last − 1 times. `send_seconds` pass between two stages, while both may work. A zero-bubble schedule (ZB-H1)
    puts off `weight_share` of the backward pass, at most half.

    With p stages of v chunks, m micro-batches, equal stages and no sends: (m + p − 1)(F + B) for GPipe and 1F1B,
    m(F + B) + (p − 1)(F + B)/v interleaved (Narayanan et al. 2021, arXiv:2104.04473, section 2.2), and
    m(F + B + W) + (p − 1)(F + B − W) for ZB-H1 where m ≥ p and W ≤ F, its B without W (Qi et al. 2024,
    arXiv:2401.10241, table 2). Sends and unequal stages are the longest paths through the schedule, derived
    here. Against `simulate` equal stages are exact, interleaved ones for sends up to half a chunk (then up to 7% too
    small). Where there are p micro-batches or more and the ends take 1 to 1.3 times as long, the error is under 2%;
    interleaved that holds for a first stage up to 1.1 and sends up to a twentieth of a chunk, and 5% beyond these. A
    first stage of half as long adds up to 1%; a last one of 0.7 takes up to 4% too much with 4p micro-batches or more.
    InputError where `is_legal` is false.
    """
    refuse_illegal(flow)
    alone = np.asarray(flow.stages) == 1
    step = _Step(
        p=flow.stages,
        v=flow.interleave,
        m=flow.micro_batches,
        forward=forward_seconds,
        backward=backward_seconds,
        weights=weight_seconds(backward_seconds, weight_share),
        send=send_seconds,
        first=np.where(alone, first + last - 1, first),
        last=np.where(alone, first + last - 1, last),
    )
    if flow.schedule == "gpipe":
        return step.gpipe()
    if flow.schedule == "zero-bubble":
        return step.zero_bubble()
    if np.all(np.asarray(flow.interleave) == 1):
        return step.one_forward_one_backward()
    return np.where(np.asarray(flow.interleave) == 1, step.one_forward_one_backward(), step.interleaved())


def bubble_seconds(
    flow: Flow,
    forward_seconds: Number,
    backward_seconds: Number,
    send_seconds: Number,
    *,
    first: Number = 1.0,
    last: Number = 1.0,
    weight_share: Number = WEIGHT_SHARE,
) -> Number:
    """Seconds of `pipeline_seconds` in which the slowest device does not work: it fills, drains, or waits for sends."""
    seconds = (forward_seconds, backward_seconds, send_seconds)
    total = pipeline_seconds(flow, *seconds, first=first, last=last, weight_share=weight_share)
    return total - flow.micro_batches * (forward_seconds + backward_seconds) * _slowest(flow.stages, first, last)


def _slowest(stages: Number, first: Number, last: Number) -> Number:
    """How many times as long as a middle stage the slowest takes; two stages have no middle."""
    ends = np.maximum(first, last)
    return np.where(
        np.asarray(stages) == 1, first + last - 1, np.where(np.asarray(stages) == 2, ends, np.maximum(ends, 1))
    )


@final
@dataclass(frozen=True, kw_only=True)
class _Step:
    """The longest paths of a step, from the first forward pass to the last backward pass; `weights` are of ZB-H1."""

    p: Number
    v: Number
    m: Number
    forward: Number
    backward: Number
    weights: Number
    send: Number
    first: Number
    last: Number

    @property
    def both(self) -> Number:
        """Seconds of a micro-batch on a middle stage, forward and backward."""
        return self.forward + self.backward

    @property
    def total(self) -> Number:
        """All stages together, in middle stages."""
        return np.where(np.asarray(self.p) == 1, self.first, self.p - 2 + self.first + self.last)

    @property
    def slowest(self) -> Number:
        """The slowest stage, in middle stages."""
        return np.where(np.asarray(self.p) == 1, self.first, _slowest(self.p, self.first, self.last))

    @property
    def middle(self) -> Number:
        """A stage that is neither first nor last, or where there is none the faster of the two."""
        return np.where(np.asarray(self.p) > 2, 1.0, np.minimum(self.first, self.last))

    @property
    def sends(self) -> Number:
        """Seconds of all sends of one micro-batch, there and back."""
        return 2 * (self.p * self.v - 1) * self.send

    def gpipe(self) -> Number:
        """All forward passes, then all backward passes: each fills, and then goes at the pace of the slowest stage."""
        return (self.total + (self.m - 1) * self.slowest) * self.both + self.sends

    def one_forward_one_backward(self) -> Number:
        """One micro-batch goes through all stages and back; the others follow at the pace of what holds them up.

        That is the last stage, or a middle one; or the first one, which lets the first p micro-batches pass before it
        alternates; or the sends: a stage begins the forward pass of a micro-batch after the backward pass of the one p
        before, so that every p micro-batches pay the way to the last stage and back. Those left over at the end turn
        round as deep as there are some of them.
        """
        through = self.total * self.both + self.sends
        trips, rest = np.divmod(self.m - 1, self.p)
        left_over = (np.maximum(rest - 1, 0) * (self.both + 2 * self.send)) + (rest > 0) * self.last * self.both
        at_ends = (self.m - 1) * np.maximum(self.last, self.middle) * self.both
        at_first = np.where(self.m > self.p, through + (self.m - 1 - self.p) * self.first * self.both, 0)
        return through + _longest(at_ends, at_first, trips * through + left_over)

    def interleaved(self) -> Number:
        """A fill of one chunk a stage; then the slowest stage, here the first, the last or any between, works through.

        Sends show in the fill and the drain, and again on the way from the last stage to the next chunk on the first,
        where a send takes longer than the shorter pass of a chunk.
        """
        chunk = self.both / self.v
        fill = (self.total - self.last) * chunk
        shorter = np.minimum(self.forward, self.backward) / self.v
        wraps = (self.m - self.p) * (self.v - 1) * np.maximum(self.send - shorter, 0)
        slower = self.first - self.middle
        # Read off simulations, to a chunk: what the first stage waits at the end, the less the slower it is.
        alternating = (self.p - 2 - (2 * self.p + 1) * slower) * chunk + (self.v - 1) * self.p * self.send
        drain = _longest(alternating, (self.p - 1) * shorter * (1 - 2 * slower), 0)
        return _longest(
            self.m * self.middle * self.both + fill + self._warm_up(self.middle) + wraps,
            self.m * self.last * self.both + fill + self._warm_up(self.last),
            self.m * self.first * self.both + drain + 2 * (self.p - 1) * self.send,
        )

    def _warm_up(self, pace: Number) -> Number:
        """Seconds that a stage of this pace waits because the first one is slower, and for sends.

        Before it alternates, the first stage passes v − 1 chunks of p micro-batches forward, and after it as many
        backward; what it or the stage in question takes longer than others hides their sends, of all but each first.
        """
        slower = np.maximum(np.maximum(self.first, pace) - self.middle, 0) / self.v
        hidden = sum(np.minimum(self.send, slower * seconds) for seconds in (self.forward, self.backward))
        longer = self.p * np.maximum(self.first - pace, 0) * self.both / self.v
        return (self.v - 1) * (longer - (self.p - 1) * hidden) + self.sends

    def zero_bubble(self) -> Number:
        """ZB-H1: as 1F1B, but a stage that is i stages after the first runs each W i micro-batches late."""
        inputs = self.both - self.weights
        through = self.total * inputs + self.sends + self.first * self.weights
        late = np.maximum(self.m - self.p, 0)
        trips, rest = np.divmod(self.m - 1, self.p)
        again = (self.p - 1) * trips + np.maximum(rest - 1, 0)
        free = np.minimum(again, self.p - 1)  # the last stage has no W yet that could hide these
        shown = 2 * free * self.send + (again - free) * np.maximum(2 * self.send - self.weights, 0)
        before_last = (self.total - self.last) * self.forward + self.sends / 2
        filled = np.minimum(self.m, self.p) * self.first * self.forward
        first_waits = self.total * self.forward + (self.total - self.first) * (inputs - self.forward) + self.sends
        return _longest(
            through + (self.m - 1) * self.middle * inputs + late * self.middle * self.weights + shown,
            through + (self.m - 1) * self.last * inputs + late * self.last * self.weights,
            before_last + self.m * self.last * self.both,
            self.m * self.first * self.both + np.maximum(first_waits - filled, 0),
            np.where(self.m > self.p, 2 * through + (self.m - self.p - 1) * self.slowest * self.both, 0),
        )


def _longest(*paths: Number) -> Number:
    return reduce(np.maximum, paths)


def weight_seconds(backward_seconds: Number, weight_share: Number) -> Number:
    """Seconds of a backward pass for the gradients of weights. InputError for a share below 0 or above a half."""
    wrong = np.extract((np.asarray(weight_share) < 0) | (np.asarray(weight_share) > WEIGHT_SHARE), weight_share)
    if wrong.size:
        raise InputError(
            f"weight_share {wrong[0]:g}: gradients of weights take from 0 to {WEIGHT_SHARE} of a backward pass"
        )
    return weight_share * backward_seconds


def in_flight(flow: Flow, stage: Number = 0) -> Number:
    """The most micro-batches whose activations a stage holds at once, in units of all its chunks, elementwise.

    All m of GPipe; min(m, p − stage) of 1F1B; min(m, p) of ZB-H1 on every stage (Qi et al. 2024, table 2);
    interleaved p + (p − 1)/v on the first stage, at most m (Korthikanti et al. 2022, arXiv:2205.05198, section 4.2.3:
    1 + (p − 1)/(pv) times what 1F1B holds). InputError where `is_legal` is false.
    """
    refuse_illegal(flow)
    if flow.schedule == "gpipe":
        return flow.micro_batches + 0 * (flow.stages + stage)
    if flow.schedule == "zero-bubble":
        return np.minimum(flow.micro_batches, flow.stages) + 0 * stage
    return np.minimum(flow.micro_batches, (warm_up(flow, stage) + 1) / flow.interleave)


def warm_up(flow: Flow, stage: Number) -> Number:
    """Chunks that a stage passes forward before it alternates forward and backward, as Megatron-LM counts them."""
    deeper = flow.stages - stage - 1
    return np.where(np.asarray(flow.interleave) > 1, 2 * deeper + (flow.interleave - 1) * flow.stages, deeper)


def refuse_illegal(flow: Flow) -> None:
    """InputError that names the first sizes for which `is_legal` is false."""
    legal = is_legal(flow)
    if not np.all(legal):
        sizes = np.broadcast_arrays(flow.stages, flow.interleave, flow.micro_batches)
        p, v, m = (int(size[~legal].flat[0]) for size in sizes)
        raise InputError(
            f"no {flow.schedule} pipeline has {p} stages, interleave {v} and {m} micro-batches: each is at least 1, "
            "and interleaving asks for 1f1b, two stages and a multiple of them as micro-batches"
        )
