"""How long a decoder takes for a query: its prompt at once, then token by token.

"Cheaply Evaluating Inference Efficiency Metrics for Autoregressive Transformer APIs" finds that the time of a query, on
hardware that nobody else uses, is a function of the prompt's length plus a constant for each token that comes out, fits
both on few queries, and compares models by what the same hardware would need and cost.

A decoder in NumPy keeps its keys and values. What grows is the number of tokens that come out, for four prompts; the
fit has a constant, the prompt's length and its square, and for each token a constant and a part that grows with the
prompt. A third of the lengths is held out.

Expected: exponent 1 in tokens, the same for every prompt. The same two terms, a pass over the prompt and one for each
token, are priced on a device by Froude's cost model.
"""

import functools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost import Serving, get_machine, get_model, price_iteration

WIDTH, LAYERS, VOCABULARY = 128, 3, 256
PROMPTS, ROUNDS = (32, 64, 128, 256), 3
MODELS, MACHINES = ("llama-2-7b", "llama-2-13b"), ("1 x a100-80", "1 x h100")
QUERY = (1024, 256)  # tokens in and out


class Query(NamedTuple):
    """A prompt of the greatest length, the tokens that are to come out, and weights."""

    prompt: np.ndarray
    tokens: int
    embedding: np.ndarray
    layers: list[tuple[np.ndarray, ...]]


def prepare(size: float, rng: np.random.Generator) -> Query:
    """A random prompt and random weights."""
    fixed = np.random.default_rng(0)
    shapes = (WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH)
    layers = [
        tuple(fixed.normal(size=s).astype(np.float32) / np.float32(math.sqrt(s[0])) for s in shapes)
        for _ in range(LAYERS)
    ]
    embedding = fixed.normal(size=(VOCABULARY, WIDTH)).astype(np.float32)
    return Query(rng.integers(0, VOCABULARY, PROMPTS[-1]), int(size), embedding, layers)


def passed(rows: np.ndarray, query: Query, caches: list[np.ndarray], start: int) -> np.ndarray:
    """The last position's logits of rows (n, WIDTH) that begin at a position, whose keys and values are kept."""
    end = start + len(rows)
    later = np.arange(end) > np.arange(start, end)[:, None]
    for (qkv, out, up, down), kept in zip(query.layers, caches, strict=True):
        mixed = normed(rows) @ qkv
        kept[:, start:end] = mixed[:, WIDTH:].reshape(-1, 2, WIDTH).transpose(1, 0, 2)
        scores = mixed[:, :WIDTH] @ kept[0, :end].T / np.float32(math.sqrt(WIDTH))
        scores[later] = -np.inf
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        rows = rows + (weights / weights.sum(axis=1, keepdims=True)) @ kept[1, :end] @ out
        rows = rows + np.maximum(normed(rows) @ up, 0) @ down
    return normed(rows[-1]) @ query.embedding.T


def normed(rows: np.ndarray) -> np.ndarray:
    """Rows of mean square 1."""
    return rows / np.sqrt((rows * rows).mean(axis=-1, keepdims=True))


def generate(query: Query, length: int) -> list[int]:
    """The likeliest tokens after the first so many of the prompt."""
    caches = [np.empty((2, length + query.tokens, WIDTH), np.float32) for _ in query.layers]
    logits, tokens = passed(query.embedding[query.prompt[:length]], query, caches, 0), []
    for position in range(length, length + query.tokens):
        tokens.append(int(logits.argmax()))
        logits = passed(query.embedding[tokens[-1:]], query, caches, position)
    return tokens


METHODS = {f"prompt of {length}": functools.partial(generate, length=length) for length in PROMPTS}


def terms(prompt: float, tokens: float) -> list[float]:
    """What the time is linear in: a query, its prompt and its square, its tokens, and its tokens times its prompt."""
    return [1.0, prompt, prompt**2, tokens, tokens * prompt]


def fastest(result: growth.GrowthResult) -> dict[tuple[int, float], float]:
    """The least CPU seconds by prompt and tokens out, of what was measured and of ROUNDS over all of them in turn.

    Other work on the computer slows one more than another where each is measured at a time of its own.
    """
    sizes = result.experiment.sizes
    least = {
        (prompt, n): min(t.cpu_seconds for t in result.timings_of(method, n))
        for prompt, method in zip(PROMPTS, METHODS, strict=True)
        for n in sizes
    }
    queries = {n: prepare(n, np.random.default_rng(0)) for n in sizes}
    for _ in range(ROUNDS):
        for prompt, n in least:
            again = growth.time_call(functools.partial(generate, queries[n], prompt)).cpu_seconds
            least[prompt, n] = min(least[prompt, n], again)
    return least


def predicted(result: growth.GrowthResult) -> tuple[list[float], list[float]]:
    """The fitted coefficients, and the relative errors of the lengths held out."""
    seconds = fastest(result)
    held = [pair for i, pair in enumerate(seconds) if i % 3 == 1]
    known = [pair for pair in seconds if pair not in held]
    matrix = np.array([np.array(terms(*pair)) / seconds[pair] for pair in known])
    found_terms = np.linalg.lstsq(matrix, np.ones(len(known)), rcond=None)[0]
    errors = [abs(float(found_terms @ terms(*pair)) / seconds[pair] - 1) for pair in held]
    return found_terms.tolist(), errors


def on_device(model: str, machine: str) -> tuple[float, float]:
    """Seconds and dollars of the query: a pass over the prompt, and one for each token at the mean context."""
    described, there, (tokens_in, tokens_out) = get_model(model), get_machine(machine), QUERY
    prompt = price_iteration(described, there, Serving(tokens=tokens_in, context=tokens_in)).seconds
    token = price_iteration(described, there, Serving(context=tokens_in + tokens_out / 2)).seconds
    seconds = float(prompt + tokens_out * token)
    return seconds, there.dollars(seconds)


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    fitted, errors = predicted(result)
    middle, worst = float(np.median(errors)), max(errors)
    statements = {
        f"{len(errors)} lengths held out are predicted within {middle:.0%} in the median, {worst:.0%} at most; a token "
        f"takes {fitted[3] * 1e6:.0f} us": middle < 0.1 and worst < 0.3 and fitted[3] > 0
    }
    for machine in MACHINES:
        (small, cheap), (large, dear) = (on_device(model, machine) for model in MODELS)
        statements[
            f"{QUERY[0]} tokens in, {QUERY[1]} out on {machine}: {MODELS[0]} {small:.2f} s and ${1e3 * cheap:.2f} "
            f"for a thousand, {MODELS[1]} {large:.2f} s and ${1e3 * dear:.2f}"
        ] = small < large and cheap < dear
    return statements


EXPERIMENT = growth.Experiment(
    title="A query to a decoder: prompt at once, then token by token",
    source="Cheaply Evaluating Inference Efficiency Metrics for Autoregressive Transformer APIs",
    sizes=(8, 16, 32, 64, 128),
    methods=METHODS,
    prepare=prepare,
    size_name="tokens out",
    expected="exponent 1 above a constant that grows with the prompt",
    claims=(growth.RowClaim(row="idealized-runtime", holds=holds),),
)
