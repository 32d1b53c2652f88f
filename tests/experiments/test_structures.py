"""Rows of the atlas about the shape of a net: what its matrices are made of, and what it scores before training."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from torch import Tensor

from froude import Runs
from froude.cost import Machine, Model, get_machine, get_model
from froude.cost.model.operators import Matmul
from froude.fitting import Fit, compare, fit, fit_optimum
from froude.laws.families.width import mup_multipliers
from froude.planning import Plan, plan_layout
from priced import claimed
from small_nets import Stack, Task, accuracy, digits, held_out_loss, hidden, mlps, one_thread, python_text, train

pytestmark = pytest.mark.experiment


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


# --- matrices of blocks -------------------------------------------------------------------------------------

BASE_INPUTS = 64  # of a block at which the rate is the one that is given
FEATURES, CLASSES = 64, 64
RANK = 2  # of a block tensor train: 1 makes it a Monarch matrix
WIDTHS = {
    "dense": (32, 48, 64, 96, 128, 192),
    "Monarch": (64, 100, 144, 256, 400),
    "BTT": (49, 81, 144, 196, 324),
}
STEPS, BATCH = 200, 64
RATES = 0.0113 * 2.0 ** np.arange(-1, 1.5, 0.5)
LOWER_RATES = 0.0113 * 2.0 ** np.arange(-2, 1.0, 0.5)

Blocks = tuple[int, int, int]
"""Blocks of a factor, and the inputs and outputs of each."""


def factors_of(structure: str, width: int) -> list[Blocks]:
    """The block-diagonal factors of a width × width matrix, in the order in which they are applied.

    A Monarch matrix and a block tensor train are two of √width blocks each, with a transposition between (Qiu et al.
    2024, arXiv:2406.06248, section 2).
    """
    if structure == "dense":
        return [(1, width, width)]
    side, rank = round(width**0.5), RANK if structure == "BTT" else 1
    return [(side, side, rank * side), (side, rank * side, side)]


def layers_of(structure: str, width: int) -> list[list[Blocks]]:
    """Factors of each layer of an MLP with two hidden matrices of a structure; the first and last layer are dense."""
    hidden = factors_of(structure, width)
    return [[(1, FEATURES, width)], hidden, hidden, [(1, width, CLASSES)]]


def rates_of(structure: str, width: int) -> list[list[float]]:
    """What multiplies Adam's rate, by layer and factor: muP's for matrices as large as a block, shared by the factors.

    So a dense layer's rate falls as the width, and that of blocks as its root. Qiu et al. 2024, section 3, with the
    division by the number of factors of its code.
    """
    first, *between, last = layers_of(structure, width)
    inside = [[mup_multipliers(i / BASE_INPUTS)["hidden"].lr / len(layer) for _, i, _ in layer] for layer in between]
    return [[1.0 for _ in first], *inside, [mup_multipliers(width / BASE_INPUTS)["output"].output for _ in last]]


def stack_of(structure: str, width: int, models: int, tuned: int, seed: int) -> Stack:
    """A stack of such MLPs: each layer is a matrix and a bias, or two factors (models, blocks · inputs, outputs).

    Weights are kept in units of the rates of the width `tuned`, by which `by_blocks` multiplies them again: one rate
    of Adam then suits all layers. Blocks have a variance of 1/inputs, times outputs/inputs where these are fewer; the
    last layer is zero.
    """
    rng, stack = torch.Generator().manual_seed(seed), []
    shapes, rates = layers_of(structure, width), rates_of(structure, tuned)
    for layer, units in zip(shapes, rates, strict=True):
        gain = 0.0 if layer is shapes[-1] else 2 ** (0.5 / len(layer))
        drawn = [
            torch.randn(models, b * i, o, generator=rng) * (gain * min(1, o / i) ** 0.5 / i**0.5 / unit)
            for (b, i, o), unit in zip(layer, units, strict=True)
        ]
        stack.append((drawn[0], drawn[1] if len(drawn) == 2 else torch.zeros(models, 1, layer[0][2])))
    return stack


def by_blocks(stack: Stack, x: Tensor, structure: str, width: int, tuned: int) -> Tensor:
    """Logits (models, n, classes) of inputs (n, features) or (models, n, features)."""
    shapes, rates = layers_of(structure, width), rates_of(structure, tuned)
    for k, ((first, second), layer, units) in enumerate(zip(stack, shapes, rates, strict=True)):
        if len(layer) == 1:
            x = x @ (units[0] * first) + second
        else:
            x = two_factors(x, units[0] * first, units[1] * second, layer)
        x = torch.relu(x) if k < len(stack) - 1 else x
    return x


def two_factors(x: Tensor, first: Tensor, second: Tensor, shapes: Sequence[Blocks]) -> Tensor:
    """x (models, n, width) times two block-diagonal factors, with the grid of blocks and places transposed between."""
    (side, inner, _), (_, outer, _) = shapes
    models, n, width = x.shape
    blocks = x.view(models, n, side, inner).transpose(1, 2) @ first.view(models, side, inner, -1)
    grid = blocks.view(models, side, n, side, -1).permute(0, 3, 2, 1, 4).reshape(models, side, n, outer)
    return (grid @ second.view(models, side, outer, -1)).transpose(1, 2).reshape(models, n, width)


def training_flops(structure: str, width: int) -> float:
    """FLOPs of a whole training: three times those forward, as the cost model counts products."""
    shapes = [shape for layer in layers_of(structure, width) for shape in layer]
    matmuls = [Matmul(name="factor", inputs=i, outputs=o, experts=b, active=b) for b, i, o in shapes]
    return 3 * BATCH * STEPS * sum(float(each.forward_flops(1)) for each in matmuls)


def text_features(seed: int) -> Task:
    """The Python text with four bytes before, each place a random projection to 64 features of unit variance."""
    text = python_text(seed, n=60_000, before=4)
    rng = torch.Generator().manual_seed(seed)
    into = torch.randn(text.x.shape[1], FEATURES, generator=rng)
    into = into / (text.x @ into).std()
    return Task(x=text.x @ into, y=text.y, x_test=text.x_test @ into, y_test=text.y_test)


def ends(task: Task, structure: str, width: int, rates: np.ndarray, seed: int, tuned: int) -> np.ndarray:
    """Held-out loss in nats a byte after training at each of the rates, layers at the ratios of the width `tuned`."""
    run = partial(by_blocks, structure=structure, width=width, tuned=tuned)
    start = stack_of(structure, width, len(rates), tuned, seed)
    lr = torch.tensor(rates, dtype=torch.float32)
    return held_out_loss(train(start, task, lr=lr, steps=STEPS, batch=BATCH, seed=seed, run=run), task, run)


def sweep(structure: str, rates: np.ndarray, seeds: int, seed: int, ruled: bool = True) -> Runs:
    """Runs of a structure at all of its widths and at these rates, each by its rule or as at the smallest width."""
    task, rows, narrowest = text_features(seed), [], WIDTHS[structure][0]
    each = np.tile(rates, seeds)
    for width in WIDTHS[structure]:
        loss = ends(task, structure, width, each, seed, width if ruled else narrowest)
        at = {"width": float(width), "C": training_flops(structure, width)}
        rows += [{**at, "lr": float(r), "loss": float(y)} for r, y in zip(each, loss, strict=True)]
    return Runs.from_rows(rows)


def drift_of_rate(runs: Runs) -> tuple[float, float, float]:
    """The best rate as a power of the width, and its interval."""
    optimum = fit_optimum(runs, over=("lr",), by=("width",))
    return optimum.exponents["lr"]["width"], *optimum.intervals["lr"]["width"]


def transferred(runs: Runs) -> tuple[Runs, float]:
    """The runs at the one rate that is best on average at the smallest width, and how far from the best it ends.

    The latter is relative, at the width where it is largest.
    """
    rates, widths = np.unique(runs["lr"]), np.unique(runs["width"])
    means = np.array(
        [[runs["loss"][(runs["width"] == w) & (runs["lr"] == rate)].mean() for rate in rates] for w in widths]
    )
    best = int(means[0].argmin())
    return runs.take(runs["lr"] == rates[best]), float((means[:, best] / means.min(axis=1)).max() - 1)


@pytest.mark.parametrize(("structure", "rank"), [("Monarch", 1), ("BTT", RANK)])
def test_two_factors_make_a_full_rank_matrix_of_low_rank_blocks(structure: str, rank: int) -> None:
    width, side = 49, 7
    (layer,) = stack_of(structure, width, 1, width, seed=0)[1:2]
    product = two_factors(torch.eye(width)[None], *layer, factors_of(structure, width))[0]
    blocks = product.view(side, side, side, side).transpose(1, 2)
    assert torch.linalg.matrix_rank(blocks).unique().tolist() == [rank]
    assert torch.linalg.matrix_rank(product) == width
    weights = Matmul(name="dense", inputs=width, outputs=width).forward_flops(1)
    assert 2 * sum(factor.numel() for factor in layer) == 2 * rank / side * weights


@pytest.mark.atlas("block-tensor-train", "modelled")
def test_best_rates_move_less_with_width_by_each_structures_rule(
    record_property,
) -> None:
    fits: dict[str, Fit] = {}
    drifts, losts = {}, {}
    for name in WIDTHS:
        runs = sweep(name, RATES, seeds=3, seed=0)
        drifts[name] = drift_of_rate(runs)
        moved_rates, losts[name] = transferred(runs)
        fits[name] = fit("power", moved_rates, x="C", draws=500)  # a decade of compute tells no floor from an exponent
    unruled = {
        name: drift_of_rate(sweep(name, LOWER_RATES, seeds=2, seed=0, ruled=False)) for name in ("dense", "Monarch")
    }
    spans = [(law_fit.inputs["C"].min(), law_fit.inputs["C"].max()) for law_fit in fits.values()]
    low, high = max(least for least, _ in spans), min(most for _, most in spans)
    gains = {
        (name, at): compare(fits["dense"], fits[name], at=at).multiplier
        for name in ("Monarch", "BTT")
        for at in ((low * high) ** 0.5, high)
    }
    powers = {name: (law_fit.params["alpha"], *law_fit.intervals["alpha"]) for name, law_fit in fits.items()}
    record_property(
        "found",
        "compute multiplier over dense (FLOPs of a dense net over those of the structure at the same loss; above 1 the "
        "structure saves): "
        + ", ".join(f"{n} {g.value:.2f} ({g.lo:.2f} to {g.hi:.2f}) at {c:.1g} FLOPs" for (n, c), g in gains.items())
        + " on MLPs of Python bytes; BTT in the paper on ViT-S/32 and ImageNet "
        f"{claimed('block-tensor-train', 'compute saved')[0]:g}; loss as FLOPs^-alpha, alpha {in_words(powers)}; best "
        f"rate as width^ {in_words(drifts)} by each structure's rule, {in_words(unruled)} without; the rate that is "
        f"best at the narrowest width loses {max(losts.values()):.1%} at most at a wider one",
    )
    for name, law_fit in fits.items():
        assert len(np.unique(law_fit.inputs["C"])) >= 4
        assert law_fit.converged, name
        assert law_fit.intervals["alpha"][0] > 0, name
        assert np.abs(law_fit.residuals).mean() < 0.01, name
    # Over base seeds the best rate still moves with the width, by up to 0.3 in its exponent.
    assert all(abs(drifts[name][0]) < abs(without) for name, (without, _, _) in unruled.items())
    for gain in gains.values():
        assert gain.lo is not None
        assert gain.value is not None
        assert gain.hi is not None
        assert 0 < gain.lo <= gain.value <= gain.hi < np.inf


def in_words(intervals: dict[str, tuple[float, float, float]]) -> str:
    """Values with their intervals, by name."""
    return ", ".join(f"{value:.3f} ({lo:.3f} to {hi:.3f}) {name}" for name, (value, lo, hi) in intervals.items())


# --- scores before training ---------------------------------------------------------------------------------

POINTS = 200  # of the circle


def drawn_family(nets: int, seed: int) -> list[tuple[int, ...]]:
    """Sizes of MLPs for digits: one to four hidden layers, each of 4 to 64 units, every net another."""
    rng, shapes = np.random.default_rng(seed), set()
    while len(shapes) < nets:
        shapes.add((64, *map(int, 2 ** rng.integers(2, 7, rng.integers(1, 5))), 10))
    return sorted(shapes)


def length_distortion(stack: Stack, seed: int) -> float:
    """The mean length, over models as drawn, of what the last hidden layer makes of a circle, over the circle's.

    The circle lies in a random plane and has the radius of the data, √features. Chen et al. 2022, arXiv:2202.11921,
    on the features before the head as its code takes them, by differences in place of derivatives.
    """
    features = stack[0][0].shape[1]
    plane = np.linalg.qr(np.random.default_rng(seed).standard_normal((features, 2)))[0]
    angle = np.linspace(0, 2 * np.pi, POINTS + 1)
    circle = np.column_stack([np.cos(angle), np.sin(angle)]) @ plane.T * features**0.5
    curves = hidden(stack, torch.tensor(circle, dtype=torch.float32))[-2]
    return float(curves.diff(dim=1).norm(dim=2).sum(1).mean()) / (2 * np.pi * features**0.5)


def rank_agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's tau-b."""
    return float(np.asarray(kendalltau(first, second))[0])


def tau_with_interval(scores: np.ndarray, right: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Kendall's tau of scores (nets,) and mean accuracies (nets, seeds), and 90% of resampled nets and seeds."""
    rng, (nets, seeds) = np.random.default_rng(seed), right.shape
    draws = []
    for _ in range(1000):
        rows, columns = rng.integers(0, nets, nets), rng.integers(0, seeds, seeds)
        draws.append(rank_agreement(scores[rows], right[rows][:, columns].mean(axis=1)))
    low, high = np.quantile(draws, [0.05, 0.95])
    return rank_agreement(scores, right.mean(axis=1)), float(low), float(high)


def trained_family(nets: int, seeds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The score of each net of a family before training, (nets,), and its accuracies after it, (nets, seeds)."""
    task, scores, right = digits(seed), [], []
    for i, sizes in enumerate(drawn_family(nets, seed)):
        start = mlps(seeds, sizes, seed=1000 * seed + i)
        scores.append(length_distortion(start, seed))
        right.append(accuracy(train(start, task, lr=0.005, steps=300, batch=32, seed=i), task))
    return np.array(scores), np.array(right)


def plan_for(model: Model, machine: Machine, images: float, context: int) -> Plan:
    """The plan of training on so many images of so many tokens, 4096 a step."""
    plan = plan_layout(model, machine, tokens=images * context, seq_len=context, global_batch=4096)
    assert isinstance(plan, Plan)
    return plan


def attention_flops(model: Model, plan: Plan) -> float:
    """FLOPs of scores and weighted values in the whole of a planned training, by the cost model."""
    return plan.tokens * float(model.training_flops_by_operator(plan.choice.layout.seq_len)["attention.scores"])


@pytest.mark.slow
@pytest.mark.atlas("as-vit")
def test_length_distortion_at_the_start_ranks_nets_as_training_does(
    record_property,
) -> None:
    scores, right = trained_family(nets=32, seeds=8, seed=0)
    tau, low, high = tau_with_interval(scores, right, seed=0)
    # Half of a training of ImageNet on patches of 32 × 32 pixels, or all of it on those of 16 × 16, and a class token.
    model, machine, half = get_model("vit-b/16"), get_machine("8 x a100-80"), 150 * 1.28e6
    contexts = {side: side**2 + 1 for side in (7, 14)}
    coarse, fine = (plan_for(model, machine, half, context) for context in contexts.values())
    cut = 1 - (attention_flops(model, coarse) + attention_flops(model, fine)) / (2 * attention_flops(model, fine))
    per_step = [float(plan.choice.cost.model_flops) for plan in (coarse, fine)]
    saved = 1 - (coarse.seconds + fine.seconds) / (2 * fine.seconds)
    record_property(
        "found",
        f"Kendall tau {tau:.2f} ({low:.2f} to {high:.2f}) over 32 MLPs on digits; coarse tokens in the first half cut "
        f"attention FLOPs by {cut:.0%}, all FLOPs by {1 - sum(per_step) / (2 * per_step[1]):.0%}, time by {saved:.0%}",
    )
    assert low > 0
    tokens = contexts[7] / contexts[14]
    assert 1 - 2 * cut == pytest.approx(tokens**2)  # every token looks at every other
    assert per_step[0] / per_step[1] < tokens  # so that FLOPs fall by more than tokens do
    assert 0 < saved < 0.5
