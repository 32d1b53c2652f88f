"""Data chosen from partly seen sources: small runs and transport distances predict larger runs of other mixtures.

Trainings are kernel ridge regressions on scikit-learn's digits. One source is like the test, one has mostly
wrong labels, one mirrored images. How far a mixture is, an optimal transport says (POT) of a few samples with their
labels to a validation set. "Performance Scaling via Optimal Transport" (Kang et al. 2023, arXiv:2307.02460) fits
accuracy to distances at two small sizes and carries it to larger ones; the law here is a simpler one, with the same
fall with size for every mixture. Its errors at the larger size are hardly smaller than those of size alone, for what
wrong labels harm fades with size; it does order mixtures.
"""

from typing import Annotated, Any

import numpy as np
import pytest

from froude import Runs, law
from froude.fitting import fit
from froude.laws.kinds import Exponent, Input, Positive, Samples, Scale, Weight

pytestmark = [pytest.mark.slow, pytest.mark.experiment]

SMALL, LARGE = (100, 200), 800
SEEN, HELD_OUT, SEEDS, STEPS = 12, 12, 3, 5
WIDTH, RIDGE, SAMPLE, WRONG, LABEL_COST = 2.0, 0.1, 300, 0.6, 4.0

Transport = Annotated[np.ndarray, Input(unit="transport cost")]


@law(
    source="here",
    wrong_when="mixtures that lie as far off harm in unlike ways.",
    domain={},
    carries={"A": {"D": "alpha"}, "beta": {"W": -1.0}},
)
def distant_data(D: Samples, W: Transport, *, A: Scale, alpha: Exponent, beta: Weight) -> Positive:
    """Error falls as a power of samples, and grows by a share for each unit of distance."""
    return A * D**-alpha * np.exp(beta * W)


def kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The Gaussian kernel (n, m) of images."""
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.exp(-squares / (2 * WIDTH**2))


class Task:
    """Digits in a pool to draw sources from, a validation set, and a test set."""

    def __init__(self) -> None:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(images))
        held_out = (order[:SAMPLE], order[SAMPLE : 2 * SAMPLE], order[2 * SAMPLE :])
        parts = [(np.asarray(images)[i] / 16, np.asarray(labels)[i]) for i in held_out]
        self.validation, self.test, self.pool = parts

    def draw(self, mixture: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """n images and labels of that mixture of the three sources."""
        images, labels = self.pool
        source, at = rng.choice(3, n, p=mixture), rng.choice(len(labels), n)
        wrong = (source == 1) & (rng.random(n) < WRONG)
        mirrored = images[at].reshape(n, 8, 8)[:, :, ::-1].reshape(n, -1)
        return np.where((source == 2)[:, None], mirrored, images[at]), np.where(
            wrong, rng.integers(0, 10, n), labels[at]
        )

    def error(self, mixture: np.ndarray, n: int) -> float:
        """The share of test digits that trainings on n samples of the mixture get wrong, mean over SEEDS."""
        return float(
            np.mean([self._error(*self.draw(mixture, n, np.random.default_rng([n, s]))) for s in range(SEEDS)])
        )

    def _error(self, images: np.ndarray, labels: np.ndarray) -> float:
        weights = np.linalg.solve(kernel(images, images) + RIDGE * np.eye(len(images)), np.eye(10)[labels])
        return float(((kernel(self.test[0], images) @ weights).argmax(axis=1) != self.test[1]).mean())

    def distance(self, mixture: np.ndarray) -> float:
        """The cost of moving SAMPLE samples of the mixture to the validation set, images and labels."""
        import ot

        images, labels = self.draw(mixture, SAMPLE, np.random.default_rng(2))
        costs = ot.dist(images, self.validation[0]) + LABEL_COST * (labels[:, None] != self.validation[1])
        equal = np.full(SAMPLE, 1 / SAMPLE)
        distance: Any = ot.emd2(equal, equal, costs)
        return float(distance)


@pytest.fixture(scope="module")
def task() -> Task:
    pytest.importorskip("sklearn")
    pytest.importorskip("ot")
    return Task()


@pytest.fixture(scope="module")
def small(task: Task) -> list[dict[str, float]]:
    """Trainings of SEEN mixtures at both small sizes."""
    mixtures = np.random.default_rng(3).dirichlet(np.ones(3), SEEN)
    rows = [(m, n) for m in mixtures for n in SMALL]
    return [{"D": n, "W": task.distance(m), "error": task.error(m, n)} for m, n in rows]


def by_distance(rows: list[dict[str, float]], task: Task, mixtures: np.ndarray) -> np.ndarray:
    """The error predicted for each mixture at the large size."""
    law_fit = fit(distant_data, Runs.from_rows(rows), "error", draws=100)
    distances = np.array([task.distance(m) for m in mixtures])
    return law_fit.predict(D=np.full(len(mixtures), float(LARGE)), W=distances).mean


@pytest.mark.atlas("projektor", "modelled")  # the gain over size alone is small
def test_distances_predict_larger_runs_of_other_mixtures(task, small, record_property):
    mixtures = np.random.default_rng(4).dirichlet(np.ones(3), HELD_OUT)
    measured = np.array([task.error(m, LARGE) for m in mixtures])
    by_size = fit("power", Runs.from_rows(small), "error", x="D", draws=100).predict(D=float(LARGE)).mean
    off = [float(np.abs(predicted - measured).mean()) for predicted in (by_distance(small, task, mixtures), by_size)]
    grid = np.array([(i, j, STEPS - i - j) for i in range(STEPS + 1) for j in range(STEPS + 1 - i)]) / STEPS
    chosen = grid[by_distance(small, task, grid).argmin()]
    uniform, better = task.error(np.full(3, 1 / 3), LARGE), task.error(chosen, LARGE)
    record_property(
        "found",
        f"accuracy at {LARGE} samples off by {off[0]:.3f} with distances, {off[1]:.3f} by size alone; error "
        f"{better:.3f} with weights {np.round(chosen, 2).tolist()}, {uniform:.3f} with uniform ones",
    )
    assert off[0] < off[1]
    assert better < uniform
