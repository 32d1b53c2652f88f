"""What rises to a ceiling: a score with size or compute, a speed-up with the number of units that share the work."""

from typing import Annotated

import numpy as np

from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.kinds import Amount, Exponent, Input, Multiple, Output, Pivot, Scale, Size

Units = Annotated[np.ndarray, Input(unit="units that work at once")]
Score = Annotated[np.ndarray, Output(unit="points of the score", residual="plain")]


@law(
    source="a power law to a floor, turned over; points of LeYOLO: Hollard et al. 2024, arXiv:2406.14239",
    over={"C": {"leyolo-2024-refitted": {"top": 54.187, "A": 15593.7, "alpha": 0.309624}}, "N": {}, "D": {}},
    trust={"leyolo-2024-refitted": "fitted by Froude to the six models of the paper: FLOPs an image, mAP on COCO"},
    domain={"C": (6e8, 9e9), "N": (1e6, 1e10), "D": (1e6, 1e10)},
    carries={"A": {"x": "alpha"}},
    rises_in=("x",),
    wrong_when="the score is discontinuous, or small models score by chance: it then starts from a floor.",
)
def ceiling(x: Size, *, top: Amount, A: Scale, alpha: Exponent) -> Score:
    """A score rises to a ceiling as a power of one input, whose gains get ever smaller."""
    return top - A * x**-alpha


@law(
    source="Amdahl 1967, as two shares of time, one that units divide and one that they do not; "
    "Mubarik et al. 2023 (NGPC), arXiv:2303.05735",
    published={"ngpc-2023": {"most": 60.0, "half": 32.0}},
    trust={"ngpc-2023": "through the first two of four mean speed-ups in the abstract, 12 with 8 units and 20 with 16"},
    domain={"P": (8, 64)},
    carries={"half": {"P": 1.0}},
    rises_in=("P",),
    examples=[
        Example(constants="ngpc-2023", at={"P": 8.0}, gives="12.0"),
        Example(constants="ngpc-2023", at={"P": 16.0}, gives="20.0"),
    ],
    wrong_when="units wait for each other or for memory: speed-ups then reach a peak and fall.",
)
def amdahl(P: Units, *, most: Amount, half: Pivot) -> Multiple:
    """The speed-up rises with the units that share the work to that of the rest alone, half of it at `half` units."""
    return most * P / (P + half)
