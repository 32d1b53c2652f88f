"""Rules for the best learning rate and batch of a model, from its size, data, compute or loss."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.kinds import Amount, BestStepTokens, Ceiling, Exponent, Flop, LearningRate, Loss, Params, Scale, Tokens
from froude.laws.origin import Origin

_STEP_LAW = "Li et al. 2025 (Step Law), arXiv:2503.04715"
_DEEPSEEK = "DeepSeek-AI 2024, arXiv:2401.02954"
_MOONLIGHT = "Liu et al. 2025 (Moonlight), arXiv:2502.16982"
_REFITS = "means of the authors' 1000 bootstrap refits: of the logarithm for A, which is rounded in the paper"

# Of the 17 cells: their ranges, and by how much the mean logarithm of the settings of runs within 0.25% of the best of
# a cell deviates from the rule. The covariances are those of the authors' 1000 refits, of ln A and the exponents.
_SWEPT: Mapping[str, Any] = {"source": "sweeps and refits of the authors (table steplaw)", "n": 1911}
_RATE = Origin(
    **_SWEPT,
    ranges={"N": (2.147e8, 1.0737e9), "D": (4e9, 1e11), "C": (5.15e18, 3.67e20)},
    deviation=0.14,
    covariance=(
        (0.389062111, 0.0135589390, -0.00513249353),
        (0.0135589390, 0.000891485737, 0.000174331789),
        (-0.00513249353, 0.000174331789, 0.000366311843),
    ),
)
_BATCH = Origin(
    **_SWEPT,
    ranges={"D": (4e9, 1e11)},
    deviation=0.16,
    covariance=((0.19117964, -0.00815157), (-0.00815157, 0.00034852)),
)

# Kaplan writes 0.003239 − 0.0001395·ln N: the rate is zero where ln N is the ratio of the two.
_KAPLAN_AT_ONE, _KAPLAN_SLOPE = 0.003239, 0.0001395


@law(
    source=_STEP_LAW,
    published={
        "step-law-2025": {"A": 1.79, "alpha": 0.713, "beta": 0.307},
        "step-law-2025-refits": {"A": math.exp(0.58631), "alpha": 0.71292, "beta": 0.30749},
    },
    trust={"step-law-2025-refits": _REFITS},
    origins={"step-law-2025": _RATE, "step-law-2025-refits": _RATE},
    domain={"N": (2.1e8, 1.1e9), "D": (4e9, 1e11)},
    carries={"A": {"N": "alpha", "D": "-beta"}},
    falls_in=("N",),
    rises_in=("D",),
    examples=[
        Example(constants="step-law-2025", at={"N": 1e9, "D": 1e11}, gives="1.632e-3"),
        Example(constants="step-law-2025", at={"N": 7e9, "D": 1.4e12}, gives="9.166e-4"),
    ],
    wrong_when="the optimizer, the schedule or its last rate is another than AdamW's cosine decay to 1e-5.",
)
def step_law_lr(N: Params, D: Tokens, *, A: Scale, alpha: Exponent, beta: Exponent) -> LearningRate:
    """The best learning rate falls with parameters and rises with tokens."""
    return A * N**-alpha * D**beta


@law(
    source=_STEP_LAW,
    published={
        "step-law-2025": {"A": 0.58, "beta": 0.571},
        "step-law-2025-refits": {"A": math.exp(-0.54354), "beta": 0.57094},
    },
    trust={"step-law-2025-refits": _REFITS},
    origins={"step-law-2025": _BATCH, "step-law-2025-refits": _BATCH},
    domain={"D": (4e9, 1e11)},
    carries={"A": {"D": "-beta"}},
    rises_in=("D",),
    examples=[
        Example(constants="step-law-2025", at={"D": 1e11}, gives="1.108e6"),
        Example(constants="step-law-2025", at={"D": 1.4e12}, gives="4.999e6"),
    ],
    wrong_when="models of one length differ in size: the runs it was fitted to want smaller batches for larger models.",
)
def step_law_batch(D: Tokens, *, A: Amount, beta: Exponent) -> BestStepTokens:
    """The best batch rises with tokens, whatever the size of the model."""
    return A * D**beta


@law(
    source=f"{_DEEPSEEK}; {_MOONLIGHT}",
    published={
        "deepseek-2024": {"A": 0.3118, "alpha": 0.1250},
        "moonlight-2025": {"A": 0.0127, "alpha": 0.057},
    },
    trust={"deepseek-2024": "prints of it differ: 0.3318 in place of 0.3118 is a slip"},
    domain={"C": (1e17, 2e20)},
    carries={"A": {"C": "alpha"}},
    falls_in=("C",),
    examples=[Example(constants="deepseek-2024", at={"C": 1e20}, gives="9.860e-4")],
    wrong_when="a model is trained on more or less data than is best for its compute.",
)
def compute_lr(C: Flop, *, A: Scale, alpha: Exponent) -> LearningRate:
    """The best learning rate falls with the compute of a well-balanced run."""
    return A * C**-alpha


@law(
    source=f"{_DEEPSEEK}; {_MOONLIGHT}",
    published={
        "deepseek-2024": {"A": 0.2920, "beta": 0.3271},
        "moonlight-2025": {"A": 0.0065, "beta": 0.4138},
    },
    domain={"C": (1e17, 2e20)},
    carries={"A": {"C": "-beta"}},
    rises_in=("C",),
    examples=[Example(constants="deepseek-2024", at={"C": 1e20}, gives="1.017e6")],
    wrong_when="a model is trained on more or less data than is best for its compute.",
)
def compute_batch(C: Flop, *, A: Amount, beta: Exponent) -> BestStepTokens:
    """The best batch rises with the compute of a well-balanced run."""
    return A * C**beta


@law(
    source="Hu et al. 2024 (MiniCPM), arXiv:2404.06395",
    published={"minicpm-2024": {"A": 1.21e9, "gamma": 6.24}},
    trust={"minicpm-2024": "the loss is that on C4 under the authors' tokenizer: another loss needs a fit of its own"},
    domain={"L": (2.0, 4.0)},
    carries={"A": {"L": "gamma"}},
    falls_in=("L",),
    wrong_when="the loss is of other text or another tokenizer, or the batch is to be chosen before the loss is known.",
)
def loss_batch(L: Loss, *, A: Amount, gamma: Exponent) -> BestStepTokens:
    """The best batch rises as the loss to be reached falls."""
    return A * L**-gamma


@law(
    source="Kaplan et al. 2020, arXiv:2001.08361",
    published={
        "kaplan-2020": {"k": _KAPLAN_SLOPE, "N0": math.exp(_KAPLAN_AT_ONE / _KAPLAN_SLOPE)},
    },
    trust={"kaplan-2020": "as remembered: not checked against the paper"},
    domain={"N": (3e4, 3e8)},
    carries={"N0": {"N": 1.0}},
    falls_in=("N",),
    wrong_when="models have 1.2e10 parameters or more, where it is zero, or are not trained as those of the paper.",
)
def kaplan_lr(N: Params, *, k: Scale, N0: Ceiling) -> LearningRate:
    """The best learning rate falls with the logarithm of parameters."""
    return k * np.log(np.maximum(N0 / N, 1.0))
