"""What a forecast says of itself: how far beyond the runs it lies, and which warnings of its fit it repeats."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from froude import Fit, InputError, Runs, fit, get_law
from froude.fitting.checkpoints import trainings_of
from froude.fitting.distance import grown
from froude.fitting.extrapolation import shipped
from froude.fitting.measured import measure
from froude.fitting.misfit import find_misfit
from planted import planted, write_csv

pytest_plugins = ["door"]

# Validation loss that rises again after many epochs, and the first half of a training of 120 epochs whose accuracy was
# 0.624 at the end (microsoft/nni#2006), every third of its points.
TURNING = {"D": 1e8 * 2.0 ** np.arange(7), "loss": np.array([4.10, 3.80, 3.62, 3.55, 3.58, 3.71, 3.95])}
HALF_CURVE = [0.031, 0.296, 0.367, 0.396, 0.411, 0.421, 0.429, 0.434, 0.439, 0.442]
HALF_CURVE += [0.446, 0.450, 0.454, 0.458, 0.461, 0.466, 0.470, 0.474, 0.478, 0.481]
EPOCHS = {"epoch": np.arange(1.0, 61.0, 3.0), "acc": np.array(HALF_CURVE)}
SMALL = {"C": np.array([3.0, 36.0, 240.0, 480.0, 1440.0]), "loss": np.array([4.9102, 4.1749, 3.7860, 3.6499, 3.4710])}


def fitted(law: str, table: dict[str, Any], y: str = "loss", x: str | None = "D", **columns: str) -> Fit:
    frame = Runs.from_columns(table).frame
    return fit(law, Runs.from_frame(frame, columns), y, x=x, draws=20, starts=5)


@pytest.fixture(scope="module")
def sound() -> Fit:
    """A fit to planted runs of 1e8 to 1e10 parameters and 2e9 to 2e11 tokens."""
    return fit("chinchilla", Runs.from_columns(planted()), draws=20, starts=5)


# Distance


def test_a_forecast_says_how_many_times_beyond_the_runs_it_lies(sound: Fit) -> None:
    far = sound.predict(N=7e10, D=1e12)
    assert far.beyond == pytest.approx({"N": 7.0, "D": 5.0, "C": 35.0})
    assert far.distance == pytest.approx(35.0)
    inside = sound.predict(N=1e9, D=1e10)
    assert (set(inside.beyond.values()), inside.distance) == ({1.0}, 1.0)
    below = sound.predict(N=[1e6, 1e9], D=1e10)
    np.testing.assert_allclose(below.beyond["N"], [0.01, 1.0])
    assert np.asarray(below.distance).tolist() == pytest.approx([100.0, 1.0])


def test_one_input_far_beyond_widens_though_the_product_is_inside(sound: Fit) -> None:
    wide = [sound.predict(N=N, D=D).parts["extrapolation"] for N, D in ((1e10, 2e9), (1e12, 2e9), (1e5, 2e9))]
    assert wide[0] == 0 < wide[1] < wide[2]


def test_errors_grow_faster_where_no_study_has_been_near() -> None:
    farthest = shipped().farthest
    np.testing.assert_allclose(grown(farthest * np.array([0.5, 2.0, 4.0])), farthest * np.array([0.5, 2.0, 8.0]))


def test_a_forecast_farther_than_any_checked_one_is_not_to_be_trusted(cli: Callable, tmp_path: Path) -> None:
    saved = tmp_path / "fit.json"
    fitted("power", SMALL, x="C").save(saved)
    shown = " ".join(cli("predict", saved, "--at", "C=3e21").out.split())
    assert "C 2.1 × 10¹⁸×" in shown
    assert "do not trust what lies so far out: C = 3e+21 is 2.1 × 10¹⁸ times the largest run" in shown
    assert "up to 330 times; check the units" in shown
    middling = " ".join(cli("predict", saved, "--at", "C=3e6").out.split())
    assert (
        "C = 3M is 2,100 times the largest run, and forecasts were checked on published runs up to 330 times"
        in middling
    )
    assert "trust" not in middling
    near = cli("predict", saved, "--at", "C=2e3", "--at", "C=100").out
    assert "C 1.39×" in near
    assert "inside" in near
    assert "trust" not in near
    (told,) = json.loads(cli("predict", saved, "--at", "C=1", "--json").out)
    assert told["beyond"] == {"C": pytest.approx(1 / 3)}
    assert "C 3× below" in cli("predict", saved, "--at", "C=1").out


# Misfit


@pytest.mark.parametrize("law", ["power", "power-floor", "auto"])
def test_a_loss_that_rises_again_is_doubted_and_its_forecast_is_wide(law: str, cli: Callable, tmp_path: Path) -> None:
    made = fitted(law, TURNING)
    (said,) = [each for each in made.warnings if "rises again beyond D = 8e+08" in each]
    assert '--where "D <= 8e+08"' in said
    made.save(tmp_path / "fit.json")
    ahead = Fit.load(tmp_path / "fit.json").predict(D=2e10)
    assert ahead.hi > 3.95 * (3.95 / 3.71) ** np.log2(2e10 / 6.4e9)  # if it goes on as it did at the end
    assert ahead.lo < 3.1
    shown = cli("predict", tmp_path / "fit.json", "--at", "D=2e10").out
    assert "rises again beyond D = 8e+08" in " ".join(shown.split())


def test_a_law_without_the_floor_of_the_runs_has_the_wrong_form() -> None:
    D = np.geomspace(1e8, 1e11, 12)
    table = {"D": D, "loss": get_law("power-floor", "D")(D=D, E=1.8, A=400.0, alpha=0.28)}
    made = fitted("power", table)
    assert any("the residuals have a pattern (p < 1e-06): runs lie off power" in each for each in made.warnings)
    far = made.predict(D=1e13)
    assert far.lo < 1.8 + 400 * 1e13**-0.28 < far.hi
    assert fitted("power-floor", table).misfit is None


def test_noise_alone_has_a_pattern_in_one_of_a_hundred_cases() -> None:
    rng, law = np.random.default_rng(0), get_law("power", "D")
    D, cases = np.geomspace(1e8, 1e10, 15), 600
    design = np.column_stack([np.ones(15), np.log(D)])
    noise = 0.01 * rng.standard_normal((cases, 15))
    residuals = noise - (design @ np.linalg.lstsq(design, noise.T, rcond=None)[0]).T
    found = sum(find_misfit(law, {"D": D}, each, 3.0 * np.exp(each)) is not None for each in residuals)
    assert 0 < found < 15  # 6 are expected; 15 happen once in a thousand times


# Direction


def test_an_outcome_that_rises_is_refused_by_laws_that_fall() -> None:
    wrong = r"acc rises with D \(rank correlation 1.00 over 20 runs\) and power can only fall"
    with pytest.raises(InputError, match=wrong + r".*take a law that rises \(--law ceiling --x D\).*1 - acc"):
        fitted("power", EPOCHS, "acc", D="epoch")
    assert fitted("auto", EPOCHS, "acc", D="epoch").law.name == "accuracy-power"
    with pytest.raises(InputError, match=r"such as 100 - acc"):
        fitted("power", {**EPOCHS, "acc": 100 * EPOCHS["acc"]}, "acc", D="epoch")
    table = planted()
    with pytest.raises(InputError, match=r"gain rises with N and D .* chinchilla can only fall"):
        fitted("chinchilla", {**table, "gain": 1 / table["loss"]}, "gain", None)
    with pytest.raises(InputError, match=r"loss falls with C .* ceiling can only rise: .* such as -loss"):
        fitted("ceiling", SMALL, x="C")


def test_noise_that_happens_to_rise_is_fitted() -> None:
    loss = 3.0 * np.exp(0.01 * np.random.default_rng(1).standard_normal(12))
    assert np.polyfit(np.arange(12), loss, 1)[0] > 0
    assert fitted("power", {"D": np.geomspace(1e8, 1e9, 12), "loss": loss}).n == 12


# Points of one training


def test_half_a_training_curve_warns_and_its_forecast_is_wide(cli: Callable, tmp_path: Path) -> None:
    made = fitted("ceiling", EPOCHS, "acc", D="epoch")
    assert any("the rows look like points of one training along D" in each for each in made.warnings)
    made.save(tmp_path / "fit.json")
    ahead = Fit.load(tmp_path / "fit.json").predict(D=120)
    assert ahead.hi - ahead.lo > 0.2
    assert "points of one training" in " ".join(cli("predict", tmp_path / "fit.json", "--at", "D=120").out.split())


EVEN, LONG = np.arange(1, 11) * 1e8, np.geomspace(1e8, 1e11, 10)


@pytest.mark.parametrize(
    ("table", "columns", "expected"),
    [
        ({"D": EVEN}, {}, ("D", 1)),
        ({"epoch": np.arange(1.0, 8.0)}, {"D": "epoch"}, ("D", 1)),
        ({"tokens": LONG, "global_step": np.arange(10) ** 2 + 1}, {}, ("D", 1)),
        ({"D": np.tile(EVEN, 3), "run": np.repeat(["a", "b", "c"], 10)}, {}, ("D", 3)),
        ({"D": EVEN, "name": [f"r{k}" for k in range(10)]}, {}, None),
        ({"D": LONG}, {}, None),
        ({"D": EVEN[::-1]}, {}, None),
        ({"D": EVEN[:5]}, {}, None),
        ({"D": np.tile(LONG, 3), "N": np.repeat([1e8, 1e9, 1e10], 10)}, {}, None),
        ({"D": np.tile(EVEN, 3), "N": np.repeat([1e8, 1e9, 1e10], 10)}, {}, None),
    ],
)
def test_points_of_trainings_are_told_from_runs(
    table: dict[str, Any], columns: dict[str, str], expected: tuple[str, int] | None
) -> None:
    n = len(next(iter(table.values())))
    runs = Runs.from_frame(Runs.from_columns({**table, "loss": np.linspace(4, 3, n)}).frame, columns)
    law = get_law("power", "D")
    assert trainings_of(law, runs, measure(law, runs, "loss")) == expected


# Few runs and guesses


def test_seven_runs_get_one_sentence_and_one_about_a_guess() -> None:
    C = np.array([1e18] * 3 + [3e18] * 4)
    D = np.array([5.77e9, 2.33e9, 9.23e8, 1.73e10, 7.00e9, 2.77e9, 1.57e9])
    loss = np.array([3.399, 3.364, 3.456, 3.298, 3.204, 3.224, 3.289])  # marin-community/marin#8003
    made = fit("auto", Runs.from_columns({"C": C, "D": D, "loss": loss}), draws=20, starts=5)
    few, guess = made.warnings
    assert few.startswith("5 parameters are fitted to 7 runs: only forecasts near them mean something; take a law of")
    assert guess.startswith("N = C/(6·D) is a guess")
    assert made.predict(D=1e10, N=1e8).warnings == made.warnings


@pytest.mark.slow
def test_parameters_that_are_not_identified_are_listed_in_one_sentence() -> None:
    rng = np.random.default_rng(0)
    table = {"N": 10 ** rng.uniform(8, 8.5, 20), "D": 10 ** rng.uniform(10, 10.5, 20)}
    table["loss"] = get_law("chinchilla")(**table, **get_law("chinchilla").published["besiroglu-2024"])
    table["loss"] = table["loss"] * np.exp(0.02 * rng.standard_normal(20))
    (said,) = [each for each in fitted("chinchilla", table, x=None).warnings if "identified" in each]
    assert " and " in said
    assert "are not identified: their intervals span a factor of ten or more; what is known is loss = " in said


def test_a_backtest_repeats_the_warnings_of_its_fits(cli: Callable, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "runs.csv", {name: values[:6] for name, values in TURNING.items()})
    words = ("backtest", path, "--law", "power-floor", "--x", "D", "--draws", 40, "--hold-out", "D > 2e9")
    done = cli(*words)
    assert "power-floor: 3 parameters are fitted to 5 runs" in " ".join(done.out.split())
    assert json.loads(cli(*words, "--json").out)["laws"][0]["warnings"]


def test_a_run_that_has_not_ended_is_fitted_with_a_warning():
    columns = planted()
    states = ["finished"] * (len(columns["loss"]) - 1)
    shown = [fit("chinchilla", Runs.from_columns({**columns, "State": [*states, end]}), draws=20).warnings for end in
             ("running", "finished")]  # fmt: skip
    of_state = [[each for each in warnings if "not ended" in each] for warnings in shown]
    assert [len(each) for each in of_state] == [1, 0]
    assert f"1 row is fitted though its run has not ended: row {len(columns['loss'])} (running)" in of_state[0][0]
