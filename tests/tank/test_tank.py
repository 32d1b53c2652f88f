import contextlib
import functools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from froude.cost import Decoder
from froude.engines import Event, RunFinished
from froude.runs import Study
from froude.tank import Trunk, trainer
from froude.tank.probe import look
from froude.tank.transformer import SelfAttention, Transformer
from tiny import loss_of, outcome, random_corpus, train, trunk

SHAPES = [
    Decoder(width=8, layers=1, heads=1, context=16),
    Decoder(width=24, layers=3, heads=2, context=32),
    Decoder(width=32, layers=2, heads=4, context=8, vocabulary=50),
]


def model_of(decoder: Decoder, seed: int = 0, std: float | None = None) -> Transformer:
    """A model before training, or with every weight drawn, so that no branch is silent."""
    model = Transformer(decoder).initialise(torch.Generator().manual_seed(seed))
    if std:
        torch.manual_seed(seed)
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=std)
    return model


# What it costs


@pytest.mark.parametrize("decoder", SHAPES)
def test_parameters_are_those_of_the_model(decoder: Decoder) -> None:
    counts = {name: weight.numel() for name, weight in Transformer(decoder).named_parameters()}
    assert decoder.n_embedding == counts.pop("embedding.weight")
    assert decoder.n_non_embedding == sum(counts.values())
    assert decoder.n_total == decoder.n_embedding + decoder.n_non_embedding


@pytest.mark.parametrize("decoder", SHAPES)
def test_flops_are_those_pytorch_counts_forward_and_backward(decoder: Decoder) -> None:
    model, tokens = model_of(decoder), torch.zeros(2, decoder.context, dtype=torch.long)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        loss = model(tokens).sum()
        forward = counter.get_total_flops()
        loss.backward()
    assert decoder.forward_flops_per_token * tokens.numel() == forward
    assert decoder.training_flops_per_token * tokens.numel() == counter.get_total_flops()


def test_a_decoder_whose_heads_hold_no_whole_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match="width 12 must be a multiple of 2 × 4 heads"):
        Decoder(width=12, layers=1, heads=4, context=16)


# The transformer


def test_no_byte_sees_a_later_one() -> None:
    decoder = SHAPES[1]
    model = model_of(decoder, std=0.3)
    tokens = torch.randint(256, (1, decoder.context), generator=torch.Generator().manual_seed(1))
    changed = tokens.clone()
    changed[0, 20:] = (changed[0, 20:] + 1) % 256
    before, after = model(tokens)[0], model(changed)[0]
    assert torch.equal(before[:20], after[:20])
    assert (before[20:] - after[20:]).abs().amax(1).min() > 1e-3


def test_attention_depends_on_distances_of_bytes_alone() -> None:
    model = model_of(SHAPES[1], std=0.3)
    angles = torch.atan2(model.get_buffer("sin"), model.get_buffer("cos"))
    later = [(angles + 5 * angles[1]).cos(), (angles + 5 * angles[1]).sin()]  # everything five places on
    x = torch.randn(2, 32, 24, generator=torch.Generator().manual_seed(1))
    attention = model.get_submodule("layers.0.attention")
    here, there = attention(x, model.cos, model.sin), attention(x, *later)
    nowhere = attention(x, torch.ones_like(later[0]), torch.zeros_like(later[1]))
    assert torch.allclose(here, there, atol=1e-4)
    assert not torch.allclose(here, nowhere, atol=1e-2)


def test_normalised_queries_and_keys_are_those_of_a_layer_norm() -> None:
    attention, heads = stabilised(), SHAPES[1].heads
    first, second = torch.randn(2, 2, 32, 24, generator=torch.Generator().manual_seed(1))
    unturned = torch.ones(32, 2 * heads, 6), torch.zeros(32, 2 * heads, 6)
    ours = attention.queries_and_keys(first, second, *unturned)
    both = torch.cat([half.view(2, 32, 2, heads, 6) for half in (first, second)], dim=-1)
    for i, gain in enumerate(attention.get_parameter("gain")):
        norm = torch.nn.LayerNorm(12, bias=False)
        norm.load_state_dict({"weight": gain[0]})
        torch.testing.assert_close(ours[:, :, i], norm(both[:, :, i]))


def test_normalised_attention_depends_on_distances_of_bytes_alone() -> None:
    attention, model = stabilised(), model_of(SHAPES[1])
    torch.nn.init.normal_(attention.out.weight)
    angles = torch.atan2(model.get_buffer("sin"), model.get_buffer("cos"))
    x = torch.randn(2, 32, 24, generator=torch.Generator().manual_seed(1))
    here, there = (attention(x, (angles + by * angles[1]).cos(), (angles + by * angles[1]).sin()) for by in (0, 5))
    torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-4)


def test_normalised_scores_stay_below_the_root_of_the_head_size() -> None:
    tokens = torch.randint(256, (4, 32), generator=torch.Generator().manual_seed(1))
    largest = {}
    for qk_norm in (False, True):
        model = Transformer(SHAPES[1], qk_norm).initialise(torch.Generator().manual_seed(0))
        for layer in model.layers:
            layer.get_parameter("attention.qkv.weight").data *= 100
        scores = [x for name, x in look(model, tokens).items() if name.endswith(".scores")]
        largest[qk_norm] = max(float(x.abs().max()) for x in scores)
    assert largest[True] <= 12**0.5 < 1000 < largest[False]


def stabilised() -> SelfAttention:
    """Attention with normalised queries and keys, the gains of every channel unlike."""
    torch.manual_seed(0)
    attention = SelfAttention(SHAPES[1], qk_norm=True)
    torch.nn.init.uniform_(attention.get_parameter("gain"), 0.5, 2.0)
    return attention


def test_activations_and_logits_move_alike_at_every_width(tmp_path: Path) -> None:
    widths = (16, 32, 64, 128)
    moved = np.array([movement(trunk(decoder=Decoder(width=w, layers=2, heads=2, context=16))) for w in widths])
    slopes = np.polyfit(np.log(widths), np.log(moved), 1)[0]  # of logits, of the last layer's output
    assert np.abs(slopes).max() < 0.25, moved  # learning rates that ignore the width give 0.5 and more


def movement(planned: Trunk, steps: int = 10) -> list[float]:
    """Root mean square change of logits and of the residual stream over the first steps."""
    state = trainer.start(planned, random_corpus())
    tokens = state.batches.at(1000)[:, :-1]
    before = seen(state.model, tokens)
    for _ in range(steps):
        trainer.take_step(state, planned, 1.0, state.model)
    return [float((b - a).square().mean().sqrt()) for a, b in zip(before, seen(state.model, tokens), strict=True)]


def seen(model: Transformer, tokens: torch.Tensor) -> list[torch.Tensor]:
    """Logits, and what the last layer gives."""
    kept: list[torch.Tensor] = []
    hook = model.layers[-1].register_forward_hook(lambda *call: kept.append(call[-1]))
    with torch.no_grad():
        logits = model(tokens)
    hook.remove()
    return [logits, *kept]


# The trainer


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(tmp_path: Path) -> None:
    first, again = train(tmp_path / "a", trunk()), train(tmp_path / "b", trunk())
    assert first == again
    other = train(tmp_path / "c", trunk(seed=1))
    assert loss_of(other, trunk(seed=1)) != loss_of(first, trunk())


def test_loss_falls_with_training(tmp_path: Path) -> None:
    planned = trunk(16, (40, 400))
    results = train(tmp_path / "s", planned)
    long, short = (loss_of(results, planned, length) for length in (-1, 0))
    assert long < short - 0.1
    assert short < math.log(256)


def test_a_run_does_not_depend_on_the_other_lengths_of_its_trunk(tmp_path: Path) -> None:
    together, alone = trunk(steps=(20, 32, 60)), trunk(steps=(32,))
    results = train(tmp_path / "a", together), train(tmp_path / "b", alone)
    assert together.run_id(alone.tokens[0]) == alone.run_id(alone.tokens[0])
    assert loss_of(results[0], together, 1) == loss_of(results[1], alone)


def test_a_branch_is_a_training_made_in_one_go(tmp_path: Path) -> None:
    planned, corpus = trunk(steps=(20, 40)), random_corpus()
    state = trainer.start(planned, corpus)
    for step in range(40):
        factor = min(1.0, (step + 1) / 4) if step < 32 else (40 - step) / 8  # warm-up 4, decay the last 20%
        trainer.take_step(state, planned, factor, state.model)
    losses = trainer.window_losses(state.model, trainer.validation_windows(corpus, planned), planned)
    assert loss_of(train(tmp_path / "s", planned), planned) == float(losses.mean())


class Killed(BaseException):
    """Stands for the end of a process."""


@pytest.mark.slow
@pytest.mark.parametrize("every", [0.0, math.inf], ids=["checkpoint-at-every-line", "checkpoint-at-branches"])
@pytest.mark.parametrize("events", [5, 18, 21, 22, 40, 60, 66])
def test_a_trunk_that_goes_on_gives_the_losses_of_one_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, Any], events: int, every: float
) -> None:
    monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", every)
    study, left = Study.create(tmp_path, {}), iter(range(events))

    def die(event: Event) -> None:
        if next(left, None) is None:
            raise Killed

    with contextlib.suppress(Killed):
        trainer.train_trunk(LONG, random_corpus(), study, die)
    assert study.finished_ids() < whole.keys()
    trainer.train_trunk(LONG, random_corpus(), study)
    assert outcome(study.path) == whole


LONG = trunk(steps=(20, 32, 60))  # 20 lines, 1 run, 16 on, ...: 69 events


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What LONG gives when nothing disturbs it."""
    return train(tmp_path_factory.mktemp("whole"), LONG)


def test_a_trunk_goes_on_from_its_checkpoint_and_not_from_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, steps = Study.create(tmp_path, {}), []
    real = trainer.take_step

    def counted(state: Any, *rest: Any) -> Any:
        if len(steps) == 30:
            raise Killed
        steps.append(state.step)
        return real(state, *rest)

    monkeypatch.setattr(trainer, "take_step", counted)
    with contextlib.suppress(Killed):
        trainer.train_trunk(LONG, random_corpus(), study)
    steps.clear()
    with contextlib.suppress(Killed):
        trainer.train_trunk(LONG, random_corpus(), study)
    assert steps[0] == 26  # where the branch of 32 steps leaves


def test_a_finished_trunk_is_not_trained_again_and_leaves_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tmp_path / "s", trunk())
    assert list((tmp_path / "s" / "trunks").iterdir()) == []
    monkeypatch.setattr(trainer, "start", lambda *_: pytest.fail("trained again"))
    train(tmp_path / "s", trunk())


def test_no_byte_is_learnt_twice_before_all_have_been_seen() -> None:
    numbered = np.arange(257, dtype=np.uint8)  # the bytes to predict are 1, 2, ..., 255, 0
    corpus = replace(random_corpus(), train=numbered)
    batches = trainer.start(trunk(), corpus).batches
    passes = [torch.cat([batches.at(4 * p + i)[:, 1:] for i in range(4)]).flatten().tolist() for p in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(256))
    assert passes[0] != sorted(passes[0])
    other = trainer.start(trunk(seed=1), corpus).batches
    assert not torch.equal(other.order, batches.order)


@pytest.mark.parametrize(("train_bytes", "repeated"), [(2561, False), (2560, True)])
def test_a_run_says_when_its_corpus_came_twice(tmp_path: Path, train_bytes: int, repeated: bool) -> None:
    planned = trunk(steps=(40,))  # 2560 bytes
    results = train(tmp_path / "s", planned, corpus=random_corpus(train_bytes))
    assert results[planned.run_id(2560)]["result"]["repeated"] == repr(repeated)


def test_a_diverging_run_is_recorded_as_diverged(tmp_path: Path) -> None:
    planned = trunk(lr=1e6, lr_embedding=1e6)
    results, told = train(tmp_path / "s", planned), []
    assert {r["result"]["loss"] for r in results.values()} == {"nan"}
    assert {r["result"]["diverged"] for r in results.values()} == {"True"}
    runs = Study.open(tmp_path / "s").runs()
    assert runs.diverged().all()
    trainer.train_trunk(planned, random_corpus(), Study.create(tmp_path / "t", {}), told.append)
    assert [event.loss for event in told if isinstance(event, RunFinished)] == [None, None]


def test_a_run_records_what_it_was_and_what_it_took(tmp_path: Path) -> None:
    planned = trunk(12, (20, 40))
    train(tmp_path / "s", planned)
    study, decoder = Study.open(tmp_path / "s"), planned.decoder
    runs = study.runs()
    assert sorted(runs["D"]) == [1280, 2560]
    assert set(runs["N"]) == {decoder.n_non_embedding}
    assert set(runs["N_embedding"]) == {decoder.n_embedding}
    assert set(runs["N_total"]) == {decoder.n_total}
    assert set(runs["C"] / runs["D"]) == {decoder.training_flops_per_token}
    assert set(runs["C_6nd"] / runs["D"]) == {6 * decoder.n_non_embedding}
    assert (runs["seconds"] > 0).all()
    assert (runs["peak_memory_bytes"] > 1e6).all()
    line = study.steps(planned.run_id(2560))[-1]
    assert set(line) == {"step", "tokens", "loss", "lr", "grad_norm", "tokens_per_s", "seconds"}
    assert (line["step"], line["tokens"]) == (40, 2560)


def test_the_learning_rate_warms_up_stays_and_decays_to_zero(tmp_path: Path) -> None:
    planned = trunk(32, (40,))  # at the base width the stated rate holds as it is
    train(tmp_path / "s", planned)
    lr = Study.open(tmp_path / "s").curve(planned.run_id(2560))["lr"]
    expected = [*np.linspace(0.25, 1, 4), *np.ones(28), *(np.arange(8, 0, -1) / 8)]
    assert lr == pytest.approx(0.01 * np.array(expected))


def test_every_run_is_scored_on_the_same_bytes_and_their_losses_are_kept(tmp_path: Path) -> None:
    few, many = trunk(8), trunk(16, seed=3)
    corpus = random_corpus()
    scored = [trainer.validation_windows(corpus, each) for each in (few, many)]
    assert torch.equal(*scored)
    results = train(tmp_path / "s", few, many, corpus=corpus)
    for each in (few, many):
        losses = np.load(tmp_path / "s" / "validation" / f"{each.run_id(each.tokens[-1])}.npy")
        assert losses.shape == (len(scored[0]),)
        assert float(losses.mean()) == pytest.approx(loss_of(results, each), rel=1e-6)


# What stabilises


def test_steps_with_z_loss_follow_the_gradient_of_the_sum() -> None:
    planned = trunk(z_loss=0.3, warmup_tokens=0)
    state = trainer.start(planned, random_corpus())
    by_hand = trainer.start(planned, random_corpus())
    batch = by_hand.batches.at(0)
    logits = by_hand.model(batch[:, :-1])
    log_z = logits.exp().sum(-1).log()
    cross_entropy = (log_z - logits.gather(2, batch[:, 1:, None])[..., 0]).mean()
    gradients = torch.autograd.grad(cross_entropy + 0.3 * (log_z**2).mean(), list(by_hand.model.parameters()))
    norm, loss = trainer.take_step(state, planned, 1.0, state.model)
    assert float(norm) == pytest.approx(float(torch.cat([g.flatten() for g in gradients]).norm()), rel=1e-4)
    assert float(loss) == pytest.approx(float(cross_entropy.detach()), rel=1e-5)  # what is written is comparable


def test_z_loss_draws_the_softmaxs_normaliser_to_one() -> None:
    log_z = {}
    for z_loss in (0.0, 0.1):
        planned = trunk(z_loss=z_loss)
        state = trainer.start(planned, random_corpus())
        for _ in range(100):
            trainer.take_step(state, planned, 1.0, state.model)
        log_z[z_loss] = float(trainer.square_log_z(state.model(state.batches.at(200)[:, :-1]).detach()))
    assert log_z[0.1] < 0.1 * log_z[0.0]


def test_gains_start_at_one_and_learn_at_the_rate_of_the_embedding() -> None:
    planned = trunk(32, qk_norm=True, lr=0.0, lr_embedding=0.05)
    state = trainer.start(planned, random_corpus())
    gain = state.model.get_parameter("layers.0.attention.gain")
    assert set(gain.flatten().tolist()) == {1.0}
    matrices, vectors = (group["params"] for group in state.optimizer.param_groups)
    assert len(matrices) == 4
    assert vectors[1] is gain
    trainer.take_step(state, planned, 1.0, state.model)
    assert [group["lr"] for group in state.optimizer.param_groups] == [0.0, 0.05]


def test_a_trunk_with_normalised_queries_goes_on_from_its_snapshot() -> None:
    planned = trunk(qk_norm=True, z_loss=1e-4)
    whole, parted = (trainer.start(planned, random_corpus()) for _ in range(2))
    losses = [float(trainer.take_step(whole, planned, 1.0, whole.model)[1]) for _ in range(20)]
    for _ in range(10):
        trainer.take_step(parted, planned, 1.0, parted.model)
    again = trainer.start(planned, random_corpus())
    again.restore(parted.snapshot())
    assert [float(trainer.take_step(again, planned, 1.0, again.model)[1]) for _ in range(10)] == losses[10:]


def test_runs_with_stabilisers_have_their_own_identity() -> None:
    plain = trunk()
    assert plain.shared_config().keys() == trunk(qk_norm=False, z_loss=0.0).shared_config().keys()
    assert not {"qk_norm", "z_loss"} & plain.shared_config().keys()
    kinds = [plain, trunk(qk_norm=True), trunk(z_loss=1e-4), trunk(qk_norm=True, z_loss=1e-4)]
    assert len({each.id for each in kinds}) == 4
    assert [Trunk.from_dict(each.to_dict()) for each in kinds] == kinds


def test_a_trunk_saved_before_there_were_stabilisers_loads_without_them() -> None:
    saved = {key: value for key, value in trunk().to_dict().items() if key not in ("qk_norm", "z_loss")}
    assert Trunk.from_dict(saved) == trunk()


# What pays on other devices, here on the CPU


def test_bf16_agrees_with_fp32(tmp_path: Path) -> None:
    full, half = trunk(16, (60,)), trunk(16, (60,), precision="bf16")
    results = train(tmp_path / "s", full, half)
    learnt = [results[each.run_id(each.tokens[0])]["result"]["train_loss"] for each in (full, half)]
    assert learnt[0] != learnt[1]
    assert loss_of(results, half) == pytest.approx(loss_of(results, full), rel=0.01)  # bf16 keeps 8 bits


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Compiles without a compiler; hears of every graph that is made, by its number of operations."""
    from torch._dynamo.backends.debugging import aot_eager

    made: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., Any]:
        made.append(len(graph.graph.nodes))
        return aot_eager(graph, inputs)

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    return made


@pytest.mark.slow
def test_a_compiled_run_agrees_with_a_plain_one(tmp_path: Path, graphs: list[int]) -> None:
    plain, compiled = trunk(), trunk(compile=True)
    results = [train(tmp_path / "a", plain), train(tmp_path / "b", compiled)]
    assert graphs
    assert loss_of(results[1], compiled) == pytest.approx(loss_of(results[0], plain), rel=1e-5)


@pytest.mark.slow
def test_a_worker_compiles_every_trunk_it_is_given(tmp_path: Path, graphs: list[int]) -> None:
    for i in range(1, 10):  # PyTorch gives up compiling a function after eight shapes
        train(tmp_path / f"{i}", trunk(4 * i, (5,), compile=True))
        assert len(graphs) == i, "not compiled, or more than once"
