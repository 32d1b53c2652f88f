"""Instability of larger transformers predicted by small ones of the tank: the logits of attention, and what tames them.

Wortsman et al. 2023, arXiv:2309.14322. As there, one learning rate holds for every weight at every width (standard
parametrisation), and a training has failed when its loss is worse than that of a bigram model, which uses no context.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from froude import Runs
from froude.cost import Decoder
from froude.fitting.procedures.instability import UNSTABLE_LOGIT, forecast_instability
from froude.fitting.procedures.sensitivity import Sensitivity, lr_sensitivity
from froude.tank import Corpus, Trunk, trainer
from froude.tank.warning_signs import warning_signs
from small_nets import one_thread
from tiny import random_corpus

pytestmark = pytest.mark.experiment

SEED = 0
LAYERS, CONTEXT, BATCH, STEPS, WINDOWS = 2, 32, 8, 300, 128
SMALL, LARGE = (8, 12, 16, 24), 96
RATES = (0.01, 0.032, 0.1, 0.32)
CALM, WILD = 0.032, 0.1
FIXES: dict[str, dict[str, Any]] = {
    "neither": {},
    "qk-norm": {"qk_norm": True},
    "z-loss": {"z_loss": 1e-4},
    "both": {"qk_norm": True, "z_loss": 1e-4},
}


def trunk_of(width: int, rate: float, seed: int, **fixes: Any) -> Trunk:
    """A trunk in which every weight learns at one rate, whatever the width."""
    return Trunk(
        decoder=Decoder(width=width, layers=LAYERS, heads=1, context=CONTEXT),
        seed=SEED + seed,
        tokens=(STEPS * BATCH * CONTEXT,),
        batch=BATCH,
        lr=rate * width / trainer.BASE_WIDTH,
        lr_embedding=rate,
        warmup_tokens=20 * BATCH * CONTEXT,
        decay_share=0.2,
        corpus="words",
        **fixes,
    )


def signs_of(
    corpus: Corpus,
    widths: Sequence[int],
    rates: Sequence[float],
    seeds: Sequence[int] = (0,),
    step: int = STEPS,
    **fixes: Any,
) -> Runs:
    """Signs of instability after so many steps, the last by default; `lr` is the rate of every weight."""
    trunks = [trunk_of(width, rate, seed, **fixes) for width in widths for rate in rates for seed in seeds]
    seen = warning_signs(trunks, corpus, [step], WINDOWS)
    columns = {name: seen[name] for name in ("N", "width", "loss", "attention_logit", "log_z")}
    return Runs.from_columns({**columns, "lr": seen["hidden_lr"]})


def bigram_loss(corpus: Corpus) -> float:
    """Loss on the validation bytes of the frequencies of pairs of bytes, each counted once more than it was seen."""
    counts = np.ones((256, 256))
    np.add.at(counts, (corpus.train[:-1], corpus.train[1:]), 1)
    share = counts / counts.sum(axis=1, keepdims=True)
    return float(-np.log(share[corpus.validation[:-1], corpus.validation[1:]]).mean())


@pytest.mark.atlas("small-scale-proxies", "modelled")
def test_small_models_predict_that_a_rate_fails_in_a_large_one(
    record_property,
) -> None:
    with one_thread():
        corpus = random_corpus(100_000)
        plain = signs_of(corpus, SMALL, RATES)
        swept = {name: signs_of(corpus, SMALL[1::2], RATES, **fix) for name, fix in FIXES.items() if fix}
        again = signs_of(corpus, SMALL, (CALM, WILD), (1, 2))
        before = float(signs_of(corpus, SMALL[1::2], [WILD], step=0)["loss"].mean())

        swept["neither"] = plain.take(np.isin(plain["width"], SMALL[1::2]))
        sensitivity = {name: lr_sensitivity(runs, before) for name, runs in swept.items()}
        small = Runs.from_columns(
            {name: np.append(plain[name], again[name]) for name in ("N", "lr", "loss", "attention_logit")}
        )
        small = small.take(np.isin(small["lr"], (CALM, WILD)))
        calm, wild = forecast_instability(small, N=trunk_of(LARGE, WILD, 0).decoder.n_non_embedding)

        # Only now is the large model trained.
        large = signs_of(corpus, [LARGE], (CALM, WILD))
        mended = signs_of(corpus, [LARGE], [WILD], qk_norm=True)
    failed = bigram_loss(corpus)
    crossing = np.array([np.inf if size is None else size for size in wild.crossing])
    record_property(
        "found",
        f"sensitivity {'; '.join(f'{name} {in_words(*each)}' for name, each in sensitivity.items())}; "
        f"at rate {WILD} logits of {SMALL[0]} to {SMALL[-1]} wide grow as N^{wild.trends[0].coefficients[1]:.2f} and "
        f"cross {UNSTABLE_LOGIT:g} at N = {crossing[0]:.2g} ({crossing[1]:.2g} to {crossing[2]:.2g}); "
        f"at N = {large['N'][0]:.2g} predicted {wild.forecast.mean:.2g} ({wild.forecast.lo:.2g} to "
        f"{wild.forecast.hi:.2g}), measured {large['attention_logit'][1]:.2g}; loss there {large['loss'][1]:.2f}, "
        f"at rate {CALM} {large['loss'][0]:.2f}, with qk-norm {mended['loss'][0]:.2f}, of bigrams {failed:.2f}",
    )
    for plain_one, *fixed in zip(*(sensitivity[name] for name in ("neither", "qk-norm", "both")), strict=True):
        assert all(each.sensitivity < plain_one.sensitivity for each in fixed)
    assert small["loss"].max() < failed
    assert calm.risk < 0.5 < wild.risk
    assert crossing[0] < large["N"][0]
    assert wild.forecast.lo < large["attention_logit"][1] < wild.forecast.hi
    assert large["attention_logit"][0] < UNSTABLE_LOGIT < large["attention_logit"][1]
    assert large["loss"][0] < failed < large["loss"][1]
    assert mended["loss"][0] < failed


def in_words(*sizes: Sensitivity) -> str:
    """The sensitivities of sizes in words."""
    return ", ".join(f"{each.sensitivity:.2f} ({each.lo:.2f} to {each.hi:.2f}) at N = {each.N:g}" for each in sizes)
