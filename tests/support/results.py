"""A sample of everything that public functions of froude return: what the contract of results runs over."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

import froude
from answered import EIGHT, FEW, ONE, planted_fit, planted_growth, runs
from froude.cost.machine.machine import Link
from froude.fitting.published_fit import published_fit
from froude.laws import get_law
from froude.pilots import PilotResult
from froude.result import Result
from froude.runs import Study
from froude.sweeps.outcome import RunOutcome
from froude.sweeps.result import SweepResult
from froude.tank.machine.profile import Profile
from judged import studies
from logs_written import trainer_state
from measured_trainings import measured_columns
from served_points import served_columns

QWEN = froude.get_model("qwen2.5-0.5b")
SERVED_WITHIN = {
    "input": 500, "output": 100, "ttft": "1s", "tpot": "50ms", "engines": "vllm", "max_devices": 2
}  # fmt: skip


def sweep() -> froude.Runs:
    """Losses that are least at a learning rate and a batch which are powers of size."""
    N, D, a, b = (each.ravel() for each in np.meshgrid([1e8, 3e8, 1e9], [4e9, 1.6e10], range(5), range(5)))
    lr, batch = 0.003 * (N / 3e8) ** -0.3 * 1.5 ** (a - 2), 3e5 * (D / 8e9) ** 0.4 * 1.6 ** (b - 2)
    loss = 2 * np.exp(0.004 * ((a - 2) ** 2 + (b - 2) ** 2))
    return froude.Runs.from_columns({"N": N, "D": D, "lr": lr, "B": batch, "loss": loss})


def pilot_result() -> PilotResult:
    """What a pilot comes to."""
    return PilotResult(
        target={"N": 1e6, "D": 2e7, "C": 1.2e14}, predicted=1.64, interval=(1.60, 1.68), measured=1.633,
        compute_ratio=8.0, params_ratio=2.5, pilots=21, diverged=1, pilot_seconds=150.0, target_seconds=90.0,
        validation_halving={"first": 1.6, "second": 1.61}, study=Path("study"), report=Path("study/report.html"),
    )  # fmt: skip


def sweep_result() -> SweepResult:
    """What a sweep comes to: a run of each kind."""
    settings = [{"width": 16, "lr": 3e-3}, {"width": 16, "lr": 0.3}, {"width": 32, "lr": 3e-3}]
    return SweepResult(
        study=Path("study"),
        runs=(
            RunOutcome(id="a" * 16, config=settings[0], state="finished", loss=3.2, seconds=4.0, attempts=1),
            RunOutcome(id="b" * 16, config=settings[1], state="diverged", seconds=4.0, attempts=1),
            RunOutcome(
                id="c" * 16, config=settings[2], state="failed", seconds=1.0, attempts=2,
                reason="ends with exit code 1", stderr=("Traceback:", "RuntimeError: out of memory"),
            ),
        ),
    )  # fmt: skip


def profile() -> Profile:
    """A computer that was measured."""
    link = Link(bandwidth_bytes_per_s=5e9, latency_s=2e-5, kind="gloo")
    return Profile(
        title="a processor", device="CPU", devices=2, memory_bytes=8 * 2**30, memory_bandwidth_bytes_per_s=2e10,
        matmuls={}, best_flops_per_s={"fp32": 1e11}, link=link, host=None, host_memory_bytes=None,
        conditions="2026-11-30, PyTorch 2.9, 2 threads",
    )  # fmt: skip


def study() -> Study:
    """A study of no run yet."""
    return Study.create(Path(tempfile.mkdtemp()) / "study", {"minutes": 5.0, "sizes": [1, 2]})


def grouped_fit() -> froude.GroupedFit:
    """A law fitted to two kinds of runs, of which one loses a tenth more, with one exponent shared."""
    N, D = (each.ravel() for each in np.meshgrid([1e8, 2e8, 4e8, 8e8], [2e9, 4e9, 8e9, 1.6e10]))
    loss = 1.7 + 400 * N**-0.34 + 410 * D**-0.28
    both = {"N": np.tile(N, 2), "D": np.tile(D, 2), "loss": np.concatenate([loss, 1.1 * loss])}
    runs = froude.Runs.from_columns({**both, "data": np.repeat(["web", "books"], N.size)})
    return froude.fit_by("chinchilla", runs, "data", shared=["alpha"], draws=50)


def comparison() -> froude.Comparison:
    """Two methods compared."""
    return froude.compare(planted_fit("power-floor", "C", 2), planted_fit("power-floor", "C", 3, 0.99), 1e24)


def ranking() -> froude.Ranking:
    """Three methods ranked."""
    return froude.rank({name: planted_fit("power-floor", "C", 2 + k) for k, name in enumerate("abc")}, 1e24)


def registration() -> froude.Registration:
    """A forecast on record, and scored."""
    path = Path(tempfile.mkdtemp()) / "forecast.json"
    froude.register_forecast(planted_fit(), path, due="2027-03", N=7e9, D=1e12)
    return froude.score_forecast(path, 2.05)


def best_schedule() -> Result:
    """The best of a search under a published law."""
    law = get_law("multi-power")
    constants = next(iter(law.published.values()))
    return froude.best_schedule(law, constants, steps=10_000, peak=3e-4, final=3e-5, warmup=500)


def run_import() -> froude.RunImport:
    """A log imported into a study."""
    folder = Path(tempfile.mkdtemp())
    return froude.import_runs(trainer_state(folder), folder / "study")


def watch_result() -> froude.WatchResult:
    """A verdict on a log."""
    folder = Path(tempfile.mkdtemp())
    return froude.watch(trainer_state(folder), goal=2.0)


RESULTS: Mapping[str, Callable[[], Result]] = MappingProxyType(
    {
        "runs": runs,
        "study": study,
        "import of logs": run_import,
        "verdicts": watch_result,
        "published table": lambda: froude.get_published("steplaw"),
        "law": lambda: get_law("chinchilla"),
        "composed law": lambda: get_law("chinchilla[D=repeated-tokens]"),
        "fit": planted_fit,
        "fit of an average": lambda: froude.fit("auto", runs(), draws=50),
        "choice": lambda: froude.choose(runs(), draws=50),
        "fit by group": grouped_fit,
        "forecast": lambda: planted_fit().predict(N=7e9, D=1e12),
        "forecast of several": lambda: planted_fit().predict(N=np.geomspace(1e9, 1e11, 40), D=1e12),
        "difference": lambda: froude.predict_difference(planted_fit(), {"N": 7e9, "D": 1e12}, {"N": 7e9, "D": 4e12}),
        "published fit": lambda: published_fit("chinchilla:besiroglu-2024"),
        "backtest": lambda: froude.backtest("chinchilla", runs(), "N > 2e9", draws=50)[0],
        "comparison": comparison,
        "comparison at a ratio": lambda: froude.compare(planted_fit(), planted_fit(seed=1), {"N": 7e9, "D": 1.4e11}),
        "ranking": ranking,
        "registration": registration,
        "allocation": lambda: froude.optimal(planted_fit(), 1e24),
        "allocation of several": lambda: froude.optimal(planted_fit(), [1e22, 1e24]),
        "approaches": lambda: froude.approaches(runs(), 1e24, draws=50),
        "compute optimal": lambda: froude.compute_optimal(runs(), [1e24], draws=50),
        "approach": lambda: froude.approaches(runs(), 1e24, draws=50).answers[0],
        "optimum": lambda: froude.fit_optimum(sweep(), draws=20),
        "sweep optima": lambda: froude.sweep_optima(sweep(), draws=20),
        "fit report": lambda: froude.fit_report(runs(), [{"N": 7e10, "D": 1.4e12}], draws=50),
        "report of a rule": lambda: froude.fit_report(sweep(), law="step-law-lr", draws=50),
        "report of a fit": lambda: froude.fit_report(planted_fit()),
        "schedule": lambda: froude.Schedule(peak=1e-3, steps=1000, warmup=10, decay=100),
        "best schedule": best_schedule,
        "model": lambda: QWEN,
        "model described": lambda: froude.get_model("layers=4,hidden=256,heads=4,vocab=1000"),
        "entry": lambda: froude.model_catalogue()["gpt2"],
        "machine": lambda: EIGHT,
        "stack": lambda: froude.get_stack("megatron-bridge@26.02"),
        "layout": lambda: froude.train_cost(QWEN, EIGHT).layout,
        "train cost": lambda: froude.train_cost(QWEN, EIGHT),
        "serve cost": lambda: froude.serve_cost(QWEN, EIGHT, input=1000, output=100, users=8),
        "serve simulation": lambda: froude.simulate_serving(QWEN, EIGHT, input=1000, output=100, users=8, requests=40),
        "fine-tune cost": lambda: froude.fine_tune_cost(QWEN, EIGHT, "lora:rank=8"),
        "cost calibration": lambda: froude.calibrate_cost(froude.Runs.from_columns(measured_columns(4))),
        "serving calibration": lambda: froude.calibrate_cost(froude.Runs.from_columns(served_columns(4))),
        "published training": lambda: froude.get_recipe("llama-3.1-405b"),
        "plan": lambda: froude.plan_training(EIGHT, QWEN, tokens=1e9, fit=planted_fit(), fixed=FEW),
        "infeasible": lambda: froude.plan_training(ONE, froude.get_model("llama-3.1-70b"), tokens=1e9),
        "serving plan": lambda: froude.plan_serving(QWEN, load="2/s", **SERVED_WITHIN),
        "no serving plan": lambda: froude.plan_serving(QWEN, load="2/s", **{**SERVED_WITHIN, "tpot": "1us"}),
        "experiment": lambda: froude.growth_examples()[0].load(),
        "growth example": lambda: froude.growth_examples()[0],
        "growth": planted_growth,
        "pilot": pilot_result,
        "sweep": sweep_result,
        "profile": profile,
        "judged case": lambda: studies(4)[0],
        "record": lambda: froude.atlas_record("kivi"),
        "status": lambda: froude.atlas_status()[0],
        "finding": lambda: froude.check_atlas()[0],
        "hit": lambda: froude.search_atlas("KV cache memory", limit=1)[0],
    }
)
"""Every kind of result with a function that makes one."""
