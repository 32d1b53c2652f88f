"""Matrix factorisation within a budget of parameters: masks that drop and regrow while they train, against fixed ones.

"Dynamic Sparse Learning: A Novel Paradigm for Efficient Recommendation" trains embeddings of which few values are not
zero. Every few steps it drops those of the smallest magnitude and lets as many others grow, where the gradient is
largest, so that memory is within the budget all through training, not only after it.

Here users are a third of scikit-learn's digits, 599, items their 64 pixels, and a fifth of the values is hidden. Both
factors have 32 columns; the budget is how many of their 21216 values may differ from zero. The quality is the squared
error on hidden values over their variance around each pixel's mean. Values are counted after every step.

Expected: errors that fall as a power of the budget, lower ones with masks that move, never more values than allowed.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from froude import growth

COLUMNS, HIDDEN, STEPS, EVERY, MOVED, RATE, DECAY = 32, 0.2, 120, 10, 0.2, 0.05, 2.0


class Ratings(NamedTuple):
    """Centred values (users, items), which of them are seen (1 or 0), how many parameters there may be, and a seed."""

    values: np.ndarray
    seen: np.ndarray
    budget: int
    seed: int


class Trained(NamedTuple):
    """Error on hidden values over their variance, and the most values that were not zero at any step."""

    error: float
    most: int


def prepare(size: float, rng: np.random.Generator) -> Ratings:
    """Other values are hidden in every repetition."""
    pixels = digits()
    seen = (rng.random(pixels.shape) > HIDDEN).astype(np.float32)
    centred = pixels - (pixels * seen).sum(axis=0) / seen.sum(axis=0)
    return Ratings(centred / centred.std(), seen, int(size), int(rng.integers(2**31)))


@cache
def digits() -> np.ndarray:
    """Grey values (599, 64)."""
    from sklearn.datasets import load_digits

    pixels, _ = load_digits(return_X_y=True)
    return np.asarray(pixels[::3], dtype=np.float32)


def trained(data: Ratings, moves: bool) -> Trained:
    """Both factors in one vector, by Adam, of which a mask keeps all but the budget at zero."""
    rng, users = np.random.default_rng(data.seed), len(data.values)
    cut = users * COLUMNS
    x = (0.1 * rng.standard_normal(cut + data.values.shape[1] * COLUMNS)).astype(np.float32)
    mask = np.zeros(x.size, dtype=bool)
    mask[rng.choice(x.size, data.budget, replace=False)] = True
    x *= mask
    first, second, most = np.zeros_like(x), np.zeros_like(x), 0
    for step in range(STEPS):
        left, right = x[:cut].reshape(users, -1), x[cut:].reshape(-1, COLUMNS)
        rest = (left @ right.T - data.values) * data.seen
        gradient = np.concatenate([(rest @ right).ravel(), (rest.T @ left).ravel()])
        if moves and step and step % EVERY == 0 and step < STEPS * 3 // 4:
            mask = moved(x, gradient, mask)
            x, first, second = x * mask, first * mask, second * mask
        gradient = (gradient + DECAY * x) * mask
        first += 0.1 * (gradient - first)
        second += 0.01 * (gradient**2 - second)
        rate = RATE * (1 - step / STEPS) / (1 - 0.9 ** (step + 1))
        x -= rate * first / (np.sqrt(second / (1 - 0.99 ** (step + 1))) + 1e-8)
        most = max(most, int(np.count_nonzero(x)))
    hidden = 1 - data.seen
    rest = (x[:cut].reshape(users, -1) @ x[cut:].reshape(-1, COLUMNS).T - data.values) * hidden
    return Trained(float((rest**2).sum() / (data.values**2 * hidden).sum()), most)


def moved(x: np.ndarray, gradient: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mask without the smallest of its values, and with as many others where the gradient is largest."""
    count = int(MOVED * mask.sum())
    dropped = np.argpartition(np.where(mask, np.abs(x), np.inf), count)[:count]
    grown = np.argpartition(np.where(mask, 0, -np.abs(gradient)), count)[:count]
    mask = mask.copy()
    mask[dropped], mask[grown] = False, True
    return mask


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The fitted curve of the error, and the most values at any step by budget."""
    fit, sizes = result.growth("moving mask", "quality"), result.experiment.sizes
    most = {int(n): trained(prepare(n, np.random.default_rng(0)), True).most for n in sizes}
    numbers = ", ".join(f"{n} of {budget}" for budget, n in most.items())
    return {
        f"error falls with exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}) in the budget": fit.hi < 0,
        f"most values other than zero at any step {numbers}": all(n <= budget for budget, n in most.items()),
    }


EXPERIMENT = growth.Experiment(
    title="Sparse factors with masks that move and with fixed ones",
    source="Dynamic Sparse Learning: A Novel Paradigm for Efficient Recommendation",
    sizes=(750, 1500, 3000, 6000),
    methods={"moving mask": lambda data: trained(data, True), "fixed mask": lambda data: trained(data, False)},
    prepare=prepare,
    quality=lambda data, result: result.error,
    quality_name="error",
    size_name="parameters",
    expected="errors that fall with the budget, lower ones with masks that move",
    claims=(growth.RowClaim(row="dynamic-sparse-recommendation", holds=holds),),
)
