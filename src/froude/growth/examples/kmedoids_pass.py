"""k-medoids clustering: one pass of swaps of PAM against one of FasterPAM, over points and over clusters.

"Fast and Eager k-Medoids Clustering: O(k) Runtime Improvement" (Schubert and Rousseeuw 2021, arXiv:2008.05171): a pass
of PAM looks at every pair of a medoid and another point and costs k·(n − k)², one of FasterPAM (n − k)². The orders
are those of a pass; how many passes a clustering takes differs too, for which see kmedoids.py. Needs kmedoids and
scikit-learn.

Expected: exponent 2 in points for both, and somewhat below 1 in clusters for the ratio of the two: 0.7 to 0.9 were
measured, for FasterPAM makes swaps within its pass, the more of them the more clusters.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from froude import growth

CLUSTERS, POINTS = 10, 1500
NEAR = 0.5  # the whole interval is nearer to the expected exponent than to any other whole number
SECONDS = 20.0


class Points(NamedTuple):
    """Distances (n, n) between points, and the medoids to start from."""

    distances: np.ndarray
    medoids: np.ndarray


def draw(points: int, clusters: int, rng: np.random.Generator) -> Points:
    """Distances of digits drawn at random, and the medoids of BUILD."""
    import kmedoids
    from scipy.spatial.distance import cdist
    from sklearn.datasets import load_digits

    images, _ = load_digits(return_X_y=True)
    drawn = images[rng.choice(len(images), points, replace=False)]
    distances = cdist(drawn, drawn).astype(np.float32)
    return Points(distances, kmedoids.pam_build(distances, clusters).medoids)


def pam(data: Points) -> float:
    """The sum of distances after the first pass of PAM."""
    import kmedoids

    return float(kmedoids.pam(data.distances, data.medoids.copy(), max_iter=1).loss)


def fasterpam(data: Points) -> float:
    """The sum of distances after the first pass of FasterPAM."""
    import kmedoids

    return float(kmedoids.fasterpam(data.distances, data.medoids.copy(), max_iter=1, n_cpu=1).loss)


def speedup_in_clusters() -> growth.Growth | growth.Unfitted:
    """How the speed-up grows with clusters at POINTS points, from an experiment of its own."""
    over_clusters = replace(
        EXPERIMENT,
        sizes=(2, 4, 8, 16, 32),
        prepare=lambda size, rng: draw(POINTS, int(size), rng),
        size_name="clusters",
    )
    found = growth.grow(over_clusters, seconds=SECONDS, repeats=3)
    seconds = {(t.method, t.size, t.repetition): t.cpu_seconds for t in found.timings}
    ratios = [
        [seconds["PAM", k, turn] / seconds["FasterPAM", k, turn] for turn in range(3)] for k in found.experiment.sizes
    ]
    return growth.fit_growth(found.experiment.sizes, ratios, floor=False)


def near(fit: growth.Growth | growth.Unfitted, expected: float, what: str) -> dict[str, bool]:
    """A statement that an exponent, with its interval, is near the expected one."""
    if isinstance(fit, growth.Unfitted):
        return {f"{what} has no exponent: {fit.reason}": False}
    statements = f"{what}: exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}), near {expected:g}"
    return {statements: max(expected - fit.lo, fit.hi - expected) < NEAR}


def exponents(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether time grows with points squared, and the speed-up with clusters."""
    return {
        **near(result.growth("PAM"), 2, "PAM in points"),
        **near(result.growth("FasterPAM"), 2, "FasterPAM in points"),
        **near(speedup_in_clusters(), 1, "speed-up in clusters"),
    }


EXPERIMENT = growth.Experiment(
    title=f"One pass of k-medoids with {CLUSTERS} clusters: PAM against FasterPAM",
    source="Schubert and Rousseeuw 2021, arXiv:2008.05171",
    sizes=(100, 200, 400, 800, 1600),
    methods={"PAM": pam, "FasterPAM": fasterpam},
    prepare=lambda size, rng: draw(int(size), CLUSTERS, rng),
    quality=lambda data, loss: loss,
    quality_name="sum of distances",
    size_name="points",
    expected="exponent 2 in points for both; the speed-up nearly exponent 1 in clusters",
    claims=(growth.RowClaim(row="fasterpam-eager", holds=exponents, shows="modelled"),),
)
