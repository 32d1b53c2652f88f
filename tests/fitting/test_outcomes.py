"""Outcomes of three kinds: how each is recognised, and what a law of another kind is told."""

import numpy as np
import polars as pl
import pytest

from froude import InputError, choose, fit, predict_difference
from froude.fitting.outcomes import OutcomeKind, recognise
from froude.laws import get_law
from froude.runs import Runs, get_published

N = np.repeat(np.geomspace(1e7, 1e9, 5), 4)
D = np.tile([2.0, 10.0, 50.0, 250.0], 5) * N
RNG = np.random.default_rng(0)
FALLING = 0.2 + 0.7 * np.exp(-np.arange(20) / 9)


def runs(name: str, values: np.ndarray) -> Runs:
    return Runs.from_columns({"N": np.sort(N), "D": np.sort(D), name: values})


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("loss", 2 + FALLING, "loss"),
        ("bits_per_byte", FALLING, "loss"),
        ("val_bpb", FALLING, "loss"),
        ("acc_mmlu", 1 - FALLING, "accuracy"),
        ("imagenet/top1-acc", 100 * (1 - FALLING), "accuracy"),
        ("pass@1", 1 - FALLING, "accuracy"),
        ("hellaswag", 2 + FALLING, "loss"),
        ("error", FALLING, "error-rate"),
        ("top1_err", 100 * FALLING, "error-rate"),
        ("mmlu_score", FALLING, "error-rate"),
        ("mean_error", 1 - FALLING, "accuracy"),
        ("accuracy", -FALLING, "loss"),
        ("accuracy", 500 * FALLING, "loss"),
        ("balance", FALLING, "loss"),
    ],
)
def test_an_outcome_is_known_by_name_range_and_direction(name: str, values: np.ndarray, kind: OutcomeKind) -> None:
    assert recognise(runs(name, values), name).kind == kind
    assert recognise(runs(name, values), name, "accuracy").kind == "accuracy"


def test_a_column_read_as_the_loss_is_known_by_its_own_name() -> None:
    table = pl.DataFrame({"N": np.sort(N), "D": np.sort(D), "log_perplexity": FALLING})
    assert not recognise(Runs.from_frame(table, {"loss": "log_perplexity"}), "loss").is_open
    assert recognise(Runs.from_frame(table.rename({"log_perplexity": "x"}), {"loss": "x"}), "loss").is_open


def test_a_law_of_another_kind_is_refused_with_the_right_one_named() -> None:
    with pytest.raises(InputError, match=r"acc is an accuracy .* take --law accuracy-chinchilla or --law auto; --kind"):
        fit("chinchilla", runs("acc", 1 - FALLING), "acc")
    with pytest.raises(InputError, match=r"ppl is a loss .* take --law chinchilla"):
        fit("error-tied", runs("ppl", 2 + FALLING), "ppl")
    with pytest.raises(InputError, match=r"loss = 20.*is a law of shares from 0 to 1"):
        fit("error-tied", runs("loss", 200 + FALLING), kind="error-rate")
    with pytest.raises(InputError, match="kind = 'score': give loss, error-rate or accuracy"):
        fit("auto", runs("acc", FALLING), "acc", kind="score")  # pyright: ignore[reportArgumentType]


def of_shares(name: str, values: np.ndarray, **columns: np.ndarray) -> Runs:
    return Runs.from_columns({"N": N, "D": D, name: values, **columns})


TRUE = {"chance": 0.75, "E": 0.1, "A": 60.0, "alpha": 0.25, "B": 300.0, "beta": 0.28}
ERRORS = get_law("error-chinchilla")(N=N, D=D, **TRUE) * np.exp(RNG.normal(0, 0.003, N.size))


def test_an_accuracy_and_its_error_rate_and_percentages_say_the_same() -> None:
    rate = fit("error-tied", of_shares("err", ERRORS), "err", draws=50).predict(N=1e10, D=1e12)
    share = fit("accuracy-tied", of_shares("acc", 1 - ERRORS), "acc", draws=50).predict(N=1e10, D=1e12)
    percent = fit("accuracy-tied", of_shares("acc", 100 * (1 - ERRORS)), "acc", draws=50).predict(N=1e10, D=1e12)
    assert 1 - share.mean == pytest.approx(rate.mean, rel=1e-5)
    assert (1 - share.hi, 1 - share.lo) == pytest.approx((rate.lo, rate.hi), rel=1e-3)
    assert percent.mean == pytest.approx(share.mean, rel=1e-9)
    assert share.probability_below(0.5) == pytest.approx(1 - rate.probability_below(0.5), abs=1e-3)


def test_accuracies_of_two_places_differ_as_their_error_rates_do() -> None:
    places = {"N": 1e10, "D": 1e12}, {"N": 5e9, "D": 2e12}
    rate = predict_difference(fit("error-tied", of_shares("err", ERRORS), "err", draws=50), *places, of="run")
    share = predict_difference(fit("accuracy-tied", of_shares("acc", 1 - ERRORS), "acc", draws=50), *places, of="run")
    assert -share.value == pytest.approx(rate.value, rel=1e-4)
    assert share.parts == pytest.approx(rate.parts, rel=1e-3)


def test_no_interval_of_a_share_passes_its_ends() -> None:
    wild = np.clip(ERRORS * np.exp(RNG.normal(0, 0.3, N.size)), 0, 0.999)
    forecast = fit("error-tied", of_shares("err", wild), "err", draws=50).predict(N=np.array([1e5, 1e12]), D=1e9)
    assert np.all((forecast.lo >= 0) & (forecast.hi <= 1))


@pytest.mark.slow
def test_error_rates_that_a_table_calls_losses_are_found_by_hold_outs(tables: None) -> None:
    table = get_published("laion_comparison").read("overview.csv")
    case = "dataset = 'imagenet1k' AND metric = 'acc1' AND family = 'coca' AND sched = 'cosine'"
    choice = choose(table.where(f"{case} AND pretrain = 'datacomp_1b'"), draws=50)
    assert choice.outcome.is_open
    assert choice.outcome.kind == "error-rate"
    assert all(law.unit == "error rate" for law, _ in choice.fit.law.members)
