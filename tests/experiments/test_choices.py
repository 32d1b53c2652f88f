"""What rows of the atlas say of many answers at once: sampled again, voted on, chosen among, mixed from streams."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import small_nets as nets
from froude import Runs, backtest, get_law, read_runs
from froude.cost import BF16, Decoder, Model, Serving, decoder
from froude.cost.model.operators import Matmul
from froude.cost.serving.iteration import operator_busy
from froude.fitting import fit
from froude.laws.families.sampling import pass_at
from froude.tank.transformer import Transformer
from planted import write_csv
from priced import A100, claimed, price_iteration, serving_bytes

pytestmark = pytest.mark.experiment

pytest_plugins = ["door"]

Noted = Callable[[str, object], None]
Find = Callable[[str], Path]


def learn(
    net: Transformer, batch: Callable[[], Tensor], steps: int, *, since: int = 0, decay: bool = False
) -> Iterable[int]:
    """Trains the tank's transformer with Adam on the next tokens of batches (n, context + 1); yields after each step.

    Tokens up to the place `since` are given, not learnt. The rate is 0.003, and falls linearly to zero with `decay`.
    """
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / steps if decay else 1)
        text = batch()
        logits = net(text[:, :-1])[:, since:]
        optimizer.zero_grad()
        F.cross_entropy(logits.flatten(0, 1), text[:, since + 1 :].flatten()).backward()
        optimizer.step()
        yield step + 1


# --- repeated sampling: coverage and votes -----------------------------------------------------------------

FEW = (1, 2, 5, 10, 20, 50, 100)
VOTES = (1, 10, 100, 300, 1000, 10_000)
DIGITS, GIVEN = 4, 6
"""Digits of an answer, and tokens of a question: three digits, times, a digit, equals."""


def tries_at_math(path: Path) -> dict[str, np.ndarray]:
    """Passes and tries (2, problems) at problems of MATH, by model."""
    runs = read_runs(path)
    return {
        model: np.array([runs["n_correct"], runs["n_samples"]])[:, runs["Model"] == model]
        for model in np.unique(runs["Model"]).tolist()
    }


def coverage_table(coverage: Callable[[int], float], tries: tuple[int, ...]) -> Runs:
    """What coverage lacks of one, -ln(coverage), at numbers of tries."""
    return Runs.from_columns({"K": [float(k) for k in tries], "loss": [-np.log(coverage(k)) for k in tries]})


def fitted_beta(passes: np.ndarray, tries: np.ndarray) -> tuple[float, float]:
    """The beta distribution of pass rates under which the counts are likeliest."""
    from scipy.optimize import minimize
    from scipy.special import betaln

    def unlikely(log_ab: np.ndarray) -> float:
        a, b = np.exp(log_ab)
        return -np.sum(betaln(a + passes, b + tries - passes) - betaln(a, b))

    a, b = np.exp(minimize(unlikely, [-1.0, 3.0], method="Nelder-Mead").x)
    return float(a), float(b)


def beta_coverage(a: float, b: float) -> Callable[[int], float]:
    """Coverage by k tries where pass rates are of a beta distribution."""
    from scipy.special import betaln

    return lambda k: -np.expm1(betaln(a, b + k) - betaln(a, b))


def products(pairs: np.ndarray) -> Tensor:
    """Questions and answers as tokens (n, 10): 123 * 4 = 0492."""
    a, b = pairs.T

    def digits(x: np.ndarray, n: int) -> list[np.ndarray]:
        return [x // 10**k % 10 for k in reversed(range(n))]

    return torch.tensor(
        np.stack([*digits(a, 3), np.full_like(a, 10), b, np.full_like(a, 11), *digits(a * b, DIGITS)], axis=1)
    )


def answers_of_a_net(seed: int, problems: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """The chance of every answer (problems, 10,000) by a transformer that half learnt to multiply, and the right ones.

    It never saw these problems. Digits are drawn one after the other at a temperature of one, other tokens never.
    """
    pairs = np.random.default_rng(seed).permutation(
        np.stack(np.meshgrid(np.arange(100, 1000), np.arange(2, 10)), axis=-1).reshape(-1, 2)
    )
    seen, questions = products(pairs[problems:]), products(pairs[:problems])
    rng = torch.Generator().manual_seed(seed)
    net = Transformer(Decoder(width=64, layers=2, heads=4, context=GIVEN + DIGITS - 1, vocabulary=12)).initialise(rng)
    for _ in learn(
        net, lambda: seen[torch.randint(len(seen), (128,), generator=rng)], 800, since=GIVEN - 1, decay=True
    ):
        pass
    chances, begun = torch.ones(problems, 1, dtype=torch.float64), questions[:, None, :GIVEN]
    with torch.no_grad():
        for k in range(DIGITS):
            rows = F.pad(begun.flatten(0, 1), (0, DIGITS - 1 - k)).split(5000)
            following = torch.cat([net(part)[:, GIVEN + k - 1, :10].double().softmax(dim=-1) for part in rows])
            chances = (chances[..., None] * following.view(problems, -1, 10)).flatten(1)
            digit = torch.arange(10).repeat(problems, begun.shape[1])[..., None]
            begun = torch.cat([begun.repeat_interleave(10, dim=1), digit], dim=-1)
    return chances.numpy(), pairs[:problems].prod(axis=1)


def vote(chances: np.ndarray, right: np.ndarray, k: int, rng: np.random.Generator) -> float:
    """The share of problems at which the right answer is the most frequent of k, of ties any: the mean of 4 votes."""
    counts = rng.multinomial(k, np.repeat(chances / chances.sum(axis=1, keepdims=True), 4, axis=0))
    return float(np.mean((counts + rng.random(counts.shape) / 2).argmax(axis=1) == np.repeat(right, 4)))


@pytest.mark.atlas("large-language-monkeys")
def test_coverage_by_a_hundred_tries_predicts_that_by_ten_thousand(published: Find, record_property: Noted) -> None:
    counts = tries_at_math(published("repeated_sampling_monkeys/pythia_math_counts.csv"))
    covered, alike = [], []
    for passes, tries in counts.values():
        table = coverage_table(lambda k, c=passes, n=tries: pass_at(k, c, n).mean(), (*FEW, 10_000))
        (judged,) = backtest("uncovered", table, "K > 100")
        covered.append(judged.coverage == 1)
        of_beta = fit("uncovered", coverage_table(beta_coverage(*fitted_beta(passes, tries)), FEW), draws=50)
        low, high = judged.fit.intervals["alpha"]
        alike.append(low <= of_beta.params["alpha"] <= high)
    assert len(counts) == 7
    assert sum(covered) >= 6, "90% intervals of seven models"
    assert sum(alike) >= 6

    shares = []
    for seed in range(2):
        with nets.one_thread():
            chances, right = answers_of_a_net(seed)
        rate = chances[np.arange(right.size), right]
        by_vote = {k: vote(chances, right, k, np.random.default_rng(seed)) for k in VOTES}
        by_any = {k: float(np.mean(1 - (1 - rate) ** k)) for k in VOTES}
        assert by_vote[1000] - by_vote[1] > 0.05, "a vote helps at first"
        error = np.sqrt(by_vote[10_000] * (1 - by_vote[10_000]) / right.size)  # of a share of so many problems
        assert by_vote[10_000] - by_vote[1000] < error < by_any[10_000] - by_any[100]
        assert by_any[10_000] > 2 * by_vote[10_000]
        shares.append(", ".join(f"{k}: {by_vote[k]:.1%} and {by_any[k]:.1%}" for k in VOTES))
    record_property(
        "found",
        f"{sum(covered)} of 7 intervals hold, {sum(alike)} of 7 exponents are those of a beta distribution; votes and "
        f"coverage of two nets by tries: {'; '.join(shares)}",
    )


# --- a benchmark of choices: from the mass on the right answer to accuracy ---------------------------------

CONTEXT, ITEMS, WRONGS, TOGETHER = 32, 400, 3, 20


class Benchmark(NamedTuple):
    """Models by compute C (models,), and of each the mass on the right answer and on wrong ones, (models, items)."""

    C: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    wrongest: np.ndarray

    @property
    def choices(self) -> np.ndarray:
        """The chance of the right answer among the choices, (models, items)."""
        return self.right / (self.right + self.wrong)

    @property
    def accuracy(self) -> np.ndarray:
        """1 where no wrong choice has more mass than the right one, (models, items)."""
        return (self.right > self.wrongest).astype(float)


def benchmark_of_the_tank(seed: int) -> Benchmark:
    """The tank's transformer, along its training, on the next byte of unseen Python sources among four choices.

    The wrong three are bytes that also follow the last one in the training data, drawn as often as they do.
    """
    rng, drawn = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    corpus = nets.python_sources()
    seen, unseen = (np.asarray(part[:4_000_000]).astype(np.int64) for part in (corpus.train, corpus.validation))
    items = unseen[rng.integers(0, len(unseen) - CONTEXT - 1, (ITEMS, 1)) + np.arange(CONTEXT + 1)]
    follows = np.full((256, 256), 1e-3)
    np.add.at(follows, (seen[:-1], seen[1:]), 1)
    follows[items[:, -2], items[:, -1]] = 0
    weights = follows[items[:, -2]]
    weights[np.arange(ITEMS), items[:, -1]] = 0
    wrong = np.stack([rng.choice(256, WRONGS, replace=False, p=each / each.sum()) for each in weights])

    net = Transformer(Decoder(width=64, layers=2, heads=4, context=CONTEXT)).initialise(drawn)
    text = torch.tensor(seen)

    def batch() -> Tensor:
        return text[torch.randint(len(text) - CONTEXT - 1, (32, 1), generator=drawn) + torch.arange(CONTEXT + 1)]

    marks = np.unique(np.geomspace(10, 600, 16).round().astype(int))
    masses = []
    for step in learn(net, batch, int(marks[-1])):
        if step in marks:
            with torch.no_grad():
                chances = net(torch.tensor(items[:, :-1]))[:, -1].double().softmax(dim=-1).numpy()
            masses.append(np.take_along_axis(chances, np.column_stack([items[:, -1:], wrong]), axis=1))
    mass = np.array(masses)
    C = 6.0 * net.decoder.n_non_embedding * 32 * CONTEXT * marks
    return Benchmark(C=C, right=mass[..., 0], wrong=mass[..., 1:].sum(axis=-1), wrongest=mass[..., 1:].max(axis=-1))


def planted_benchmark(seed: int, models: int = 40) -> Benchmark:
    """Items whose right answer grows likelier with compute as a power, while wrong ones wander each in its own way."""
    rng = np.random.default_rng(seed)
    C = np.geomspace(1e18, 1e24, models)
    surprise = rng.uniform(1.5, 4.0, ITEMS) * (C[:, None] / 1e18) ** -rng.uniform(0.03, 0.09, ITEMS)
    right = np.exp(-surprise * np.exp(0.05 * rng.standard_normal((models, ITEMS))))
    drift = rng.normal(0.05, 0.1, (ITEMS, WRONGS)) * np.log(C[:, None, None] / 1e18)
    share = np.exp(rng.normal(-2.5, 0.7, (ITEMS, WRONGS)) + drift + 0.5 * rng.standard_normal((models, ITEMS, WRONGS)))
    wrong = (1 - right)[..., None] * share / (1 + share.sum(axis=-1, keepdims=True))
    return Benchmark(C=C, right=right, wrong=wrong.sum(axis=-1), wrongest=wrong.max(axis=-1))


def correlation(C: np.ndarray, score: np.ndarray) -> float:
    """Spearman's correlation of scores (models, items) with compute, the mean over items; none where no score moves."""
    from scipy.stats import rankdata

    def ranks(values: np.ndarray) -> np.ndarray:
        centred = rankdata(values, axis=0) - (len(C) + 1) / 2
        return centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-9)

    return float(np.mean(ranks(C) @ ranks(score)))


def chain_of(benchmark: Benchmark, together: int) -> list[float]:
    """Correlations with compute of log-likelihood, chance among the choices and accuracy, of items taken together."""
    scores = (np.log(benchmark.right), benchmark.choices, benchmark.accuracy)
    return [correlation(benchmark.C, each.reshape(len(benchmark.C), -1, together).mean(axis=-1)) for each in scores]


def predict_by_masses(benchmark: Benchmark) -> tuple[float, float, float]:
    """Mean relative errors of forecasts ten times beyond: composed of both masses, of it fitted directly; and the hits.

    The chance among the choices is of the typical (geometric mean) masses. Hits are the share of held-out masses that
    lie in their intervals.
    """
    right, wrong = -np.log(benchmark.right).mean(axis=1), -np.log(benchmark.wrong).mean(axis=1)
    columns = {"right": right, "wrong": wrong, "choice": np.log1p(np.exp(right - wrong))}
    table = Runs.from_columns({"C": benchmark.C, **columns})
    near, far = table.where("C <= 1e22"), table.where("C > 1e23")
    forecast = {y: fit("power", near, y, x="C", draws=200).predict(C=far["C"]) for y in columns}
    exact = np.exp(-far["choice"])
    composed = 1 / (1 + np.exp(forecast["right"].mean - forecast["wrong"].mean))
    hits = [(forecast[y].lo <= far[y]) & (far[y] <= forecast[y].hi) for y in ("right", "wrong")]
    errors = [float(np.abs(each / exact - 1).mean()) for each in (composed, np.exp(-forecast["choice"].mean))]
    return errors[0], errors[1], float(np.mean(hits))


@pytest.mark.atlas("why-downstream-elusive")
def test_each_step_from_likelihood_to_accuracy_loses_correlation(
    cli: Callable, tmp_path: Path, record_property: Noted
) -> None:
    """The chain is of real nets, item by item and of twenty together. Forecasts are of planted masses, ten times beyond
    the fitted compute: in trainings this short wrong masses first rise and then fall, which is no power.
    """
    chains = []
    for seed in range(2):
        with nets.one_thread():
            benchmark = benchmark_of_the_tank(seed)
        for together in (1, TOGETHER):
            chain = chain_of(benchmark, together)
            assert chain[0] > chain[1] > chain[2], (seed, together)
            chains.append(" > ".join(f"{each:.2f}" for each in chain))
    errors, simulated = [], [planted_benchmark(seed) for seed in range(3)]
    for each in simulated:
        chain = chain_of(each, 1)
        assert chain[0] > chain[1] > chain[2]
        composed, direct, hits = predict_by_masses(each)
        assert hits >= 0.9, "90% intervals"
        assert composed < direct
        errors.append(f"{composed:.1%} and {direct:.1%}")

    path = write_csv(tmp_path / "scores.csv", {"C": simulated[0].C, "accuracy": simulated[0].accuracy.mean(axis=1)})
    options = ("--law", "ceiling", "--x", "C", "--draws", "50")
    assert "accuracy is an accuracy: where answers are choices it follows scale less closely than the mass" in " ".join(
        cli("fit", path, *options, "--y", "accuracy").out.split()
    )
    record_property(
        "found",
        f"correlations of nets, by item and by {TOGETHER} items: {'; '.join(chains)}; error of the chance of the right "
        f"choice, composed of both masses and fitted itself: {', '.join(errors)}",
    )


# --- parallel streams --------------------------------------------------------------------------------------

LENGTHS = (64, 128, 256, 512)
PREFIX = 48
REACHED = {"prefill": 0.7, "decode": 0.9}
"""Shares of the chip's FLOP/s and of its bandwidth that the authors' published pricing takes."""


def sized(width: float, mlp_width: float) -> Model:
    """A model of the authors' shape: 36 layers of 16 heads, 2 of keys; widths may be fractional."""
    return decoder(name="s", layers=36, hidden=width, heads=16, kv_heads=2, head_width=width / 16, mlp_width=mlp_width,
                   gated=True, vocabulary=151936, context=2048)  # fmt: skip


def generating(model: Model, streams: int, batch: int, prompt: int, answer: int, added: float) -> np.ndarray:
    """Bytes held and seconds taken (2,) to read inputs and to write answers, in so many streams with their prefixes.

    Streams share the weights and the head, and are mixed by a matrix of streams · width by width before it; `added` are
    the parameters that they bring.
    """
    prefix = PREFIX if streams > 1 else 0
    names: list[str] = [*price_iteration(model, A100, Serving()).operators, "mix"]

    def seconds(phase: str, tokens: int, context: Any) -> float:
        reached = dict.fromkeys(names, REACHED[phase])
        one = Serving(batch=batch, tokens=tokens, context=context, efficiency=reached)
        many = Serving(batch=batch * streams, tokens=tokens, context=context, efficiency=reached)
        whole = price_iteration(model, A100, many)
        taken = whole.seconds - whole.part("head") + price_iteration(model, A100, one).part("head")
        if streams > 1:
            mix = Matmul(name="mix", inputs=streams * model.hidden, outputs=model.hidden)
            taken = taken + operator_busy(mix, A100, one, BF16).seconds
        return float(np.sum(taken))

    memory = serving_bytes(model, Serving(batch=batch * streams, context=prefix + prompt + answer))
    read = seconds("prefill", prompt, prefix + prompt)
    return np.array([memory + 2 * added, read + seconds("decode", 1, prefix + prompt + np.arange(answer))])


@pytest.mark.slow
@pytest.mark.atlas("parscale", "modelled")
def test_eight_streams_cost_far_less_than_an_equally_good_model(published: Find, record_property: Noted) -> None:
    """The planted law is that of the published table, whose counts of parameters the shapes here reproduce.

    Inputs and answers of 64 to 512 tokens, all pairs, are as remembered.
    """
    runs = read_runs(published("parscale/parscale.csv"), {"N": "N_nonembed", "loss": "loss_stackv2_python"})
    lever = get_law("parallel-streams")
    law = get_law("power-floor", x="N").replacing(N=lever)
    truth = fit(law, runs, draws=50).params
    assert truth["k"] == pytest.approx(lever.published["parscale-2025-stack"]["k"], abs=0.03)
    covered, k = [], []
    for seed in range(8):
        noise = np.exp(0.001 * np.random.default_rng(seed).standard_normal(len(runs)))
        planted = Runs.from_columns(
            {x: runs[x] for x in ("N", "P")} | {"loss": law(N=runs["N"], P=runs["P"], **truth) * noise}
        )
        law_fit = fit(law, planted, draws=200)
        low, high = law_fit.intervals["k"]
        covered.append(low <= truth["k"] <= high)
        k.append(law_fit.params["k"])
    assert sum(covered) >= 6, "90% intervals of eight"

    plain, eight = (float(runs["N"][(runs["P"] == P)][3]) for P in (1, 8))
    small = sized(1536, 8320)
    assert small.n_params - 151936 * 1536 == pytest.approx(plain, rel=1e-3)
    wider = np.sqrt(float(lever(N=np.array(1.0), P=np.array(8.0), k=k[0])))
    larger = sized(1536 * wider, 8320 * wider)

    def mean_cost(model: Model, streams: int, batch: int) -> np.ndarray:
        added = eight - plain if streams > 1 else 0.0
        return np.mean([generating(model, streams, batch, i, o, added) for i in LENGTHS for o in LENGTHS], axis=0)

    fewer = []
    for batch in (1, 2, 4, 8):
        before = mean_cost(small, 1, batch)
        fewer.append((mean_cost(larger, 1, batch) - before) / (mean_cost(small, 8, batch) - before))
    assert np.all(np.diff(fewer, axis=0) < 0), "most at batch 1"
    assert fewer[0][0] == pytest.approx(claimed("parscale", "memory increase avoided")[1], rel=0.25)
    assert fewer[0][1] == pytest.approx(claimed("parscale", "latency increase avoided")[1], rel=0.25)
    gains = "; ".join(
        f"batch {b}: {m:.1f}x bytes, {s:.1f}x seconds" for b, (m, s) in zip((1, 2, 4, 8), fewer, strict=True)
    )
    record_property("found", f"{sum(covered)} of 8 intervals hold k = {truth['k']:.3f}; {gains}")
