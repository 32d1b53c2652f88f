"""The best size under serving and short data, what leaving it costs, and how sure it is: against plain searches."""

import numpy as np
import pytest

from answered import planted_fit
from froude import InputError, compute_optimal, get_law, optimal, read_runs
from froude.fitting.size_draws import draw_sizes

BESIROGLU = "chinchilla:besiroglu-2024"
LAW = get_law("chinchilla")
PARAMS = LAW.published["besiroglu-2024"]
SIZES = np.geomspace(1e6, 1e13, 200_001)


def test_serving_takes_its_share_of_the_budget():
    C, served = 1e23, 1e12
    D = (C - 2 * SIZES * served) / (6 * SIZES)
    loss = LAW(N=SIZES, D=np.maximum(D, 1.0), **PARAMS)
    best = optimal(BESIROGLU, C, inference_tokens=served)
    assert pytest.approx(SIZES[np.argmin(loss)], rel=1e-3) == best.N
    assert 6 * best.N * best.D + 2 * best.N * served == pytest.approx(C)
    assert best.N < optimal(BESIROGLU, C).N


def test_tokens_beyond_a_data_limit_are_repeats():
    C, unique = 1e23, 1e10
    composed = LAW.replacing(D=get_law("repeated-tokens"))
    params = {**PARAMS, **get_law("repeated-tokens").published["muennighoff-2023"]}
    loss = composed(N=SIZES, D=C / (6 * SIZES), U=np.minimum(C / (6 * SIZES), unique), **params)
    best = optimal(BESIROGLU, C, data_limit_tokens="10B")
    assert pytest.approx(SIZES[np.argmin(loss)], rel=1e-3) == best.N


def test_compute_for_the_same_loss_solves_the_law_for_tokens():
    (beside,) = compute_optimal(BESIROGLU, 1e22).departures
    best = optimal(BESIROGLU, 1e22)
    for each in beside:
        left = best.loss - PARAMS["E"] - PARAMS["A"] * each.N ** -PARAMS["alpha"]
        D = (PARAMS["B"] / left) ** (1 / PARAMS["beta"])
        assert each.compute == pytest.approx(6 * each.N * D / 1e22, rel=1e-6)
        assert each.extra == pytest.approx(LAW(N=each.N, D=each.D, **PARAMS) - best.loss, abs=1e-12)


def test_among_the_runs_the_size_is_as_sure_as_its_refits():
    made, C = planted_fit(), 6e20
    params = dict(zip(made.law.parameters, made.draws.T, strict=True))
    G = (params["alpha"] * params["A"] / (params["beta"] * params["B"])) ** (1 / (params["alpha"] + params["beta"]))
    exact = G * (C / 6) ** (params["beta"] / (params["alpha"] + params["beta"]))
    assert optimal(made, C).intervals["N"] == pytest.approx(np.quantile(exact, [0.05, 0.95]), rel=5e-3)


def test_beyond_the_runs_the_size_is_less_sure_than_its_refits():
    made = planted_fit()
    near, far = (optimal(made, C) for C in (6e20, 6e24))
    widths = [each.intervals["N"][1] / each.intervals["N"][0] for each in (near, far)]
    assert widths[1] > 3 * widths[0]
    drawn = draw_sizes(made, far.N, lambda N: 6e24 / (6 * N))
    assert np.median(drawn.best) == pytest.approx(far.N, rel=0.3)


@pytest.mark.slow
def test_the_best_size_of_larger_budgets_lies_in_the_interval(published):
    """Chinchilla's parabolas at its two largest budgets, of which no runs above an eighth of these were fitted."""
    runs = read_runs(published("chinchilla_epoch/chinchilla_fig4.csv")).where("D > 8.15e8")
    best = compute_optimal(runs.where("C < 1.2e20"), [9.8e20, 2.8e21], draws=200)
    minima = compute_optimal(runs, draws=50).minima
    for each in best.allocations:
        there = min(minima, key=lambda minimum: abs(np.log(minimum.C / each.C)))
        lo, hi = each.intervals["N"]
        assert lo < there.N < hi


@pytest.mark.slow
def test_what_runs_cannot_tell_of_the_best_size_is_said(published):
    runs = read_runs(
        published("overtraining_mlfoundations/models_loss_and_downstream.csv"), columns={"loss": "loss_c4_val"}
    ).where("train_set = 'rw_original'")
    best = compute_optimal(runs, 9.2e23, draws=200)
    (size,) = best.allocations
    assert 10 < size.tokens_per_param < 200
    assert size.intervals["N"][1] > 10 * size.intervals["N"][0]
    assert size.intervals["D"][1] > 10 * size.intervals["D"][0]
    assert "is hardly known" in best.summary()


def test_settings_without_a_sweep_are_those_of_the_step_law():
    ((lr, batch),) = compute_optimal(BESIROGLU, 1e23).settings
    best = optimal(BESIROGLU, 1e23)
    assert lr.value == pytest.approx(1.79 * best.N**-0.713 * best.D**0.307)
    assert batch.value == pytest.approx(0.58 * best.D**0.571)
    assert (lr.source, batch.source) == ("step-law-lr:step-law-2025", "step-law-batch:step-law-2025")


def test_a_rule_for_settings_has_no_best_size():
    with pytest.raises(InputError, match="gives the best lr, no outcome"):
        optimal("step-law-lr", 1e23)


@pytest.mark.parametrize("options", [{"inference_tokens": -1}, {"data_limit_tokens": 0}, {"data_limit_tokens": "soon"}])
def test_what_is_no_number_of_tokens_is_refused(options):
    with pytest.raises(InputError):
        compute_optimal(BESIROGLU, 1e23, **options)
