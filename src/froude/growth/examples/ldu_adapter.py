"""Adapters of a diagonal between triangles: trained parameters by width of the matrix, and the start of training.

"LoLDU: Low-Rank Adaptation via Lower-Diag-Upper Decomposition" factors a weight matrix as P·L·D·U, keeps the factors
frozen and trains r entries of D, where LoRA (arXiv:2106.09685) trains r·(inputs + outputs). Both are counted by
`froude.cost.papers.adapters`. Needs SciPy.

The quality is the largest error of the matrix put together again at the start of training, relative to the largest
entry, the parts beyond rank r being kept as they are.

Expected: errors of rounding at every width; a ratio of parameters of inputs + outputs, thousands at usual widths.
"""

import numpy as np
from scipy import linalg

from froude import growth
from froude.cost import get_model
from froude.cost.papers.adapters import loldu, lora

RANK = 64


def prepare(size: float, rng: np.random.Generator) -> np.ndarray:
    """A square matrix."""
    return rng.normal(size=(int(size), int(size)))


def start(matrix: np.ndarray) -> np.ndarray:
    """The matrix of the adapter's first r directions and of the rest."""
    packed, pivots = linalg.lu_factor(matrix)
    lower, upper = np.tril(packed, -1) + np.eye(len(matrix)), np.triu(packed)
    diagonal = np.diag(upper)
    scaled, left = upper / diagonal[:, None], unpivoted(lower, pivots)
    adapted = (left[:, :RANK] * diagonal[:RANK]) @ scaled[:RANK]
    return adapted + (left[:, RANK:] * diagonal[RANK:]) @ scaled[RANK:]


def unpivoted(rows: np.ndarray, pivots: np.ndarray) -> np.ndarray:
    """Rows in the order before the exchanges of the factorisation."""
    made = rows.copy()
    for k in range(len(pivots) - 1, -1, -1):
        made[[k, pivots[k]]] = made[[pivots[k], k]]
    return made


def error(matrix: np.ndarray, made: np.ndarray) -> float:
    """The largest, relative to the largest entry."""
    return float(np.abs(made - matrix).max() / np.abs(matrix).max())


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The ratio for models of usual widths, and the error."""
    worst = max(result.median("LDU", size, "quality") for size in result.experiment.sizes)
    statements = {f"the start is the matrix up to {worst:.1g}, below 1e-10": worst < 1e-10}
    for name in ("gpt2-xl", "llama-2-7b", "llama-3.1-8b"):
        model = get_model(name)
        trained = float(loldu(model, rank=RANK).trained)
        ratio = float(lora(model, rank=RANK).trained / trained)
        a_matrix = trained / (2 * model.layers)
        statements[f"{name}: {a_matrix:g} entries trained for each matrix of queries and values, rank {RANK}"] = (
            a_matrix == RANK
        )
        statements[f"{name}: LoRA of the same rank trains {ratio:.0f} times as much, thousands"] = 1000 < ratio < 10_000
    return statements


EXPERIMENT = growth.Experiment(
    title="A matrix put together from lower, diagonal and upper factors",
    source="LoLDU: Low-Rank Adaptation via Lower-Diag-Upper Decomposition",
    sizes=(128, 256, 384, 512, 768),
    methods={"LDU": start},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="width",
    expected="errors of rounding; thousands of times fewer trained parameters than LoRA",
    claims=(growth.RowClaim(row="loldu", holds=holds),),
)
