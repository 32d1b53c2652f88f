"""One law fitted to each value of a column, with parameters of its own or some shared."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import froude
from froude.errors import InputError
from froude.fitting import GroupedFit
from froude.fitting.solver import objective
from froude.runs import Runs, read_runs
from planted import planted

OVERTRAINING = "overtraining_mlfoundations/models_loss_and_downstream.csv"


@pytest.fixture(scope="module")
def kinds() -> Runs:
    """Two kinds of runs of one law but for the floor, which is 0.3 more in the second."""
    first, second = planted(noise=0.001), planted(noise=0.001, seed=1)
    table = {name: np.concatenate([first[name], second[name]]) for name in first}
    table["loss"][36:] += 0.3
    return Runs.from_columns({**table, "data": np.repeat(["web", "books"], 36)})


@pytest.fixture(scope="module")
def shared(kinds: Runs) -> GroupedFit:
    return froude.fit_by("chinchilla", kinds, "data", shared=["A", "alpha", "B", "beta"], draws=50)


def test_groups_apart_are_fitted_as_each_alone(kinds: Runs):
    apart = froude.fit_by("chinchilla", kinds, "data", draws=50)
    alone = froude.fit("chinchilla", kinds.where("data = 'books'"), draws=50)
    assert apart.fits["books"].params == alone.params
    assert [*apart.fits] == ["web", "books"]


def test_a_planted_difference_of_floors_is_recovered(shared: GroupedFit):
    web, books = shared.fits["web"], shared.fits["books"]
    assert books.params["E"] - web.params["E"] == pytest.approx(0.3, abs=0.01)
    assert all(web.params[name] == books.params[name] for name in shared.shared)
    assert np.array_equal(web.draws[:, 1:], books.draws[:, 1:])


def test_sharing_narrows_the_interval_of_what_is_shared(kinds: Runs, shared: GroupedFit):
    alone = froude.fit("chinchilla", kinds.where("data = 'web'"), draws=50)
    low, high = shared.fits["web"].intervals["alpha"]
    assert high - low < np.diff(alone.intervals["alpha"])[0]


def test_no_small_step_of_any_parameter_lowers_the_joint_objective(kinds: Runs, shared: GroupedFit):
    parts = [(fit, kinds.where(f"data = '{value}'")) for value, fit in shared.fits.items()]

    def total(change: str, factor: float, only: int | None) -> float:
        residuals = []
        for k, (fit, runs) in enumerate(parts):
            params = dict(fit.params)
            params[change] *= factor if only in (None, k) else 1.0
            residuals.append(np.log(fit.law(N=runs["N"], D=runs["D"], **params) / runs["loss"]))
        return float(objective(np.concatenate(residuals)))

    best = total("E", 1.0, None)
    for factor in (0.9999, 1.0001):
        assert all(total(name, factor, None) >= best for name in shared.shared)
        assert all(total("E", factor, k) >= best for k in range(2))


def test_sharing_what_is_shared_is_supported(shared: GroupedFit):
    assert shared.test is not None
    assert shared.test.is_supported
    assert shared.test.held_out == 18


def test_sharing_what_differs_is_not_supported(kinds: Runs):
    test = froude.fit_by("chinchilla", kinds, "data", shared=["E", "A"], draws=20).test
    assert test is not None
    assert not test.is_supported


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"by": "kind"}, "no column 'kind'"),
        ({"by": "N", "shared": ["gamma"]}, "no parameter 'gamma' to share: it has E, A, alpha, B, beta"),
        ({"by": "data", "law": "auto", "shared": ["E"]}, "name one law"),
        ({"by": "data", "shared": ["E", "A", "alpha", "B", "beta"]}, "fit it without --by"),
        ({"by": "loss"}, "name one of at most 50"),
        ({"by": "one"}, "column 'one' has 1.0 in all runs"),
        ({"by": "few"}, "few = b: chinchilla has 5 parameters"),
    ],
)
def test_what_cannot_be_grouped_is_refused_with_the_remedy(kinds: Runs, given: dict[str, object], says: str):
    few = np.where(np.arange(72) < 3, "b", "a")
    runs = Runs.from_columns(
        {**{name: kinds[name] for name in ("N", "D", "loss", "data")}, "one": np.ones(72), "few": few}
    )
    with pytest.raises(InputError, match=says.replace("(", r"\(")):
        froude.fit_by(**{"law": "chinchilla", "runs": runs, "draws": 20, **given})  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
def test_training_sets_of_a_public_table_share_their_exponents(published: Callable[[str], Path]):
    runs = read_runs(published(OVERTRAINING), columns={"loss": "loss_c4_val"})
    grouped = froude.fit_by("chinchilla", runs, "train_set", shared=["alpha", "beta"], draws=50)
    assert grouped.test is not None
    assert grouped.test.is_supported
    assert all(np.median(fit.errors) < 0.01 for fit in grouped.fits.values())
