"""Runs that do not belong together are noticed, and what parts them is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from froude.fitting.diagnostics import diagnose
from froude.fitting.estimation import measure_alike, solve
from froude.fitting.evidence import FitEvidence
from froude.fitting.mixtures import MixedRuns
from froude.fitting.options import FitOptions
from froude.laws import get_law
from froude.runs import Runs, read_runs
from planted import planted

OVERTRAINING = "overtraining_mlfoundations/models_loss_and_downstream.csv"


def evidence_of(runs: Runs, law: str = "chinchilla", x: str | None = None) -> FitEvidence:
    """What a fit with few starts and no bootstrap rests on."""
    found = get_law(law, x)
    measured = measure_alike([found], runs, "loss")[0]
    problem, minima = solve(found, measured, 9, np.random.default_rng(0))
    return FitEvidence(runs, "loss", measured, problem, minima, minima, FitOptions())


def mixture_of(runs: Runs) -> MixedRuns | None:
    return evidence_of(runs).mixture


def said_of(runs: Runs) -> str:
    return " ".join(diagnose(evidence_of(runs), ("mixtures",)))


def test_three_training_sets_in_one_public_table_are_named(published: Callable[[str], Path]):
    runs = read_runs(published(OVERTRAINING), columns={"loss": "loss_openlm"})
    mixture = mixture_of(runs)
    assert mixture is not None
    assert mixture.column == "train_set"
    assert len(mixture.groups) == 3
    # C4 and RedPajama in the table itself, at equal N and D: the median of log ratios of losses.
    log = {
        value: np.log(part["loss"])
        for value in ("c4_original", "rpj")
        if (part := runs.where(f"train_set = '{value}'"))
    }
    at = {
        value: [*zip(part["N"], part["D"], strict=True)]
        for value in log
        if (part := runs.where(f"train_set = '{value}'"))
    }
    ratios = [
        log["c4_original"][at["c4_original"].index(k)] - v
        for k, v in zip(at["rpj"], log["rpj"], strict=True)
        if k in at["c4_original"]
    ]
    assert mixture.apart == pytest.approx(float(np.median(ratios)), abs=0.06)


def test_each_training_set_alone_is_left_in_peace(published: Callable[[str], Path]):
    runs = read_runs(published(OVERTRAINING), columns={"loss": "loss_openlm"})
    for value in ("c4_original", "rpj", "rw_original"):
        assert mixture_of(runs.where(f"train_set = '{value}'")) is None


def test_losses_of_two_tokenizers_compare_only_as_bits_a_byte(published: Callable[[str], Path]):
    runs = read_runs(published("vocab_sail/exp_data.csv")).where("vocab_size IN (4096, 96256) AND D > 2e9")
    said = said_of(runs)
    assert "vocab_size" in said
    assert "only as bits a byte" in said
    assert "--by vocab_size" in said


def test_a_tenth_of_losses_in_bits_is_told_with_its_column():
    table = planted()
    bits = np.arange(36) % 10 == 0
    table["loss"] = np.where(bits, table["loss"] / np.log(2), table["loss"])
    said = said_of(Runs.from_columns({**table, "unit": np.where(bits, "bits", "nats")}))
    assert "as bits beside nats" in said
    assert "unit = 'bits'" in said


def test_half_of_losses_in_bits_is_told_without_a_column():
    table = planted()
    bits = np.random.default_rng(1).permutation(36) < 18
    table["loss"] = np.where(bits, table["loss"] / np.log(2), table["loss"])
    assert "bits" in said_of(Runs.from_columns(table))


def test_columns_that_mean_nothing_raise_no_alarm():
    alarms = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        labels = {f"label{k}": rng.integers(2 + k, size=36) for k in range(3)}
        table = planted(seed=seed)
        step = np.where(table["N"] > 1e9, "large", "small")
        alarms += mixture_of(Runs.from_columns({**table, **labels, "cluster": step})) is not None
    assert alarms == 0


def test_a_shift_of_a_hundredth_is_found_with_its_size_and_sign():
    table = planted(noise=0.002)
    late = np.random.default_rng(3).permutation(36) < 12
    table["loss"] = table["loss"] * np.where(late, 1.01, 1.0)
    mixture = mixture_of(Runs.from_columns({**table, "recipe": np.where(late, "new", "old")}))
    assert mixture is not None
    assert mixture.groups[-1].value == "'new'"
    assert mixture.apart == pytest.approx(0.01, abs=0.002)


def test_points_along_one_training_beside_ends_are_told():
    table = planted()
    first = table["N"] == table["N"].max()
    law, params = get_law("chinchilla"), get_law("chinchilla").published["besiroglu-2024"]
    N, D = np.geomspace(1e8, 9e8, 8), np.geomspace(3e9, 2e10, 8)
    along = np.linspace(1e9, 1e10, 7)
    N, D = np.concatenate([N, np.full(7, 1e10)]), np.concatenate([D, along])
    loss = law(N=N, D=D, **params) * np.where(np.arange(15) < 8, 1.0, 1.002)
    assert first.any()
    assert "points along a training" in said_of(Runs.from_columns({"N": N, "D": D, "loss": loss}))


def test_a_width_for_each_size_is_no_group():
    table = planted()
    widths = {n: 64 * (k + 1) for k, n in enumerate(sorted({*table["N"]}))}
    bent = table["loss"] * (1 + 0.02 * np.log10(table["N"] / 1e9) ** 2)
    assert (
        mixture_of(Runs.from_columns({**table, "loss": bent, "width": np.array([widths[n] for n in table["N"]])}))
        is None
    )
