"""Failures and slow devices: goodput against simulation, best intervals against papers, waits for the slowest."""

import math

import numpy as np
import pytest
from scipy.special import lambertw
from scipy.stats import norm

from froude.cost.training.reliability import (
    best_interval,
    daly_interval,
    expected_maximum,
    failure_rate,
    goodput,
    straggler_factor,
    young_interval,
)
from froude.errors import InputError

DALY_MINUTES = np.array([24 * 60.0, 6 * 60.0, 15.0])
"""Mean time between failures in figures 3 to 5 of Daly 2006, whose captions print the best intervals below."""


def simulated_goodput(
    rng: np.random.Generator, failures: int, *, rate, interval, blocking, restart, detection, background
) -> float:
    """Useful seconds a wall second of a job that lives through many failures, played out one by one."""
    useful = wall = 0.0
    for _ in range(failures):
        up = rng.exponential(1 / rate)
        wall += up + detection
        useful += interval * max(math.floor((up - background) / (interval + blocking)), 0)
        while (broken := rng.exponential(1 / rate)) < restart:
            wall += broken + detection
        wall += restart
    return useful / wall


@pytest.mark.parametrize(
    "case",
    [
        {"interval": 600.0, "blocking": 30.0, "restart": 300.0, "detection": 0.0, "background": 0.0},
        {"interval": 900.0, "blocking": 5.0, "restart": 900.0, "detection": 600.0, "background": 400.0},
        {"interval": 200.0, "blocking": 60.0, "restart": 2000.0, "detection": 100.0, "background": 0.0},
    ],
)
def test_goodput_is_what_a_played_out_training_keeps(case):
    rate = 1 / 3600
    played = simulated_goodput(np.random.default_rng(0), 40_000, rate=rate, **case)
    given = {f"{name}_seconds": value for name, value in case.items()}
    # The mean of 40,000 cycles has a standard error of half a percent.
    assert goodput(failures_per_second=rate, **given) == pytest.approx(played, rel=0.02)


def test_goodput_is_dalys_wall_time():
    # Daly 2006: wall over work is M·exp(R/M)·(exp((τ + δ)/M) − 1)/τ.
    mean, restart, write, interval = 3600.0, 600.0, 60.0, 500.0
    wall = mean * math.exp(restart / mean) * math.expm1((interval + write) / mean) / interval
    assert goodput(interval, 1 / mean, write, restart) == pytest.approx(1 / wall)


def test_the_best_interval_is_the_one_of_the_published_figures():
    np.testing.assert_array_equal(np.round(daly_interval(1 / DALY_MINUTES[:2], 5.0)), [117, 57])
    assert round(float(daly_interval(1 / 15, 5.0)), 1) == 9.1
    np.testing.assert_allclose(best_interval(1 / DALY_MINUTES, 5.0), daly_interval(1 / DALY_MINUTES, 5.0), rtol=3e-3)
    np.testing.assert_allclose(young_interval(1 / DALY_MINUTES, 5.0), np.sqrt(10 * DALY_MINUTES))
    assert daly_interval(1 / 10.0, 25.0) == 10.0


def test_no_interval_near_the_best_one_keeps_more():
    rates, blocking = np.geomspace(1e-7, 1e-2, 12)[:, None], np.array([0.5, 30.0, 600.0])
    best = best_interval(rates, blocking)
    at_best = goodput(best, rates, blocking, 300.0, 60.0)
    for factor in (0.5, 0.97, 1.03, 2.0):
        assert np.all(goodput(factor * best, rates, blocking, 300.0, 60.0) < at_best)


def test_the_best_interval_is_lamberts_function():
    blocking = np.geomspace(1e-6, 30, 25)  # in units of the mean time between failures
    lambert = 1 + lambertw(-np.exp(-1 - blocking)).real
    np.testing.assert_allclose(best_interval(1.0, blocking), lambert, rtol=1e-6)


def test_a_checkpoint_is_not_begun_before_the_last_one_is_safe():
    assert best_interval(1 / 3600, 1.0, background_seconds=400.0) == 400.0
    assert best_interval(1 / 3600, 1.0, background_seconds=10.0) == best_interval(1 / 3600, 1.0)
    assert best_interval(1 / 3600, 0.0, background_seconds=10.0) == 10.0
    with pytest.raises(InputError, match="checkpoints of 0 s have no best interval"):
        best_interval(1 / 3600, 0.0)


def test_where_nothing_fails_no_checkpoint_is_best_and_nothing_is_lost():
    assert best_interval(0.0, 30.0) == np.inf
    assert goodput(np.inf, 0.0, 30.0, 600.0) == 1.0
    assert goodput(90.0, 0.0, 10.0, 600.0) == pytest.approx(0.9)
    assert goodput(np.inf, 1e-4, 30.0, 600.0) == pytest.approx(0.0)


def test_llama_3_keeps_nine_tenths_of_its_time_if_restarts_are_quick():
    # arXiv:2407.21783, sections 3.3.1 and 3.3.4: 16,384 H100, 54 days, 419 unexpected interruptions, storage of 2 TB/s
    # sustained, effective training time higher than 90%. What a restart took is not said; 14 bytes a parameter are
    # bf16 weights with an fp32 copy and two moments.
    rate = failure_rate(16384, 419 / (54 * 24 * 16384))
    assert 1 / rate == pytest.approx(54 * 86400 / 419)
    write = 405e9 * 14 / 2e12
    interval = best_interval(rate, write)
    kept = goodput(interval, rate, write, np.array([600.0, 3600.0]))
    assert kept[0] > 0.9
    assert kept[1] < 0.75
    # Even so checkpoints every hour would not do, however fast the restart.
    assert goodput(3600.0, rate, write, 0.0) < 0.9


def test_the_expected_maximum_is_that_of_tables_and_of_another_quadrature():
    exact = {1: 0.0, 2: 1 / math.sqrt(math.pi), 3: 1.5 / math.sqrt(math.pi), 5: 1.1629644736, 10: 1.5387527308}
    np.testing.assert_allclose(expected_maximum(np.array([*exact])), [*exact.values()], atol=1e-9)
    for n in (17, 1024, 16384, 1e6):
        assert expected_maximum(n) == pytest.approx(
            norm.expect(lambda x, n=n: n * x * norm.cdf(x) ** (n - 1)), rel=1e-6
        )


def test_the_expected_maximum_grows_as_extreme_values_do():
    n = np.geomspace(1e6, 1e12, 4)
    level = norm.isf(1 / n)
    asymptotic = level + np.euler_gamma / (n * norm.pdf(level))  # Fisher and Tippett 1928
    errors = np.abs(asymptotic / expected_maximum(n) - 1)
    assert errors[0] < 0.003
    assert np.all(np.diff(errors) < 0)


def test_a_step_waits_for_the_slowest_as_drawn_devices_do():
    drawn = 1 + 0.03 * np.random.default_rng(0).standard_normal((4000, 512)).max(axis=1).mean()
    assert straggler_factor(512, 0.03) == pytest.approx(drawn, abs=1e-3)
    assert straggler_factor(1, 0.03) == pytest.approx(1)
    assert straggler_factor(np.array([[8], [64]]), np.array([0.0, 0.1, 0.2])).shape == (2, 3)


def test_fewer_than_one_device_is_refused():
    with pytest.raises(InputError, match="0 devices: give at least 1"):
        straggler_factor(np.array([4, 0]), 0.1)
