"""The logistic function and its integral, at the price of one exponential and one logarithm."""

import numpy as np


def softplus_and_sigmoid(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log(1 + e^t) and its derivative 1/(1 + e^-t), of t's shape, exact and finite for every t."""
    small = np.exp(-np.abs(t))
    upper = 1 / (1 + small)
    return np.maximum(t, 0) + np.log1p(small), np.where(t >= 0, upper, small * upper)
