"""What a law's signature says: inputs and outputs with their units, parameters with their kind.

A kind answers, for the fit, the three questions it has about a parameter: in which coordinate it is moved,
between which bounds it may lie, and where a random start puts it. All three speak of *scaled* inputs,
divided by their geometric mean, so that 1 is the middle of what was measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, final

import numpy as np

from froude.errors import InputError
from froude.laws.lr_history import LrHistory
from froude.laws.residual_scales import ResidualScale
from froude.quantity import read_quantities

Draw = Callable[[np.random.Generator, int, float], np.ndarray]

_NEEDS = {"positive": "> 0 and finite", "real": "to be finite", "count": ">= 1 and finite", "history": "a history"}


@final
@dataclass(frozen=True, kw_only=True)
class Input:
    """A measured input and the unit it is counted in; inputs of one law that share a unit are scaled together.

    `domain` is "positive", "real" for one that may be zero or negative, "count" for one from 1 up, which is a pure
    number and never scaled, or "history" for one that is no number but a `LrHistory`.
    """

    unit: str
    domain: Literal["positive", "real", "count", "history"] = "positive"

    def read(self, values: Any) -> Any:
        """Values as a law takes them: an array of floats, of quantities too ("7B"), or a history as it is.

        InputError for what is none.
        """
        if self.domain != "history":
            return read_quantities(values)
        if not isinstance(values, LrHistory):
            raise InputError(f"{values!r} is no history of a {self.unit}: forecast along a schedule instead")
        return values

    def holds(self, values: Any) -> np.ndarray:
        """Where values lie in the domain, of their shape."""
        if self.domain == "history":
            return np.ones(values.shape, dtype=bool)
        least = {"positive": values > 0, "real": True, "count": values >= 1}
        return np.isfinite(values) & least[self.domain]

    @property
    def is_size(self) -> bool:
        """Whether more of it makes a run larger: all that is positive, and counts of parameters and of tokens."""
        return self.domain == "positive" or (self.domain == "count" and self.unit in ("parameters", "tokens"))

    @property
    def needs(self) -> str:
        """The domain in words."""
        return {
            "positive": "> 0 and finite",
            "real": "to be finite",
            "count": ">= 1 and finite",
            "history": "a history",
        }[self.domain]


@final
@dataclass(frozen=True, kw_only=True)
class Output:
    """What a law predicts: its unit, and how far off is counted.

    Residuals are predicted − measured on the scale `residual`: of logarithms for a positive quantity, of those of the
    error rate for an accuracy, else plain. `least` and `most` are what no outcome can pass. `effective` marks a lever:
    its value is no outcome but takes the place of an input.
    """

    unit: str
    residual: ResidualScale
    effective: bool = False
    least: float = -np.inf
    most: float = np.inf

    @property
    def is_relative(self) -> bool:
        """Whether residuals are shares, of the outcome or of the error rate, instead of amounts of it."""
        return self.residual != "plain"


@final
@dataclass(frozen=True, kw_only=True)
class Kind:
    """The kind of a fitted parameter.

    `coordinate` is "log" (the fit moves its logarithm, so it stays positive) or "plain". `bounds` are of the
    parameter itself; one that ends on a bound is reported. `draw(rng, count, level)` returns `count` random
    starts, where `level` is the smallest measured outcome. `within` marks a place along the one input that the
    parameter carries: it is looked for between the least and the largest that was measured. `below` marks what is taken
    from that input: at most nine tenths of its least. `rough` marks one with
    which the misfit has many hollows: starts then go some way down before the best of several is taken.
    """

    name: str
    coordinate: Literal["log", "plain"]
    bounds: tuple[float, float]
    draw: Draw
    within: bool = False
    below: bool = False
    rough: bool = False


def _log_uniform(low: float, high: float) -> Draw:
    return lambda rng, count, level: np.exp(rng.uniform(np.log(low), np.log(high), count))


def _share(low: float, high: float) -> Draw:
    return lambda rng, count, level: abs(level) * rng.uniform(low, high, count)


def _normal(deviation: float) -> Draw:
    return lambda rng, count, level: rng.normal(0.0, deviation, count)


def _share_of_one(rng: np.random.Generator, count: int, level: float) -> np.ndarray:
    return rng.uniform(0.0, 1.0, count)


# Plain, not logarithmic: a floor that the data put at zero gets there and stops, instead of running off to
# minus infinity while its gradient fades, which looks like convergence and is none.
FLOOR = Kind(name="floor", coordinate="plain", bounds=(0.0, np.inf), draw=_share(0.0, 1.0))
# The bounds are as good as zero and infinity; they keep an unidentified parameter finite.
SCALE = Kind(name="scale", coordinate="log", bounds=(1e-12, 1e12), draw=_share(0.05, 1.0))
# At most 10, so that a unit carried to this power (1e25 FLOP) still fits a double.
EXPONENT = Kind(name="exponent", coordinate="log", bounds=(1e-4, 10.0), draw=_log_uniform(0.03, 1.5))
# An exponent that theory puts between a half and one; from a small one a fit runs off to no bend at all.
STEEPNESS = Kind(name="steepness", coordinate="log", bounds=(1e-2, 10.0), draw=_log_uniform(0.3, 1.5))
PIVOT = Kind(name="pivot", coordinate="log", bounds=(1e-60, 1e60), draw=_log_uniform(0.1, 1e4))
WEIGHT = Kind(name="weight", coordinate="plain", bounds=(-10.0, 10.0), draw=_normal(0.1))
# A pure number that no change of unit touches: a half-life in epochs, a gain per stream.
RATIO = Kind(name="ratio", coordinate="log", bounds=(1e-4, 1e4), draw=_log_uniform(0.1, 20.0))
# The size of an outcome that has no usual size: parameters, tokens, a rate of error.
AMOUNT = Kind(name="amount", coordinate="log", bounds=(1e-60, 1e60), draw=_share(0.1, 10.0))
# The inverse of an input: how fast something fades along it.
RATE = Kind(name="rate", coordinate="log", bounds=(1e-60, 1e60), draw=_log_uniform(0.1, 10.0))
# A change of slope in logarithms, of either sign; where it happens; how many times farther on the next one does; and
# over how much of the logarithm.
BEND = Kind(name="bend", coordinate="plain", bounds=(-20.0, 20.0), draw=_normal(0.5))
BREAK = Kind(
    name="break", coordinate="log", bounds=(1e-12, 1e12), draw=_log_uniform(0.1, 10.0), within=True, rough=True
)
STRIDE = Kind(name="stride", coordinate="log", bounds=(1.0, 1e12), draw=_log_uniform(2.0, 200.0))
SOFTNESS = Kind(name="softness", coordinate="log", bounds=(0.03, 3.0), draw=_log_uniform(0.1, 1.0))
# How the logarithm of something grows with that of an input, and how this growth itself changes (Box and Cox 1964).
GROWTH = Kind(name="growth", coordinate="plain", bounds=(-10.0, 10.0), draw=_normal(0.2))
CURVE = Kind(name="curve", coordinate="plain", bounds=(-2.0, 2.0), draw=_normal(0.05), rough=True)
# Added to an input. Plain for the reason that a floor is: it may go to zero and stop there.
OFFSET = Kind(name="offset", coordinate="plain", bounds=(0.0, 1e12), draw=_log_uniform(1e-3, 1.0))
# The size at which an outcome would vanish: beyond everything measured, or there was no outcome.
CEILING = Kind(name="ceiling", coordinate="log", bounds=(1e-60, 1e60), draw=_log_uniform(1e2, 1e9))
# Taken from an input. Plain for the reason that a floor is.
LOST = Kind(name="lost", coordinate="plain", bounds=(0.0, np.inf), draw=_log_uniform(1e-3, 0.1), below=True)
# How many steps a drop of the learning rate takes to have its effect, and the share of it that one step brings.
MEMORY = Kind(name="memory", coordinate="log", bounds=(1.001, 1e7), draw=_log_uniform(30.0, 3e3))
# What makes time pass: the area under the learning rate at 0, steps at 1.
CLOCK = Kind(name="clock", coordinate="plain", bounds=(-3.0, 3.0), draw=_share_of_one)
PER_STEP = Kind(name="share per step", coordinate="log", bounds=(1e-12, 1e12), draw=_log_uniform(1e-3, 1.0))

ERROR_RATE = Output(unit="error rate", residual="log", least=0.0, most=1.0)
ACCURACY = Output(unit="accuracy", residual="log error", least=0.0, most=1.0)

# The error rate of a guess: at most all is wrong.
CHANCE = Kind(name="chance", coordinate="log", bounds=(1e-3, 1.0), draw=_log_uniform(0.5, 1.0))

Params = Annotated[np.ndarray, Input(unit="parameters")]
Tokens = Annotated[np.ndarray, Input(unit="tokens")]
Flop = Annotated[np.ndarray, Input(unit="FLOP")]
Size = Annotated[np.ndarray, Input(unit="parameters, tokens or FLOP")]
Steps = Annotated[np.ndarray, Input(unit="optimizer steps")]
TokensPerParam = Annotated[np.ndarray, Input(unit="tokens/parameter")]
Streams = Annotated[np.ndarray, Input(unit="parallel streams", domain="count")]
Loss = Annotated[np.ndarray, Input(unit="nats/token")]
ParamCount = Annotated[np.ndarray, Input(unit="parameters", domain="count")]
TokenCount = Annotated[np.ndarray, Input(unit="tokens", domain="count")]
Samples = Annotated[np.ndarray, Input(unit="training examples")]
StepTokens = Annotated[np.ndarray, Input(unit="tokens/optimizer step")]
RateArea = Annotated[np.ndarray, Input(unit="learning rate × steps")]
RootRateArea = Annotated[np.ndarray, Input(unit="√(learning rate) × steps")]
Changes = Annotated[LrHistory, Input(unit="learning rate", domain="history")]
Drops = Annotated[LrHistory, Input(unit="learning rate", domain="history")]

Floor = Annotated[np.ndarray, FLOOR]
Scale = Annotated[np.ndarray, SCALE]
Exponent = Annotated[np.ndarray, EXPONENT]
Pivot = Annotated[np.ndarray, PIVOT]
Weight = Annotated[np.ndarray, WEIGHT]
Ratio = Annotated[np.ndarray, RATIO]
Amount = Annotated[np.ndarray, AMOUNT]
Rate = Annotated[np.ndarray, RATE]
Offset = Annotated[np.ndarray, OFFSET]
Bend = Annotated[np.ndarray, BEND]
Break = Annotated[np.ndarray, BREAK]
Growth = Annotated[np.ndarray, GROWTH]
Curve = Annotated[np.ndarray, CURVE]
Stride = Annotated[np.ndarray, STRIDE]
Softness = Annotated[np.ndarray, SOFTNESS]
Ceiling = Annotated[np.ndarray, CEILING]
Steepness = Annotated[np.ndarray, STEEPNESS]
Lost = Annotated[np.ndarray, LOST]
Memory = Annotated[np.ndarray, MEMORY]
Clock = Annotated[np.ndarray, CLOCK]
PerStep = Annotated[np.ndarray, PER_STEP]

NatsPerToken = Annotated[np.ndarray, Output(unit="nats/token", residual="log")]
BitsPerCharacter = Annotated[np.ndarray, Output(unit="bits/character", residual="log")]
Positive = Annotated[np.ndarray, Output(unit="unit of the measured outcome", residual="log")]
Share = Annotated[np.ndarray, Output(unit="share", residual="plain")]
Multiple = Annotated[np.ndarray, Output(unit="multiple of another outcome", residual="log")]
BestParams = Annotated[np.ndarray, Output(unit="parameters", residual="log")]
BestTokens = Annotated[np.ndarray, Output(unit="tokens", residual="log")]
BestSteps = Annotated[np.ndarray, Output(unit="optimizer steps", residual="log")]
BestStepTokens = Annotated[np.ndarray, Output(unit="tokens/optimizer step", residual="log")]
FlopPerToken = Annotated[np.ndarray, Output(unit="FLOP/token", residual="log")]
LearningRate = Annotated[np.ndarray, Output(unit="learning rate", residual="log")]
EffectiveParams = Annotated[np.ndarray, Output(unit="parameters", residual="log", effective=True)]
EffectiveTokens = Annotated[np.ndarray, Output(unit="tokens", residual="log", effective=True)]
