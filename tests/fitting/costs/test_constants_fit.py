"""Constants are fitted to steps: batches cost what each step costs, the mode is a minimum, left-out errors are true."""

from dataclasses import replace

import numpy as np
import pytest

import froude
from froude.cost.machine.constants import between_stacks, constants
from froude.cost.stack.stack import Uncertainty
from froude.cost.training.evaluation import evaluate
from froude.cost.training.sensitivity import log_slopes
from froude.fitting.costs.batches import batches_of, predicted_seconds, slopes_of
from froude.fitting.costs.constants_fit import fit_constants
from measured_trainings import LAYOUTS, NOISE, true_seconds

NAMES = ("attention", "matmul", "matmul_memory", "collective", "launch", "step")
PRIOR = Uncertainty.of_spreads({name: between_stacks()[name] for name in NAMES})
MTP = {"pipeline": 8, "expert": 8, "pipeline_layout": "Et*7|(t*8|)*6t*6mL", "global_batch": 512, "seq_len": 4096}


def plain_costs():
    """Costs of the layouts of measured steps, and of two mixtures, one of which predicts a token further."""
    asked = [({**layout}, {"zero": 3, "recompute": "full"}) for layout in LAYOUTS]
    asked += [({"model": "deepseek-v3", "devices": 256, **MTP}, {}), ({"model": "gpt-oss-20b", "devices": 8}, {})]
    for layout, more in asked:
        model, devices = layout.pop("model"), layout.pop("devices")
        yield froude.train_cost(model, f"{devices} x h100", stack="torchtitan", **layout, **more)


COSTS = list(plain_costs())


def test_steps_in_batches_cost_what_each_costs_alone():
    alone = [float(evaluate(cost.model, cost.machine, cost.layout, constants()).step_seconds) for cost in COSTS]
    batches = batches_of(COSTS)
    assert len(batches) < len(COSTS)
    assert predicted_seconds(batches, constants()) == pytest.approx(alone, rel=1e-12)


def test_slopes_are_those_of_a_step_evaluated_twice():
    def seconds(cost, found):
        return float(evaluate(cost.model, cost.machine, cost.layout, found).step_seconds)

    slopes = slopes_of(batches_of(COSTS), constants(), NAMES)
    for cost, mine in zip(COSTS, slopes, strict=True):
        for name, slope in zip(NAMES, mine, strict=True):
            larger = replace(constants(), **{name: getattr(constants(), name) * np.exp(0.01)})
            expected = np.log(seconds(cost, larger) / seconds(cost, constants())) / 0.01
            assert slope == pytest.approx(expected, abs=1e-6)
    plain = COSTS[0]  # a model without further predictions
    assert log_slopes(plain.model, plain.machine, plain.layout, constants(), NAMES)[0] == pytest.approx(slopes[0])


def fitted(which=None, noise=0.03):
    """Constants fitted to noisy steps of the true stack, or to some of them."""
    which = range(len(LAYOUTS)) if which is None else which
    seconds = np.array([true_seconds(LAYOUTS[i]) * NOISE[i] for i in which])
    return fit_constants(batches_of([COSTS[i] for i in which]), seconds, constants(), PRIOR, noise), seconds


def test_the_mode_has_no_better_neighbour():
    found, seconds = fitted()
    batches, prior = batches_of(COSTS[: len(LAYOUTS)]), np.linalg.inv(np.array(PRIOR.covariance))

    def loss(logs):
        moved = replace(constants(), **dict(zip(NAMES, np.exp(logs).tolist(), strict=True)))
        off = abs(np.log(predicted_seconds(batches, moved) / seconds)) / 0.03
        shift = logs - np.log([getattr(constants(), name) for name in NAMES])
        return np.where(off < 1, off**2, 2 * off - 1).sum() + shift @ prior @ shift

    mode = np.log([getattr(found.constants, name) for name in NAMES])
    for i in range(len(NAMES)):
        for step in (-0.02, 0.02):
            assert loss(mode + step * np.eye(len(NAMES))[i]) > loss(mode)


def test_errors_left_out_are_those_of_a_fit_without_the_step():
    found, _ = fitted()
    for i in range(len(LAYOUTS)):
        others, _ = fitted([j for j in range(len(LAYOUTS)) if j != i])
        alone = predicted_seconds(batches_of([COSTS[i]]), others.constants)[0]
        expected = np.log(alone / (true_seconds(LAYOUTS[i]) * NOISE[i]))
        assert found.left_out[i] == pytest.approx(expected, abs=0.01)  # the model is not quite linear
        assert found.left_out_deviation[i] > found.noise[i]


def test_what_rows_speak_of_is_known_better_and_nothing_worse():
    found, _ = fitted()
    before, after = PRIOR.factors, found.uncertainty.factors
    assert all(after[name] <= before[name] * (1 + 1e-9) for name in NAMES)
    assert np.log(after["attention"]) < 0.5 * np.log(before["attention"])
    assert found.constants.attention / constants().attention == pytest.approx(0.6, rel=0.1)
