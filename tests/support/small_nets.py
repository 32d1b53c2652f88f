"""Small nets on real data for checks of the atlas: stacks of MLPs that train at once, data that come with libraries.

A stack is a list of layers (weights (models, in, out), biases (models, 1, out)): seeds, rates or settings go along the
first axis, so that a sweep costs one training.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from froude.growth.exponents import Growth, fit_growth
from froude.tank import Corpus, build_corpus

TEST_SHARE = 0.25
ADAM_BETAS = (0.9, 0.99)

Stack = list[tuple[Tensor, Tensor]]
Forward = Callable[[Stack, Tensor], Tensor]


@final
@dataclass(frozen=True, kw_only=True)
class Task:
    """Inputs (n, features), float32, and classes (n,), for training and for the test."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor

    def take(self, rows: Tensor) -> "Task":
        """The same task with some of the training rows."""
        return Task(x=self.x[rows], y=self.y[rows], x_test=self.x_test, y_test=self.y_test)


def digits(seed: int = 0) -> Task:
    """scikit-learn's 1797 handwritten digits of 8 × 8 pixels, split by the seed, in units of their deviation."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(pixels))
    cut = int(TEST_SHARE * len(order))
    x = torch.tensor((pixels - pixels.mean()) / pixels.std(), dtype=torch.float32)[order]
    y = torch.tensor(labels, dtype=torch.long)[order]
    return Task(x=x[cut:], y=y[cut:], x_test=x[:cut], y_test=y[:cut])


@cache
def python_sources() -> Corpus:
    """The Python standard library as the tank's corpus."""
    return build_corpus()


def mlps(models: int, sizes: Sequence[int], seed: int = 0, gain: float = 2.0**0.5) -> Stack:
    """A stack of MLPs with weights of variance gain²/fan-in and biases of zero; the last layer has a gain of one."""
    rng = torch.Generator().manual_seed(seed)
    last = len(sizes) - 2
    return [
        (
            torch.randn(models, n, m, generator=rng) * ((1.0 if i == last else gain) / n**0.5),
            torch.zeros(models, 1, m),
        )
        for i, (n, m) in enumerate(itertools.pairwise(sizes))
    ]


def hidden(stack: Stack, x: Tensor) -> list[Tensor]:
    """What each layer gives, after ReLU but for the last: (models, n, width) each."""
    seen = []
    for i, (w, b) in enumerate(stack):
        x = x @ w + b
        x = F.relu(x) if i < len(stack) - 1 else x
        seen.append(x)
    return seen


def forward(stack: Stack, x: Tensor) -> Tensor:
    """Logits (models, n, classes) of inputs (n, features) or (models, n, features)."""
    return hidden(stack, x)[-1]


def losses(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy of each model, (models,), for classes (n,) or (models, n)."""
    y = y.expand(logits.shape[0], -1)
    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(1)


def train(
    stack: Stack,
    task: Task,
    *,
    lr: float | Tensor,
    steps: int,
    batch: int,
    seed: int = 0,
    adam: bool = True,
    masks: Sequence[Tensor] | None = None,
    run: Forward = forward,
    each: Callable[[int, Stack, Tensor], None] = lambda step, stack, loss: None,
    decay: bool = True,
) -> Stack:
    """The stack after so many steps of Adam or SGD, each model with a rate and an order of the data of its own.

    `lr` is one rate, or (models,), and falls linearly to zero with `decay`. `masks` (one a layer, of the weights'
    shape) keep weights at what they are where they are 0. `each` hears of every step, before it, with the losses.
    """
    rng = torch.Generator().manual_seed(seed)
    values = [p.clone().requires_grad_(True) for layer in stack for p in layer]
    trained = [(values[i], values[i + 1]) for i in range(0, len(values), 2)]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in values]
    rate = torch.as_tensor(lr).reshape(-1, 1, 1)
    for step in range(steps):
        index = torch.randint(len(task.x), (values[0].shape[0], batch), generator=rng)
        loss = losses(run(trained, task.x[index]), task.y[index])
        each(step, trained, loss.detach())
        gradients = torch.autograd.grad(loss.sum(), values)
        factor = 1 - step / steps if decay else 1.0
        with torch.no_grad():
            for i, (p, g, (m, v)) in enumerate(zip(values, gradients, moments, strict=True)):
                mask = masks[i // 2] if masks is not None and i % 2 == 0 else None
                p -= rate * factor * (adam_move(g, m, v, step) if adam else g) * (1.0 if mask is None else mask)
    return [(w.detach(), b.detach()) for w, b in trained]


def adam_move(g: Tensor, m: Tensor, v: Tensor, step: int) -> Tensor:
    """Adam's step at a rate of one; the moments m and v change."""
    first, second = ADAM_BETAS
    m.lerp_(g, 1 - first)
    v.lerp_(g * g, 1 - second)
    return m / (1 - first ** (step + 1)) / ((v / (1 - second ** (step + 1))).sqrt() + 1e-8)


def accuracy(stack: Stack, task: Task, run: Forward = forward) -> np.ndarray:
    """Share of the test that each model gets right, (models,)."""
    with torch.no_grad():
        return (run(stack, task.x_test).argmax(-1) == task.y_test).float().mean(1).numpy()


def held_out_loss(stack: Stack, task: Task, run: Forward = forward) -> np.ndarray:
    """Mean cross-entropy of each model on the test, (models,)."""
    with torch.no_grad():
        return losses(run(stack, task.x_test), task.y_test).numpy()


LETTERS = 64
"""Classes of the Python text: the most frequent bytes, and one class for all others."""


def python_text(seed: int = 0, n: int = 8000, before: int = 3) -> Task:
    """Which byte of Python sources comes next: n places to train on and 2000 for the test, of held-out files.

    The inputs are one-hot codes of the bytes before, centred, of mean square one or so a class.
    """
    corpus, rng = python_sources(), np.random.default_rng(seed)
    frequent = np.argsort(-np.bincount(corpus.train[:1_000_000], minlength=256))[: LETTERS - 1]
    classes = np.full(256, LETTERS - 1)
    classes[frequent] = np.arange(LETTERS - 1)
    sides = []
    for data, count in ((corpus.train, n), (corpus.validation, 2000)):
        at = rng.integers(before, len(data), count)
        context = torch.tensor(classes[data[at[:, None] + np.arange(-before, 0)]])
        sides.append((F.one_hot(context, LETTERS).flatten(1).float(), torch.tensor(classes[data[at]])))
    (x, y), (x_test, y_test) = sides
    mean, scale = x.mean(0), (8 / before) ** 0.5
    return Task(x=(x - mean) * scale, y=y, x_test=(x_test - mean) * scale, y_test=y_test)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of PyTorch: small matrices on several threads wait for each other more than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def exponent(sizes: Sequence[float], values: Sequence[Sequence[float] | np.ndarray] | np.ndarray) -> Growth:
    """The exponent of a plain power of size, without a constant; the values at each size are repetitions."""
    grown = fit_growth(sizes, [list(map(float, row)) for row in values], floor=False)
    assert isinstance(grown, Growth), grown
    return grown


def in_words(growth: Growth) -> str:
    """An exponent in words, with its interval."""
    return f"{growth.exponent:.2f} ({growth.lo:.2f} to {growth.hi:.2f})"
