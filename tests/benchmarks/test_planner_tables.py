"""Measured tables as questions to the planner: what their rows state, what is held out, how an answer is scored."""

import importlib
from collections import Counter
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from froude import get_machine, get_model
from froude.cost.training.pipeline.notation import parse_chunks
from paths import ROOT

BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def scoring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The scores, which need no tables."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("planner_scores")


def test_every_row_of_the_tables_is_asked(part):
    """As many as their READMEs say; of Primus all but an out-of-memory and a row printed by mistake."""
    rows = part("planner_rows")
    counts = {read.__name__: len(list(read())) for read in rows.QUESTIONS}
    assert counts == {
        "megatron_bridge": 292, "torchtitan_large": 14, "nemo_automodel": 16, "nemo_2407": 54, "tpu_recipes": 47,
        "maxtext": 59, "primus": 19, "torchtune": 24,
    }  # fmt: skip
    kinds = Counter(one.kind for one in rows.megatron_bridge())
    assert kinds == {"dense": 94, "mixture": 138, "hybrid": 55, "lora": 5}
    assert sum(one.release == "stated" for one in rows.tpu_recipes()) == 18
    assert sum(one.release == "ladder" for one in rows.torchtune()) == 9


def test_machines_and_models_of_the_tables_are_known(part):
    rows = part("planner_rows")
    asked = [one for read in rows.QUESTIONS for one in read()]
    for text in {one.machine for one in asked}:
        get_machine(text)
    for text in {one.model for one in asked if one.kind == "dense" and "gemma-4" not in one.model} - {"wan-2.1-14b"}:
        if "wan-2.1" not in text:
            get_model(text)


def test_models_that_the_catalogue_lacks_have_their_published_sizes(part):
    file = part("planner_rows.row").MODELS
    billions = {
        **{"gpt-oss-120b": 116.83, "gpt-oss-20b": 20.91, "kimi-k2": 1026.4, "llama-4-scout": 107.77},
        **{"llama-4-maverick": 400.7, "nemotron-4-340b": 341.0, "gemma-3-12b": 11.77},
    }
    for name, size in billions.items():
        assert float(get_model(f"{file}#{name}").n_params) / 1e9 == pytest.approx(size, rel=1e-3), name
    for size in (16, 22, 32, 52, 64, 128, 256, 512, 1024):  # by their names
        found = float(get_model(f"{file}#maxtext-{size}b").n_params) / 1e9
        assert found == pytest.approx(size, rel=0.03), size


@pytest.mark.parametrize(("chunks", "mtp"), [(2, True), (4, False), (8, True), (16, True), (32, True), (32, False)])
def test_layouts_of_61_layers_hold_all_of_them(part, chunks, mtp):
    """Those of 32 chunks begin with one layer and end with none, as the recipe's "Et|(tt|)*30mL" does."""
    text = part("planner_rows.megatron_bridge").deepseek_layout(61, chunks, mtp=mtp)
    parsed = parse_chunks(text)
    assert (len(parsed.blocks), sum(parsed.blocks), sum(parsed.predictions)) == (chunks, 61, int(mtp))


def test_rows_of_a_recipe_are_asked_with_what_it_says(part):
    asked = {(one.name, one.gpu, one.release, one.precision): one for one in part("planner_rows").megatron_bridge()}
    llama = asked["LLAMA3.1_405B", "B200", "25.11", "mxfp8"]
    assert llama.fields["pipeline_layout"] == "ends"
    assert (llama.fields["tensor"], llama.fields["zero"], llama.fields["recompute"]) == (4, 1, "none")
    deepseek = asked["DeepSeekV3", "GB300", "26.08", "mxfp8"]
    assert deepseek.fields["pipeline_layout"] == "Et*4|(t*4|)*14tmL"
    assert deepseek.stack == "megatron-bridge@26.08"


# --- scores ----------------------------------------------------------------------------------------------


def score(part, name, error, *, release="1", gpu="H100", mfu=0.5, width=0.1, refusal=""):
    rows, scores = part("planner_rows"), part("planner_scores")
    question = rows.Question(
        table="t", name=name, gpu=gpu, release=release, kind="dense", precision="bf16", stack="", model="", seconds=1.0,
        machine=f"8 x {gpu}", fields={"seq_len": 4096},
    )  # fmt: skip
    if refusal:
        return scores.Score(question=question, mfu=mfu, refusal=refusal)
    return scores.Score(question=question, error=error, below=error - width, above=error + width, mfu=mfu)


def test_a_refusal_is_an_error_of_all_and_not_inside(part):
    judged = part("planner_scores").judged
    row = judged("two", [score(part, "a", 0.05), score(part, "b", 0, refusal="no such layout")], []).row()
    assert (row["rows"], row["refused"], row["in 90%"]) == ("2", "1", "50%")
    assert row["mean error"] == f"{50 * (np.expm1(0.05) + 1):.1f}%"


def test_models_weigh_equally_however_many_rows_they_have(part):
    judged = part("planner_scores").judged
    one = judged("", [*[score(part, "a", 0.0)] * 9, score(part, "b", np.log(1.2))], [])
    assert one.row()["mean error"] == "10.0%"


def test_rows_that_measure_the_same_again_never_teach_a_constant(part):
    """A release held out leaves the other releases, but not their rows of the same model, GPU, count and format."""
    judged = part("planner_scores").judged
    held = score(part, "a", 0.0, release="2", mfu=0.6)
    twin, other = score(part, "a", 0.0, release="1", mfu=0.6), score(part, "b", 0.0, release="1", mfu=0.3)
    found = judged("", [held], [held, twin, other], lambda question: question.release)
    assert found.constant == [pytest.approx(np.log(0.6 / 0.3))]
    alone = judged("", [held], [held, twin], lambda question: question.release)
    assert alone.constant == [None]


def test_an_interval_scores_its_width_and_twenty_times_the_miss(scoring):
    assert scoring.interval_score(-0.1, 0.2) == pytest.approx(0.3)
    assert scoring.interval_score(0.05, 0.25) == pytest.approx(0.2 + 20 * 0.05)
    assert scoring.interval_score(-0.25, -0.05) == pytest.approx(0.2 + 20 * 0.05)


def test_a_row_without_a_batch_is_compared_by_tokens_a_second(part):
    rows, scores = part("planner_rows"), part("planner_scores")
    asked = next(one for one in rows.maxtext() if one.name == "Llama2-7B")
    answered = scores.ask(asked)
    slower = scores.ask(replace(asked, tokens_per_s=asked.tokens_per_s / 2))
    assert answered.error - slower.error == pytest.approx(np.log(2))
