"""Two places of one fit: what they share cancels, and what they do not adds up; on real runs the intervals hold."""

import numpy as np
import pytest

from answered import planted_fit
from froude import fit, predict_difference, read_runs

HERE, THERE = {"N": 7e9, "D": 1e12}, {"N": 70e9, "D": 1.4e12}


def test_a_place_does_not_differ_from_itself():
    none = predict_difference(planted_fit(), THERE, THERE)
    assert (none.value, none.lo, none.hi, none.shared) == pytest.approx((0, 0, 0, 1))
    assert none.probability_below == 0.5


def test_two_runs_at_one_place_differ_by_the_noise_of_both():
    made = planted_fit()
    alone, two = made.predict(N=7e9, D=1e12), predict_difference(made, HERE, HERE, of="run")
    assert two.parts["residual"] == pytest.approx(np.sqrt(2) * alone.parts["residual"] * alone.mean)
    assert two.parts["parameters"] == 0


def test_the_other_way_round_is_the_same_difference_with_its_sign_turned():
    one, other = (predict_difference(planted_fit(), *pair) for pair in ((HERE, THERE), (THERE, HERE)))
    ends = np.array([each.interval for each in (one, other)])
    assert ends[0] == pytest.approx(-ends[1, ::-1])
    chances = [each.probability_below or 0.0 for each in (one, other)]
    assert sum(chances) == pytest.approx(1)


def test_refits_are_paired_draw_by_draw():
    made = planted_fit()
    names = made.law.parameters
    drawn = [made.law(**at, **dict(zip(names, made.draws.T, strict=True))) for at in (HERE, THERE)]
    paired = predict_difference(made, HERE, THERE).parts["parameters"]
    assert paired == pytest.approx(np.std(drawn[0] - drawn[1]), rel=0.3)  # the one is robust
    assert paired < np.hypot(*np.std(drawn, axis=1))


def test_errors_far_out_in_unlike_directions_are_not_shared():
    made = planted_fit()
    N, D = made.inputs["N"].max(), made.inputs["D"].max()
    few, many = {"N": N, "D": made.inputs["D"].min() / 100}, {"N": made.inputs["N"].min() / 100, "D": D}
    apart = predict_difference(made, few, many)
    sizes = [each.parts["extrapolation"] * each.mean for each in (apart.first, apart.second)]
    assert apart.shared < 0.5
    assert apart.parts["extrapolation"] > max(sizes)
    farther = predict_difference(made, {"N": 10 * N, "D": 10 * D}, {"N": 20 * N, "D": 20 * D})
    assert farther.shared == pytest.approx(1)


def test_differences_of_larger_runs_lie_within_their_intervals(published):
    """The split of Chinchilla's runs of benchmarks/calibration_cases.toml: pairs held, in narrower intervals."""
    runs = read_runs(published("chinchilla_epoch/chinchilla_fig4.csv")).where("D > 8.15e8")
    large = runs.where("C > 2e20")
    made = fit("chinchilla", runs.where("C <= 2e20"), draws=100)
    rng, held, widths = np.random.default_rng(0), [], []
    for i, j in rng.choice(len(large), (80, 2)):
        places = [{x: float(large[x][k]) for x in ("N", "D")} for k in (i, j)]
        each = predict_difference(made, *places, of="run")
        lo, hi = each.interval or (0.0, 0.0)
        held.append(lo <= large["loss"][i] - large["loss"][j] <= hi)
        widths.append((hi - lo) / np.hypot(*(one.hi - one.lo for one in (each.first, each.second))))
    assert 0.8 <= np.mean(held) <= 1  # 0.9, but 80 pairs of few runs go together
    assert np.median(widths) < 1  # that of two forecasts that share nothing
