"""Merging fine-tuned heads: all of them at once by their mean, and one after the other by orthogonal projections.

The mean of n heads shrinks what each has learned to an n-th. "Merging Models on the Fly Without Retraining: A
Sequential Approach to Scalable Continual Model Merging" adds one head at a time: what it has learned is projected to
where the heads merged before have little, and the sum is scaled to the mean length of all that was added. Only the
merged head and one other are in memory. (The projection leaves out what lies along the leading singular vectors of the
merged head, half of its spectrum, and along its diagonal; as remembered from the paper.)

Heads are softmax regressions on the handwritten digits of scikit-learn, drawn at one of 20 overlapping places of a
larger picture; the head that all start from saw them anywhere. They lie in files, here strings of bytes, and take
memory once they are read. What grows is the number of heads. The quality is their mean accuracy on digits held out.

Expected: peak memory with exponent 1 at once, 0 one after the other; a better accuracy in sequence.
"""

import functools
from collections.abc import Mapping

import numpy as np

from froude import growth

SIDE, PLACES, CLASSES, TRAINED, SPECTRUM = 24, 20, 10, 1200, 0.5


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pictures (1797, 8, 8) from 0 to 1 in a random order, and what they show."""
    from sklearn.datasets import load_digits  # slow to import

    pixels, shown = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    return np.asarray(pixels)[order].reshape(-1, 8, 8) / 16, np.asarray(shown)[order]


@functools.cache
def corners() -> np.ndarray:
    """The upper left corners of the places, (PLACES, 2)."""
    return np.random.default_rng(1).integers(0, SIDE - 7, (PLACES, 2))


def drawn(places: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Some of the digits in the picture, each at the place of its own, (n, SIDE²), and what they show."""
    small, shown = (part[rows] for part in digits())
    large = np.zeros((len(small), SIDE, SIDE))
    for picture, digit, place in zip(large, small, np.resize(places, len(small)), strict=True):
        top, left = corners()[place]
        picture[top : top + 8, left : left + 8] = digit
    return large.reshape(len(small), -1), shown


def trained(start: np.ndarray, places: np.ndarray, steps: int) -> np.ndarray:
    """A head (CLASSES, SIDE²) after gradient descent on the digits at some places."""
    rows, shown = drawn(places, slice(TRAINED))
    target, head = np.eye(CLASSES)[shown], start.copy()
    for _ in range(steps):
        scores = np.exp(rows @ head.T)
        head -= 0.5 * (scores / scores.sum(axis=1, keepdims=True) - target).T @ rows / len(rows)
    return head


@functools.cache
def pretrained() -> np.ndarray:
    """The head that all others start from."""
    return trained(np.zeros((CLASSES, SIDE * SIDE)), np.random.default_rng(2).integers(0, PLACES, TRAINED), 30)


@functools.cache
def stored(place: int) -> bytes:
    """The head that was fine-tuned at a place, as it lies in a file."""
    return trained(pretrained(), np.array([place]), 60).tobytes()


def read(head: bytes) -> np.ndarray:
    """What a head has learned beyond the one that it started from."""
    return np.frombuffer(head).reshape(CLASSES, -1) - pretrained()


def prepare(size: float, rng: np.random.Generator) -> list[bytes]:
    """So many heads of different places."""
    return [stored(int(place)) for place in rng.permutation(PLACES)[: int(size)]]


def at_once(heads: list[bytes]) -> np.ndarray:
    """The mean of all."""
    return pretrained() + np.stack([read(head) for head in heads]).mean(axis=0)


def in_sequence(heads: list[bytes]) -> np.ndarray:
    """Each projected and added, the sum scaled to the mean length of what was learned."""
    merged, total, length = np.zeros_like(pretrained()), np.zeros_like(pretrained()), 0.0
    for count, head in enumerate(heads, start=1):
        learned = read(head)
        length += float(np.linalg.norm(learned))
        total += projected(learned, merged) if count > 1 else learned
        merged = total * (length / count / np.linalg.norm(total))
    return pretrained() + merged


def projected(learned: np.ndarray, merged: np.ndarray) -> np.ndarray:
    """What was learned, without what lies along the leading singular vectors of the merged head or its diagonal."""
    left, spectrum, right = np.linalg.svd(merged, full_matrices=False)
    leading = 1 + int(np.searchsorted(np.cumsum(spectrum) / spectrum.sum(), SPECTRUM))
    along = left.T @ learned @ right.T
    kept = np.diag(np.diagonal(along))
    kept[:leading, :leading] = along[:leading, :leading]
    return learned - left @ kept @ right


def accuracy(heads: list[bytes], result: np.ndarray) -> float:
    """The share of held-out digits that a merged head names rightly, over the places of its heads."""
    places = [place for place in range(PLACES) if stored(place) in heads]
    right = []
    for place in places:
        rows, shown = drawn(np.array([place]), slice(TRAINED, None))
        right.append(((rows @ result.T).argmax(axis=1) == shown).mean())
    return float(np.mean(right))


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    sizes, statements = result.experiment.sizes, {}
    for method, near in {"at once": 1, "in sequence": 0}.items():
        fit = growth.fit_growth(sizes, [[result.median(method, n, "peak_bytes")] for n in sizes], floor=False)
        p = fit.exponent
        statements[f"{method}: peak memory with exponent {p:.2f}, near {near}"] = abs(p - near) < 0.2
    for n in sizes[1:]:
        mean, sequence = (result.median(method, n, "quality") for method in ("at once", "in sequence"))
        statements[f"{n:g} heads: {sequence:.1%} right in sequence, {mean:.1%} by the mean"] = sequence > mean
    return statements


EXPERIMENT = growth.Experiment(
    title="Merging fine-tuned heads: their mean against projections in sequence",
    source="Merging Models on the Fly Without Retraining",
    sizes=(1, 2, 5, 10, 20),
    methods={"at once": at_once, "in sequence": in_sequence},
    prepare=prepare,
    quality=accuracy,
    quality_name="accuracy",
    size_name="heads",
    expected="peak memory with exponent 1 at once, 0 in sequence; better accuracy in sequence",
    claims=(growth.RowClaim(row="opcm-merging", holds=holds),),
)
