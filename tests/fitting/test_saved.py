"""What is saved comes back: every average that `auto` makes, through a file and through pickle."""

import json
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from froude import Fit, InputError, Runs, all_laws, fit, get_law, law
from froude.fitting.outcomes import LAWS
from froude.laws import average
from froude.laws.kinds import NatsPerToken, Scale, Tokens
from planted import planted

pytest_plugins = ["door"]

SIZES = np.geomspace(1e18, 3e20, 6)
LOSSES = [3.522, 3.339, 3.154, 3.000, 2.848, 2.725]  # the best of each budget, after marin-community/marin#4447
AT: dict[str | None, dict[str, Any]] = {
    None: {"N": np.array([3e9, 7e10]), "D": 1.4e12},
    **{x: {x: np.array([1e19, 1e22])} for x in ("N", "D", "C")},
}


@law(source="here", wrong_when="always.", domain={}, carries={})
def our_own(D: Tokens, *, A: Scale) -> NatsPerToken:
    """A law of a user's own."""
    return A + 0 * D


@cache
def fitted(x: str | None, laws: str = "auto") -> Fit:
    """An average fitted to runs of which one input varies, or N and D."""
    table = {name: values[::3] for name, values in planted().items()} if x is None else {x: SIZES, "loss": LOSSES}
    return fit(laws, Runs.from_columns(table), x=x, draws=20, starts=3)


def through_a_file(made: Fit, folder: Path) -> Fit:
    made.save(folder / "fit.json")
    return Fit.load(folder / "fit.json")


def through_pickle(made: Fit, folder: Path) -> Fit:
    return pickle.loads(pickle.dumps(made))


def forecast_of(made: Fit, at: dict[str, Any]) -> list[Any]:
    """All that a forecast says, as lists, in which equal floats are equal to the last bit."""
    forecast = made.predict(**at)
    return [np.asarray(each).tolist() for each in (forecast.mean, forecast.lo, forecast.hi, *forecast.parts.values())]


@pytest.mark.parametrize("way", [through_a_file, through_pickle])
@pytest.mark.parametrize("x", AT)
def test_every_average_of_auto_comes_back_and_forecasts_the_same(x: str | None, way: Callable, tmp_path: Path) -> None:
    made = fitted(x)
    assert made.law.members
    again = way(made, tmp_path)
    assert again.law == made.law
    assert forecast_of(again, AT[x]) == forecast_of(made, AT[x])


@pytest.mark.parametrize("share", [0.5, 0.123, 1 / 3, 0.1 + 0.2, 1e-5])
@pytest.mark.parametrize("x", ["N", "D", "C"])
def test_the_name_of_an_average_says_all_of_it(x: str, share: float) -> None:
    members = [get_law(name, x) for name in LAWS["loss"][1]]
    for first, second in (members, members[::-1]):
        made = average({first: share, second: 1 - share})
        again = pickle.loads(pickle.dumps(made))
        assert again == made
        assert again.members == made.members == get_law(made.name, x).members
        given = dict.fromkeys(made.parameters, 0.5) | {x: 1e20}
        assert again(**given) == made(**given)


@pytest.mark.parametrize("each", all_laws(), ids=lambda each: each.name)
def test_every_law_pickles_over_each_of_its_inputs(each: Any) -> None:
    for taken in [each, *(each.over(x) for x in each.choices)]:
        again = pickle.loads(pickle.dumps(taken))
        assert (again, again.parameters, again.source) == (taken, taken.parameters, taken.source)


def test_a_law_of_ones_own_pickles_and_no_file_takes_it(tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(our_own)) is our_own
    made = fit(our_own, Runs.from_columns({"D": [1e9, 2e9, 3e9], "loss": [3.0, 2.9, 2.8]}), draws=20)
    with pytest.raises(InputError, match="our-own is no law of Froude's: a file cannot hold it"):
        made.save(tmp_path / "fit.json")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("chinchilla 60% + kaplan-floor", "'kaplan-floor' is no law with its share"),
        ("chinchilla 60% + kaplan-floor 30%", "sum to 90%: let them sum to 100%"),
        ("chinchila 60% + kaplan-floor 40%", "did you mean chinchilla"),
        ("chinchilla 60% + power 40%", "differ in what they take or give"),
    ],
)
def test_a_name_that_is_no_whole_average_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        get_law(name)


def test_an_average_is_fitted_by_the_name_of_its_laws() -> None:
    made = fitted("N", "m3 50% + power-floor 50%")
    assert made.law.inputs == ("N",)
    assert get_law("m3 50% + power-floor 50%").inputs == ("D",)


def test_predict_prints_the_forecast_that_the_fit_makes(cli: Callable, tmp_path: Path) -> None:
    table = tmp_path / "envelope.csv"
    table.write_text("C,loss\n" + "".join(f"{C!r},{loss}\n" for C, loss in zip(SIZES.tolist(), LOSSES, strict=True)))
    assert cli("fit", table, "--law", "auto", "--x", "C", "--draws", 20, "--out", tmp_path / "auto.json").code == 0
    first = fit("auto", Runs.from_columns({"C": SIZES, "loss": LOSSES}), x="C", draws=20).predict(C=1e21)
    (printed,) = json.loads(cli("predict", tmp_path / "auto.json", "--at", "C=1e21", "--json").out)
    assert [printed["mean"], *printed["interval"]] == [first.mean, first.lo, first.hi]
