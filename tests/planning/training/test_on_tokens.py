"""Plans of a training: feasible, best, honest about what binds; where there is none, the least that changes that."""

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.cost.training.evaluation import evaluate
from froude.cost.training.legal import legal
from froude.errors import InputError
from froude.planning.layouts.layout_search import search
from froude.planning.layouts.nearest import larger
from froude.planning.layouts.reasons import why_not_chosen
from froude.planning.layouts.simplicity import TOLERANCE, mechanisms
from froude.planning.layouts.space import space_of
from froude.planning.plans import AIM, Infeasible, Plan
from froude.planning.training.on_tokens import plan_layout
from froude.planning.training.training_plan import plan_training

LLAMA = get_model("llama-3.1-8b")
ON_DEVICE = {"offload_optimizer": "device", "offload_activations": "device"}
KEYS = ["status", "choice", "cost", "forecast", "binding", "runners_up", "nearest_feasible", "assumptions"]


def planned(*where: Any, **task: Any) -> Plan:
    """A plan, where there must be one."""
    answer = plan_layout(*where, **task)
    assert isinstance(answer, Plan)
    return answer


def refused(*where: Any, **task: Any) -> Infeasible:
    """Why there is no plan, where there must be none."""
    answer = plan_layout(*where, **task)
    assert isinstance(answer, Infeasible)
    return answer


@pytest.fixture(scope="module")
def plan():
    """Llama 8B on eight A100s."""
    return plan_layout(LLAMA, get_machine("8 x a100-80"), tokens=1e11, seq_len=4096, global_batch=256)


def apply(infeasible, task):
    """The task with the change that an answer proposes."""
    limits = {name for name in infeasible.change if name in ("seq_len", "deadline_seconds", "budget_dollars")}
    changed = dict(task) | {name: infeasible.change[name] for name in limits}
    pins = {name: value for name, value in infeasible.change.items() if name not in (*limits, "devices")}
    devices = infeasible.change.get("devices", task["machine"].devices)
    changed["machine"] = larger(task["machine"], devices)
    changed["fixed"] = {**task.get("fixed", {}), **pins}
    return changed


def test_a_plan_is_feasible_and_its_cost_is_that_of_its_layout(plan):
    choice = plan.choice
    again = evaluate(LLAMA, plan.machine, choice.layout)
    assert legal(LLAMA, plan.machine, choice.layout)
    assert choice.cost.fits
    assert choice.memory_bytes <= plan.machine.chip.memory_bytes
    assert choice.step_seconds == pytest.approx(float(again.step_seconds))
    assert plan.interval[0] < choice.step_seconds < plan.interval[1]


def test_no_layout_drawn_at_random_beats_a_plan(plan):
    space = space_of(LLAMA, plan.machine, seq_len=4096, global_batch=256)
    rng, evaluated = np.random.default_rng(0), 0
    task = replace(plan.choice.layout, recomputed=1.0)
    names = [one.name for one in fields(space) if one.name != "rest"]
    while evaluated < 200:
        drawn = {name: getattr(space, name)[rng.integers(len(getattr(space, name)))] for name in names}
        layout = replace(task, **drawn)
        if layout.model_parallel > 8 or not legal(LLAMA, plan.machine, layout):
            continue
        evaluated += 1
        cost = evaluate(LLAMA, plan.machine, layout)
        if not cost.fits or cost.fits_probability < 0.95:
            continue
        assert plan.choice.step_seconds <= cost.step_seconds * (1 + TOLERANCE)
        if mechanisms(layout) < mechanisms(plan.choice.layout):
            fastest = min(one.candidate.step_seconds for one in plan.runners_up if one.candidate.cost.fits)
            assert cost.step_seconds > fastest * (1 + TOLERANCE)


def test_a_certainty_asked_for_is_kept_and_one_aimed_at_may_not_be():
    task = {"tokens": 1e9, "seq_len": 2048, "global_batch": 8}
    model, machine = get_model("layers=12,hidden=1024,heads=16,vocab=32000,context=2048"), get_machine("1 x a100-80")
    least = planned(model, machine, **task, fixed={"micro_batch": 1, "recompute": "full", "recomputed": 1.0})
    narrow = replace(machine, chip=replace(machine.chip, memory_bytes=int(least.choice.memory_bytes * 1.02)))
    plan = planned(model, narrow, **task)
    assert 0.5 <= plan.memory_certainty < 0.95
    assert plan.choice.cost.fits_probability >= plan.memory_certainty
    assert plan.warnings[0].startswith("memory: no layout fits with 95% certainty")
    answer = refused(model, narrow, **task, memory_certainty=0.95)
    assert {*answer.change} == {"memory_certainty"}
    assert planned(model, narrow, **task, **answer.change).choice.cost.fits


def test_the_fastest_is_had_where_no_time_is_given_for_simplicity(plan):
    fastest = planned(LLAMA, plan.machine, tokens=1e11, seq_len=4096, global_batch=256, tolerance=0.0)
    assert fastest.choice.step_seconds <= plan.choice.step_seconds
    assert mechanisms(fastest.choice.layout) >= mechanisms(plan.choice.layout)
    told = [one for one in plan.binding if one.startswith("simplicity: ")]
    assert len(told) == (fastest.choice.step_seconds < plan.choice.step_seconds)


def test_time_money_and_energy_follow_from_steps(plan):
    steps = 1e11 / (256 * 4096)
    assert plan.steps == int(np.ceil(steps))
    assert plan.seconds * plan.goodput == pytest.approx(plan.steps * plan.choice.step_seconds)
    hours = plan.seconds / 3600 * 8
    assert plan.dollars == pytest.approx(hours * plan.machine.price_per_device_hour)
    assert plan.kwh == pytest.approx(hours * plan.machine.watts_per_device / 1000)
    assert 0.9 < plan.goodput < 1


def test_runners_up_are_of_other_families_and_say_by_how_much_they_lost(plan):
    families = [plan.choice.family, *(one.candidate.family for one in plan.runners_up)]
    assert len({*families}) == len(families) > 3
    for one in plan.runners_up:
        if not one.candidate.cost.fits:
            assert one.why.startswith("does not fit by")
        elif one.candidate.cost.fits_probability < plan.memory_certainty:
            assert one.why.startswith("fits with")
        elif one.candidate.step_seconds < plan.choice.step_seconds:
            assert one.candidate.step_seconds > plan.choice.step_seconds / (1 + TOLERANCE)
            assert "faster, too little to be sure of" in one.why
        else:
            assert "slower" in one.why or "as fast" in one.why


def test_why_a_candidate_lost_names_the_part_that_grew(plan):
    step, memory = plan.choice.cost.step, plan.choice.cost.memory
    slower = replace(plan.choice, cost=replace(plan.choice.cost, step=replace(step, bubble=step.bubble + 2.0)))
    larger_one = replace(
        plan.choice,
        cost=replace(plan.choice.cost, fits=False, memory=replace(memory, weights=memory.weights + 80 * 2**30)),
    )
    assert why_not_chosen(plan.choice, slower, plan.machine).endswith("2 s more pipeline bubble")
    excess = (memory.total + 80 * 2**30 - plan.machine.chip.memory_bytes) / 2**30
    assert why_not_chosen(plan.choice, larger_one, plan.machine).startswith(f"does not fit by {excess:.3g} GiB")


def test_memory_binds_only_where_a_faster_layout_does_not_fit():
    # One device has nothing to choose but micro-batch and recomputation, which only memory asks for.
    task = {"tokens": 1e9, "seq_len": 2048, "global_batch": 8}
    model, machine = get_model("layers=12,hidden=1024,heads=16,vocab=32000,context=2048"), get_machine("1 x a100-80")
    small = replace(machine, chip=replace(machine.chip, memory_bytes=10 * 2**30))
    tight, roomy = planned(model, small, **task), planned(model, machine, **task)
    assert any(one.startswith("memory: ") for one in tight.binding)
    assert not any(one.startswith("memory: ") for one in roomy.binding)


@pytest.mark.slow
def test_more_memory_never_hurts():
    machine = get_machine("4 x a100-40")
    seconds = []
    for memory in (48, 56, 64, 96):
        chip = replace(machine.chip, memory_bytes=memory * 2**30)
        answer = planned(LLAMA, replace(machine, chip=chip), tokens=1e9, seq_len=2048, global_batch=64)
        seconds.append(answer.choice.step_seconds)
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[-1] < seconds[0]


@pytest.mark.slow
def test_more_devices_never_make_a_step_longer():
    seconds = [
        planned(LLAMA, get_machine(f"{n} x h100"), tokens=1e9, seq_len=4096, global_batch=512).choice.step_seconds
        for n in (4, 8, 16, 32, 64)
    ]
    assert seconds == sorted(seconds, reverse=True)


def test_what_was_not_given_is_assumed_and_listed():
    machine = get_machine("8 x h100")
    assumed = planned(LLAMA, machine, tokens=1e9)
    given = planned(LLAMA, machine, tokens=1e9, seq_len=8192, global_batch=8, fixed={"stack": "fsdp"})
    names = {one.partition(":")[0] for one in assumed.assumptions}
    assert {"seq_len", "global_batch", "stack", "precision", "checkpoints", "price"} <= names
    assert not {"seq_len", "global_batch", "stack"} & {one.partition(":")[0] for one in given.assumptions}
    assert given.choice == assumed.choice


@pytest.mark.slow
@pytest.mark.parametrize(
    ("machine", "model", "more", "changed"),
    [
        ("1 x h100", "llama-3.1-8b", {"fixed": {"micro_batch": 96, "offload_optimizer": "host"}}, "micro_batch"),
        ("8 x a100-80", "llama-3.1-70b", {}, "offload_optimizer"),
        ("8 x a100-80", "llama-3.1-70b", {"fixed": ON_DEVICE}, "devices"),
        ("2 x h100", "llama-3.1-8b", {"deadline_seconds": 3600.0, "budget_dollars": 10.0}, "budget_dollars"),
    ],
)
def test_the_nearest_change_makes_a_plan_possible(machine, model, more, changed):
    task = {"machine": get_machine(machine), "tokens": 1e10, "seq_len": 2048, "global_batch": 96, **more}
    answer = refused(get_model(model), **task)
    assert answer.status == "infeasible"
    assert changed in answer.change
    assert str(answer.change.get("devices", "")) in answer.nearest
    assert plan_layout(get_model(model), **apply(answer, task)).status == "plan"


def test_shorter_sequences_are_proposed_where_more_devices_do_not_help():
    pins = dict.fromkeys(("tensor", "pipeline", "context", "micro_batch"), 1)  # a single sequence on a single device
    pins |= {"zero": 0, "recompute": "none", **ON_DEVICE}
    model = get_model("layers=24,hidden=2048,heads=16,vocab=32000,context=49152")
    machine = get_machine("1 x a100-40")
    task = {"machine": machine, "tokens": 1e9, "seq_len": 49152, "global_batch": 1, "fixed": pins}
    without_pins = {**task, "fixed": {name: value for name, value in pins.items() if name != "recompute"}}
    assert plan_layout(model, **without_pins).status == "infeasible"
    answer = refused(model, **task)
    assert {*answer.change} == {"seq_len"}
    assert plan_layout(model, **apply(answer, task)).status == "plan"
    twice = {**task, "seq_len": 2 * answer.change["seq_len"]}
    assert plan_layout(model, **twice).status == "infeasible"


@pytest.mark.slow
def test_no_fewer_whole_nodes_would_do():
    model, machine = get_model("llama-3.1-70b"), get_machine("8 x a100-80")
    answer = refused(model, machine, tokens=1e9, seq_len=2048, global_batch=96, fixed=ON_DEVICE)
    for devices in range(16, answer.change["devices"], 8):
        fewer = larger(machine, devices)
        space = space_of(model, fewer, seq_len=2048, global_batch=96, fixed=ON_DEVICE)
        assert not search(model, fewer, seq_len=2048, global_batch=96, space=space, memory_certainty=AIM).best


def test_a_plan_and_a_refusal_have_the_same_keys_in_json(plan):
    refusal = refused(LLAMA, plan.machine, tokens=1e11, seq_len=4096, global_batch=256, deadline_seconds=60.0)
    for answer, status in ((plan, "plan"), (refusal, "infeasible")):
        data = json.loads(json.dumps(answer.to_dict(), allow_nan=False))
        assert list(data) == KEYS
        assert data["status"] == status
    data = plan.to_dict()
    assert data["cost"]["step_seconds"] == plan.choice.step_seconds
    assert data["cost"]["memory_bytes"]["total"] == pytest.approx(plan.choice.memory_bytes)
    assert (data["choice"]["N"], data["choice"]["D"]) == (float(LLAMA.n_params), 1e11)
    assert data["choice"]["tensor"] == plan.choice.layout.tensor
    assert {"deadline_seconds"} == {*refusal.to_dict()["nearest_feasible"]["change"]}


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"tokens": 0.0}, "tokens = 0: give a number above 0"),
        ({"tokens": float("nan")}, "tokens = nan: give a number above 0"),
        ({"seq_len": -1}, "seq_len = -1: give a whole number from 1"),
        ({"seq_len": 10**30}, f"seq_len = {10**30}: give a whole number from 1"),
        ({"global_batch": 0}, "global_batch = 0: give a whole number from 1"),
        ({"budget_dollars": 0.0}, "budget of dollars = 0: give a number above 0"),
        ({"fixed": {"tensor": 0}}, "tensor = 0: give a whole number from 1"),
        ({"fixed": {"pipeline": "many"}}, "pipeline = 'many': give a whole number from 1"),
    ],
)
def test_sizes_that_cannot_be_are_refused(wrong, line):
    with pytest.raises(InputError, match=line):
        plan_layout(LLAMA, get_machine("8 x h100"), **{"tokens": 1e9, **wrong})


def test_pins_that_no_layout_has_are_refused_with_the_rule():
    with pytest.raises(InputError, match="tensor parallelism must divide the attention heads"):
        plan_layout(LLAMA, get_machine("12 x h100"), tokens=1e9, global_batch=12, fixed={"tensor": 3})


def test_the_plan_for_175b_on_1024_a100_is_as_published_trainings():
    pins = {"micro_batch": 1, "schedule": "1f1b", "context": 1, "shard": 0}  # fewer layouts: a test takes seconds
    plan = planned(
        get_model("gpt3-175b"), get_machine("1024 x a100-80"), tokens=3e11, seq_len=2048, global_batch=1536, fixed=pins
    )
    assert plan.choice.layout.tensor > 1 or plan.choice.layout.zero == 3
    assert 0.35 < plan.choice.cost.mfu < 0.65


@pytest.mark.slow
def test_amounts_and_names_may_be_written_as_on_the_command_line():
    by_name = plan_training("1 x a100-40", "llama-3.1-70b", tokens="1B", budget_seconds="30 days")
    by_number = plan_training(get_machine("1 x a100-40"), get_model("llama-3.1-70b"), tokens=1e9, budget_seconds=2592e3)
    assert by_name == by_number
    with pytest.raises(InputError, match=r"'\$3' is in dollars: give it in seconds"):
        plan_training("8 x h100", budget_seconds="$3")
