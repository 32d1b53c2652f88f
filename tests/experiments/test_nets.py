"""What rows of the atlas say of nets that are pruned, quantised, factored, grown or tuned, judged by Froude's fits."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from froude.cost.model.formats import Format
from froude.cost.model.operators import Matmul
from froude.growth.exponents import Growth, fit_growth
from small_nets import (
    Stack,
    Task,
    accuracy,
    digits,
    exponent,
    forward,
    held_out_loss,
    hidden,
    in_words,
    losses,
    mlps,
    one_thread,
    python_text,
    train,
)

pytestmark = pytest.mark.experiment


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


# --- quantisation -------------------------------------------------------------------------------------------


TURNS = 16
"""Random turns over which what rounding does is averaged."""


def round_weights(w: Tensor, levels: int, rng: torch.Generator) -> Tensor:
    """Weights (in, out) at so many equally spaced levels: turned at random along the inputs, which makes them normal,
    rounded at the step that leaves the least squared error, and turned back.
    """
    turn = torch.linalg.qr(torch.randn(w.shape[-2], w.shape[-2], generator=rng))[0]
    turned = turn @ w
    rms = turned.square().mean(-2, keepdim=True).sqrt()
    candidates = [on_grid(turned, rms * width / levels, levels) for width in np.arange(1.5, 8.0, 0.25)]
    return turn.T @ min(candidates, key=lambda each: float((each - turned).square().sum()))


def on_grid(w: Tensor, step: Tensor, levels: int) -> Tensor:
    """Weights at the nearest of equally spaced levels around zero."""
    top = (levels - 1) / 2
    return ((w / step + top).round().clamp(0, levels - 1) - top) * step


def with_layers(stack: Stack, weights: dict[int, Tensor]) -> Stack:
    """The same stack with other weights in some layers."""
    return [(weights.get(i, w), b) for i, (w, b) in enumerate(stack)]


def relative_error(w: Tensor, other: Tensor) -> float:
    """Squared distance over squared norm."""
    return float((w - other).square().sum((-2, -1)).mean() / w.square().sum())


def perplexity(stack: Stack, task: Task) -> float:
    """On the test, the mean over models."""
    return float(np.exp(held_out_loss(stack, task)).mean())


def best_levels(cost: np.ndarray, sizes: Sequence[int], levels: Sequence[int], uniform: int) -> list[int]:
    """Which levels each layer takes, by position, at the least total cost (layers, levels): by dynamic programming.

    All take no more bits, log2 of the levels for each weight, than if every layer took the position `uniform`.
    """
    bits = np.outer(np.array(sizes) / np.gcd.reduce(sizes), np.ceil(1000 * np.log2(levels))).astype(int)
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for row, spend in zip(cost, bits, strict=True):
        longer: dict[int, tuple[float, list[int]]] = {}
        for (spent, (total, taken)), (k, c) in itertools.product(best.items(), enumerate(row)):
            now = spent + int(spend[k])
            if now <= bits[:, uniform].sum() and (now not in longer or total + c < longer[now][0]):
                longer[now] = (total + float(c), [*taken, k])
        best = longer
    return min(best.values())[1]


@pytest.mark.slow
@pytest.mark.atlas("higgs-linearity", "modelled")
def test_perplexity_rises_linearly_in_the_errors_of_layers(
    record_property,
) -> None:
    seed = 0
    task = python_text(seed, n=20_000)
    half = len(task.y_test) // 2
    calibration = Task(x=task.x, y=task.y, x_test=task.x_test[:half], y_test=task.y_test[:half])
    held_out = Task(x=task.x, y=task.y, x_test=task.x_test[half:], y_test=task.y_test[half:])
    stack = train(mlps(1, (192, 64, 64, 64, 64, 64), seed), task, lr=0.003, steps=1200, batch=64)
    layers, levels, base = range(len(stack)), (4, 6, 8, 11, 16, 23, 32, 45, 64), perplexity(stack, calibration)
    rng = torch.Generator().manual_seed(seed)
    quantised = {
        (i, n): torch.stack([round_weights(stack[i][0][0], n, rng) for _ in range(TURNS)])
        for i in layers
        for n in levels
    }
    error = np.array([[relative_error(stack[i][0], quantised[i, n]) for n in levels] for i in layers])
    weight = np.array([slope_of(stack, i, calibration, base) for i in layers])
    medium = [k for k, n in enumerate(levels) if 8 <= n <= 32]
    choices = np.random.default_rng(seed).choice(medium, (60, len(stack)))
    predicted = np.array([(weight * error[layers, row]).sum() for row in choices])
    measured = np.array([perplexity(weights_by(stack, quantised, levels, row), calibration) - base for row in choices])
    r2 = float(np.corrcoef(predicted, measured)[0, 1] ** 2)
    sizes = [w.numel() for w, _ in stack]
    rises = {}
    for uniform in (6, 8, 11, 16):
        picked = best_levels(weight[:, None] * error, sizes, levels, levels.index(uniform))
        rises[uniform] = [
            perplexity(weights_by(stack, quantised, levels, row), held_out) - perplexity(stack, held_out)
            for row in (picked, [levels.index(uniform)] * len(stack))
        ]
    mine, uniform = np.sum(list(rises.values()), axis=0)
    grown = fit_growth(predicted.tolist(), [[m] for m in measured])
    assert isinstance(grown, Growth), grown
    record_property(
        "found",
        f"R2 {r2:.3f}, exponent {in_words(grown)} from {measured.min():.2f} to {measured.max():.2f} above {base:.2f}; "
        f"held out, over four budgets: {mine:.2f} above, uniform {uniform:.2f}",
    )
    assert r2 > 0.95
    assert mine < uniform
    assert rises[16][0] < rises[16][1]


def weights_by(
    stack: Stack, quantised: Mapping[tuple[int, int], Tensor], levels: Sequence[int], row: Sequence[int]
) -> Stack:
    """The stack with each layer at the levels whose position the row names."""
    return with_layers(stack, {i: quantised[i, levels[k]] for i, k in enumerate(row)})


def slope_of(stack: Stack, layer: int, task: Task, base: float, draws: int = 32) -> float:
    """How much the perplexity rises for each relative squared error of a layer, by noise of 1% of its norm²."""
    rng, (w, _) = torch.Generator().manual_seed(layer), stack[layer]
    noise = torch.randn(draws, *w.shape[1:], generator=rng) * (0.01 * w.square().mean()) ** 0.5
    return (perplexity(with_layers(stack, {layer: w + noise}), task) - base) / 0.01


PARTS = (1, 2, 4, 16)
"""Into how many groups of outputs each layer is cut, any of which may be coarse."""


def largest_coarse_share(stack: Stack, task: Task, parts: int, most: float) -> float:
    """The largest share of weights that can be at 2 bits with a test loss of at most `most`.

    Groups become coarse in the order of the loss that each costs by itself on the training data, per weight.
    """
    coarse = [w.sign() * w.abs().mean(-2, keepdim=True) for w, _ in stack]
    units = [
        (i, part)
        for i, (w, _) in enumerate(stack)
        for part in np.array_split(np.arange(w.shape[-1]), min(parts, w.shape[-1]))
    ]
    inner = Task(x=task.x, y=task.y, x_test=task.x[:1000], y_test=task.y[:1000])

    def with_coarse(taken: Sequence[tuple[int, np.ndarray]]) -> Stack:
        changed = {i: stack[i][0].clone() for i, _ in taken}
        for i, part in taken:
            changed[i][..., part] = coarse[i][..., part]
        return with_layers(stack, changed)

    sizes = [stack[i][0].shape[-2] * len(part) for i, part in units]
    costs = [held_out_loss(with_coarse([unit]), inner)[0] / size for unit, size in zip(units, sizes, strict=True)]
    order = np.argsort(costs)
    borne = [
        sum(sizes[i] for i in order[:k]) / sum(sizes)
        for k in range(1, len(order) + 1)
        if held_out_loss(with_coarse([units[i] for i in order[:k]]), task)[0] <= most
    ]
    return max(borne, default=0.0)


@pytest.mark.atlas("mixed-quantization-law")
def test_larger_nets_and_finer_groups_bear_more_coarse_weights(record_property) -> None:
    widths, rise, seeds = (16, 32, 64, 128), 0.1, 4
    fine: dict[int, list[list[float]]] = {parts: [] for parts in PARTS}
    for width in widths:
        trained = [
            (task, train(mlps(1, (64, width, width, width, 10), seed), task, lr=0.005, steps=400, batch=64, seed=seed))
            for seed, task in enumerate(map(digits, range(seeds)))
        ]
        for parts, shares_needed in fine.items():
            most = [held_out_loss(net, task)[0] + rise for task, net in trained]
            shares_needed.append(
                [1 - largest_coarse_share(net, task, parts, m) for (task, net), m in zip(trained, most, strict=True)]
            )
    by_width = {parts: exponent(widths, shares_needed) for parts, shares_needed in fine.items()}
    every = np.array([fine[parts] for parts in PARTS])  # (parts, widths, seeds)
    by_parts = exponent(PARTS, (every / every.mean(axis=0)).reshape(len(PARTS), -1))
    record_property(
        "found",
        f"share that must stay fine as width^ {'; '.join(f'{in_words(g)} in {k} parts' for k, g in by_width.items())}; "
        f"as parts^ {in_words(by_parts)}",
    )
    assert all(growth.hi < 0 for growth in by_width.values())
    assert by_parts.hi < 0


def covariance_factors(w: np.ndarray, x: np.ndarray, rank: int) -> np.ndarray:
    """The best weights of this rank for the outputs x·w, from the covariance of the outputs."""
    outputs = x @ w
    basis = np.linalg.eigh(outputs.T @ outputs)[1][:, -rank:]
    return (w @ basis) @ basis.T


def factored(stack: Stack, x: np.ndarray, rank: int) -> Iterator[np.ndarray]:
    """Hidden layers one after another, each by what the factored layers before it give for inputs x (n, features)."""
    for w, b in stack[:-1]:
        low = covariance_factors(w[0].numpy(), x, rank)
        x = np.maximum(x @ low + b[0].numpy(), 0)
        yield low


# --- what is trained ----------------------------------------------------------------------------------------


def saliency(stack: Stack, task: Task) -> list[Tensor]:
    """|weight · gradient| at the start, of the loss on the training data: what SNIP ranks weights by."""
    weights = [w.clone().requires_grad_(True) for w, _ in stack]
    loss = losses(forward(with_layers(stack, dict(enumerate(weights))), task.x), task.y).sum()
    return [(w * g).abs().detach() for w, g in zip(weights, torch.autograd.grad(loss, weights), strict=True)]


def top_masks(scores: Sequence[Tensor], shares: Sequence[float]) -> list[Tensor]:
    """1 where a weight is among its model's share of largest scores, over all layers; a share for each model."""
    flat = torch.cat([score.flatten(1) for score in scores], dim=1)
    counts_left = [int(share * flat.shape[1]) for share in shares]
    least = torch.stack([row.sort(descending=True).values[n - 1] for row, n in zip(flat, counts_left, strict=True)])
    return [(score >= least[:, None, None]).float() for score in scores]


@pytest.mark.slow
@pytest.mark.atlas("freezenet")
def test_frozen_weights_keep_more_accuracy_than_pruned_ones(record_property) -> None:
    shares, seeds, sizes = (1.0, 0.3, 0.1, 0.03, 0.01), 4, (64, 100, 100, 10)
    task, per_model = digits(0), np.tile(shares, seeds)
    start = mlps(len(per_model), sizes, seed=0)
    masks = top_masks(saliency(start, task), per_model.tolist())
    pruned = [(w * mask, b) for (w, b), mask in zip(start, masks, strict=True)]
    ends = [train(each, task, lr=0.005, steps=400, batch=64, masks=masks) for each in (start, pruned)]
    frozen, cut = (accuracy(end, task).reshape(seeds, -1).T for end in ends)
    counts = [int(share * sum(w[0].numel() for w, _ in start)) for share in shares]
    grown = exponent(counts[::-1], 1 - frozen[::-1])
    packed = pack(ends[0], masks, last := len(shares) - 1, seed=0)
    biases = sum(b[0].numel() for _, b in start)
    record_property(
        "found",
        f"error as trained weights^ {in_words(grown)}; accuracy frozen against pruned: "
        + ", ".join(f"{a.mean():.3f}, {b.mean():.3f} at {s:.0%}" for s, a, b in zip(shares, frozen, cut, strict=True))
        + f"; {4 * (counts[0] + biases) / len(packed):.0f} times fewer bytes at {shares[-1]:.0%}",
    )
    assert grown.hi < 0
    assert frozen[1:].mean() > cut[1:].mean()
    assert np.all(frozen[3:].mean(axis=1) > cut[3:].mean(axis=1))
    sparse = Format(bits=32, kept=counts[-1] / sum(w[0].numel() for w, _ in start), index_bits=16)
    stored = sum(float(sparse.matrix_bits(*w.shape[1:])) for w, _ in start) / 8
    assert len(packed) == round(stored) + 4 * biases + SEED_BYTES
    assert accuracy(unpack(packed, counts[-1], len(per_model), last, sizes), task)[0] == frozen[-1, 0]


SEED_BYTES = 8


def pack(stack: Stack, masks: Sequence[Tensor], model: int, seed: int) -> bytes:
    """A model of which most weights are as drawn: the seed, the places of the others, their values, and the biases."""
    mask, weights = (torch.cat([t[model].flatten() for t in layers]) for layers in (masks, [w for w, _ in stack]))
    places = mask.nonzero()[:, 0].numpy().astype(np.uint16)
    biases = torch.cat([b[model].flatten() for _, b in stack]).numpy()
    return (
        seed.to_bytes(SEED_BYTES, "little") + places.tobytes() + weights[mask > 0].numpy().tobytes() + biases.tobytes()
    )


def unpack(data: bytes, count: int, models: int, model: int, sizes: Sequence[int]) -> Stack:
    """The model that `pack` wrote with so many weights of its own, once one of so many models of these sizes."""
    drawn = mlps(models, sizes, int.from_bytes(data[:SEED_BYTES], "little"))
    places = np.frombuffer(data, np.uint16, count, SEED_BYTES).astype(int)
    values = np.frombuffer(data, np.float32, count, SEED_BYTES + 2 * count)
    biases = iter(np.split(np.frombuffer(data, np.float32, -1, SEED_BYTES + 6 * count), np.cumsum(sizes[1:])[:-1]))
    flat = torch.cat([w[model].flatten() for w, _ in drawn])
    flat[torch.tensor(places)] = torch.tensor(values)
    layers = flat.split([w[model].numel() for w, _ in drawn])
    return [
        (layer.view(1, *w.shape[1:]), torch.tensor(next(biases)).view(1, 1, -1))
        for layer, (w, _) in zip(layers, drawn, strict=True)
    ]


@pytest.mark.slow
@pytest.mark.atlas("granet", "modelled")
def test_pruning_with_regrowth_ends_higher_than_gradual_pruning(record_property) -> None:
    task, seeds, share, steps, rounds = digits(0), 16, 0.05, 600, 12
    start = mlps(seeds, (64, 100, 100, 10), 0)
    ends, spent = {}, {}
    for regrow in (0.0, 0.3):
        stack, density, masks, densities = start, 1.0, [torch.ones_like(w) for w, _ in start], []
        for r in range(rounds):
            stack = train(
                stack,
                task,
                lr=0.005 * (1 - 0.8 * r / rounds),
                steps=steps // rounds,
                batch=64,
                seed=r,
                masks=masks,
                decay=False,
            )
            densities.append(density)
            done = min(1.0, (r + 1) / (0.7 * rounds))
            density = share + (1 - share) * (1 - done) ** 3
            if r < rounds - 2:
                keep = density * (1 - regrow)
                magnitude = [w.abs() * m for (w, _), m in zip(stack, masks, strict=True)]
                left_masks = top_masks(magnitude, [keep] * seeds)
                if regrow:
                    grads = gradient_sizes(stack, task)
                    free = [g * (1 - k) for g, k in zip(grads, left_masks, strict=True)]
                    grown = top_masks(free, [density - keep] * seeds)
                    masks = [k + g for k, g in zip(left_masks, grown, strict=True)]
                    stack = [(w * k, b) for (w, b), k in zip(stack, left_masks, strict=True)]
                else:
                    masks = left_masks
                    stack = [(w * m, b) for (w, b), m in zip(stack, masks, strict=True)]
        ends[regrow] = accuracy(stack, task)
        spent[regrow] = float(np.mean(densities))
        assert sum(float(m.sum()) for m in masks) <= share * sum(m.numel() for m in masks)
    plain, regrown = ends[0.0], ends[0.3]
    sure = 2 * (plain.var(ddof=1) / seeds + regrown.var(ddof=1) / seeds) ** 0.5
    record_property(
        "found",
        f"accuracy at {1 - share:.0%} sparsity: {regrown.mean():.4f} regrown, {plain.mean():.4f} without, "
        f"two standard errors {sure:.4f}; {spent[0.3]:.2f} of the dense FLOPs each",
    )
    assert spent[0.0] == spent[0.3]
    assert regrown.mean() - plain.mean() > sure


def gradient_sizes(stack: Stack, task: Task) -> list[Tensor]:
    """|gradient| of every weight of the loss on the training data."""
    weights = [w.clone().requires_grad_(True) for w, _ in stack]
    loss = losses(forward(with_layers(stack, dict(enumerate(weights))), task.x), task.y).sum()
    return [g.abs() for g in torch.autograd.grad(loss, weights)]


# --- nets that grow -----------------------------------------------------------------------------------------

TOKEN_SCALE = 4.0


def by_tokens(stack: Stack, x: Tensor) -> Tensor:
    """Logits of layers that attend to parameter tokens: keys (models, in, tokens), values (models, tokens, out).

    Scores are divided by their norm, to which tokens with a key of zero add nothing, and pass a GELU, which keeps 0.
    """
    for i, (keys, values) in enumerate(stack):
        scores = x @ keys
        scores = torch.nn.functional.gelu(TOKEN_SCALE * scores / (scores.norm(dim=-1, keepdim=True) + 1e-6))
        x = scores @ values + (x if i else 0)
    return x


def token_layers(tokens: int, seed: int, keys: float = 1.0) -> Stack:
    """Two layers of so many parameter tokens for the Python text; `keys` scales the keys."""
    rng = torch.Generator().manual_seed(seed)
    return [
        (keys * torch.randn(1, n, tokens, generator=rng) / n**0.5, torch.randn(1, tokens, 64, generator=rng) / 8)
        for n in (192, 64)
    ]


def step_flops(tokens: int) -> float:
    """FLOPs of a step forward and backward, by example: the products with keys and values of both layers."""
    shapes = ((192, tokens), (tokens, 64), (64, tokens), (tokens, 64))
    return 3 * sum(float(Matmul(name="tokens", inputs=i, outputs=o).forward_flops(1)) for i, o in shapes)


@pytest.mark.slow
@pytest.mark.atlas("tokenformer")
def test_growing_by_zero_keys_costs_less_than_each_size_from_scratch(record_property) -> None:
    task, sizes, steps, batch = python_text(0, n=30_000), (16, 32, 64, 128), 300, 64
    flops = [step_flops(n) * batch for n in sizes]
    stack, reached = token_layers(sizes[0], seed=0), []
    for i, n in enumerate(sizes):
        if i:
            added = token_layers(n - sizes[i - 1], seed=i, keys=0.0)
            larger = [
                (torch.cat([k, k2], 2), torch.cat([v, v2], 1)) for (k, v), (k2, v2) in zip(stack, added, strict=True)
            ]
            assert torch.allclose(by_tokens(larger, task.x_test), by_tokens(stack, task.x_test), atol=1e-5)
            stack = larger
        stack = train(stack, task, lr=0.002, steps=steps, batch=batch, seed=i, run=by_tokens, decay=False)
        reached.append(float(held_out_loss(stack, task, by_tokens)[0]))
    alone = []  # at least: where as many steps do not reach the loss, more would be needed
    for n, target in zip(sizes, reached, strict=True):
        scratch, taken = token_layers(n, seed=10), 0
        while taken < 2000 and held_out_loss(scratch, task, by_tokens)[0] > target:
            scratch = train(scratch, task, lr=0.002, steps=100, batch=batch, seed=taken, run=by_tokens, decay=False)
            taken += 100
        alone.append(taken)
    grown, scratch_flops = steps * np.cumsum(flops), np.cumsum(np.array(alone) * flops)
    record_property(
        "found",
        f"FLOPs for all sizes up to {sizes[-1]} tokens: {grown[-1]:.2g} grown, {scratch_flops[-1]:.2g} from scratch, "
        f"{', '.join(f'{a / b:.2f}' for a, b in zip(grown, scratch_flops, strict=True))} of it by size; as "
        f"tokens^ {in_words(exponent(sizes, grown[:, None]))} and {in_words(exponent(sizes, scratch_flops[:, None]))}",
    )
    assert np.all(grown[1:] < scratch_flops[1:])


# --- fewer samples, fewer retrained weights -----------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.atlas("integer-quant-principles", "modelled")
def test_eight_bits_stay_within_one_percent_of_float(record_property) -> None:
    accuracies: dict[tuple[str, int], list[float]] = {}
    for seed, name in itertools.product(range(3), ("digits", "text")):
        task, sizes = (digits(seed), (64, 64, 64, 10)) if name == "digits" else (python_text(seed), (192, 64, 64, 64))
        net = train(mlps(1, sizes, seed), task, lr=0.003, steps=500, batch=64, seed=seed)
        for rule, bits in itertools.product(("max", "99.9%", "90%"), (8, 4)):
            whole = accuracy(net, task, lambda s, x, r=rule, b=bits, t=task: integer_forward(s, x, t.x, b, r))
            accuracies.setdefault((rule, bits), []).append(float(whole[0] / accuracy(net, task)[0]))
    record_property(
        "found",
        "least share of float's accuracy over six nets: "
        + ", ".join(f"{min(v):.3f} by {rule} at {bits} bits" for (rule, bits), v in accuracies.items()),
    )
    assert min(accuracies["max", 8] + accuracies["99.9%", 8]) > 0.99
    assert np.mean(accuracies["90%", 8]) < np.mean(accuracies["max", 8])


def integer_forward(stack: Stack, x: Tensor, calibration: Tensor, bits: int, rule: str) -> Tensor:
    """Logits with weights and activations on integer grids: weights by channel, activations by a calibrated range."""
    top, seen = 2 ** (bits - 1) - 1, [calibration, *hidden(stack, calibration)]
    for i, (w, b) in enumerate(stack):
        size = seen[i].abs().flatten()
        limit = size.max() if rule == "max" else size.sort().values[int(float(rule[:-1]) / 100 * len(size))]
        scale, grain = limit / top, w.abs().amax(-2, keepdim=True) / top
        x = ((x / scale).round().clamp(-top, top) @ (w / grain).round()) * scale * grain + b
        x = torch.relu(x) if i < len(stack) - 1 else x
    return x


def tuned_share(width: int, rule: str, seeds: int, grid: Sequence[float]) -> np.ndarray:
    """The share of weights that fine-tuning must move for 90% of full tuning's accuracy on turned digits, (seeds,).

    Those moved are drawn at random ("random"), or are the last layers' first ("module").
    """
    task = digits(0)
    turned = Task(x=transposed(task.x), y=task.y, x_test=transposed(task.x_test), y_test=task.y_test)
    before = train(mlps(seeds, (64, width, width, 10), 0), task, lr=0.004, steps=300, batch=64)
    shares, rng = np.repeat(grid, seeds), torch.Generator().manual_seed(1)
    scores = [
        torch.rand(len(shares), *w.shape[1:], generator=rng) + (i if rule == "module" else 0)
        for i, (w, _) in enumerate(before)
    ]
    stack = [(w.repeat(len(grid), 1, 1), b.repeat(len(grid), 1, 1)) for w, b in before]
    tuned = train(stack, turned, lr=0.004, steps=300, batch=64, masks=top_masks(scores, shares.tolist()))
    right = accuracy(tuned, turned).reshape(len(grid), seeds)
    return np.array([np.exp(np.interp(0.9 * row[-1], np.maximum.accumulate(row), np.log(grid))) for row in right.T])


def transposed(x: Tensor) -> Tensor:
    """Digits with rows and columns exchanged."""
    return x.view(-1, 8, 8).transpose(1, 2).flatten(1)


@pytest.mark.atlas("apet-power-of-scale", "modelled")
def test_larger_nets_need_a_smaller_share_of_tuned_weights(record_property) -> None:
    widths, grid = (16, 32, 64, 128), (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0)
    needed = {rule: exponent(widths, [tuned_share(w, rule, 3, grid) for w in widths]) for rule in ("random", "module")}
    shares = "; ".join(f"{in_words(growth)} {rule}" for rule, growth in needed.items())
    record_property("found", f"share needed as width^ {shares}")
    assert all(growth.hi < 0 for growth in needed.values())
