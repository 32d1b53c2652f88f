"""Every verb of the command line with words that make it answer in a moment: what tests of all faces go through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

import froude
from froude.answers.atlas import answer_of_hits, answer_of_record
from froude.answers.laws import answer_of_law, answer_of_law_hits, answer_of_laws
from froude.answers.machines import answer_of_machine
from froude.answers.models import answer_of_model
from froude.answers.stacks import answer_of_stacks
from logs_written import csv
from measured_trainings import measured_columns, write_measured
from planted import QUICK, planted, write_csv
from served_points import write_served
from watched_trainings import write_trainings

QWEN = ("--model", "qwen2.5-0.5b", "--machine", "8 x h100")
ON_TOKENS = ("plan", "train", *QWEN, "--tokens", "1B")
BUDGET = ("plan", "train", "--machine", "8 x h100", "--budget", "1 day", "--fix", "tensor=1,pipeline=1,context=1")
TOO_LARGE = ("plan", "train", "--model", "llama-3.1-70b", "--machine", "1 x a100-40", "--tokens", "1B")
SERVED_WITHIN = ("--input", "500", "--output", "100", "--ttft", "1s", "--tpot", "50ms", "--engine", "vllm")
SERVED_WITHIN += ("--max-devices", "2")
SERVED_LOAD = ("--serve-load", "5/s", "--serve-input", "2000", "--serve-output", "500")
ONE_LAYOUT = ("--precision", "bf16", "--fix", "tensor=1,pipeline=1,context=1,zero=1,recompute=none")
SOON = ("--devices", "auto", "--within", "2 days")
STUDY = ("--study", Path("study"))
CHARACTERS = (
    "grow",
    "--command",
    "wc -c {n}.txt",
    "--command",
    "cat {n}.txt",
    "--prepare",
    "sh -c 'seq {n} > {n}.txt'",
)


TRAINER = """echo '{"N": {n}, "D": {d}, "loss": 3.{k}}'"""
SWEPT = [{"n": 1000000, "d": 20000000, "k": 25}, {"n": 2000000, "d": 40000000, "k": 125}]


@final
@dataclass(frozen=True, kw_only=True)
class Verb:
    """A command and the faces that it has beside the terminal and `--json`.

    `words` are what it is given in a folder with `given`; `python` asks the same of the functions of `froude`, and
    `page` is the name of the page that it can write. What is `slow` takes seconds.
    """

    name: str
    words: Callable[[Path], tuple[object, ...]]
    python: Callable[[Path], Any] | None = None
    page: str | None = None
    slow: bool = False


def given(folder: Path, run: Callable[[list[str]], int]) -> Path:
    """The folder with what verbs are given: tables of runs, a saved fit, a forecast on record, a sweep."""
    write_csv(folder / "runs.csv", planted())
    twice = {name: np.tile(values, 2) for name, values in planted().items()}
    twice["loss"] = twice["loss"] * np.repeat([1.0, 1.1], len(twice["loss"]) // 2)
    write_csv(folder / KINDS, {**twice, "data": np.repeat(["web", "books"], len(twice["loss"]) // 2)})
    write_csv(folder / "small.csv", {name: values[::7] for name, values in planted(seed=1).items()})
    write_measured(folder / STEPS, measured_columns(4))
    write_served(folder / SERVED, 4)
    low, high = planted(seed=2), planted(seed=3)
    for name, columns, factor in (("adam.csv", low, 1.0), ("muon.csv", high, 0.99)):
        compute = 6 * columns["N"] * columns["D"]
        write_csv(folder / name, {"C": compute, "loss": factor * columns["loss"]})
    methods = {name: planted(seed=k) for k, name in enumerate("abc")}
    columns = {x: np.concatenate([each[x] for each in methods.values()]) for x in ("N", "D", "loss")}
    write_csv(folder / METHODS, {"method": np.repeat([*methods], len(columns["N"]) // 3), **columns})
    assert run(["fit", str(folder / "runs.csv"), *QUICK, "--out", str(folder / "fit.json")]) == 0
    rows = (f"[[run]]\nn = {row['n']}\nd = {row['d']}\nk = {row['k']}\n" for row in SWEPT)
    (folder / SPACE).write_text("".join(rows))
    assert run([str(word) for word in of("sweep", SPACE, "--command", TRAINER, "--study", Path("swept"))(folder)]) == 0
    csv(folder)
    write_trainings(folder / WATCHED)
    (folder / FORECAST).parent.mkdir()
    froude.register_forecast(folder / FIT, folder / FORECAST, N=7e9, D=1e12)
    froude.score_forecast(folder / FORECAST, 2.05)
    return folder


def of(*words: object) -> Callable[[Path], tuple[object, ...]]:
    """Words that are the same in every folder, but for paths, which lie in it."""
    return lambda folder: tuple(folder / word if isinstance(word, Path) else word for word in words)


def dicts(results: Iterable[Any]) -> list[Any]:
    """Results as programs read them."""
    return [result.to_dict() for result in results]


def compared(folder: Path) -> Any:
    """Two methods compared as the command does it."""
    tables = {name: folder / name for name in ("adam.csv", "muon.csv")}
    fits = froude.fit_methods(tables, "power-floor", x="C", draws=50)
    return froude.compare(fits["adam.csv"], fits["muon.csv"], 1e24).to_dict()


def ranked(folder: Path) -> Any:
    """The methods of one table ranked as the command does it."""
    fits = froude.fit_methods(folder / "methods.csv", "chinchilla", by="method", draws=50)
    return froude.rank(fits, {"N": 7e9, "D": 1.4e11}).to_dict()


def shown_record(name: str) -> Any:
    """One record of the atlas with its checks and its status."""
    record = froude.atlas_record(name)
    return answer_of_record(record, froude.check_atlas([record]), froude.atlas_status([record])[0]).to_dict()


H100, QWEN_MODEL = "8 x h100", "qwen2.5-0.5b"
PINS = {"tensor": 1, "pipeline": 1, "context": 1, "zero": 1, "recompute": "none"}
ONE_DAY: dict[str, Any] = {"budget_seconds": 86400.0, "fixed": {"tensor": 1, "pipeline": 1, "context": 1}}
RUNS, FIT, METHODS, FORECAST = Path("runs.csv"), Path("fit.json"), Path("methods.csv"), Path("forecasts/large.json")
WATCHED = Path("trainings")
KINDS, SPACE, STEPS = Path("kinds.csv"), Path("space.toml"), Path("steps.csv")
SERVED = Path("served.csv")
LARGE = ((7e9, 1e12), (70e9, 1.4e12))

VERBS: tuple[Verb, ...] = (
    Verb(
        name="fit",
        words=of("fit", RUNS, *QUICK),
        python=lambda folder: froude.fit("chinchilla", froude.read_runs(folder / RUNS), draws=50).to_dict(),
    ),
    Verb(
        name="fit auto",
        words=of("fit", RUNS, *QUICK, "--law", "auto"),
        python=lambda folder: froude.fit("auto", froude.read_runs(folder / RUNS), draws=50).to_dict(),
    ),
    Verb(
        name="fit --by",
        words=of("fit", KINDS, *QUICK, "--by", "data", "--shared", "beta"),
        python=lambda folder: froude.fit_by(
            "chinchilla", froude.read_runs(folder / KINDS), "data", shared=["beta"], draws=50
        ).to_dict(),
    ),
    Verb(
        name="predict",
        words=of("predict", FIT, "--at", "N=7B,D=1T", "--at", "N=70B,D=1.4T"),
        python=lambda folder: dicts(
            froude.fit("chinchilla", froude.read_runs(folder / RUNS), draws=50).predict(N=N, D=D) for N, D in LARGE
        ),
        page="predict.html",
    ),
    Verb(
        name="predict LAW",
        words=of("predict", "chinchilla:besiroglu-2024", "--at", "N=7B,D=1T"),
        python=lambda folder: [froude.predict("chinchilla:besiroglu-2024", N=7e9, D=1e12).to_dict()],
        page="law.html",
    ),
    Verb(
        name="predict --against",
        words=of("predict", FIT, "--at", "N=7B,D=1T", "--against", "N=70B,D=1.4T"),
        python=lambda folder: [
            froude.predict_difference(folder / FIT, *({"N": N, "D": D} for N, D in LARGE)).to_dict()
        ],
        page="against.html",
    ),
    Verb(
        name="optimal TABLE",
        words=of("optimal", RUNS, *QUICK, "--at", "C=1e23"),
        python=lambda folder: froude.compute_optimal(folder / RUNS, [1e23], draws=50).to_dict(),
        page="optimal.html",
    ),
    Verb(
        name="optimal FIT",
        words=of("optimal", FIT, "--at", "C=1e23", "--at", "C=1e24"),
        python=lambda folder: froude.compute_optimal(folder / FIT, [1e23, 1e24]).to_dict(),
        page="optimal-fit.html",
    ),
    Verb(
        name="optimal LAW",
        words=of("optimal", "chinchilla", "--at", "C=1e23", "--inference-tokens", "1T", "--data-limit", "100B"),
        python=lambda folder: froude.compute_optimal(
            "chinchilla", [1e23], inference_tokens=1e12, data_limit_tokens=1e11
        ).to_dict(),
    ),
    Verb(
        name="backtest",
        words=of("backtest", RUNS, *QUICK, "--law", "chinchilla,power", "--hold-out", "N > 2e9"),
        python=lambda folder: {
            "laws": dicts(
                froude.backtest(["chinchilla", "power"], froude.read_runs(folder / RUNS), "N > 2e9", draws=50)
            )
        },
    ),
    Verb(
        name="compare",
        words=of("compare", Path("adam.csv"), Path("muon.csv"), *QUICK, "--law", "power-floor", "--at", "C=1e24"),
        python=compared,
        page="compare.html",
    ),
    Verb(
        name="compare --by",
        words=of("compare", METHODS, "--by", "method", *QUICK, "--law", "chinchilla", "--at", "N=7B,D=140B"),
        python=ranked,
        page="ranking.html",
    ),
    Verb(name="register", words=of("register", FIT, "--at", "N=7B,D=1T", "--due", "2027-03"), page="register.html"),
    Verb(
        name="register score",
        words=of("register", "score", FORECAST, "--measured", "2.05"),
        python=lambda folder: froude.score_forecast(folder / FORECAST, 2.05).to_dict(),
        page="score.html",
    ),
    Verb(
        name="register list",
        words=of("register", "list", FORECAST.parent),
        python=lambda folder: {"forecasts": dicts(froude.registered_forecasts(folder / FORECAST.parent))},
        page="list.html",
    ),
    Verb(
        name="import",
        words=of("import", Path("run.csv"), "--study", Path("imported"), "--columns", "N=lr"),
        python=lambda folder: froude.import_runs(folder / "run.csv", folder / "imported", {"N": "lr"}).to_dict(),
    ),
    Verb(
        name="watch",
        words=of("watch", WATCHED, "--goal", "2.6"),
        python=lambda folder: froude.watch(folder / WATCHED, goal=2.6).to_dict(),
    ),
    Verb(name="laws", words=of("laws"), python=lambda folder: answer_of_laws(froude.all_laws()).to_dict()),
    Verb(
        name="laws --search",
        words=of("laws", "--search", "learning rate"),
        python=lambda folder: answer_of_law_hits("", froude.search_laws("learning rate", 10)).to_dict(),
    ),
    Verb(
        name="laws NAME",
        words=of("laws", "chinchilla"),
        python=lambda folder: answer_of_law(froude.get_law("chinchilla")).to_dict(),
    ),
    Verb(name="published", words=of("published")),
    Verb(name="published NAME", words=of("published", "steplaw")),
    Verb(
        name="grow",
        words=of(*CHARACTERS, "--sizes", "10,100,1000", "--repeats", "4", *STUDY),
        page="growth.html",
    ),
    Verb(
        name="sweep",
        words=of("sweep", SPACE, "--command", TRAINER, "--study", Path("swept")),
        python=lambda folder: froude.sweep(SWEPT, TRAINER, study=folder / "swept").to_dict(),
    ),
    Verb(
        name="atlas search",
        words=of("atlas", "search", "KV cache memory", "--limit", "3"),
        python=lambda folder: answer_of_hits(froude.search_atlas("KV cache memory", limit=3)).to_dict(),
    ),
    Verb(name="atlas show", words=of("atlas", "show", "kivi"), python=lambda folder: shown_record("kivi")),
    Verb(
        name="atlas check",
        words=of("atlas", "check"),
        python=lambda folder: {"findings": dicts(froude.check_atlas())},
    ),
    Verb(
        name="atlas status",
        words=of("atlas", "status"),
        python=lambda folder: {"rows": dicts(froude.atlas_status())},
    ),
    Verb(
        name="plan train tokens",
        words=of(*ON_TOKENS, "--fit", "chinchilla", "--pareto"),
        python=lambda folder: froude.plan_training(
            froude.get_machine(H100), froude.get_model(QWEN_MODEL), tokens=1e9, fit="chinchilla", pareto=True
        ).to_dict(),
        page="plan.html",
    ),
    Verb(
        name="plan train budget",
        words=of(*BUDGET, "--pareto"),
        python=lambda folder: froude.plan_training(froude.get_machine(H100), **ONE_DAY, pareto=True).to_dict(),
        page="budget.html",
        slow=True,
    ),
    Verb(
        name="plan train --serve-load",
        words=of("plan", "train", "--machine", H100, "--budget", "$30k", *SERVED_LOAD, *ONE_LAYOUT),
        python=lambda folder: froude.plan_training(
            H100,
            budget_dollars=30e3,
            serve_load="5/s",
            serve_input=2000,
            serve_output=500,
            fixed=PINS,
            precision="bf16",
        ).to_dict(),
        page="served.html",
    ),
    Verb(
        name="plan train infeasible",
        words=of(*TOO_LARGE),
        python=lambda folder: froude.plan_training(
            froude.get_machine("1 x a100-40"), froude.get_model("llama-3.1-70b"), tokens=1e9
        ).to_dict(),
        page="infeasible.html",
    ),
    Verb(
        name="cost train",
        words=of("cost", "train", *QWEN),
        python=lambda folder: froude.train_cost(froude.get_model(QWEN_MODEL), froude.get_machine(H100)).to_dict(),
    ),
    Verb(
        name="cost train --adapter",
        words=of("cost", "train", *QWEN, "--adapter", "qlora:rank=8", "--seq-len", "2048"),
        python=lambda folder: froude.fine_tune_cost(QWEN_MODEL, H100, "qlora:rank=8", seq_len=2048).to_dict(),
    ),
    Verb(
        name="cost serve",
        words=of("cost", "serve", *QWEN, "--input", "1000", "--output", "100", "--load", "8 users"),
        python=lambda folder: froude.serve_cost(QWEN_MODEL, H100, input=1000, output=100, users=8).to_dict(),
    ),
    Verb(
        name="simulate serve",
        words=of("simulate", "serve", *QWEN, "--input", "1000", "--output", "100", "--load", "9/s", "--requests", "80"),
        python=lambda folder: froude.simulate_serving(
            QWEN_MODEL, H100, input=1000, output=100, rate=9, requests=80
        ).to_dict(),
        page="requests.html",
    ),
    Verb(
        name="cost train --recipe",
        words=of("cost", "train", "--recipe", "llama-2-7b", "--zero", "3", "--recompute", "full"),
        python=lambda folder: froude.train_cost(
            "llama-2-7b",
            "1024 x a100-80",
            seq_len=4096,
            global_batch=1024,
            precision="bf16",
            zero=3,
            recompute="full",
        ).to_dict(),
    ),
    Verb(
        name="plan recipes",
        words=of("plan", "recipes"),
        python=lambda folder: {"recipes": dicts(froude.known_recipes())},
    ),
    Verb(
        name="plan recipes NAME",
        words=of("plan", "recipes", "llama-3.1-405b"),
        python=lambda folder: froude.get_recipe("llama-3.1-405b").to_dict(),
    ),
    Verb(
        name="plan train --devices auto",
        words=of("plan", "train", "--model", QWEN_MODEL, "--machine", "h100", "--tokens", "100B", *SOON),
        python=lambda folder: froude.plan_training(
            "h100", QWEN_MODEL, tokens="100B", devices="auto", budget_seconds="2 days"
        ).to_dict(),
        page="fewest.html",
    ),
    Verb(
        name="plan train --recipe",
        words=of("plan", "train", "--recipe", "llama-3.1-405b"),
        python=lambda folder: froude.plan_training(recipe="llama-3.1-405b").to_dict(),
    ),
    Verb(
        name="plan serve",
        words=of("plan", "serve", "--model", QWEN_MODEL, "--load", "2/s", *SERVED_WITHIN),
        python=lambda folder: froude.plan_serving(
            QWEN_MODEL,
            load="2/s",
            input=500,
            output=100,
            ttft="1s",
            tpot="50ms",
            engines="vllm",
            max_devices=2,
        ).to_dict(),
        page="deployment.html",
    ),
    Verb(
        name="cost model",
        words=of("cost", "model", "deepseek-v3"),
        python=lambda folder: answer_of_model(froude.get_model("deepseek-v3"), 4096).to_dict(),
    ),
    Verb(
        name="cost calibrate",
        words=of("cost", "calibrate", STEPS, "--out", Path("ours.stack.toml")),
        python=lambda folder: froude.calibrate_cost(folder / STEPS).to_dict(),
    ),
    Verb(
        name="cost calibrate serving",
        words=of("cost", "calibrate", SERVED, "--out", Path("ours.stack.toml")),
        python=lambda folder: froude.calibrate_cost(folder / SERVED).to_dict(),
    ),
    Verb(name="cost model list", words=of("cost", "model")),
    Verb(
        name="stack list",
        words=of("stack", "list"),
        python=lambda folder: answer_of_stacks(froude.known_stacks()).to_dict(),
    ),
    Verb(
        name="stack show",
        words=of("stack", "show", "megatron-bridge@26.02"),
        python=lambda folder: froude.get_stack("megatron-bridge@26.02").to_dict(),
    ),
    Verb(name="machine list", words=of("machine", "list")),
    Verb(
        name="machine show",
        words=of("machine", "show", "h100"),
        python=lambda folder: answer_of_machine(froude.get_machine("h100")).to_dict(),
    ),
)
"""Verbs that answer in seconds, without a training; `--json` makes each of them print what a program reads."""


def keys_of(value: Any, at: str = "") -> set[str]:
    """Paths of all keys in JSON: "cost.memory.weights", "[]" for what is in a list."""
    if isinstance(value, dict):
        own = {f"{at}.{key}".lstrip(".") for key in value}
        return own.union(*(keys_of(item, f"{at}.{key}".lstrip(".")) for key, item in value.items()))
    if isinstance(value, list):
        return set().union(*(keys_of(item, f"{at}[]") for item in value))
    return set()
