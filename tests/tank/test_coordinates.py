"""The coordinate check: activations of the tank's transformer at several widths, in its first steps."""

import numpy as np
import pytest
import torch

from froude.cost import Decoder
from froude.runs import Runs
from froude.tank import trainer
from froude.tank.coordinates import LAYERS, coordinate_check, width_slopes
from froude.tank.probe import largest_score, look
from tiny import random_corpus, trunk

WIDTHS = (32, 64, 128)


@pytest.fixture(scope="module")
def ours() -> Runs:
    """The check under the tank's own scaling."""
    return coordinate_check(WIDTHS)


@pytest.fixture(scope="module")
def standard() -> Runs:
    """The check with one learning rate for matrices of every width."""
    return coordinate_check(WIDTHS, rate_exponent=0.0)


def in_layers(slopes: dict[str, float]) -> dict[str, float]:
    """The slopes of what the embedding and the layers give, but for attention scores."""
    return {place: slope for place, slope in slopes.items() if place != "logits" and not place.endswith("scores")}


def test_activations_are_alike_at_every_width_under_the_tanks_scaling(ours: Runs) -> None:
    slopes = in_layers(width_slopes(ours))
    assert len(slopes) == 1 + 5 * LAYERS  # of each layer: queries to values, attention, up, down, and all of it
    # Three seeds leave about 0.1; what learns too fast grows as the width, what learns too slowly falls as it.
    assert max(map(abs, slopes.values())) < 0.25, slopes


def test_activations_move_alike_at_every_width_under_tank_scaling(ours: Runs) -> None:
    slopes = in_layers(width_slopes(ours, "change"))
    assert max(map(abs, slopes.values())) < 0.25, slopes


@pytest.mark.slow
def test_activations_grow_with_the_width_at_one_learning_rate_for_all(standard: Runs) -> None:
    slopes = width_slopes(standard)
    for layer in range(LAYERS):
        for place in ("attention", "down"):
            assert slopes[f"layers.{layer}.{place}"] > 0.75, slopes


def test_logits_never_grow_with_the_width(ours: Runs) -> None:
    # They start as noise that falls as the root of the width; what is learned is alike at every width.
    slopes = width_slopes(ours.take(ours["step"] == 0)), width_slopes(ours)
    assert slopes[0]["logits"] == pytest.approx(-0.5, abs=0.1)
    assert slopes[0]["logits"] < slopes[1]["logits"] < 0.05


def test_attention_scores_grow_as_the_root_of_the_width(ours: Runs) -> None:
    # Scores are divided by the root of the head size. Once queries and keys have learnt from each other, muP
    # divides by the head size itself.
    slopes = width_slopes(ours)
    assert slopes[f"layers.{LAYERS - 1}.attention.scores"] == pytest.approx(0.5, abs=0.2)


def test_before_the_first_step_nothing_has_changed(ours: Runs) -> None:
    start = ours.take(ours["step"] == 0)
    assert set(start["change"]) == {0.0}
    silent = np.isin(start["place"], ["layers.0.attention", "layers.0.down"])
    assert set(start["activation"][silent]) == {0.0}
    assert (start["activation"][~np.isin(start["place"], list(silent_places()))] > 0).all()


def silent_places() -> set[str]:
    """What gives nothing before training: its last matrix starts at zero."""
    return {f"layers.{layer}.{place}" for layer in range(LAYERS) for place in ("attention", "down")}


# The look inside


def test_looking_changes_neither_weights_nor_what_is_learned() -> None:
    planned, corpus = trunk(16), random_corpus()
    states = [trainer.start(planned, corpus) for _ in range(2)]
    tokens = states[0].batches.at(30)[:, :-1]
    for _ in range(5):
        look(states[0].model, tokens)
        losses = [float(trainer.take_step(state, planned, 1.0, state.model)[1]) for state in states]
        assert losses[0] == losses[1]


def test_attention_scores_are_those_that_attention_is_made_of() -> None:
    state = trainer.start(trunk(decoder=Decoder(width=16, layers=1, heads=2, context=16)), random_corpus())
    out = state.model.get_parameter("layers.0.attention.out.weight")
    torch.nn.init.normal_(out)
    tokens = state.batches.at(0)[:, :-1]
    seen = look(state.model, tokens)
    scores = seen["layers.0.attention.scores"]
    weights = scores.masked_fill(~torch.ones(16, 16, dtype=torch.bool).tril(), -torch.inf).softmax(-1)
    v = seen["layers.0.attention.qkv"][..., 32:].view(4, 16, 2, 8).transpose(1, 2)
    mixed = (weights @ v).transpose(1, 2).reshape(4, 16, 16)
    torch.testing.assert_close(mixed @ out.T, seen["layers.0.attention"], rtol=1e-4, atol=1e-5)


def test_the_largest_score_is_one_that_the_mask_lets_through() -> None:
    scores = torch.tensor([[1.0, 9.0], [3.0, 2.0]])
    assert largest_score(scores) == 3.0
