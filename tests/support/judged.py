"""Cases of calibration whose errors grow as planted."""

import numpy as np

from froude.fitting.calibration import Case, JudgedCase
from froude.fitting.held_out import HeldOut


def judged_case(study: str, drift: float, seed: int, n: int = 200, bias: float | None = None) -> JudgedCase:
    """A case whose errors grow by `drift` for each factor e, whichever way they go, with two hold-outs inside.

    Where a `bias` is given, it is one of N and D, and its forecasts are too high by as much for each factor e besides.
    """
    rng = np.random.default_rng(seed)
    reaches = rng.uniform(0.5, 3.0, n)

    def errors_at(reaches: np.ndarray) -> np.ndarray:
        return (drift * rng.standard_normal(reaches.size) + (bias or 0.0)) * reaches

    cuts = [HeldOut(n=20, errors=errors_at(reaches[:9]), reaches=reaches[:9]) for _ in range(2)]
    errors = errors_at(reaches) + 0.002 * rng.standard_normal(n)
    worse = [HeldOut(n=20, errors=20 * cut.errors, reaches=cut.reaches) for cut in cuts]
    return JudgedCase(
        case=Case(name=f"{study} {seed}", study=study, hold_out="C > 1", x="C" if bias is None else None),
        candidate_errors={"a": errors, "b": 2 * errors},
        candidate_cuts={"a": tuple(cuts), "b": tuple(worse)},
        reaches=reaches,
        weights=np.full(n, 1 / n),
        noise=np.full(n, 0.002),
        disagreement=np.zeros(n),
        law="a",
        n_fit=20,
        bias=None if bias is None else {},
    )


def studies(n: int = 12) -> list[JudgedCase]:
    """So many studies of one case each."""
    return [judged_case(f"study {k}", drift=0.02, seed=k) for k in range(n)]
