"""Weights of trained nets made smaller: fewer bits, factors, slices, and pruning that is retrained."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from evidence import listed
from froude.cost import FP32, Layout, Serving, decoder, get_machine, get_model
from froude.cost.model.operators import Matmul
from froude.cost.papers import adapters as peft
from froude.cost.papers.partial import Trained, partly_trained_bytes
from froude.cost.training.memory.device_memory import fits, memory_bytes
from priced import (
    Format,
    Noted,
    claimed,
    largest_batch,
    nats_of,
    price_iteration,
    trained_net,
)

pytestmark = pytest.mark.experiment


@cache
def trained_matrices() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Weights (inputs, outputs) of the tank's trained transformer, with the mean squares of their inputs."""
    import torch

    net, text = trained_net()
    squares: dict[str, np.ndarray] = {}
    linear = {name: module for name, module in net.named_modules() if isinstance(module, torch.nn.Linear)}

    def note_squares(name: str) -> Callable[..., None]:
        return lambda module, given, out: squares.update({name: (given[0].detach() ** 2).mean((0, 1)).double().numpy()})

    handles = [module.register_forward_hook(note_squares(name)) for name, module in linear.items()]
    net(text[:, :-1])
    for handle in handles:
        handle.remove()
    return tuple((linear[name].weight.detach().double().numpy().T, squares[name]) for name in linear)


def round_groups(values: np.ndarray, bits: int, group: int) -> np.ndarray:
    """Values rounded to whole steps, as many on either side of zero, of one scale for each group of them."""
    flat = np.pad(values.ravel(), (0, -values.size % group)).reshape(-1, group)
    step = np.abs(flat).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
    step = np.where(step > 0, step, 1)
    return (np.round(flat / step) * step).ravel()[: values.size].reshape(values.shape)


@pytest.mark.slow
@pytest.mark.atlas("lq-lora")
def test_bits_chosen_by_an_integer_program_err_less_than_one_width(
    record_property: Noted,
):
    from scipy.optimize import Bounds, LinearConstraint, milp

    gigabytes = 70e9 * Format(bits=claimed("lq-lora", "average width once")[0]).bits_per_weight / 8 / 1e9
    assert gigabytes == pytest.approx(24.9, abs=0.05)
    assert gigabytes < claimed("lq-lora", "GPU memory needed")[0]
    widths = np.array([2, 3, 4, 5, 6, 8])
    matrices = trained_matrices()
    cost = np.array([Format(bits=widths, group=32, scale_bits=16).matrix_bits(*w.shape) for w, _ in matrices])
    error = np.array([
        [float((s[:, None] * (w - round_groups(w, int(b), 32)) ** 2).sum()) for b in widths]
        for w, s in matrices
    ])  # fmt: skip
    gains = {}
    for uniform in (1, 2, 3):
        budget = cost[:, uniform].sum()
        one_each = np.kron(np.eye(len(matrices)), np.ones(len(widths)))
        chosen = milp(
            error.ravel(), integrality=np.ones(error.size), bounds=Bounds(0, 1),
            constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(cost.ravel()[None], 0, budget)],
        )  # fmt: skip
        assert chosen.success
        assert cost.ravel() @ np.round(chosen.x) <= budget
        gains[int(widths[uniform])] = float(chosen.fun / error[:, uniform].sum())
    assert all(gain < 0.95 for gain in gains.values())
    record_property("found", f"{gigabytes:.1f} GB; error over that of uniform bits, by bits {listed(gains, '.2f')}")


@pytest.mark.slow
@pytest.mark.timed
@pytest.mark.atlas("curing", "modelled")
def test_cur_factors_leave_the_published_parameters_of_llama_3_1(
    record_property: Noted,
):
    """Queries, keys and the MLP's gate are factored, at rank 256: as remembered from the paper."""
    from threadpoolctl import threadpool_limits

    model, rank = get_model("llama-3.1-8b"), 256
    factored = [p for p in peft.projections(model) if p.name in ("attention.query", "attention.key", "mlp.gate")]

    def parameters_saved(rank: float | np.ndarray) -> float | np.ndarray:
        return sum(p.inputs * p.outputs - rank * (p.inputs + p.outputs) - rank**2 for p in factored)

    layers, ranks = np.arange(1, 33), np.arange(1, 1025)
    left = model.n_params - layers * parameters_saved(rank)
    published, _ = claimed("curing", "parameters after compression")
    best = int(np.argmin(np.abs(left - published)))
    assert left[best] == pytest.approx(published, rel=0.002)
    chosen = int(ranks[np.argmin(np.abs(model.n_params - layers[best] * parameters_saved(ranks) - published))])
    assert chosen == pytest.approx(rank, rel=0.1)  # chosen for the published size, it is the paper's
    weights = trained_square()
    with threadpool_limits(1):
        svd_seconds, (u, sizes, v) = quickest(lambda: np.linalg.svd(weights, full_matrices=False))
        errors, seconds = {}, {}
        for rank_left in (32, 64, 128, 256, 512):
            seconds[rank_left], (columns, link, rows) = quickest(lambda rank_left=rank_left: cur(weights, rank_left))
            truncated = np.linalg.norm(weights - (u[:, :rank_left] * sizes[:rank_left]) @ v[:rank_left])
            errors[rank_left] = float(np.linalg.norm(weights - columns @ link @ rows) / truncated)
    assert all(error > 1 for error in errors.values())
    assert all(error < 1.5 for rank_left, error in errors.items() if rank_left <= 256)  # up to a quarter of the width
    assert seconds[256] < svd_seconds
    by_rank = (
        f"error over the SVD's by rank {listed(errors, '.2f')}; time at 256 {seconds[256] / svd_seconds:.2f} of it"
    )
    sized = f"{layers[best]} layers leave {left[best] / 1e9:.3f}e9, rank {chosen} the published"
    record_property("found", f"{sized}; {by_rank}")


def quickest(run: Callable[[], Any]) -> tuple[float, Any]:
    """The least CPU seconds of three runs, and what the last gave."""
    seconds, out = [], None
    for _ in range(3):
        start = time.process_time()
        out = run()
        seconds.append(time.process_time() - start)
    return min(seconds), out


def trained_square() -> np.ndarray:
    """The weights of a hidden layer of 1024 values, trained on handwritten digits."""
    import small_nets as nets

    with nets.one_thread():
        stack = nets.train(nets.mlps(1, (64, 1024, 1024, 10)), nets.digits(), lr=1e-3, steps=100, batch=64)
    return stack[1][0][0].double().numpy()


def cur(weights: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns, their link, and rows: pivots of a QR factorisation of a sketch of either side, then least squares."""
    from scipy.linalg import qr

    rng = np.random.default_rng(0)
    chosen = []
    for side in (weights, weights.T):
        sketch = rng.normal(size=(rank + 16, len(side))) @ side
        chosen.append(qr(sketch, mode="r", pivoting=True)[-1][:rank])
    columns, rows = weights[:, chosen[0]], weights[chosen[1]]
    (across, tall), (along, wide) = np.linalg.qr(columns), np.linalg.qr(rows.T)
    link = np.linalg.inv(tall) @ (across.T @ weights @ along) @ np.linalg.inv(wide).T
    return columns, link, rows


@pytest.mark.slow
@pytest.mark.atlas("one-bit-adapters")
def test_one_bit_adapters_take_a_32nd_of_float32(record_property: Noted):
    """A net that tells digits is frozen, its inputs are mirrored, and an adapter beside its hidden layer learns it."""
    import small_nets as nets

    adapter = peft.bottleneck(get_model("vit-b/16"), width=8)
    stored = [adapter.trained * f.bits_per_weight / 8 for f in (FP32, Format(bits=1))]
    assert stored[0] == 32 * stored[1]
    with nets.one_thread():
        accuracy = {bits: adapted_accuracy(bits) for bits in (32, 1)}
        frozen = adapted_accuracy(0)
    gap, spread = accuracy[32].mean() - accuracy[1].mean(), max(a.std(ddof=1) for a in accuracy.values())
    assert accuracy[32].mean() > frozen.mean() + 0.2
    assert accuracy[1].mean() > frozen.mean() + 0.2
    within = "within" if gap <= spread else "beyond"
    shown = f"accuracy {accuracy[32].mean():.3f} and {accuracy[1].mean():.3f}, frozen {frozen.mean():.3f}"
    spoken = f"gap {gap:.3f} of {len(frozen)} seeds, {within} their spread of {spread:.3f}"
    record_property("found", f"{stored[0] / stored[1]:.0f}x; {shown}: {spoken}")


def adapted_accuracy(bits: int, seeds: int = 5) -> np.ndarray:
    """Accuracy by seed of a frozen net on mirrored digits with an adapter of rank 16 trained in so many bits; 0: none.

    One bit is the sign times the mean size of a matrix; gradients pass the rounding (straight through).
    """
    import torch

    import small_nets as nets

    def stored(w: torch.Tensor) -> torch.Tensor:
        one = w.sign() * w.abs().mean(dim=(1, 2), keepdim=True)
        return w + (one - w).detach() if bits == 1 else w

    task = nets.digits()
    base = nets.train(nets.mlps(seeds, (64, 128, 10)), task, lr=3e-3, steps=300, batch=64)
    mirrored = [x.view(-1, 8, 8).flip(2).reshape(-1, 64) for x in (task.x, task.x_test)]
    (first, bias), (last, shift) = base
    rng = torch.Generator().manual_seed(1)
    down = (torch.randn(seeds, 64, 16, generator=rng) / 8).requires_grad_(True)
    up = (0.01 * torch.randn(seeds, 16, 128, generator=rng)).requires_grad_(True)

    def logits(x: torch.Tensor) -> torch.Tensor:
        beside = (x @ stored(down)) @ stored(up) if bits else 0.0
        return torch.relu(x @ first + bias + beside) @ last + shift

    optimizer = torch.optim.Adam([down, up], lr=3e-3)
    for _ in range(400 if bits else 0):
        rows = torch.randint(len(task.y), (64,), generator=rng)
        loss = nets.losses(logits(mirrored[0][rows]), task.y[rows]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (logits(mirrored[1]).argmax(-1) == task.y_test).double().mean(-1).detach().numpy()


@pytest.mark.slow
@pytest.mark.atlas("slicegpt")
def test_slicing_a_quarter_of_the_width_leaves_two_thirds_of_the_time(
    record_property: Noted,
):
    """Each block of a sliced model has two rotations of its residual stream besides (SliceGPT, section 3.3), here in
    the price. A device holds as much as fits beside the runtime, and one works at a time."""
    left = sliced_compute()
    low, high = sorted(claimed("slicegpt", "inference compute left", i)[0] for i in (0, 1))
    assert all(0.9 * low <= percent <= 1.1 * high for percent in left.values())
    shares = (0.0, 0.125, 0.25, 0.375, 0.5)
    before, deviation, nats = sliced_losses(shares)
    assert deviation < 1e-4
    assert nats[0] == pytest.approx(before, abs=1e-5)
    steps = np.diff(nats)
    assert np.all(steps > 0)
    assert steps.max() < 0.5 * (nats[-1] - nats[0])  # no cliff
    by_share = listed(dict(zip(shares, nats.tolist(), strict=True)))
    record_property(
        "found",
        f"percent left on {listed(left, '.1f')}; nats by share sliced {by_share}; rotated {deviation:.0e} apart",
    )


def sliced_losses(shares: Sequence[float]) -> tuple[float, float, np.ndarray]:
    """Of the tank's transformer: its loss, how far a rotation alone moves its logits, and the losses by share sliced.

    One rotation for all layers, to the principal axes of what is normalised; sliced axes are zero from then on. With
    its vectors centred the net's normalisation is one by root mean square, which commutes with a rotation.
    """
    import copy

    import torch

    from froude.tank import transformer

    net, text = trained_net()
    seen = []

    def rms(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.detach())
        return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt()

    centre = torch.eye(64) - 1 / 64
    plain = transformer.normalise
    with torch.no_grad():
        logits, before = net(text[:, :-1]), float(nats_of(net, text))
        try:
            transformer.normalise = rms
            losses, deviation = [], 0.0
            axes = centre
            for share in (None, *shares):
                mask = torch.arange(64) < round(64 * (1 - (share or 0)))
                turn = centre @ axes * mask
                sliced = copy.deepcopy(net)
                sliced.embedding.weight.copy_(net.embedding.weight @ turn)
                for layer, own in zip(sliced.layers, net.layers, strict=True):
                    for name in ("attention.qkv", "up"):
                        layer.get_submodule(name).weight.copy_(own.get_submodule(name).weight @ turn)
                    for name in ("attention.out", "down"):
                        layer.get_submodule(name).weight.copy_(turn.T @ own.get_submodule(name).weight)
                if share is None:  # only centred: what passes shows the axes
                    sliced(text[:, :-1])
                    flat = torch.cat([x.flatten(0, 1) / x.norm(dim=-1).mean() for x in seen])
                    axes = torch.linalg.eigh(flat.T @ flat)[1].flip(1)
                    continue
                losses.append(float(nats_of(sliced, text)))
                if share == 0:
                    deviation = float((sliced(text[:, :-1]) - logits).abs().max())
        finally:
            transformer.normalise = plain
    return before, deviation, np.array(losses)


def sliced_compute() -> dict[str, float]:
    """Percent of the dense LLaMA-2-70B's device-seconds that it takes with a quarter of its width sliced, by chip."""
    dense = get_model("llama-2-70b")
    width = int(0.75 * dense.hidden)
    narrow = decoder(name="sliced", layers=80, hidden=width, heads=64, kv_heads=8, head_width=128, mlp_width=28672,
                     gated=True, vocabulary=32000, tied=False, context=4096, rotary=True)  # fmt: skip
    turn = Matmul(name="rotation", inputs=width, outputs=width)
    sliced = replace(narrow, blocks=tuple(replace(b, operators=(*b.operators, turn, turn)) for b in narrow.blocks))
    left = {}
    for chip in ("a100-40", "rtx-4090"):
        machine = get_machine(chip)
        spent = []
        for model in (dense, sliced):
            devices = np.arange(1, 17)
            fits = largest_batch(model, machine, Serving(context=128, devices=devices)) >= 1
            spent.append(devices[fits][0] * price_iteration(model, machine, Serving(context=128)).seconds)
        left[chip] = 100 * float(spent[1] / spent[0])
    return left


def accuracies_of(pruned_share: float) -> tuple[float, float, float, float]:
    """Accuracy of a small net on digits: trained, pruned, after training biases and norms again; and their share."""
    import torch
    from sklearn.datasets import load_digits

    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
    test = slice(1200, None)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, 640),
        torch.nn.LayerNorm(640),
        torch.nn.ReLU(),
        torch.nn.Linear(640, 640),
        torch.nn.LayerNorm(640),
        torch.nn.ReLU(),
        torch.nn.Linear(640, 10),
    )
    weights = [layer.weight for layer in net if isinstance(layer, torch.nn.Linear)]
    subset = [p for p in net.parameters() if p.dim() == 1]

    def train(parameters: list[torch.nn.Parameter], steps: int) -> None:
        optimizer = torch.optim.Adam(parameters, lr=3e-3)
        for _ in range(steps):
            rows = torch.randint(0, 1200, (128,))
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()

    def accuracy() -> float:
        with torch.no_grad():
            return float((net(x[test]).argmax(1) == y[test]).float().mean())

    train(list(net.parameters()), 200)
    before = accuracy()
    with torch.no_grad():
        for weight in weights:
            weight[weight.abs() < weight.abs().quantile(pruned_share)] = 0
    pruned = accuracy()
    train(subset, 200)
    return before, pruned, accuracy(), sum(p.numel() for p in subset) / sum(p.numel() for p in net.parameters())


@pytest.mark.slow
@pytest.mark.atlas("perp", "modelled")
def test_retraining_a_hundredth_after_pruning_fits_30b_on_80_gb(
    record_property,
) -> None:
    model, machine = get_model("opt-30b"), get_machine("1 x a100-80")
    layout = Layout(devices=1, global_batch=1, seq_len=2048)
    memory = partly_trained_bytes(model, layout, Trained(parameters=0.003 * float(model.n_params)))
    assert fits(memory, machine)
    assert not fits(memory_bytes(model, layout), machine)
    before, pruned, after, share = accuracies_of(0.8)
    assert share < 0.01
    assert before - pruned > 0.05  # there is something to recover
    assert (after - pruned) / (before - pruned) > 0.5
    needs = f"30B with 0.3% trained needs {float(memory.allocated) / 2**30:.0f} GiB"
    record_property("found", f"{needs}; {share:.2%} of a net: {before:.3f}, pruned {pruned:.3f}, again {after:.3f}")
