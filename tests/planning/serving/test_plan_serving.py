"""The plan of serving: feasible, beaten by nothing in a brute-forced small space, and honest where there is none."""

import json
import shlex

import numpy as np
import pytest

import froude
from froude import InputError, plan_serving
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.load import capacity_per_second, serving_seconds
from froude.cost.serving.simulation import poisson_requests, simulate
from froude.planning.serving.engine_flags import known_flags, sglang_flags, vllm_flags
from froude.planning.serving.judging import simulated
from froude.planning.serving.quality import admitted_formats, loss_of, quality_losses
from froude.planning.serving.question import machine_of_chip
from froude.planning.serving.ranking import ServingLimits, price_group, rank
from froude.planning.serving.served_load import read_load
from froude.planning.serving.space import groups_of, newest_engines, with_replicas

SMALL = {"input": 500, "output": 100, "ttft": "300ms", "tpot": "12ms", "engines": "vllm", "max_devices": 6}
LIMITS = ServingLimits(ttft=0.3, tpot=0.012, at=0.95)


@pytest.fixture(scope="module")
def plan():
    found = plan_serving("llama-3.1-8b", load="40/s", **SMALL)
    assert isinstance(found, froude.ServingPlan)
    return found


@pytest.fixture(scope="module")
def space():
    """All deployments of the small space, every number of replicas, one by one."""
    load = read_load("40/s", input=500, output=100)
    constants = serving_constants()
    made = []
    for group in groups_of(froude.get_model("llama-3.1-8b"), [machine_of_chip("h100", 6)], ["vllm"], 0.0):
        columns = with_replicas(group.shapes(6), np.arange(1, 7))
        fine = columns["tp"] * columns["pp"] * columns["dp"] <= 6
        columns = {name: one[fine] for name, one in columns.items()}
        made.append((group, columns, price_group(group, load, columns, constants)))
    return load, constants, made


def test_a_fresh_simulation_of_the_plan_keeps_the_limits(plan):
    requests = poisson_requests(40.0, 500, 100, count=3000, rng=np.random.default_rng(11))
    found = simulate(plan.choice.deployment, requests, constants=serving_constants())
    assert np.quantile(found.ttft[600:], 0.95) <= 0.3 * 1.05
    assert np.quantile(found.tpot[600:], 0.95) <= 0.012 * 1.05
    assert abs(found.goodput(0.3, 0.012, warm_up=0.2) - plan.choice.simulated.goodput) < 0.05


def test_nothing_on_fewer_devices_keeps_the_limits_on_average(plan, space):
    _, _, made = space
    fewer = [found["devices"] < plan.choice.devices for _, _, found in made]
    kept = [LIMITS.excess(found["ttft"], found["tpot"]) <= 1 for _, _, found in made]
    # Where a mean is within the limits on fewer devices, the simulation must have refused it.
    for (group, columns, found), few, good in zip(made, fewer, kept, strict=True):
        for index in np.flatnonzero(few & good & (columns["chunk"] == 2048) & (columns["sequences"] == 1024)):
            one = group.one(plan.load, columns, int(index))
            requests = plan.load.requests(900, 0)
            served = simulate(one, requests, constants=serving_constants())
            first, each = (np.quantile(values[270:], 0.95) for values in (served.ttft, served.tpot))
            assert first > 0.3 or each > 0.012, (one.tp, one.pp, one.dp, found["devices"][index])


def test_the_ranking_finds_the_least_devices_of_the_whole_space(space):
    load, constants, made = space
    least = min(
        int(found["devices"][LIMITS.excess(found["ttft"], found["tpot"]) <= 1].min())
        for _, _, found in made
        if np.any(LIMITS.excess(found["ttft"], found["tpot"]) <= 1)
    )
    ranked = rank([group for group, _, _ in made], load, LIMITS, "devices", constants, 6)
    assert int(ranked.devices[LIMITS.excess(ranked.ttft, ranked.tpot) <= 1].min()) == least


@pytest.mark.parametrize("text", ["40/s", "64 users"])
def test_tables_give_what_the_closed_forms_give_one_by_one(text):
    load, constants = read_load(text, input=500, output=100), serving_constants()
    group = next(groups_of(froude.get_model("llama-3.1-8b"), [machine_of_chip("h100", 8)], ["vllm"], 0.0))
    columns = with_replicas(group.shapes(8), np.array([1, 2, 5]))
    found = price_group(group, load, columns, constants)
    for index in np.random.default_rng(0).choice(len(columns["tp"]), 25, replace=False):
        one = group.one(load, columns, int(index))
        exact = serving_seconds(one, constants)
        for name in ("ttft", "tpot"):
            np.testing.assert_allclose(found[name][index], getattr(exact, name), rtol=0.02)
        np.testing.assert_allclose(found["capacity"][index], capacity_per_second(one, constants), rtol=0.01)


def test_a_load_beyond_all_devices_has_the_least_change():
    found = plan_serving("llama-3.1-8b", load="4000/s", **SMALL)
    assert isinstance(found, froude.NoServingPlan)
    assert found.nearest.startswith("give --")
    (name, value), *_ = found.change.items()
    assert isinstance(plan_serving("llama-3.1-8b", **{"load": "4000/s", **SMALL, name: value}), froude.ServingPlan)


def test_a_limit_that_no_chip_keeps_is_loosened_until_one_does():
    found = plan_serving("llama-3.1-8b", load="4/s", **{**SMALL, "tpot": "1ms"})
    assert isinstance(found, froude.NoServingPlan)
    assert "TPOT" in found.reasons[0]
    assert found.change["tpot"] > 0.001
    looser = {**SMALL, "tpot": found.change["tpot"]}
    assert isinstance(plan_serving("llama-3.1-8b", load="4/s", **looser), froude.ServingPlan)


def test_what_binds_names_a_smaller_deployment_or_a_limit(plan):
    assert plan.binding
    assert all(":" in sentence for sentence in plan.binding)


def test_the_frontier_rises_for_devices_as_it_falls_for_users(plan):
    users = [one.tokens_per_user for one in plan.frontier]
    devices = [one.tokens_per_device for one in plan.frontier]
    assert users == sorted(users, reverse=True)
    assert devices == sorted(devices)


@pytest.mark.parametrize("writes", [vllm_flags, sglang_flags])
def test_every_flag_is_one_of_the_published_wheel(plan, writes):
    name = "vllm" if writes is vllm_flags else "sglang"
    flags = list(writes(plan))
    assert {flag.name for flag in flags} <= set(known_flags()[name]["serve"])
    assert all(flag.why for flag in flags)
    assert known_flags()[name]["version"]


def test_the_load_test_uses_flags_of_the_published_wheel(plan):
    words = shlex.split(plan.load_tests["vllm"])
    assert {word for word in words if word.startswith("--")} <= set(known_flags()["vllm"]["bench"])
    assert words[words.index("--goodput") + 1 :] == ["ttft:300", "tpot:12"]


def test_formats_are_admitted_by_what_they_lose():
    engine = newest_engines(machine_of_chip("h100", 8), ["vllm"])[0]
    assert admitted_formats(engine, 0.0) == (("bf16", "bf16"), ("fp8", "bf16"))
    assert all(loss_of(*pair) <= 0.02 for pair in admitted_formats(engine, 0.02))
    assert ("fp4", "bf16") in admitted_formats(engine, 0.02)
    assert all(one.source and one.trust for kind in quality_losses().values() for one in kind.values())


def test_a_load_of_users_answers_to_little(plan):
    found = plan_serving("llama-3.1-8b", load="32 users", lengths="uniform:0.8-1.0", **SMALL)
    assert isinstance(found, froude.ServingPlan)
    one = found.choice
    stay = one.ttft + (float(one.deployment.output) - 1) * one.tpot
    np.testing.assert_allclose(one.per_second * stay, 32, rtol=0.02)
    assert "--random-range-ratio" in found.load_tests["vllm"]


def test_a_trace_is_a_load_with_lengths_and_reuse_of_its_own(tmp_path):
    rows = [
        {"timestamp": 500 * k, "input_length": 1024 + k, "output_length": 20, "hash_ids": [0, k + 1]} for k in range(40)
    ]
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    load = read_load(str(path), input=None, output=None)
    assert load.rate == pytest.approx(2.0)
    assert load.reused == pytest.approx(39 * 512 / sum(row["input_length"] for row in rows))
    with pytest.raises(InputError, match="lengths of its own"):
        read_load(str(path), input=5, output=5)


def test_pools_and_curves_agree_with_the_plan(plan):
    assert plan.two_pools is None or plan.two_pools.devices <= 6
    at = np.interp(40.0, plan.curve.load, plan.curve.tpot)
    assert at == pytest.approx(plan.choice.tpot, rel=0.05)
    again = simulated(plan.choice, plan.load, plan.limits, serving_constants(), 0)
    assert again.simulated == plan.choice.simulated


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"load": "many"}, "is no load"),
        ({"ttft": None, "tpot": None}, "no limit of latency"),
        ({"at": "p20"}, "is no percentile"),
        ({"engines": "vlm"}, "vllm"),
        ({"objective": "joy"}, "devices or dollars"),
        ({"quality_loss": "much"}, "is no share"),
        ({"lengths": "normal:3"}, "uniform"),
        ({"input": None}, "needs lengths"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_remedy(changed, text):
    with pytest.raises(InputError, match=text):
        plan_serving("llama-3.1-8b", **{"load": "4/s", **SMALL, **changed})
