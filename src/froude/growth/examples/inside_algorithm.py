"""The sum over all binary trees of a sentence: in loops over spans and splits, and as arrays over sentences and spans.

The inside algorithm (Baker 1979) adds up trees span by span, from short to long: every span of a sentence of n words
at every split, (n³ − n)/6 sums in all. "Efficient Second-Order TreeCRF for Neural Dependency Parsing" runs it for all
sentences of a batch and all spans of one length at once.

Here a tree's weight is the product of its spans' weights. Both ways get the same sentences; the quality is the sums
made, counted; the logarithms of the totals are compared. A span costs something beside its splits, which weighs in
short sentences: the sizes begin above them.

Expected: sums with exponent 3; time by loops with exponent 3 too, and many times more than by arrays.
"""

import math
from typing import NamedTuple

import numpy as np

from froude import growth

SENTENCES = 4


class Total(NamedTuple):
    """The logarithm of the sum over trees of each sentence, and the sums made for each."""

    logs: np.ndarray
    sums: int


def prepare(size: float, rng: np.random.Generator) -> np.ndarray:
    """Logarithms of the weights of spans from i to j, (sentences, n, n)."""
    return rng.normal(size=(SENTENCES, int(size), int(size)))


def loops(scores: np.ndarray) -> Total:
    """Sentence by sentence, span by span, split by split."""
    logs, sums = [], 0
    for sentence in scores.tolist():
        words, sums = len(sentence), 0
        inside = [row.copy() for row in sentence]
        for length in range(1, words):
            for i in range(words - length):
                j = i + length
                terms = [inside[i][k] + inside[k + 1][j] for k in range(i, j)]
                most = max(terms)
                sums += len(terms)
                inside[i][j] = sentence[i][j] + most + math.log(sum(math.exp(term - most) for term in terms))
        logs.append(inside[0][-1])
    return Total(np.array(logs), sums)


def arrays(scores: np.ndarray) -> Total:
    """All sentences and all spans of a length at once."""
    words, sums, inside = scores.shape[1], 0, scores.copy()
    for length in range(1, words):
        starts = np.arange(words - length)[:, None]
        splits = starts + np.arange(length)
        terms = inside[:, starts, splits] + inside[:, splits + 1, starts + length]
        most = terms.max(axis=2)
        sums += splits.size
        firsts, ends = starts[:, 0], starts[:, 0] + length
        inside[:, firsts, ends] = scores[:, firsts, ends] + most + np.log(np.exp(terms - most[..., None]).sum(axis=2))
    return Total(inside[:, 0, -1], sums)


def sums(scores: np.ndarray, total: Total) -> float:
    """The sums made; the totals are checked against the other way on two sentences first."""
    if not np.allclose(total.logs[:2], arrays(scores[:2]).logs):
        raise ValueError("the total is wrong")
    return float(total.sums)


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Exponents of work, and the ratio of times."""
    statements, longest = {}, result.experiment.sizes[-1]
    for name in result.experiment.methods:
        fit = result.growth(name, "quality")
        statements[f"{name}: sums with exponent {fit.exponent:.2f}, within 0.1 of 3"] = abs(fit.exponent - 3) < 0.1
    least = {name: result.fastest(name, rounds=3) for name in result.experiment.methods}
    by_loops = least["loops"]
    time = growth.fit_growth([*by_loops], [[seconds] for seconds in by_loops.values()], floor=False).exponent
    statements[f"time by loops with exponent {time:.2f}, within 0.4 of 3"] = abs(time - 3) < 0.4
    slow, fast = (least[name][longest] for name in ("loops", "arrays"))
    return statements | {f"arrays {slow / fast:.0f} times faster at {longest:g} words, at least 5": slow >= 5 * fast}


EXPERIMENT = growth.Experiment(
    title="Sums over all trees: loops against arrays",
    source="Efficient Second-Order TreeCRF for Neural Dependency Parsing",
    sizes=(48, 64, 96, 128, 160),
    methods={"loops": loops, "arrays": arrays},
    prepare=prepare,
    quality=sums,
    quality_name="sums",
    size_name="words",
    expected="sums and time with exponent 3, arrays many times faster",
    claims=(growth.RowClaim(row="second-order-treecrf", holds=holds),),
)
