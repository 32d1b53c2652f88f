"""What few runs take from the certainty of a fit: Student's t in the place of the normal distribution."""

from statistics import NormalDist


def normal(share: float) -> float:
    """The quantile of the normal distribution below which this share lies."""
    return NormalDist().inv_cdf(share)


def student(share: float, free: int) -> float:
    """The quantile of Student's t with so many degrees of freedom, by its expansion about the normal's.

    Abramowitz and Stegun 26.7.5, three terms: 1% off at the 95% of two degrees, far less of more.
    """
    z = normal(share)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / free + second / free**2 + third / free**3


def deviations_at(level: float) -> float:
    """How many standard deviations of a normal the central interval of a level reaches to either side."""
    return normal((1 + level) / 2)


def stretch(level: float, n: int, p: int) -> float:
    """How much wider an interval at a level is, as p parameters leave n − p degrees of freedom to tell the noise."""
    return student((1 + level) / 2, max(n - p, 1)) / deviations_at(level)


def widened(level: float, n: int, p: int) -> float:
    """The level of refits that makes an interval so much wider: 90% becomes 91% for 36 runs, 98% for 3 more than p."""
    return 2 * NormalDist().cdf(stretch(level, n, p) * deviations_at(level)) - 1
