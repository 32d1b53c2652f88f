"""Choice of a law by what it foretells, and the interval that knows of its errors."""

import numpy as np
import pytest

from froude import InputError, Runs, get_law
from froude.fit import choose
from froude.fit.choose import HeldOut, inflation

SIZES = (10_000, 14_000, 20_000, 28_000, 40_000)
TRUTHS = {
    "chinchilla": {"E": 1.0, "A": 30.0, "alpha": 0.45, "B": 500.0, "beta": 0.5},
    "varying-exponent": {"E": 0.9, "A": 20.0, "alpha": 0.4, "Dc": 5e4, "beta": 0.02, "kappa": 0.3},
}
N, D = 160_000.0, 6e6  # the target


def pilots(law: str, noise: float, seed: int) -> Runs:
    """Runs of five sizes, two trunks each, whose points share half of their noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for size in SIZES:
        for trunk in range(2):
            shared = rng.standard_normal()
            for tokens in (8e5, 1.6e6, 3.2e6):
                deviation = noise * (shared + rng.standard_normal()) / np.sqrt(2)
                loss = get_law(law)(N=size, D=tokens, **TRUTHS[law]) * np.exp(deviation)
                rows.append({"N": size, "D": tokens, "loss": loss, "trunk": f"{size}-{trunk}"})
    return Runs.from_columns({name: [row[name] for row in rows] for name in rows[0]})


@pytest.mark.parametrize(("law", "worthy"), [("chinchilla", set(TRUTHS)), ("varying-exponent", {"varying-exponent"})])
def test_a_law_that_can_have_made_the_runs_is_chosen_and_foretells_the_target(law: str, worthy: set[str]) -> None:
    choice = choose(pilots(law, noise=1e-4, seed=0), cluster="trunk", N=N, D=D)
    assert choice.fit.law.name in worthy  # the exponent that varies may also stand still
    truth = get_law(law)(N=N, D=D, **TRUTHS[law])
    assert choice.fit.predict(N=N, D=D).mean == pytest.approx(truth, rel=0.01)


def test_candidates_come_in_the_order_of_their_errors_and_weights_sum_to_one() -> None:
    choice = choose(pilots("chinchilla", noise=3e-3, seed=1), cluster="trunk", N=N, D=D)
    errors = [candidate.error for candidate in choice.candidates]
    assert errors == sorted(errors)
    assert list(choice.weights) == sorted(choice.weights, reverse=True)
    assert sum(choice.weights) == pytest.approx(1)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth = get_law("chinchilla")(N=N, D=D, **TRUTHS["chinchilla"])
    inside = []
    for seed in range(12):
        forecast = choose(pilots("chinchilla", noise=3e-3, seed=seed), cluster="trunk", N=N, D=D).fit.predict(N=N, D=D)
        inside.append(forecast.lo <= truth <= forecast.hi)
    # Twelve forecasts at 90%: fewer than 8 inside has a probability below 0.5%.
    assert sum(inside) >= 8


def test_larger_errors_than_foreseen_widen_the_interval() -> None:
    foreseen = HeldOut(errors=np.array([0.01, -0.01]), deviations=np.array([0.01, 0.01]))
    missed = HeldOut(errors=np.array([0.03, 0.03]), deviations=np.array([0.01, 0.01]))
    assert inflation([foreseen]) == pytest.approx(1)
    assert 1 < inflation([missed]) < inflation([missed, missed]) < 9


def test_a_forecast_inside_the_runs_carries_no_extrapolation_error() -> None:
    choice = choose(pilots("chinchilla", noise=3e-3, seed=2), cluster="trunk", N=20_000.0, D=1.6e6)
    assert choice.fit.drift == 0


def test_too_few_runs_to_hold_any_out_are_refused() -> None:
    runs = pilots("chinchilla", noise=3e-3, seed=3)
    with pytest.raises(InputError, match="12 runs are too few to hold the largest out"):
        choose(runs.where("N <= 14000"), N=N, D=D)
