"""The design of a pilot: which small trainings, and which target, fit into the minutes given.

One dial, the width, shapes the whole family; depth and heads are those of the target. From measured speeds the target
is made as large as its share of the time allows; the pilots fill theirs, from a quarter of the target's parameters
downwards, each size with several lengths from one trunk.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.cost import Decoder
from froude.documents.checking import as_type
from froude.errors import InputError
from froude.tank.trunk import Trunk

BATCH = 8  # sequences: few tokens a step leave the shortest run a thousand steps, where its loss follows a law
LR = 0.011  # of hidden matrices at width 32: 0.009 and 0.013 do as well at widths 24 and 36, 0.0064 worse
LR_EMBEDDING = 0.04  # at every width: 0.02 and 0.08 do worse at width 24
QK_NORM = True  # without it losses of two seeds differ nearly twice as much at width 24, and are 1 to 3% higher
WARMUP_STEPS = 64
DECAY_SHARE = 0.2  # of each run; 10% suffices at thousands of steps, runs of hundreds want more (arXiv:2404.06395)

PARAMS_RATIO = 4  # target over largest pilot, at least
COMPUTE_RATIO = 8  # target over costliest pilot in exact FLOPs, at least
WIDTH_RATIO = 3  # largest over smallest pilot, from simulated forecasts: benchmarks/pilot_design.py
SIZES = 5
FEWEST_SIZES = 4  # a law of two terms takes three, and choosing one holds out another
LENGTHS = 4  # at most, from the longest down
LENGTH_RATIO = 1.7  # between two lengths
SEEDS = 6  # of one size, at most
SEEDS_APART = 1000  # between the seeds of two studies: no trunk of one is a trunk of the other
FEWEST_TOKENS_A_PARAMETER = 32  # of a pilot: below it a run measures the optimiser's start, not the law
MOST_TOKENS_A_PARAMETER = 100  # of a pilot, but for a second length: more seeds teach more than longer runs do
FEWEST_STEPS = 1000  # of a pilot, for the same reason
SMALLEST_TARGET = 100_000  # parameters that the target of five minutes should have
STRETCH = 1.5  # of its time that the target may take to be as large as it should be
SMALLEST_TARGET_WIDTH = 24  # below it too few widths of whole heads lie within WIDTH_RATIO
LARGEST_TARGET_WIDTH = 4096
DEPTH_OF_WIDTH = 48  # the target has a layer for every so much width
COMPILED_FROM = 1_000_000  # parameters: compiling takes half a minute, which smaller models do not win back
WIDEST_HEAD = 48  # a target up to this width has one head, up to twice it two, and so on in doublings
CONTEXT_A_HEAD = 32
SHORTEST_CONTEXT = 64

SHARE_OF_PILOTS = 0.5  # of the minutes
SHARE_OF_TARGET = 0.38  # the rest goes to the corpus, to measuring, fitting and the page
SHARE_OF_FIRST = 0.6  # of the pilots' time that one trunk a size may take; the rest is for further seeds
PACKED = 0.94  # of the workers' time that trunks of uneven length fill
SCORING_TOKENS = 45_000  # scoring a run once costs about as much as training on so many tokens


@final
@dataclass(frozen=True, kw_only=True)
class TargetLength:
    """How long a target trains: so many tokens a parameter, and no fewer steps."""

    tokens_a_parameter: float
    fewest_steps: int


TARGET_LENGTHS = tuple(  # the first is preferred: a long run of a small model lies deeper in the regime of the law
    TargetLength(tokens_a_parameter=ratio, fewest_steps=steps)
    for ratio, steps in ((36, 4000), (34, 3500), (32, 3000), (30, 2500), (30, 2000), (30, 1500))
)


@final
@dataclass(frozen=True, kw_only=True)
class Design:
    """The trunks of the pilots in the order in which they start, the target, and what they should take."""

    pilots: tuple[Trunk, ...]
    target: Trunk
    pilot_seconds: float
    target_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "pilots": [trunk.to_dict() for trunk in self.pilots],
            "target": self.target.to_dict(),
            "pilot_seconds": self.pilot_seconds,
            "target_seconds": self.target_seconds,
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "Design":
        """The design that `to_dict` wrote. DocumentError where it is none."""
        return as_type(values, Design)


@final
@dataclass(frozen=True, kw_only=True)
class Speed:
    """Measured training speed: seconds a FLOP at some widths, interpolated in logarithms."""

    seconds_per_flop: Mapping[int, float]

    def seconds_per_token(self, decoder: Decoder) -> float:
        """Seconds to train on one token, of a decoder of any depth; beyond the measured widths the end value holds."""
        widths = sorted(self.seconds_per_flop)
        logs = [math.log(self.seconds_per_flop[width]) for width in widths]
        log_seconds = np.interp(math.log(decoder.width), np.log(widths), logs)
        return float(np.exp(log_seconds)) * decoder.training_flops_per_token


@final
@dataclass(frozen=True, kw_only=True)
class PilotRecipe:
    """What all trunks of one design share."""

    corpus: str
    device: str = "cpu"
    precision: str = "fp32"
    compile: bool = False

    def trunk(self, decoder: Decoder, tokens: Sequence[float], seed: int) -> Trunk:
        """A trunk with lengths rounded down to whole batches."""
        batch_tokens = BATCH * decoder.context
        lengths = sorted({int(length // batch_tokens) * batch_tokens for length in tokens})
        return Trunk(
            decoder=decoder,
            tokens=tuple(lengths),
            seed=seed,
            batch=BATCH,
            lr=LR,
            lr_embedding=LR_EMBEDDING,
            warmup_tokens=WARMUP_STEPS * batch_tokens,
            decay_share=DECAY_SHARE,
            qk_norm=QK_NORM,
            corpus=self.corpus,
            device=self.device,
            precision=self.precision,
            compile=self.compile and decoder.n_non_embedding >= COMPILED_FROM,
        )


def decoder_of(width: int, target_width: int) -> Decoder:
    """The member of this width of the family whose target has `target_width`.

    Depth, heads and context are the target's and shared by all: an aspect of about DEPTH_OF_WIDTH, heads no wider than
    WIDEST_HEAD, a context that grows with the heads.
    """
    heads = heads_of(target_width)
    return Decoder(
        width=width,
        layers=max(2, round(target_width / DEPTH_OF_WIDTH)),
        heads=heads,
        context=max(SHORTEST_CONTEXT, CONTEXT_A_HEAD * heads),
    )


def heads_of(target_width: int) -> int:
    """Heads of a family, a power of two."""
    return 2 ** max(0, math.ceil(math.log2(target_width / WIDEST_HEAD)))


def design_pilot(*, minutes: float, workers: int, speed: Speed, recipe: PilotRecipe, seed: int) -> Design:
    """The largest target that fits into its share of the minutes, and pilots that fill theirs.

    Raises InputError when the minutes are too few.
    """
    target = largest_target(SHARE_OF_TARGET * minutes * 60, minutes, speed, recipe, seed)
    pilots = fill(SHARE_OF_PILOTS * minutes * 60 * workers, target, speed, recipe, seed)
    return Design(
        pilots=tuple(sorted(pilots, key=lambda trunk: -trunk_seconds(trunk, speed))),
        target=target,
        pilot_seconds=total_seconds(pilots, speed) / workers,
        target_seconds=trunk_seconds(target, speed),
    )


def largest_target(seconds: float, minutes: float, speed: Speed, recipe: PilotRecipe, seed: int) -> Trunk:
    """The widest target that trains in time, on as many of TARGET_LENGTHS as still leave it as large as it should be.

    From five minutes on it should have SMALLEST_TARGET parameters and more as the root of the minutes. Where no length
    leaves it so large, the smallest that is takes up to STRETCH as long; where that does not suffice, it is smaller.
    """
    fewest_params = SMALLEST_TARGET * math.sqrt(minutes / 5) if minutes >= 5 else 0
    smaller: list[Trunk] = []
    for length in TARGET_LENGTHS:
        in_time = list(targets(length, seconds, speed, recipe, seed))
        if in_time and in_time[-1].decoder.n_non_embedding >= fewest_params:
            return in_time[-1]
        smaller = in_time or smaller
    stretched = targets(TARGET_LENGTHS[-1], STRETCH * seconds, speed, recipe, seed)
    large = [trunk for trunk in stretched if trunk.decoder.n_non_embedding >= fewest_params]
    if not (large or smaller):
        raise InputError(f"{minutes:g} minutes are too few for a pilot on this machine: give --minutes {2 * minutes:g}")
    return large[0] if large else smaller[-1]


def targets(length: TargetLength, seconds: float, speed: Speed, recipe: PilotRecipe, seed: int) -> Iterator[Trunk]:
    """Targets of that length from the narrowest up to the widest that trains in so many seconds."""
    for width in range(SMALLEST_TARGET_WIDTH, LARGEST_TARGET_WIDTH, 2):
        if width % (4 * heads_of(width)):
            continue  # half the width, the largest pilot's, must divide into heads of whole pairs too
        decoder = decoder_of(width, width)
        batch_tokens = BATCH * decoder.context
        tokens = max(length.tokens_a_parameter * decoder.n_non_embedding, length.fewest_steps * batch_tokens)
        trunk = recipe.trunk(decoder, [tokens + batch_tokens], seed * SEEDS_APART + SEEDS)
        if trunk_seconds(trunk, speed) > seconds:
            return
        yield trunk


def fill(worker_seconds: float, target: Trunk, speed: Speed, recipe: PilotRecipe, seed: int) -> list[Trunk]:
    """One trunk a size in SHARE_OF_FIRST of the time; then further seeds, the largest first, while time is left."""
    longest_seconds = worker_seconds
    sizes = pilot_trunks(target, longest_seconds, speed, recipe, seed)
    while total_seconds(sizes, speed) > SHARE_OF_FIRST * PACKED * worker_seconds:
        longest_seconds *= 0.95
        sizes = pilot_trunks(target, longest_seconds, speed, recipe, seed)
    trunks, left = list(sizes), PACKED * worker_seconds - total_seconds(sizes, speed)
    for again in range(1, SEEDS):
        for trunk in sizes:
            if trunk_seconds(trunk, speed) <= left:
                trunks.append(replace(trunk, seed=trunk.seed + again))
                left -= trunk_seconds(trunk, speed)
    return trunks


def pilot_trunks(target: Trunk, seconds: float, speed: Speed, recipe: PilotRecipe, seed: int) -> list[Trunk]:
    """A trunk a size, the largest first.

    Each is as long as 1/COMPUTE_RATIO of the target's FLOPs, the target's tokens, its own parameters and `seconds`
    allow, and has lengths shrinking from there to the fewest at which a law holds.
    """
    whole, trunks = target.decoder, []
    flops = whole.training_flops_per_token * target.tokens[-1] / COMPUTE_RATIO
    for width in pilot_widths(whole):
        decoder = decoder_of(width, whole.width)
        fewest = max(FEWEST_TOKENS_A_PARAMETER * decoder.n_non_embedding, FEWEST_STEPS * BATCH * decoder.context)
        longest = min(
            target.tokens[-1],
            flops / decoder.training_flops_per_token,
            seconds / speed.seconds_per_token(decoder),
            max(MOST_TOKENS_A_PARAMETER * decoder.n_non_embedding, LENGTH_RATIO * fewest),
        )
        shortest = max(fewest / 2, min(fewest, longest / LENGTH_RATIO))  # two lengths, even if one is short
        lengths = [longest / LENGTH_RATIO**k for k in range(LENGTHS) if longest / LENGTH_RATIO**k >= shortest]
        if lengths:
            trunks.append(recipe.trunk(decoder, lengths, seed * SEEDS_APART))
    if len(trunks) < FEWEST_SIZES:
        raise InputError(
            f"the minutes are too few for pilots of {FEWEST_SIZES} sizes on this machine: give more --minutes"
        )
    return trunks


def pilot_widths(target: Decoder) -> list[int]:
    """Widths from half the target's downwards in equal steps, each rounded to heads of whole pairs."""
    pairs = 2 * target.heads
    largest = int(target.width / math.sqrt(PARAMS_RATIO)) // pairs * pairs
    evenly = np.linspace(largest, largest / WIDTH_RATIO, SIZES)
    return sorted({max(2 * pairs, round(width / pairs) * pairs) for width in evenly}, reverse=True)


def total_seconds(trunks: Sequence[Trunk], speed: Speed) -> float:
    """Seconds of all trunks one after another."""
    return sum(trunk_seconds(trunk, speed) for trunk in trunks)


def trunk_seconds(trunk: Trunk, speed: Speed) -> float:
    """Seconds a trunk takes with its branches and the scoring of each run."""
    tokens = trunk.work_tokens + SCORING_TOKENS * len(trunk.tokens)
    return tokens * speed.seconds_per_token(trunk.decoder)
