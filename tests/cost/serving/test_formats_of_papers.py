"""Formats that papers compare, asked of `froude.serve_cost` on their models and on one that a reader would bring."""

import pytest

from evidence import listed
from froude.cost import serve_cost
from priced import Noted

USERS = (1, 4, 16, 64, 256)
CASES = [("llama-3.1-8b", 1), ("llama-3.1-70b", 4), ("qwen3-32b", 2)]
"""The paper's two models, a reader's, and devices of each."""


def cheapest(model: str, chip: str, devices: int, users: int, formats: tuple[str, ...]) -> str:
    """The format in which a million tokens cost least under vLLM."""
    prices = {
        name: serve_cost(
            model, f"{devices} x {chip}", engine="vllm", precision=name, tp=devices, input=512, output=256, users=users
        ).dollars_per_million_tokens
        for name in formats
    }
    return min(prices, key=lambda name: prices[name])


@pytest.mark.slow
@pytest.mark.atlas("bf16-or-death", "modelled")
def test_4_bit_weights_are_cheapest_for_one_user_and_8_bits_for_many(record_property: Noted):
    """W4A16 (int4) against W8A8 (fp8 and int8) and bf16 on high-end GPUs; no format is left out for its losses."""
    crossings = {}
    for chip, formats in (("h100", ("bf16", "int4", "fp8", "int8")), ("a100-80", ("bf16", "int4", "int8"))):
        for model, devices in CASES:
            best = [cheapest(model, chip, devices, users, formats) for users in USERS]
            assert best[0] == "int4"
            assert best[-1] in ("fp8", "int8")
            first = next(i for i, name in enumerate(best) if name != "int4")
            assert "int4" not in best[first:]
            crossings[f"{model} on {devices} {chip}"] = USERS[first]
    record_property("found", f"8-bit products are cheaper from so many users on: {listed(crossings, 'd')}")


@pytest.mark.atlas("bf16-or-death", "modelled")
def test_8_bit_integers_win_on_a_smaller_card_too_where_many_ask(record_property: Noted):
    """The paper has 4-bit weights cheapest on cards of the middle class; the model says so of few users alone."""
    best = [cheapest("llama-3.1-8b", "rtx-a6000", 1, users, ("bf16", "int4", "int8")) for users in USERS]
    assert best[:3] == ["int4"] * 3
    assert best[-1] == "int8"
    record_property("found", f"on an A6000 by users: {listed(dict(zip(USERS, best, strict=True)), 's')}")
