"""Published constants in the place of a fit: their numbers, their range, and what is not known of their errors."""

import csv

import numpy as np
import pytest

from froude import InputError, all_laws, predict, predict_difference, read_runs
from froude.fitting.published_fit import published_fit
from froude.fitting.sources import read_source

BESIROGLU = "chinchilla:besiroglu-2024"
EXAMPLES = [(law, each) for law in all_laws() for each in law.examples if {*each.at} == {*law.inputs}]


@pytest.mark.parametrize(("law", "example"), EXAMPLES, ids=[f"{law.name}-{each.constants}" for law, each in EXAMPLES])
def test_constants_give_the_numbers_that_were_published(law, example):
    assert (
        abs(predict(f"{law.name}:{example.constants}", **example.at).mean - float(example.gives)) <= example.tolerance
    )


def test_the_range_of_the_refit_of_chinchilla_is_that_of_its_table(published):
    runs = read_runs(published("chinchilla_epoch/chinchilla_fig4.csv")).where("D > 8.15e8")
    fit = published_fit(BESIROGLU)
    for x, (low, high) in fit.origin_of_constants.ranges.items():
        assert (low, high) == pytest.approx((runs[x].min(), runs[x].max()), rel=5e-3)
    off = np.abs(np.log(fit.law(N=runs["N"], D=runs["D"], **fit.params) / runs["loss"]))
    assert np.mean(off <= 1.645 * (fit.deviation or 0.0)) == pytest.approx(0.9, abs=0.01)
    assert len(runs) == fit.origin_of_constants.n


def test_a_forecast_says_how_far_beyond_the_published_runs_it_lies():
    inside, beyond = predict(BESIROGLU, N="1B", D="20B"), predict(BESIROGLU, N="162B", D="20B")
    assert inside.beyond == {"N": 1.0, "D": 1.0, "C": 1.0}
    assert beyond.beyond["N"] == pytest.approx(10, rel=1e-3)
    assert inside.parts["extrapolation"] == 0 < beyond.parts["extrapolation"]
    assert inside.lo < inside.mean < inside.hi


def test_compute_cuts_the_corner_of_the_range_of_size_and_data():
    both = predict(BESIROGLU, N=1.6e10, D=3e11)  # each inside, and C 2.9e22 where the largest had 1.3e22
    assert both.beyond["N"] == both.beyond["D"] == 1
    assert both.distance == pytest.approx(1.6e10 * 3e11 * 6 / 1.3e22, rel=1e-3)


def test_the_learning_rate_of_the_step_law_is_as_sure_as_its_refits(published):
    with published("steplaw/bootstrap_fits.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    refits = [row["lr_intercept"] + row["lr_coefN"] * np.log(7e9) + row["lr_coefD"] * np.log(1e12) for row in rows]
    rule = predict("step-law-lr:step-law-2025-refits", N="7B", D="1T", of="mean")
    assert (rule.lo, rule.hi) == pytest.approx(np.exp(np.quantile(refits, [0.05, 0.95])), rel=0.02)


def test_where_nothing_is_known_of_errors_there_is_no_interval():
    rule = predict("compute-lr:deepseek-2024", C=1e24)
    assert (rule.lo, rule.hi) == (None, None)
    assert rule.to_dict()["interval"] == [None, None]
    with pytest.raises(InputError, match="has no interval"):
        rule.probability_below(1e-3)
    means = predict_difference(BESIROGLU, {"N": 7e9, "D": 1.4e11}, {"N": 1.4e10, "D": 7e10})
    assert (means.lo, means.hi, means.probability_below) == (None, None, None)


def test_text_and_tokenizer_of_a_loss_are_named():
    notes = " ".join(predict(BESIROGLU, N=1e9, D=2e10).notes)
    assert "nats/token of MassiveText" in notes
    assert "tokenizer SentencePiece of 32,000" in notes


def test_a_law_of_one_input_is_taken_over_the_one_that_is_asked_for():
    assert published_fit("power:kaplan-2020", ["N"]).law.inputs == ("N",)
    assert predict("power:kaplan-2020", N=1e9).mean == pytest.approx(2.376, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("chinchila", "'chinchila' is no file and no law: did you mean chinchilla?"),
        ("chinchila:besiroglu-2024", "no law is called 'chinchila': did you mean chinchilla?"),
        ("chinchilla:besiroglu", "chinchilla has no constants 'besiroglu': did you mean besiroglu-2024?"),
        ("kaplan-floor:hoffmann-2022", "kaplan-floor has no published constants"),
        ("none.json", "there is no file 'none.json'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, sentence):
    with pytest.raises(InputError, match=sentence.replace("?", r"\?")):
        read_source(name)


def test_a_file_of_that_name_comes_before_the_law(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chinchilla").write_text("no fit")
    with pytest.raises(InputError, match="chinchilla"):
        predict("chinchilla", N=1e9, D=2e10)
