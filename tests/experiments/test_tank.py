"""What rows of the atlas say of training itself, shown by real small trainings whose results Froude's fits judge."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from froude import Runs
from froude.cost import Decoder
from froude.cost.machine.machine_file import VALUE_BYTES
from froude.fitting import Optimum, Schedule, fit, fit_optimum
from froude.laws.families import width as transfer
from froude.laws.families.width import Parametrisation
from froude.runs import Study
from froude.tank import Corpus, Trunk, trainer
from froude.tank.machine import timings
from froude.tank.machine.constants import fit_matmul_time
from small_nets import (
    Task,
    digits,
    exponent,
    held_out_loss,
    in_words,
    losses,
    mlps,
    one_thread,
    python_sources,
    python_text,
    train,
)

pytestmark = pytest.mark.experiment


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


# --- learning rates -----------------------------------------------------------------------------------------


BASE_WIDTH = 64  # at which all parametrisations are one


def parametrised(
    rule: Parametrisation, width: int, lr: Sequence[float] | np.ndarray, steps: int, seed: int
) -> tuple[Tensor, float]:
    """Two hidden layers on digits under an abc-parametrisation, by SGD.

    Mean training loss along the way at each rate, (rates,), and how far the last hidden activations move at the first
    of them, root mean square.
    """
    task, m, n = digits(seed), width / BASE_WIDTH, len(lr)
    rng = torch.Generator().manual_seed(seed)
    assert rule.between is not None
    shapes = ((64, width, rule.first), (width, width, rule.between), (width, 10, rule.last))
    weights = [
        torch.randn(n, i, o, generator=rng) * (gain / min(i, BASE_WIDTH)) ** 0.5 * m ** -(a + b)
        for (i, o, (a, b)), gain in zip(shapes, (2, 2, 1), strict=True)
    ]
    rates = [torch.tensor(lr, dtype=torch.float32).view(-1, 1, 1) * m ** -(rule.c + 2 * a) for *_, (a, _) in shapes]
    before, curve = features(weights, task.x_test), torch.zeros(n)
    for _ in range(steps):
        index = torch.randint(len(task.x), (32,), generator=rng)
        weights = [w.requires_grad_(True) for w in weights]
        loss = losses(features(weights, task.x[index]) @ weights[-1], task.y[index])
        gradients = torch.autograd.grad(loss.sum(), weights)
        weights = [(w - rate * g).detach() for w, rate, g in zip(weights, rates, gradients, strict=True)]
        curve = curve + loss.detach() / steps
    return curve.nan_to_num(torch.inf), float((features(weights, task.x_test) - before)[0].square().mean().sqrt())


def features(weights: Sequence[Tensor], x: Tensor) -> Tensor:
    """The last hidden activations."""
    return torch.relu(torch.relu(x @ weights[0]) @ weights[1])


@pytest.mark.atlas("feature-learning-infinite-width")
def test_features_move_at_every_width_under_mup_only(record_property) -> None:
    widths = (64, 128, 256, 512)
    moved = {
        name: exponent(
            (*widths, 1024), [[parametrised(rule, n, [0.1], 60, s)[1] for s in range(3)] for n in (*widths, 1024)]
        )
        for name, rule in (("muP", transfer.MAXIMAL_UPDATE), ("NTK", transfer.NTK))
    }
    rates = 0.4 * 2.0 ** np.arange(-5, 2, 0.5)
    best = {
        name: exponent(
            widths, [[rates[parametrised(rule, n, rates, 80, s)[0].argmin()] for s in range(3)] for n in widths]
        )
        for name, rule in (("muP", transfer.MAXIMAL_UPDATE), ("standard", transfer.STANDARD))
    }
    record_property(
        "found",
        f"features move as width^ {', '.join(f'{k} {in_words(v)}' for k, v in moved.items())}; "
        f"best rate as width^ {', '.join(f'{k} {in_words(v)}' for k, v in best.items())}",
    )
    assert abs(moved["muP"].exponent + transfer.MAXIMAL_UPDATE.r) < 0.1
    assert abs(moved["NTK"].exponent + transfer.NTK.r) < 0.1
    assert best["standard"].hi < 0
    assert best["muP"].lo < 0 < best["muP"].hi
    assert abs(best["muP"].exponent) < abs(best["standard"].exponent) / 2


def largest_stable_rate(task: Task, batch: int, rates: np.ndarray, adam: bool, seed: int, seeds: int = 4) -> np.ndarray:
    """The largest rate at which 150 steps leave the loss below its start, for each of the seeds."""
    lr = torch.tensor(rates, dtype=torch.float32).repeat_interleave(seeds)
    start = mlps(len(lr), (task.x.shape[1], 32, int(task.y.max()) + 1), seed)
    end = train(start, task, lr=lr, steps=150, batch=batch, seed=seed, adam=adam, decay=False)
    better = held_out_loss(end, task) < held_out_loss(start, task)
    return np.array([rates[np.flatnonzero(column)[-1]] for column in better.reshape(len(rates), seeds).T])


@pytest.mark.atlas("lr-batch-rmt")
def test_the_largest_stable_rate_grows_as_the_batch_or_its_root(record_property) -> None:
    task, batches = python_text(0), (1, 2, 4, 8, 16, 32, 64)
    grids = {"SGD": 2.0 ** np.arange(-1, 6, 0.5), "Adam": 2.0 ** np.arange(-7, 1, 0.5)}
    growths, critical = {}, {}
    for name, rates in grids.items():
        largest = {batch: largest_stable_rate(task, batch, rates, name == "Adam", seed=0) for batch in batches}
        most = np.median(largest[batches[-1]]) / np.median(largest[1])
        # The batch past which the largest rate no longer grows: as many times batch 1 as its rate would have grown by.
        critical[name] = most if name == "SGD" else most**2
        below = [batch for batch in batches if batch <= critical[name]]
        growths[name] = exponent(below, [largest[batch] for batch in below])
    record_property("found", "; ".join(f"{k}: {in_words(v)} below batch {critical[k]:.0f}" for k, v in growths.items()))
    assert abs(growths["SGD"].exponent - 1) < 0.25
    assert abs(growths["Adam"].exponent - 0.5) < 0.25
    assert growths["Adam"].lo < 0.5 < growths["Adam"].hi


# --- schedules ----------------------------------------------------------------------------------------------


def tiny_trunk(steps: Sequence[int], seed: int = 0, width: int = 16, batch: int = 8, **changes: float) -> Trunk:
    """A trunk of a small transformer on Python sources, its runs of so many steps."""
    values = {"lr": 0.0064, "lr_embedding": 0.04, "warmup_tokens": 0, "decay_share": 0.1} | changes
    return Trunk(
        decoder=Decoder(width=width, layers=2, heads=1, context=32),
        seed=seed,
        tokens=tuple(batch * 32 * n for n in steps),
        batch=batch,
        corpus="python",
        **values,  # pyright: ignore[reportArgumentType]
    )


def curve(schedule: Schedule, name: str, every: int = 20) -> list[dict[str, float | str]]:
    """The validation loss of a small transformer along a schedule of factors of its rate, every so many steps."""
    trunk, corpus = tiny_trunk([schedule.steps], width=32, batch=16), python_sources()
    state, held_out = trainer.start(trunk, corpus), trainer.validation_windows(corpus, trunk)
    held_out = held_out[:: max(1, len(held_out) // 64)][:64]
    rows: list[dict[str, float | str]] = []
    for step, factor in enumerate(schedule.per_step, 1):
        trainer.take_step(state, trunk, float(factor), state.model)
        if step % every == 0 and step >= schedule.warmup:
            loss = float(trainer.window_losses(state.model, held_out, trunk).mean())
            rows.append({"schedule": name, "S": step, "lr": float(factor), "loss": loss})
    return rows


@pytest.mark.slow
@pytest.mark.atlas("lr-annealing-law")
def test_curves_of_two_schedules_predict_a_third_within_one_percent(record_property) -> None:
    steps, warmup, first = 1200, 50, 150  # what comes before `first` is not yet a power of the area
    constant = Schedule(peak=1.0, steps=steps, warmup=warmup)
    cosine = Schedule(peak=1.0, steps=steps, warmup=warmup, decay=steps - warmup, shape="cosine")
    unseen = Schedule(peak=1.0, steps=steps, warmup=warmup, decay=steps // 5)
    trained = Runs.from_rows(curve(constant, "constant") + curve(cosine, "cosine")).where(f"S >= {first}")
    law_fit = fit("annealing", trained, draws=50)
    measured = Runs.from_rows(curve(unseen, "unseen")).where(f"S >= {first}")
    predicted = law_fit.along(unseen, measured["S"]).mean
    errors = np.abs(predicted / measured["loss"] - 1)
    record_property("found", f"mean error {errors.mean():.2%}, worst {errors.max():.2%} of {errors.size} points")
    assert errors.mean() < 0.01


@pytest.mark.atlas("minicpm")
def test_branched_decays_end_where_separate_runs_do_and_cost_about_linear(
    tmp_path, monkeypatch, record_property
) -> None:
    whole = python_sources()
    corpus = Corpus(train=whole.train[:2_000_000], validation=whole.validation[:20_000], manifest={})
    taken: list[int] = []
    differences: list[str] = []
    step_of = trainer.take_step
    monkeypatch.setattr(trainer, "take_step", lambda *a: (taken.append(1), step_of(*a))[1])

    def train_runs(trunk: Trunk) -> tuple[list[float], int]:
        """The losses of a trunk's runs, and the steps that were taken for them."""
        study, before = Study.create(tmp_path / f"{trunk.id}-{trunk.tokens[0]}-{len(trunk.tokens)}", {}), len(taken)
        trainer.train_trunk(trunk, corpus, study)
        losses = {row["id"]: row["loss"] for row in study.runs().frame.iter_rows(named=True)}
        return [losses[trunk.run_id(tokens)] for tokens in trunk.tokens], len(taken) - before

    lengths = [60, 120, 180, 240]
    for width in (16, 24):
        branched, separate = [], []
        for seed in range(3):
            losses, steps = train_runs(tiny_trunk(lengths, seed, width))
            assert steps == tiny_trunk(lengths).work_tokens // tiny_trunk(lengths).batch_tokens
            branched.append(losses)
            separate.append([train_runs(tiny_trunk([n], seed, width))[0][0] for n in lengths])
        spread = np.std(separate, axis=0, ddof=1)  # over seeds, by length
        off = np.abs(np.array(branched) - separate).max(axis=0)
        assert np.all(off < spread)
        differences.append(f"width {width}: off by at most {off.max():.1g}, seeds by {spread.mean():.2g} nats")
    points = range(2, 9)
    grids = [[lengths[0] * (i + 1) for i in range(k)] for k in points]
    branching = exponent(points, [[float(tiny_trunk(grid).work_tokens)] for grid in grids])
    apart = exponent(points, [[float(sum(grid))] for grid in grids])
    record_property(
        "found", f"{'; '.join(differences)}; cost as points^{branching.exponent:.2f}, separately ^{apart.exponent:.2f}"
    )
    assert abs(branching.exponent - 1) < 0.25
    assert apart.exponent > 1.75


# --- the machine --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timed
@pytest.mark.atlas("gemm-perf-ada", "modelled")
@pytest.mark.atlas("dissecting-tensor-cores", "modelled")
def test_a_profile_of_this_machine_predicts_matmuls_of_held_out_shapes(record_property) -> None:
    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16}
    r2, error, stated, rounding = {}, {}, {}, {}
    for kind, dtype in kinds.items():
        shapes, seconds = timings.time_matmuls("cpu", kind, 6.0)
        held_out = np.arange(len(shapes)) % 3 == 1
        fitted = fit_matmul_time(shapes[~held_out], seconds[~held_out], VALUE_BYTES[kind])
        predicted, measured = fitted.seconds(*shapes[held_out].T.astype(float)), seconds[held_out]
        r2[kind] = 1 - float(np.square(predicted - measured).sum() / np.square(measured - measured.mean()).sum())
        error[kind], stated[kind] = float(np.abs(predicted / measured - 1).mean()), fitted.held_out_error
        inner = (64, 256, 1024, 4096)
        rounding[kind] = exponent(inner, [[rounding_error(k, dtype, seed) for seed in range(3)] for k in inner])
    record_property(
        "found",
        "; ".join(
            f"{kind}: R2 {r2[kind]:.3f}, mean error {error[kind]:.1%} (stated {stated[kind]:.1%}, the paper's 15.57%), "
            f"rounding as inner size^ {in_words(rounding[kind])}"
            for kind in kinds
        ),
    )
    assert r2["fp32"] >= 0.95
    assert error["fp32"] < 0.1557
    assert all(error[kind] < 2 * stated[kind] for kind in kinds)
    assert rounding["bf16"].at(1024) > 1000 * rounding["fp32"].at(1024)
    assert all(growth.lo > 0 and growth.hi < 1 for growth in rounding.values())


def rounding_error(inner: int, dtype: torch.dtype, seed: int) -> float:
    """Root mean square error of a product of normal matrices of so large an inner size, against float64."""
    rng = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype) for shape in ((64, inner), (inner, 64)))
    return float(((a @ b).double() - a.double() @ b.double()).square().mean().sqrt())


# --- step law -----------------------------------------------------------------------------------------------

WINDOWS = 64_000


def swept(task: Task, width: int, samples: int, batch: int, rates: np.ndarray) -> np.ndarray:
    """Test loss at each rate after so many samples, a net of this width, the mean of two seeds."""
    lr = torch.tensor(np.tile(rates, 2), dtype=torch.float32)
    net = train(mlps(len(lr), (192, width, 64), 0), task, lr=lr, steps=samples // batch, batch=batch)
    return held_out_loss(net, task).reshape(2, -1).mean(axis=0)


@pytest.mark.atlas("step-law")
def test_a_rule_from_smaller_sweeps_is_within_one_percent_of_the_best(record_property) -> None:
    task, rates, batches = python_text(0, n=WINDOWS), 2.0 ** np.arange(-8, -3.4, 0.75), (8, 16, 32, 64)
    cells = [(width, samples) for width in (8, 16, 32) for samples in (4000, 8000, 16000)]
    rows = [
        {"N": 256.0 * width, "D": float(samples), "lr": float(lr), "B": float(batch), "loss": float(loss)}
        for width, samples in cells
        for batch in batches
        for lr, loss in zip(rates, swept(task, width, samples, batch, rates), strict=True)
    ]
    runs = Runs.from_rows(rows)
    largest = "N = 8192 AND D = 16000"
    optimum = fit_optimum(runs.where(f"NOT ({largest})"))
    best = optimum.at(N=8192.0, D=16000.0)
    loss = swept(task, 32, 16000, round(best["B"].mean), np.array([best["lr"].mean]))[0]
    gap = loss / runs.where(largest)["loss"].min() - 1
    record_property(
        "found",
        f"lr as {powers(optimum, 'lr')}, B as {powers(optimum, 'B')}; at the held-out size {gap:+.2%} of the best of "
        f"{len(batches) * len(rates)} runs",
    )
    assert all(is_bowl(runs.where(f"N = {256 * width} AND D = {samples}")) for width, samples in cells)
    assert gap < 0.01


def powers(optimum: Optimum, setting: str) -> str:
    """A best setting's exponents in words."""
    ends = optimum.intervals[setting]
    return " ".join(
        f"{x}^{p:.2f} ({ends[x][0]:.2f} to {ends[x][1]:.2f})" for x, p in optimum.exponents[setting].items()
    )


def is_bowl(cell: Runs, window: float = 0.05) -> bool:
    """Whether losses near the best bend upwards in every direction of log rate and log batch: a quadratic's Hessian."""
    near = cell.take(cell["loss"] < (1 + window) * cell["loss"].min())
    x, y = np.log(near["lr"]), np.log(near["B"])
    xx, xy, yy = np.linalg.lstsq(np.stack([x * x, x * y, y * y, x, y, x**0], axis=1), near["loss"], rcond=None)[0][:3]
    return bool(xx > 0 and 4 * xx * yy > xy**2)
