"""What is counted as a parameter and as a FLOP: exact where the shape is known, and never two ways in one fit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from froude import Runs, backtest, get_law, read_runs
from froude.cost.model.plain_decoder import DecoderShape
from froude.errors import InputError
from froude.fitting import fit
from froude.fitting.accounting import SIZES, Decoders, Unknown, count_flops, decoders
from froude.runs.count_agreement import check_counted_alike
from froude.runs.counting import counting_convention
from planted import planted, write_csv

pytest_plugins = ["door"]

Published = Callable[[str], Path]

WIDTH, LAYERS, MLP = np.array([256, 384, 512, 640, 768, 1024.0]), np.array([4, 6, 8, 8, 12, 16.0]), 3.0
CONTEXT, VOCABULARY = 1024, 50_000


def shape(**changes: object) -> DecoderShape:
    """The decoders of the planted table."""
    sizes = {"width": WIDTH, "layers": LAYERS, "mlp_width": MLP * WIDTH, "context": CONTEXT, "vocabulary": VOCABULARY}
    return DecoderShape(**{**sizes, "gated": True, **changes})  # type: ignore[arg-type]


def columns(of: DecoderShape, n_params: np.ndarray) -> dict[str, np.ndarray]:
    """A table of runs of these decoders, of which the columns are named as tables name them."""
    whole = np.full_like(WIDTH, 1.0)
    return {
        "d_model": WIDTH,
        "n_layers": LAYERS,
        "d_ffn": whole * of.mlp_width,
        "seq_len": whole * of.context,
        "vocab_size": whole * of.vocabulary,
        "N": n_params,
        "D": 20 * n_params,
        "loss": 1.7 + 400 * n_params**-0.34,
    }


def table(**changes: object) -> dict[str, np.ndarray]:
    """The same, of which N counts all but the embedding."""
    made = shape(**changes)
    return columns(made, made.n_non_embedding)


def refusal(runs: Runs, how: str, **sizes: float) -> str:
    with pytest.raises(InputError) as caught:
        count_flops(runs, how, **sizes)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# The shape of a model, and what PyTorch counts


class Block(nn.Module):
    """Attention of one head over the full context, and an MLP, of linear maps without biases."""

    def __init__(self, width: int, mlp_width: int, gated: bool) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, mlp_width, bias=False), nn.Linear(mlp_width, width, bias=False)
        self.gate = nn.Linear(width, mlp_width, bias=False) if gated else None

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        x = x + self.out((q @ k.transpose(1, 2)).softmax(-1) @ v)
        inner = self.up(x).relu()
        return x + self.down(inner if self.gate is None else inner * self.gate(x))


class Model(nn.Module):
    """A decoder of this shape."""

    def __init__(self, of: DecoderShape[int]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(of.vocabulary, of.width)
        self.blocks = nn.Sequential(*(Block(of.width, of.mlp_width, of.gated) for _ in range(of.layers)))
        self.head = nn.Linear(of.width, of.vocabulary, bias=False)
        if of.tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.blocks(self.embedding(tokens)))


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_parameters_and_flops_of_a_shape_are_those_pytorch_counts(gated: bool, tied: bool) -> None:
    of = DecoderShape(width=24, layers=3, mlp_width=56, context=40, vocabulary=100, gated=gated, tied=tied)
    with torch.device("meta"):
        model, tokens = Model(of), torch.zeros(2, of.context, dtype=torch.long)
    counts = {name: weight.numel() for name, weight in model.named_parameters()}
    assert of.n_total == sum(counts.values())
    assert of.n_non_embedding == sum(count for name, count in counts.items() if name.startswith("blocks"))
    with FlopCounterMode(display=False) as counter:
        outcome = model(tokens).sum()
        forward = counter.get_total_flops()
        outcome.backward()
    assert of.forward_flops_per_token * tokens.numel() == forward
    assert of.training_flops_per_token * tokens.numel() == counter.get_total_flops()


# How FLOPs are counted


def test_flops_are_counted_exactly_where_the_shape_is_known() -> None:
    runs = count_flops(Runs.from_columns(table()))
    np.testing.assert_allclose(runs["C"], shape().training_flops_per_token * runs["D"], rtol=1e-12)
    (sentence,) = runs.derived
    assert sentence.startswith("C = exact matmul FLOPs of the decoder (d_model, n_layers, d_ffn, seq_len, vocab_size;")
    off = 6 * runs["N"] / shape().training_flops_per_token - 1
    assert f"N counts all but the embedding; 6·N·D is off by {off.min():+.0%} to {off.max():+.0%}" in sentence


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("counts", ["all", "all but the embedding"])
def test_the_kind_of_decoder_is_told_by_its_parameters(gated: bool, tied: bool, counts: str) -> None:
    of = shape(gated=gated, tied=tied)
    found = decoders(Runs.from_columns(columns(of, of.n_total if counts == "all" else of.n_non_embedding)))
    assert isinstance(found, Decoders)
    assert (found.shape.gated, found.counts) == (gated, counts)
    np.testing.assert_allclose(found.shape.training_flops_per_token, of.training_flops_per_token)
    if counts == "all":
        assert found.shape.tied == tied


def test_a_few_gains_do_not_hide_the_shape_but_another_model_does() -> None:
    known = table()
    gains = {**known, "N": known["N"] + 2 * WIDTH * LAYERS}
    assert isinstance(decoders(Runs.from_columns(gains)), Decoders)
    experts = Runs.from_columns({**known, "N": np.append(known["N"][:-1], 8 * known["N"][-1])})
    assert isinstance(decoders(experts), Unknown)
    assert count_flops(experts).derived == ("C = 6·N·D",)
    assert "row 6 has N = " in refusal(experts, "exact")
    assert "so it is no plain decoder: add the columns or take --flops 6nd" in refusal(experts, "exact")


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_found_under_each_of_its_names(size: str) -> None:
    own = dict(zip(table(), SIZES, strict=False))  # both name width, layers, MLP, context and vocabulary, in this order
    expected = count_flops(Runs.from_columns(table()))["C"]
    for name in SIZES[size]:
        renamed = {name if own.get(column) == size else column: values for column, values in table().items()}
        np.testing.assert_array_equal(count_flops(Runs.from_columns(renamed), "exact")["C"], expected)


def test_a_column_of_flops_goes_first_and_is_kept_where_it_is_not_taken() -> None:
    runs = Runs.from_columns({**table(), "C": np.arange(1.0, 7)})
    assert count_flops(runs)["C"].tolist() == count_flops(runs, "column")["C"].tolist() == [1, 2, 3, 4, 5, 6]
    for how in ("exact", "6nd"):
        counted = count_flops(runs, how)
        assert counted["C (as read)"].tolist() == [1, 2, 3, 4, 5, 6]
        assert counted["C"][0] > 1e15
        assert counted.notes[-1] == "the column C is kept as 'C (as read)'"
        assert len(counted.derived) == 1


def test_6nd_is_used_only_where_the_shape_is_unknown_or_asked_for() -> None:
    known = table()
    no_head = {name: values for name, values in known.items() if name != "vocab_size"}
    for runs in (Runs.from_columns(planted()), Runs.from_columns(no_head)):
        assert count_flops(runs).derived == ("C = 6·N·D",)
        np.testing.assert_array_equal(count_flops(runs)["C"], runs["C"])
    asked = count_flops(count_flops(Runs.from_columns(known), "exact"), "6nd")
    assert asked.derived == ("C = 6·N·D",)
    np.testing.assert_allclose(asked["C"], 6 * known["N"] * known["D"])


def test_sizes_that_all_runs_share_are_given_instead_of_columns() -> None:
    part = {name: values for name, values in table().items() if name not in ("vocab_size", "seq_len")}
    counted = count_flops(Runs.from_columns(part), "exact", context=CONTEXT, vocabulary=VOCABULARY)
    np.testing.assert_array_equal(counted["C"], count_flops(Runs.from_columns(table()))["C"])
    assert "context = 1024, vocabulary = 50000" in counted.derived[0]


@pytest.mark.parametrize(
    ("left_out", "how", "says"),
    [
        (
            ("vocab_size",),
            "exact",
            "needs the vocabulary: add a column, or give what all runs share, as in --flops exa",
        ),
        (("seq_len", "vocab_size"), "exact", "--flops exact,context=…,vocabulary=…"),
        (("d_model",), "exact", "there is no column of width"),
        (("D",), "exact", "needs a column D: name it with --columns D=COLUMN"),
        ((), "column", "needs a column of training FLOPs: name it with --columns C=COLUMN"),
        ((), "8nd", "--flops '8nd' is no way to count: give column, exact or 6nd"),
    ],
)
def test_a_way_to_count_that_the_table_does_not_allow_is_refused(
    left_out: tuple[str, ...], how: str, says: str
) -> None:
    runs = Runs.from_columns({name: values for name, values in table().items() if name not in left_out})
    assert says in refusal(runs, how)


def test_sizes_without_meaning_are_refused() -> None:
    runs = Runs.from_columns(table())
    assert "no size 'heads': sizes are width, layers" in refusal(runs, "exact", heads=8)
    assert "context = 0, give at least 1" in refusal(runs, "exact", context=0)
    assert "--flops 6nd takes no context" in refusal(runs, "6nd", context=8)
    twice = Runs.from_columns({**table(), "hidden_size": WIDTH})
    assert "hidden_size may be the width" in refusal(twice, "exact")
    assert "some run has no layers above 0" in refusal(Runs.from_columns({**table(), "n_layers": 0 * LAYERS}), "exact")


def test_tokens_derived_from_flops_give_no_flops_back() -> None:
    known = table()
    runs = Runs.from_columns({**{k: v for k, v in known.items() if k != "D"}, "C": 1e18 * WIDTH})
    assert runs.derived == ("D = C/(6·N)",)
    assert "needs a column D" in refusal(runs, "6nd")
    assert count_flops(runs).derived == ("D = C/(6·N)",)


def test_the_command_line_counts_as_it_is_told(tmp_path: Path) -> None:
    from froude.cli.options import read_table

    path = str(write_csv(tmp_path / "runs.csv", {name: v for name, v in table().items() if name != "vocab_size"}))
    exact = read_table(path, None, None, f"exact, vocabulary={VOCABULARY}")
    np.testing.assert_allclose(exact["C"], count_flops(Runs.from_columns(table()))["C"], rtol=1e-12)
    assert read_table(path, None, None).derived == ("C = 6·N·D",)
    assert read_table(path, None, None, "6ND").derived == ("C = 6·N·D",)
    assert len(read_table(path, None, f"C > {exact['C'][3]}", f"exact,vocabulary={VOCABULARY}")) == 2
    with pytest.raises(InputError, match="'2048' in '2048' is no assignment"):
        read_table(path, None, None, "exact,2048")


def test_six_nd_misses_a_tenth_of_the_step_law_models_by_attention_alone(published: Published) -> None:
    # The table's README: sequences of 2048 tokens. The vocabulary is not in it: the head counts as nothing here.
    frame = pl.read_csv(published("steplaw/dense.csv")).with_columns(pl.lit(2048).alias("context"))
    runs = Runs.from_frame(frame, {"loss": "smooth_loss"})
    found = decoders(runs)
    assert isinstance(found, Decoders)
    assert (found.shape.gated, found.counts, found.missing) == (True, "all but the embedding", ("vocabulary",))
    np.testing.assert_array_equal(found.n_params, runs["N"])  # to the last parameter
    off = 6 * runs["N"] / found.shape.training_flops_per_token - 1
    assert (off.min(), off.max()) == pytest.approx((-0.1137, -0.1088), abs=1e-4)
    power = fit("power-floor", runs, x="C", draws=20)
    assert any("C = 6·N·D is at least 11% below the matmul FLOPs of row " in said for said in power.warnings)


# What a fit says of it


def warnings_about_flops(runs: Runs) -> str:
    return "\n".join(fit("power", runs, x="C", draws=20, starts=3).warnings)


def test_a_fit_over_flops_that_are_far_from_exact_names_the_worst_run() -> None:
    known = table()
    runs = Runs.from_columns({**known, "name": list("abcdef")})
    off = 6 * known["N"] / shape().training_flops_per_token - 1
    assert off.min() == off[0] < -0.5
    said = f"C = 6·N·D is {-off[0]:.0%} below the matmul FLOPs of row 1 (a): count with --flops exact"
    assert said in warnings_about_flops(runs)
    as_read = {**known, "name": list("abcdef"), "C": np.round(6 * known["N"] * known["D"], -12)}
    assert said in warnings_about_flops(Runs.from_columns(as_read))
    assert "6·N·D" not in warnings_about_flops(count_flops(runs, "exact"))
    assert "6·N·D" not in "\n".join(fit("power", runs, x="N", draws=20, starts=3).warnings)


def test_an_unknown_vocabulary_leaves_the_least_that_6nd_misses() -> None:
    known = {name: values for name, values in table(context=8192).items() if name != "vocab_size"}
    off = 6 * known["N"] / shape(context=8192, vocabulary=0).training_flops_per_token - 1
    said = f"C = 6·N·D is at least {-off[0]:.0%} below the matmul FLOPs of row 1: count with --flops exact,vocabulary=…"
    assert said in warnings_about_flops(Runs.from_columns(known))


def test_an_untied_embedding_counted_in_makes_six_nd_too_large() -> None:
    of = shape(tied=False, context=64, vocabulary=200_000)
    assert "C = 6·N·D is " in warnings_about_flops(Runs.from_columns(columns(of, of.n_total)))
    assert "% above the matmul FLOPs of row 1" in warnings_about_flops(Runs.from_columns(columns(of, of.n_total)))


def test_six_nd_within_a_tenth_of_exact_is_not_doubted() -> None:
    of = shape(context=16, vocabulary=64)
    runs = Runs.from_columns(columns(of, of.n_non_embedding))
    assert "6·N·D" not in warnings_about_flops(runs)


# How parameters are counted


@pytest.mark.parametrize(
    ("column", "way"),
    [
        ("N_no_embed", "non-embedding parameters"),
        ("n_params_non_embedding", "non-embedding parameters"),
        ("Parameters Excluding Embeddings", "non-embedding parameters"),
        ("N_nonembed", "non-embedding parameters"),
        ("N_total", "all parameters, with embeddings"),
        ("params_with_embeddings", "all parameters, with embeddings"),
        ("N_active", "active parameters"),
        ("params", None),
        ("N", None),
    ],
)
def test_a_name_says_what_is_counted(column: str, way: str | None) -> None:
    assert counting_convention(column) == way


def test_the_count_that_is_taken_is_said() -> None:
    both = pl.DataFrame({"N_total": [2.0, 3], "N_non_embedding": [1.0, 2], "loss": [3.0, 2]})
    with pytest.raises(InputError, match=r"'N_total' or 'N_non_embedding' may be N .* choose with --columns N=N_total"):
        read_runs(both)
    assert read_runs(both, {"N": "N_total"}).notes == (
        "N is all parameters, with embeddings (column 'N_total'); parameters are counted otherwise in "
        "'N_non_embedding': take one with --columns N=N_non_embedding",
    )
    assert read_runs(both.drop("N_total")).notes == ("N is non-embedding parameters (column 'N_non_embedding')",)
    exact = read_runs(both.rename({"N_total": "N"}))
    assert exact.notes[0].startswith("N is the column 'N'; parameters are counted otherwise in 'N_non_embedding'")


def test_nothing_is_said_of_a_count_that_was_no_choice() -> None:
    assert Runs.from_columns(planted()).notes == ()
    assert Runs.from_columns({"params": [1.0, 2], "loss": [3.0, 2]}).notes == ()
    assert Runs.from_columns({"N": [1, 2], "params": [1.0, 2.0], "loss": [3.0, 2]}).notes == ()


def test_a_column_of_words_is_no_count_of_parameters() -> None:
    runs = Runs.from_columns({"param_count": ["standard", "kaplan"], "params": [1.0, 2], "loss": [3.0, 2]})
    assert (runs["N"].tolist(), runs["param_count"].tolist()) == ([1, 2], ["standard", "kaplan"])
    assert "N" not in Runs.from_columns({"model_size": ["small", "large"], "loss": [3.0, 2]})
    assert Runs.from_columns({"model_size": ["7B", "70B"], "loss": [3.0, 2]})["N"].tolist() == [7e9, 7e10]


WAYS = {"param_count": ["standard", "kaplan"] * 18}


def mixing(**telling: list) -> Runs:
    return Runs.from_columns({**planted(), **telling})


@pytest.mark.parametrize(
    ("telling", "says"),
    [
        (WAYS, "2 ways, 'kaplan', 'standard': fit one alone, with --where \"param_count = 'kaplan'\""),
        ({"Params counted": ["a", None] * 18}, "2 ways, 'a', missing: fit one alone"),
        ({"with_embeddings": [True, False] * 18}, "2 ways, False, True: fit one alone, with --where 'with_embeddings"),
    ],
)
def test_parameters_counted_in_two_ways_are_not_fitted_together(telling: dict[str, list], says: str) -> None:
    runs = mixing(**telling)
    for roles in (("N", "D"), ("C",)):  # C = 6·N·D is counted as N is
        with pytest.raises(InputError) as caught:
            check_counted_alike(runs, np.arange(36), roles)
        assert says in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_parameters_counted_in_one_way_or_not_asked_for_may_be_fitted() -> None:
    runs = mixing(**WAYS, model_size=["s", "l"] * 18, note=["x", "y"] * 18)
    check_counted_alike(runs, np.arange(0, 36, 2), ("N", "D"))
    check_counted_alike(runs.where("param_count = 'kaplan'"), np.arange(18), ("N",))
    check_counted_alike(runs, np.arange(36), ("D",))
    check_counted_alike(replace(runs, derived=()), np.arange(36), ("C",))  # a column of its own
    check_counted_alike(mixing(param_count=list(range(36))), np.arange(36), ("N",))  # numbers say no way


def test_a_fit_of_mixed_counts_is_refused() -> None:
    runs = mixing(**WAYS)
    with pytest.raises(InputError, match="param_count says that N was counted in 2 ways, 'kaplan', 'standard'"):
        fit("chinchilla", runs, draws=20)
    assert fit("chinchilla", runs.where("param_count = 'standard'"), draws=20).n == 18
    assert fit("power", runs, x="D", draws=20).n == 36


def test_the_published_isoflop_points_are_not_fitted_over_both_counts(published: Published) -> None:
    runs = read_runs(published("resolving_discrepancies/isoflop_points.csv"))
    rows = np.arange(len(runs))
    with pytest.raises(InputError, match="N was counted in 3 ways, 'attention', 'kaplan', 'standard'"):
        check_counted_alike(runs, rows, get_law("chinchilla").inputs)
    check_counted_alike(runs, np.flatnonzero(runs["param_count"] == "standard"), ("N", "D"))


def test_a_count_missing_in_some_rows_is_never_filled_from_another(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text('{"N": 1e9, "loss": 3}\n{"N_non_embedding": 2e9, "loss": 2}\n')
    assert read_runs(path).finite().tolist() == [True, False]


def test_a_fit_derives_what_its_law_asks_for_and_the_command_line_says_so(cli, tmp_path: Path) -> None:
    law = get_law("overtrained")
    runs = planted()
    C, M = 6 * runs["N"] * runs["D"], runs["D"] / runs["N"]
    truth = next(iter(law.published.values()))
    runs["loss"] = law(C=C, M=M, **truth)
    made = fit(law, Runs.from_columns(runs), draws=20)
    np.testing.assert_allclose(made.inputs["M"], M)
    done = cli("fit", write_csv(tmp_path / "runs.csv", runs), "--law", "overtrained", "--draws", "20")
    assert "C = 6·N·D, derived; M = D/N, derived" in done.out


def test_runs_counted_one_way_are_not_forecast_from_another() -> None:
    telling = np.where(planted()["D"] > 5e10, "kaplan", "standard")
    runs = mixing(param_count=telling.tolist())
    for laws in ("chinchilla", "auto"):
        with pytest.raises(InputError, match="param_count says that N was counted in 2 ways"):
            backtest(laws, runs, "D > 5e10", draws=20)
    (held,) = backtest("power", runs, "D > 5e10", x="D", draws=20)
    assert held.n_held_out > 0
