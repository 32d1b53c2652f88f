"""k-medoids clustering: the swaps of PAM against those of FastPAM1 and FasterPAM, over the number of clusters.

"Faster k-Medoids Clustering" (Schubert and Rousseeuw, arXiv:1810.05691) tries a swap for all k medoids at once, and
reports 1.5 times the speed of PAM's swaps at k = 2 and 200 times at k = 100, for the same swaps as PAM's: FastPAM1.
FasterPAM also makes every swap that gains, where the others search for the best, and passes over the data fewer times.
All start here from the medoids of BUILD, whose time is not counted, and the points are handwritten digits, one of the
kinds of data of the paper. Needs kmedoids and scikit-learn.

The quality is the sum of distances to the nearest medoid.

Expected: a speed-up that grows with k, for FasterPAM a little faster; those of FastPAM1 within a factor of 3 of the two
published; equal quality within a percent. FasterPAM saves passes too, the more the more points there are, and is above
the published at k = 100: about 500 times as fast as PAM with 300 digits, 740 times with 450.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

POINTS = 450
PUBLISHED = {2: 1.5, 100: 200.0}
BAND = 3.0


class Points(NamedTuple):
    """Distances (n, n) between points, and the medoids to start from."""

    distances: np.ndarray
    medoids: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> Points:
    """Distances of digits drawn at random, and the k medoids of BUILD."""
    import kmedoids
    from scipy.spatial.distance import cdist
    from sklearn.datasets import load_digits

    images, _ = load_digits(return_X_y=True)
    drawn = images[rng.choice(len(images), POINTS, replace=False)]
    distances = cdist(drawn, drawn).astype(np.float32)
    return Points(distances, kmedoids.pam_build(distances, int(size)).medoids)


def pam(data: Points) -> float:
    """The sum of distances after PAM's swaps."""
    import kmedoids

    return float(kmedoids.pam(data.distances, data.medoids.copy()).loss)


def fastpam1(data: Points) -> float:
    """The sum of distances after FastPAM1's swaps."""
    import kmedoids

    return float(kmedoids.fastpam1(data.distances, data.medoids.copy()).loss)


def fasterpam(data: Points) -> float:
    """The sum of distances after FasterPAM's swaps."""
    import kmedoids

    return float(kmedoids.fasterpam(data.distances, data.medoids.copy(), n_cpu=1).loss)


def speedups(result: growth.GrowthResult, method: str) -> dict[float, float]:
    """Median seconds of PAM over those of a method, by k."""
    seconds = {
        name: {k: result.median(name, k, "cpu_seconds") for k in result.experiment.sizes} for name in ("PAM", method)
    }
    return {k: seconds["PAM"][k] / seconds[method][k] for k in result.experiment.sizes}


def grows_from_anchor_to_anchor(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether the speed-ups grow with k, and PAM's swaps made faster meet the published ones."""
    statements = {}
    for method in ("FastPAM1", "FasterPAM"):
        by_k = speedups(result, method)
        fit = growth.fit_growth([*by_k], [[value] for value in by_k.values()], floor=False)
        rises = isinstance(fit, growth.Growth) and fit.lo > 0
        values = ", ".join(f"{value:.1f}x at k = {k:g}" for k, value in by_k.items())
        statements[f"the speed-up of {method} grows with k, {values}"] = rises and max(
            by_k, key=by_k.__getitem__
        ) == max(by_k)
        loss = max(result.median(method, k, "quality") / result.median("PAM", k, "quality") for k in by_k)
        statements[f"its loss is at most {loss:.4f} of PAM's"] = loss < 1.01
    by_k = speedups(result, "FastPAM1")
    return statements | {
        f"{by_k[k]:.1f}x by FastPAM1 at k = {k} against {paper:g}x published": paper / BAND <= by_k[k] <= paper * BAND
        for k, paper in PUBLISHED.items()
    }


EXPERIMENT = growth.Experiment(
    title=f"k-medoids of {POINTS} digits: PAM against FastPAM1 and FasterPAM",
    source="Schubert and Rousseeuw 2019, arXiv:1810.05691",
    sizes=(2, 5, 10, 20, 50, 100),
    methods={"PAM": pam, "FastPAM1": fastpam1, "FasterPAM": fasterpam},
    prepare=prepare,
    quality=lambda data, loss: loss,
    quality_name="sum of distances",
    size_name="clusters",
    expected="speed-ups that grow with k, of FastPAM1 1.5 at 2 and 200 at 100 within a factor of 3, at equal quality",
    claims=(growth.RowClaim(row="fasterpam", holds=grows_from_anchor_to_anchor, shows="modelled"),),
)
