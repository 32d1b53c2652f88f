"""Cases of calibration whose errors grow as planted."""

import numpy as np

from froude.fitting.calibration import Case, JudgedCase
from froude.fitting.choice import HeldOut


def judged_case(study: str, drift: float, seed: int, n: int = 200) -> JudgedCase:
    """A case whose errors grow by `drift` for each factor e, whichever way they go, with two hold-outs inside."""
    rng = np.random.default_rng(seed)
    reaches = rng.uniform(0.5, 3.0, n)
    cuts = [HeldOut(n=20, errors=drift * reaches[:9] * rng.standard_normal(9), reaches=reaches[:9]) for _ in range(2)]
    errors = drift * reaches * rng.standard_normal(n) + 0.002 * rng.standard_normal(n)
    return JudgedCase(
        case=Case(name=f"{study} {seed}", study=study, hold_out="C > 1"),
        errors=errors,
        reaches=reaches,
        noise=np.full(n, 0.002),
        disagreement=np.zeros(n),
        cuts=tuple(cuts),
        candidate_errors={"a": errors, "b": 2 * errors},
        law="a",
        n_fit=20,
    )


def studies(n: int = 12) -> list[JudgedCase]:
    """So many studies of one case each."""
    return [judged_case(f"study {k}", drift=0.02, seed=k) for k in range(n)]
