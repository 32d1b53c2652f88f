"""A sample of every answer: what the contract of answers runs over. A new answer joins by one line in `ANSWERS`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from froude import Fit, Runs, all_laws, backtest, fit, get_law, get_published, published_tables, search_laws
from froude.answers import Answer
from froude.answers.atlas import (
    answer_of_claims,
    answer_of_findings,
    answer_of_hits,
    answer_of_record,
    answer_of_status,
)
from froude.answers.backtests import answer_of_backtests
from froude.answers.calibration import answer_of_calibration
from froude.answers.comparisons import answer_of_comparison, answer_of_ranking
from froude.answers.cost_calibrations import answer_of_cost_calibration
from froude.answers.costs import SMALLEST_PART, answer_of_train_cost
from froude.answers.differences import answer_of_differences
from froude.answers.fits import answer_of_choice, answer_of_fit
from froude.answers.forecasts import answer_of_forecasts
from froude.answers.growth import answer_of_growth
from froude.answers.growth_examples import answer_of_growth_examples
from froude.answers.laws import answer_of_document, answer_of_law, answer_of_law_hits, answer_of_laws
from froude.answers.machines import answer_of_machine, answer_of_machines
from froude.answers.models import answer_of_model, answer_of_models
from froude.answers.optimal import answer_of_compute_optimal
from froude.answers.plans import answer_of_infeasible, answer_of_plan
from froude.answers.published import answer_of_downloads, answer_of_published, answer_of_published_tables
from froude.answers.recipes import answer_of_recipe, answer_of_recipes
from froude.answers.registrations import answer_of_registration, answer_of_registrations
from froude.answers.serving import answer_of_serve_cost
from froude.answers.serving_calibrations import answer_of_serving_calibration
from froude.answers.serving_plans import answer_of_serving_plan
from froude.answers.serving_simulations import answer_of_serve_simulation
from froude.answers.stacks import answer_of_stacks
from froude.answers.studies import answer_of_study, read_study_record
from froude.atlas import atlas_record, atlas_records, atlas_status, check_atlas, search_atlas
from froude.atlas.selection import select_claims
from froude.cost import fine_tune_cost, serve_cost, simulate_serving, train_cost
from froude.cost.machine.known_machines import get_machine, known_chips
from froude.cost.model.catalogue import get_model, model_catalogue
from froude.cost.stack.known_stacks import known_stacks
from froude.fitting import (
    CostCalibration,
    ServingCalibration,
    calibrate_cost,
    choose,
    compare,
    compute_optimal,
    predict_difference,
    rank,
    register_forecast,
    registered_forecasts,
    score_forecast,
)
from froude.fitting.calibration import learn
from froude.growth import GrowthResult, RowClaim, growth_examples
from froude.planning import Infeasible, get_recipe, known_recipes, plan_serving, plan_training
from froude.runs import Study
from froude.runs.published.table import Download
from grown import planted_growth
from judged import studies
from measured_trainings import measured_columns
from paths import ROOT
from planted import planted
from served_points import served_columns


@cache
def runs(seed: int = 0, factor: float = 1.0) -> Runs:
    """Planted runs, two of them diverged."""
    columns = planted(seed=seed)
    loss = factor * columns["loss"]
    loss[[3, 7]] = np.nan
    return Runs.from_columns({"params": columns["N"], "D": columns["D"], "loss": loss})


@cache
def planted_fit(law: str = "chinchilla", x: str | None = None, seed: int = 0, factor: float = 1.0) -> Fit:
    """A law fitted to planted runs."""
    return fit(law, runs(seed, factor), x=x, draws=50)


def of_fit() -> Answer:
    """The answer of a fit with all that its command says."""
    return answer_of_fit(planted_fit(), runs=runs(), saved="fit.json")


def of_choice() -> Answer:
    """The answer of "auto"."""
    return answer_of_choice(choose(runs(), draws=50), runs=runs())


def of_forecasts() -> Answer:
    """The answer of two forecasts."""
    law_fit = planted_fit()
    return answer_of_forecasts([law_fit.predict(N=7e9, D=1e12), law_fit.predict(N=70e9, D=1.4e12)])


def of_backtests() -> Answer:
    """The answer of two laws judged on held-out runs."""
    return answer_of_backtests(backtest(["chinchilla", "power"], runs(), "N > 2e9", draws=50))


def of_comparison() -> Answer:
    """The answer of two methods compared."""
    fits = planted_fit("power-floor", "C", 2), planted_fit("power-floor", "C", 3, 0.99)
    return answer_of_comparison(compare(*fits, 1e24), ("adam.csv", "muon.csv"))


def of_ratio() -> Answer:
    """The answer of two methods compared at a number of parameters and of tokens."""
    comparison = compare(planted_fit(), planted_fit(seed=1, factor=0.98), {"N": 7e9, "D": 1.4e11})
    return answer_of_comparison(comparison, ("adam.csv", "muon.csv"))


def of_frontier() -> Answer:
    """The answer of two methods compared at a compute."""
    return answer_of_comparison(compare(planted_fit(), planted_fit(seed=1, factor=0.98), 1e24))


def of_ranking() -> Answer:
    """The answer of three methods."""
    fits = {name: planted_fit("power-floor", "C", seed=2 + k) for k, name in enumerate("abc")}
    return answer_of_ranking(rank(fits, 1e24))


def of_registration() -> Answer:
    """The answer of a forecast on record that is not scored."""
    path = Path(tempfile.mkdtemp()) / "forecast.json"
    return answer_of_registration(register_forecast(planted_fit(), path, due="2027-03", N=7e9, D=1e12))


def of_registrations() -> Answer:
    """The answer of a folder of forecasts on record, one of them scored."""
    folder = Path(tempfile.mkdtemp())
    for name, due in (("one.json", None), ("other.json", "2020-01")):
        register_forecast(planted_fit(), folder / name, due=due, N=7e9, D=1e12)
    score_forecast(folder / "one.json", 2.05)
    return answer_of_registrations(registered_forecasts(folder))


def is_steep(result: GrowthResult) -> dict[str, bool]:
    """A statement of a claim on planted growth."""
    return {"steep grows faster than linearly": result.growth("steep").lo > 1}


def of_growth() -> Answer:
    """The answer of an experiment on growth with a claim on a row of the atlas."""
    return answer_of_growth(planted_growth(claims=(RowClaim(row="fasterpam", holds=is_steep),)))


def of_record(name: str) -> Answer:
    """The answer of a record of the atlas."""
    record = atlas_record(name)
    return answer_of_record(record, check_atlas([record]), atlas_status([record])[0])


SERVED_WITHIN = {
    "input": 500, "output": 100, "ttft": "1s", "tpot": "50ms", "engines": "vllm", "max_devices": 2
}  # fmt: skip
EIGHT, ONE = get_machine("8 x h100"), get_machine("1 x a100-40")
FEW: Mapping[str, Any] = MappingProxyType({"tensor": 1, "pipeline": 1, "context": 1, "recompute": "none", "shard": 0})
"""A layout of which little is left to search."""


def of_plan() -> Answer:
    """The answer of a plan for given tokens."""
    return answer_of_plan(plan_training(EIGHT, get_model("qwen2.5-0.5b"), tokens=1e9, fit=planted_fit(), fixed=FEW))


def of_budget() -> Answer:
    """The answer of a plan for a budget, with its front."""
    limits: dict[str, Any] = {"budget_seconds": 86400.0, "budget_dollars": 50.0, "inference_tokens": 1e9}
    return answer_of_plan(plan_training(EIGHT, pareto=True, fixed=FEW, **limits))


def of_differences() -> Answer:
    """The answer of two places, each less a third."""
    third = {"N": 7e9, "D": 3e11}
    places = ({"N": 7e9, "D": 1e12}, {"N": 70e9, "D": 1.4e12})
    return answer_of_differences([predict_difference(planted_fit(), each, third) for each in places])


def of_infeasible() -> Answer:
    """The answer where a model does not fit."""
    plan = plan_training(ONE, get_model("llama-3.1-70b"), tokens=1e9)
    return answer_of_infeasible(plan) if isinstance(plan, Infeasible) else answer_of_plan(plan)


def of_cost_calibration() -> Answer:
    """Of measured steps."""
    found = calibrate_cost(Runs.from_columns(measured_columns(4)))
    assert isinstance(found, CostCalibration)
    return answer_of_cost_calibration(found)


def of_serve_simulation() -> Answer:
    """Of requests that come too fast, within limits."""
    load = {"input": 1000, "output": 100, "rate": 400, "requests": 200, "ttft": 0.5, "tpot": 0.05}
    return answer_of_serve_simulation(simulate_serving("qwen2.5-0.5b", "1 x h100", **load))


def of_serving_calibration() -> Answer:
    """Of load tests."""
    found = calibrate_cost(Runs.from_columns(served_columns(4)))
    assert isinstance(found, ServingCalibration)
    return answer_of_serving_calibration(found)


def of_fine_tune_cost() -> Answer:
    """The answer of one layout's cost with adapters."""
    return answer_of_train_cost(fine_tune_cost("qwen2.5-0.5b", EIGHT, "qlora:rank=8"))


def of_train_cost() -> Answer:
    """The answer of one layout's cost."""
    model = get_model("qwen2.5-0.5b")
    return answer_of_train_cost(train_cost(model, EIGHT))


STUDY = ROOT / "tests" / "fixtures" / "study_0_1_0"


def of_study() -> Answer:
    """The answer of a study of 0.1.0, read from a copy: reading leaves a cache in its folder."""
    with tempfile.TemporaryDirectory() as folder:
        return answer_of_study(read_study_record(Study.open(shutil.copytree(STUDY, Path(folder) / "study"))))


def of_downloads() -> Answer:
    """The answer of a download."""
    table = get_published("chinchilla_epoch")
    left = Download(file=table.file(), path=Path("cache/points.csv"), n_bytes=8192, verdict="already here, unchanged")
    return answer_of_downloads(table, [left])


ANSWERS: Mapping[str, Callable[[], Answer]] = MappingProxyType(
    {
        "fit": of_fit,
        "choice": of_choice,
        "forecasts": of_forecasts,
        "differences": of_differences,
        "optimal": lambda: answer_of_compute_optimal(compute_optimal(runs(), [1e24], draws=50)),
        "optimal by constants": lambda: answer_of_compute_optimal(
            compute_optimal("chinchilla", [1e24], inference_tokens=1e12, data_limit_tokens=1e11)
        ),
        "backtests": of_backtests,
        "comparison": of_comparison,
        "comparison at a ratio": of_ratio,
        "comparison on the frontier": of_frontier,
        "ranking": of_ranking,
        "registration": of_registration,
        "registrations": of_registrations,
        "calibration": lambda: answer_of_calibration(studies(4), learn(studies(4)), [Path("calibration.md")]),
        "study": of_study,
        "law": lambda: answer_of_law(get_law("chinchilla")),
        "law of one input": lambda: answer_of_law(get_law("power")),
        "lever": lambda: answer_of_law(get_law("repeated-tokens")),
        "laws found": lambda: answer_of_law_hits("learning rate", search_laws("learning rate", 5)),
        "laws": lambda: answer_of_laws(all_laws()),
        "document on laws": lambda: answer_of_document(Path("docs/laws.md"), [Path("docs/laws/power.svg")]),
        "machine": lambda: answer_of_machine(get_machine("h100")),
        "stacks": lambda: answer_of_stacks(known_stacks()),
        "machines": lambda: answer_of_machines([get_machine(name) for name in known_chips()]),
        "model": lambda: answer_of_model(get_model("deepseek-v3"), 4096),
        "models": lambda: answer_of_models(list(model_catalogue().values())),
        "plan": of_plan,
        "plan of a budget": of_budget,
        "infeasible plan": of_infeasible,
        "train cost": of_train_cost,
        "fine-tune cost": of_fine_tune_cost,
        "serve cost": lambda: answer_of_serve_cost(serve_cost("qwen2.5-0.5b", EIGHT, input=1000, output=100, rate=2)),
        "serve simulation": of_serve_simulation,
        "serving plan": lambda: answer_of_serving_plan(plan_serving("qwen2.5-0.5b", load="2/s", **SERVED_WITHIN)),
        "no serving plan": lambda: answer_of_serving_plan(
            plan_serving("qwen2.5-0.5b", load="2/s", **{**SERVED_WITHIN, "tpot": "1us"})
        ),
        "serving calibration": of_serving_calibration,
        "cost calibration": of_cost_calibration,
        "recipe": lambda: answer_of_recipe(get_recipe("deepseek-v3")),
        "recipes": lambda: answer_of_recipes(known_recipes()),
        "published": lambda: answer_of_published(get_published("steplaw")),
        "published tables": lambda: answer_of_published_tables(published_tables()),
        "downloads": of_downloads,
        "growth": of_growth,
        "growth examples": lambda: answer_of_growth_examples(growth_examples()),
        "atlas search": lambda: answer_of_hits(search_atlas("KV cache memory", limit=3)),
        "atlas record": lambda: of_record("crysbfn"),
        "atlas record without evidence": lambda: of_record(atlas_records()[-1].id),
        "atlas check": lambda: answer_of_findings(check_atlas()),
        "atlas status": lambda: answer_of_status(atlas_status()),
        "atlas claims": lambda: answer_of_claims(select_claims(atlas_records(), about="speed", by="bits")),
    }
)
"""Every kind of answer with a function that makes one."""

ON_A_PAGE_ONLY = ("study",)
"""Answers that no terminal shows; tables and notes of their page speak of runs, which their JSON does not repeat."""


def shares(parts: Mapping[str, float]) -> list[float]:
    """Parts as shares of the whole; the whole itself may stand among them as "total"."""
    whole = parts.get("total", sum(parts.values()))
    return [part / whole for part in parts.values()]


def parts_of_memory(memory: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """A device's bytes by part, without sums of them, and all together."""
    sums = ("allocated", "reserved", "total")
    return {name: size for name, size in memory.items() if name not in sums}, memory["total"]


def of_least(plan: Mapping[str, Any]) -> list[float]:
    """Parts of the memory that is too much, as shares, and what a device has."""
    parts, needed = parts_of_memory(plan["nearest_feasible"]["least_memory"]["memory_bytes"])
    small = sum(part for part in parts.values() if part < SMALLEST_PART * needed)
    return [ONE.chip.memory_bytes, small, small / needed, *shares(parts)]


def of_cost(cost: Mapping[str, Any]) -> list[float]:
    """What a device has and has left, parts of its memory and of a step as shares, and what failures take."""
    (memory, total), step = parts_of_memory(cost["memory_bytes"]), cost["step_seconds_by_part"]
    capacity = EIGHT.chip.memory_bytes
    parts = {**memory, "free": max(capacity - total, 0.0)}
    small = [sum(part for part in each.values() if part < SMALLEST_PART * sum(each.values())) for each in (parts, step)]
    rest = [small[0], small[0] / sum(parts.values()), small[1], small[1] / sum(step.values())]
    return [capacity, parts["free"], 1 - cost.get("goodput", 1.0), *shares(parts), *shares(step), *rest]


def of_serving(cost: Mapping[str, Any]) -> list[float]:
    """The level of intervals, what a device has left, and parts of its memory and of a token's time as shares."""
    memory, parts = cost["memory_bytes"], cost["seconds_by_part"]
    held = {name: size for name, size in memory.items() if name not in ("total", "capacity")}
    held["free"] = memory["capacity"] - memory["total"]
    small = [sum(part for part in each.values() if part < SMALLEST_PART * sum(each.values())) for each in (held, parts)]
    rest = [small[0], small[0] / sum(held.values()), small[1], small[1] / sum(parts.values())]
    return [0.9, held["free"], *shares(held), *shares(parts), *rest]


DERIVED: Mapping[str, Callable[[Any], list[float]]] = MappingProxyType(
    {
        "comparison at a ratio": lambda data: [0.99],  # the most that is claimed
        "study": lambda data: [float(f"{data['pilot_seconds'] + data['target_seconds']:.2g}")],
        "model": lambda data: shares(data["parameters"]) + shares(data["training_flops"]),
        "plan": lambda data: of_cost(data["cost"]),
        "plan of a budget": lambda data: of_cost(data["cost"]),
        "infeasible plan": of_least,
        "train cost": lambda data: of_cost(data) + [x - 1 for each in data["assumptions"] for x in each["effect"]],
        "serve cost": of_serving,
        "fine-tune cost": lambda data: of_cost(data) + [x - 1 for each in data["assumptions"] for x in each["effect"]],
    }
)
"""By answer, the numbers shown that are no numbers of its JSON but follow from them."""
