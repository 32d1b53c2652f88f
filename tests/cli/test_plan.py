"""`froude plan train`: what a person reads, what a program reads, and what each mistake is told."""

import json
import tomllib

import pytest

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.planning import plan_training

pytest_plugins = ["door"]

KEYS = [
    "status", "choice", "cost", "forecast", "binding", "runners_up", "nearest_feasible", "assumptions", "provenance",
]  # fmt: skip
COST = {
    "step_seconds", "interval", "tokens_per_second", "tflops_per_device", "mfu", "hfu", "memory_bytes", "fits",
    "assumptions",
}  # fmt: skip
HOFFMANN = "chinchilla:hoffmann-2022"
PINS = "recompute=none,tensor=1,pipeline=1,context=1,shard=0"
PLAIN = ("--machine", "8 x h100", "--precision", "bf16", "--fix", PINS)
BUDGET = ("plan", "train", *PLAIN, "--budget", "1e20FLOP")
TOKENS = ("plan", "train", *PLAIN, "--model", "llama-3.2-1B", "--tokens", "20B")


def test_json_of_a_plan_has_the_promised_keys_in_their_order(cli):
    done = cli(*BUDGET, "--json")
    shown = json.loads(done.out)
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    assert list(shown) == KEYS
    assert shown["status"] == "plan"
    assert shown["cost"].keys() >= COST
    assert shown["cost"]["memory_bytes"]["total"] < 80 * 2**30
    assert shown["nearest_feasible"] == {}
    assert shown["choice"]["recompute"] == "none"


def test_json_of_no_plan_has_the_same_keys_and_leaves_with_3(cli):
    done = cli(*BUDGET[:-1], "1e9FLOP", "--json")
    shown = json.loads(done.out)
    assert (done.code, list(shown), shown["status"]) == (3, KEYS, "infeasible")
    assert shown["nearest_feasible"]["change"]["budget_flops"] > 1e9


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("--model", "llama-3.2-1B", "--tokens", "20B"), {"model": get_model("llama-3.2-1b"), "tokens": 20e9}),
        (("--budget", "1e20FLOP"), {"budget_flops": 1e20}),
        (("--budget", "$50", "--fit", "chinchilla:hoffmann-2022"), {"budget_dollars": 50.0, "fit": HOFFMANN}),
        (("--target-loss", "3", "--seq-len", "2048"), {"target_loss": 3.0, "seq_len": 2048}),
    ],
    ids=["tokens", "flops", "dollars", "target"],
)
def test_the_command_and_the_library_give_one_plan(cli, words, asked):
    shown = json.loads(cli("plan", "train", *PLAIN, *words, "--json").out)
    fixed = {"recompute": "none", "tensor": 1, "pipeline": 1, "context": 1, "shard": 0}
    plan = plan_training(get_machine("8 x h100"), precision="bf16", fixed=fixed, **asked)
    made = json.loads(json.dumps(plan.to_dict()))
    assert shown.pop("provenance")["version"] == made.pop("provenance")["version"]
    assert shown == made


def test_a_law_that_is_named_forecasts_the_loss_of_given_tokens(cli):
    shown = json.loads(cli(*TOKENS, "--fit", "chinchilla:hoffmann-2022", "--json").out)
    assert 2.0 < shown["forecast"]["loss"] < 3.0
    assert shown["forecast"]["law"] == "chinchilla:hoffmann-2022"
    assert shown["forecast"]["interval"][0] < shown["forecast"]["loss"] < shown["forecast"]["interval"][1]


def test_a_saved_fit_forecasts_with_its_interval_and_its_quantiles(cli, saved):
    median, unlucky = (
        json.loads(cli(*BUDGET, "--fit", saved, "--quantile", q, "--json").out)["forecast"] for q in (0.5, 0.9)
    )
    assert median["loss"] <= unlucky["loss"]
    assert median["interval"][0] < median["loss"] < median["interval"][1]


def test_budgets_of_all_kinds_combine_and_the_one_that_binds_is_named(cli):
    options = ("--budget", "30 days", "--budget", "$1M", "--json")
    shown = json.loads(cli(*BUDGET, *options).out)
    assert [s for s in shown["binding"] if s.startswith("budget")] == ["budget: all of 1e+20 FLOP is spent"]


def test_a_price_data_serving_and_a_target_reach_the_planner(cli):
    words = ("--price-per-device-hour", "1", "--data-limit", "1B", "--inference-tokens", "1B", "--target-loss", "3")
    shown = json.loads(cli("plan", "train", *PLAIN, *words, "--seq-len", "2048", "--global-batch", "64", "--json").out)
    assert shown["forecast"]["loss"] <= 3
    assert shown["forecast"]["epochs"] > 1
    assert shown["forecast"]["serving_dollars"] > 0
    hours = shown["cost"]["seconds"] / 3600
    assert shown["cost"]["dollars"] == pytest.approx(8 * hours)
    assert (shown["choice"]["seq_len"], shown["choice"]["global_batch"]) == (2048, 64)


def test_a_plan_shows_the_choice_then_runners_up_and_assumptions(cli):
    lines = cli(*BUDGET).out.splitlines()
    assert lines[0].startswith("decoder-")
    assert " on 8 x h100: " in lines[0]
    heads = [line.split()[0] for line in lines[1:] if line.startswith("  ") and line[2] != " "]
    assert heads[:4] == ["layout", "training", "speed", "memory"]
    titles = ["Memory of a device: ", "A step: ", "Runners-up", "What binds", "Assumed"]
    places = [next(i for i, line in enumerate(lines) if line.startswith(title)) for title in titles]
    assert places == sorted(places)
    assert all(lines[place - 1] == "" for place in places)
    assert max(map(len, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)


def test_the_bars_of_a_step_are_as_long_as_their_shares(cli):
    lines = cli(*TOKENS).out.splitlines()
    step = lines[lines.index(next(line for line in lines if line.startswith("A step"))) + 1 :]
    rows = [line for line in step[: step.index("")] if "%" in line]
    shares = [int(row.split("%")[0].split()[-1]) for row in rows]
    assert abs(sum(shares) - 100) <= len(rows) / 2
    assert all(abs(row.count("█") - 0.4 * share) <= 1.2 for row, share in zip(rows, shares, strict=True))


def test_a_person_reads_why_there_is_no_plan_and_what_would_do(cli):
    done = cli(*BUDGET[:-1], "1e9FLOP")
    assert done.code == 3
    assert done.out.startswith("No plan for a model of any size on 8 x h100\n  because     budget: one step takes")
    assert "  nearest     raise the budget to " in done.out


@pytest.mark.slow
def test_the_front_is_shown_and_is_in_json(cli):
    words = ("plan", "train", *PLAIN, "--budget", "$50", "--pareto")
    assert "no other training is better in loss, time, dollars and energy at once" in cli(*words).out
    points = json.loads(cli(*words, "--json").out)["pareto"]
    assert len(points) > 3
    assert points[0].keys() >= {"loss", "seconds", "dollars", "kwh", "devices", "n_params", "tokens"}


@pytest.mark.parametrize("framework", ["torchtitan", "megatron", "deepspeed", "fsdp"])
def test_a_plan_is_written_for_a_framework_and_nothing_else_on_stdout(cli, framework):
    done = cli(*TOKENS, "--emit", framework)
    assert done.code == 0
    assert framework in done.err.splitlines()[0]
    assert "llama-3.2-1b on 8 x h100" in done.out
    assert "What binds" not in done.out
    if framework == "torchtitan":
        assert tomllib.loads(done.out)["training"]["seq_len"] == 8192


def test_a_configuration_goes_to_the_file_and_the_plan_to_the_screen(cli, tmp_path):
    path = tmp_path / "train.toml"
    done = cli(*BUDGET, "--emit", "torchtitan", "--out", path)
    steps = tomllib.loads(path.read_text())["training"]["steps"]
    assert f"{steps:,} steps" in done.out
    assert done.out.endswith(f"written for torchtitan: {path}\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "nothing to plan by"),
        (("--budget", "5"), "--budget '5' is no budget: write 1e24FLOP, $3M or 30 days"),
        (("--budget", "many"), "--budget 'many' is no budget"),
        (("--budget", "$0"), "--budget '$0' buys nothing"),
        (("--budget", "$5", "--budget", "$6"), "is a second budget of its kind"),
        (("--tokens", "1B"), "tokens say how long, not what"),
        (("--tokens", "1B", "--model", "llama-3-8b", "--budget", "1e20FLOP"), "both say how long"),
        (("--tokens", "1B", "--model", "llama-3-8b", "--target-loss", "2"), "target loss 2 is for choosing tokens"),
        (("--tokens", "1B", "--model", "llama-9"), "'llama-9'"),
        (("--budget", "$5", "--fit", "none.json"), "none.json"),
        (("--budget", "$5", "--fix", "tensr=8"), "--fix tensr=8: a layout has no tensr"),
        (("--budget", "$5", "--fix", "tensor=1.5"), "--fix tensor = 1.5: give a whole number"),
        (("--budget", "$5", "--fix", "zero=4"), "--fix zero = 4: take one of 0, 1, 2, 3"),
        (("--budget", "$5", "--fix", "recompute=some"), "--fix recompute = 'some': take one of none"),
        (("--budget", "$5", "--fix", "compiled=maybe"), "--fix compiled = 'maybe': write true or false"),
        (("--budget", "$5", "--seq-len", "1.5"), "--seq-len '1.5': give a whole number"),
        (("--budget", "$5", "--global-batch", "0"), "--global-batch '0': give a number above 0"),
        (("--budget", "$5", "--precision", "int3"), "no precision is called 'int3'"),
        (("--budget", "$5", "--out", "x.toml"), "needs --emit"),
        (("--budget", "$5", "--emit", "torchtitan", "--json"), "give --out FILE"),
    ],
)
def test_a_mistake_is_told_in_one_line_that_names_it(refused, words, sentence):
    assert sentence in refused("plan", "train", "--machine", "8 x h100", *words)


def test_an_unknown_framework_is_refused_by_name(refused):
    assert "no framework 'jax': choose torchtitan" in refused(*TOKENS, "--emit", "jax")


def test_a_file_that_cannot_be_written_is_named(refused, tmp_path):
    sentence = refused(*TOKENS, "--emit", "torchtitan", "--out", tmp_path / "no" / "x.toml")
    assert "cannot write" in sentence
    assert "x.toml" in sentence
