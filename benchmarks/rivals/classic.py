"""The classic recipe: L-BFGS-B with finite differences from 4500 starts on a grid.

Grid and objective of Hoffmann et al. 2022, arXiv:2203.15556, as in the notebook of Besiroglu et al. 2024
(github.com/epoch-research/analyzing-chinchilla); the logarithms of the runs are taken once, which is kinder.
"""

import itertools
import time

import numpy as np
from handed import hand_back, handed, huber_of_logs

GRID = tuple(
    itertools.product(
        np.arange(0.0, 30.0, 5.0),  # a, the logarithm of A
        np.arange(0.0, 30.0, 5.0),  # b
        np.arange(-1.0, 1.5, 0.5),  # e
        np.arange(0.0, 2.5, 0.5),  # alpha
        np.arange(0.0, 2.5, 0.5),  # beta
    )
)


def log_loss(point: np.ndarray, log_n: np.ndarray, log_d: np.ndarray) -> np.ndarray:
    """The logarithm of the law's loss (n,) at a point a, b, e, alpha, beta."""
    a, b, e, alpha, beta = point
    return np.log(np.exp(a - alpha * log_n) + np.exp(b - beta * log_d) + np.exp(e))


def main() -> None:
    """Fit from every start and hand back the best."""
    from scipy.optimize import minimize

    runs, wanted = handed()
    logs = tuple(np.log(runs[x]) for x in ("N", "D", "loss"))

    def objective(point: np.ndarray, log_n: np.ndarray, log_d: np.ndarray, measured: np.ndarray) -> float:
        return huber_of_logs(log_loss(point, log_n, log_d), measured)

    with np.errstate(all="ignore"):
        begin = time.process_time()
        ends = [minimize(objective, start, args=logs, method="L-BFGS-B") for start in GRID[wanted]]
        seconds = time.process_time() - begin
    best = min(ends, key=lambda end: end.fun)
    hand_back(
        runs,
        np.exp(log_loss(best.x, *logs[:2])),
        seconds,
        [end.fun for end in ends],
        sum(bool(end.success) for end in ends),
        len(GRID),
        ["numpy", "scipy"],
    )


if __name__ == "__main__":
    main()
