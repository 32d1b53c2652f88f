"""Frequent itemsets: Apriori, FP-growth and Eclat, over the length and the density of transactions at fixed rows.

"Comparing Dataset Characteristics that Favor the Apriori, Eclat or FP-Growth Frequent Itemset Mining Algorithms"
(Heaton 2017, arXiv:1701.09042) finds that FP-growth copes far better than Apriori with long transactions and with dense
ones. Apriori counts every candidate over all rows, FP-growth folds rows that begin alike into one branch, Eclat goes
depth first and intersects the rows of two itemsets, here bits of a whole number. Which is faster is also a matter of
their code; mlxtend's Apriori counts in NumPy, its FP-growth in Python. Needs mlxtend.

Over length, half of the transactions are one of a few patterns of that length, the others items at random; over
density, every item is in a transaction with that probability. The quality is the number of frequent itemsets.

Expected: Apriori steeper on both axes, and slower from a certain length on. A pattern of length L holds 2^L itemsets,
so length is fitted as 2^L.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from froude import growth

ROWS, ITEMS, PATTERNS, SUPPORT = 1500, 60, 10, 0.02
DENSE_ROWS, DENSE_ITEMS = 3000, 12
DENSITIES = (0.2, 0.3, 0.4, 0.5, 0.6)
SECONDS = 60.0


def long_transactions(size: float, rng: np.random.Generator) -> Any:
    """Transactions of that many items as a table of booleans, half of them one of PATTERNS patterns."""
    import pandas as pd

    drawn = rng.random((ROWS + PATTERNS, ITEMS)).argpartition(int(size), axis=1)[:, : int(size)]
    transactions, patterns = drawn[:ROWS], drawn[ROWS:]
    transactions[: ROWS // 2] = patterns[rng.integers(0, PATTERNS, ROWS // 2)]
    table = np.zeros((ROWS, ITEMS), dtype=bool)
    np.put_along_axis(table, transactions, True, axis=1)
    return pd.DataFrame(table)


def dense_transactions(size: float, rng: np.random.Generator) -> Any:
    """Transactions that hold every item with that probability, as a table of booleans."""
    import pandas as pd

    return pd.DataFrame(rng.random((DENSE_ROWS, DENSE_ITEMS)) < size)


def apriori(data: Any) -> list[frozenset[int]]:
    """The itemsets that Apriori finds."""
    from mlxtend.frequent_patterns import apriori

    return [*apriori(data, min_support=SUPPORT)["itemsets"]]


def fp_growth(data: Any) -> list[frozenset[int]]:
    """The itemsets that FP-growth finds."""
    from mlxtend.frequent_patterns import fpgrowth

    return [*fpgrowth(data, min_support=SUPPORT)["itemsets"]]


def eclat(data: Any) -> list[frozenset[int]]:
    """The itemsets that Eclat finds (Zaki 2000, "Scalable algorithms for association mining")."""
    least, found = SUPPORT * len(data), []

    def extend(head: frozenset[int], tails: list[tuple[int, int]]) -> None:
        for i, (item, rows) in enumerate(tails):
            found.append(head | {item})
            common = ((other, rows & more) for other, more in tails[i + 1 :])
            extend(found[-1], [tail for tail in common if tail[1].bit_count() >= least])

    packed = np.packbits(data.to_numpy(), axis=0).T
    columns = enumerate(int.from_bytes(column.tobytes()) for column in packed)
    extend(frozenset(), [column for column in columns if column[1].bit_count() >= least])
    return found


def steeper(result: growth.GrowthResult, sizes: list[float], what: str) -> dict[str, bool]:
    """Whether Apriori has the larger exponent at these sizes, and so its seconds over FP-growth's grow."""
    seconds = {
        method: [[t.cpu_seconds for t in result.timings_of(method, size)] for size in result.experiment.sizes]
        for method in ("Apriori", "FP-growth")
    }
    pairs = zip(seconds["Apriori"], seconds["FP-growth"], strict=True)
    ratio = growth.fit_growth(sizes, [[a / b for a, b in zip(*pair, strict=True)] for pair in pairs], floor=False)
    one, other = (growth.fit_growth(sizes, of) for of in seconds.values())
    fits = [fit for fit in (one, other, ratio) if isinstance(fit, growth.Growth)]
    if len(fits) < 3:
        return {f"no exponent in {what}: {one}, {other}, {ratio}": False}
    statements = ", ".join(f"{fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f})" for fit in fits)
    steep = fits[0].exponent > fits[1].exponent and fits[2].lo > 0
    return {f"exponents in {what} of Apriori, FP-growth and their ratio: {statements}; Apriori steeper": steep}


def agree(data: Any) -> bool:
    """Whether all methods find the same itemsets."""
    found = [{*method(data)} for method in EXPERIMENT.methods.values()]
    return all(one == found[0] for one in found)


def both_axes(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether Apriori is steeper in length and in density than FP-growth, and all find the same itemsets."""
    over_density = replace(EXPERIMENT, sizes=DENSITIES, prepare=dense_transactions, size_name="density")
    dense = growth.grow(over_density, seconds=SECONDS, repeats=3)
    same = all(
        agree(one.experiment.prepare(size, np.random.default_rng(0)))
        for one in (result, dense)
        for size in one.experiment.sizes
    )
    return {
        **steeper(result, [2**length for length in result.experiment.sizes], "2^length"),
        **steeper(dense, list(dense.experiment.sizes), "density"),
        "Apriori, FP-growth and Eclat find the same itemsets": same,
    }


EXPERIMENT = growth.Experiment(
    title=f"Frequent itemsets of {ROWS} transactions: Apriori, FP-growth and Eclat",
    source="Heaton 2017, arXiv:1701.09042",
    sizes=(4, 6, 8, 10, 11),
    methods={"Apriori": apriori, "FP-growth": fp_growth, "Eclat": eclat},
    prepare=long_transactions,
    quality=lambda data, itemsets: float(len(itemsets)),
    quality_name="itemsets",
    size_name="length",
    expected="Apriori steeper in length and in density, and slower from a certain length on",
    claims=(growth.RowClaim(row="itemset-mining-comparison", holds=both_axes, shows="modelled"),),
)
