"""What more data multiply, where only an exponent is published: laws of two amounts of data."""

from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.kinds import Exponent, Multiple, Samples

_HESTNESS = "Hestness et al. 2017, arXiv:1712.00409"


@law(
    source=f"{_HESTNESS}; the factors of the power laws of error are published for word models only (law power)",
    published={
        "hestness-2017-word-lm": {"alpha": 0.0656},
        "hestness-2017-char-lm-sgd": {"alpha": 0.0936},
        "hestness-2017-char-lm-adam": {"alpha": 0.0954},
        "hestness-2017-translation": {"alpha": 0.128},
        "hestness-2017-imagenet-top-1": {"alpha": 0.309},
        "hestness-2017-imagenet-top-5": {"alpha": 0.488},
        "hestness-2017-imagenet-cross-entropy": {"alpha": 0.35},
        "hestness-2017-speech": {"alpha": 0.299},
    },
    trust={
        "hestness-2017-translation": "the best of many sizes, floor and all: a single model falls by 0.36 or 0.30",
    },
    domain={"D": (1e5, 1e9), "D0": (1e5, 1e9)},
    carries={},
    falls_in=("D",),
    rises_in=("D0",),
    examples=[
        Example(constants="hestness-2017-word-lm", at={"D": 1e9, "D0": 1e8}, gives="0.859"),
        Example(constants="hestness-2017-imagenet-top-1", at={"D": 1e6, "D0": 1e5}, gives="0.491"),
    ],
    wrong_when="either amount of data is so small that models guess, or so large that the error is at its floor.",
)
def error_ratio(D: Samples, D0: Samples, *, alpha: Exponent) -> Multiple:
    """How many times the error with D0 examples is left with D, each with a model of the best size."""
    return (D0 / D) ** alpha


@law(
    source=f"{_HESTNESS}; the factors of these power laws of size are not published",
    published={
        "hestness-2017-word-lm": {"beta": 0.69},
        "hestness-2017-word-lm-4-layers": {"beta": 0.78},
        "hestness-2017-char-lm": {"beta": 0.78},
        "hestness-2017-char-lm-other": {"beta": 0.92},
        "hestness-2017-imagenet": {"beta": 0.573},
    },
    trust=dict.fromkeys(
        ("hestness-2017-char-lm", "hestness-2017-char-lm-other"),
        "0.78 and 0.92 are both printed for character models; which setting each belongs to was not found",
    ),
    domain={"D": (1e5, 1e9), "D0": (1e5, 1e9)},
    carries={},
    rises_in=("D",),
    falls_in=("D0",),
    wrong_when="training stops for want of compute and not of data: the best size then follows compute.",
)
def size_ratio(D0: Samples, D: Samples, *, beta: Exponent) -> Multiple:
    """How many times larger the best model for D examples is than the one for D0."""
    return (D / D0) ** beta
