"""What training FLOPs are counted by: a column, the customary 6·N·D, or the matmuls of the models themselves.

6·N·D leaves out attention over the context, and the output head where N leaves out embeddings: for a small model with
a large vocabulary or a long context that is most of the work. Where a table has the shape of its models, the FLOPs are
known exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, final, get_args

import numpy as np

from froude.errors import InputError
from froude.runs import Runs, RunsSource, read_runs
from froude.runs.headers import normal

if TYPE_CHECKING:
    from froude.cost.model.plain_decoder import DecoderShape

Accounting = Literal["auto", "column", "exact", "6nd"]

SIZES: Mapping[str, tuple[str, ...]] = {
    "width": (
        *("width", "d_model", "model_width", "model_dim", "dimension", "dim", "n_embd", "embed_dim", "embedding_dim"),
        *("hidden", "hidden_size", "hidden_dim"),
    ),
    "layers": ("layers", "n_layers", "n_layer", "num_layers", "num_hidden_layers", "depth"),
    "mlp_width": (
        *("mlp_width", "d_mlp", "mlp_dim", "d_ffn", "d_ff", "ffn_width", "ffn_dim", "ffn", "ffn_hidden_size"),
        *("intermediate_size",),
    ),
    "context": ("context", "context_length", "seq_len", "seq_length", "sequence_length", "n_ctx", "block_size"),
    "vocabulary": ("vocabulary", "vocabulary_size", "vocab", "vocab_size", "n_vocab"),
}
"""The sizes of a decoder that FLOPs depend on, and the columns in which each stands."""

_NEEDED = ("width", "layers")
# What a count of parameters may take in and a shape leaves out: biases, gains, learned positions, a padded vocabulary.
_SAME_COUNT = 0.03
_ROUNDED = 1e-3


@final
@dataclass(frozen=True, kw_only=True)
class Decoders:
    """The shapes of the models of runs, as arrays (rows,), of which N `counts` all parameters, or some.

    `sources` say where each size comes from. Sizes in `missing`, context or vocabulary, are not known: attention or
    the output head count as nothing then, and the FLOPs of the shape are the least that they can be.
    """

    shape: DecoderShape[np.ndarray]
    counts: Literal["all", "all but the embedding"]
    sources: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def n_params(self) -> np.ndarray:
        """What N should be, (rows,)."""
        return self.shape.n_total if self.counts == "all" else self.shape.n_non_embedding

    @property
    def option(self) -> str:
        """What to give a command so that it counts exactly."""
        return ",".join(["--flops exact", *(f"{size}=…" for size in self.missing)])


@final
@dataclass(frozen=True, kw_only=True)
class Unknown:
    """Why the shapes of models are not known: half a sentence."""

    why: str


def count_flops(runs: RunsSource, how: str = "auto", **sizes: float) -> Runs:
    """The runs with C counted in one of these ways, which `derived` names.

    "column" takes the column C that was read, "6nd" is 6·N·D, "exact" counts the matmuls of the decoder whose sizes
    are columns (see SIZES and `DecoderShape`), or are given where all runs share them: `count_flops(runs, "exact",
    context=2048)`. "auto" takes the column where there is one, else the exact count where the shape is known, else
    6·N·D. A column C that is not taken is kept as "C (as read)".

    InputError for another way, or one that the table does not allow, saying what is missing.
    """
    runs = runs if isinstance(runs, Runs) else read_runs(runs)  # unchecked ones stay so, for a condition to choose from
    _check_asked(how, sizes)
    has_column = "C" in runs and not _derived(runs, "C")
    if how == "column" and not has_column:
        raise InputError("--flops column needs a column of training FLOPs: name it with --columns C=COLUMN")
    if how == "column" or (how == "auto" and (has_column or not {"N", "D"} <= {*runs.columns})):
        return runs
    known = decoders(runs, sizes)
    if how == "auto":
        how = "exact" if isinstance(known, Decoders) and not known.missing else "6nd"
    _check_measured(runs, how)
    if how == "6nd":
        with np.errstate(over="ignore"):  # of rows that are refused once a condition has chosen from them
            return _with_flops(runs, 6 * runs["N"] * runs["D"], "C = 6·N·D")
    known = _whole(known)
    exact = known.shape.training_flops_per_token * runs["D"]
    off = off_by_six_nd(runs, known)
    detail = (
        f"{', '.join(known.sources)}; N counts {known.counts}; 6·N·D is off by {off.min():+.0%} to {off.max():+.0%}"
    )
    return _with_flops(runs, exact, f"C = exact matmul FLOPs of the decoder ({detail})")


def decoders(runs: Runs, sizes: Mapping[str, float] | None = None) -> Decoders | Unknown:
    """The shapes of the models of runs, from columns and from `sizes` that all share, if these account for N."""
    by_size: dict[str, np.ndarray] = {}
    sources: list[str] = []
    for size in SIZES:
        columns = [c for c in runs.columns if normal(c) in SIZES[size] and runs[c].dtype.kind == "f"]
        if size in (sizes or {}):
            value = (sizes or {})[size]
            by_size[size] = np.full(len(runs), float(value))
            sources.append(f"{size} = {value:g}")
        elif len(columns) > 1:
            return Unknown(why=f"{' or '.join(columns)} may be the {size}")
        elif columns:
            by_size[size] = runs[columns[0]]
            sources.append(columns[0])
    if lacking := [size for size in _NEEDED if size not in by_size]:
        return Unknown(why=f"there is no column of {' and '.join(lacking)}")
    if broken := [size for size, values in by_size.items() if not np.all(values > 0)]:
        return Unknown(why=f"some run has no {broken[0]} above 0")
    return _accounting_for(runs, by_size, tuple(sources))


def is_six_nd(runs: Runs) -> bool:
    """Whether N, D and C are there and C is 6·N·D, be it derived or as read, up to the rounding of a table."""
    there = {"N", "D", "C"} <= {*runs.columns}
    return there and bool(np.allclose(runs["C"], 6 * runs["N"] * runs["D"], rtol=_ROUNDED, equal_nan=True))


def off_by_six_nd(runs: Runs, known: Decoders) -> np.ndarray:
    """6·N·D over the exact FLOPs of each run − 1, (rows,).

    Where a size is missing 6·N·D can only be known to fall short, by at least so much.
    """
    off = 6 * runs["N"] / known.shape.training_flops_per_token - 1
    return np.minimum(off, 0.0) if known.missing else off


def _accounting_for(runs: Runs, by_size: Mapping[str, np.ndarray], sources: tuple[str, ...]) -> Decoders | Unknown:
    """The kind of decoder, gated or not, tied or not, whose parameters are N, if there is one."""
    if "N" not in runs or _derived(runs, "N") or not np.isfinite(runs["N"]).any():
        return Unknown(why="there is no column N to hold the shape against")
    N = runs["N"]
    nearest = min(_kinds(by_size, sources), key=lambda each: np.nanmax(np.abs(each.n_params / N - 1)))
    off = np.nan_to_num(np.abs(nearest.n_params / N - 1), nan=0.0)
    if off.max() <= _SAME_COUNT:
        return nearest
    row = int(off.argmax())
    return Unknown(
        why=f"{runs.row_name(row)} has N = {N[row]:.4g} and its shape {nearest.n_params[row]:.4g} parameters, "
        "so it is no plain decoder"
    )


def _kinds(by_size: Mapping[str, np.ndarray], sources: tuple[str, ...]) -> Iterator[Decoders]:
    """Every kind of decoder of these sizes, with each way to count its parameters."""
    zero = np.zeros_like(by_size["width"])
    filled = {"context": zero, "vocabulary": zero, "mlp_width": 4 * by_size["width"], **by_size}
    missing = tuple(size for size in ("context", "vocabulary") if size not in by_size)
    counts: tuple[Literal["all", "all but the embedding"], ...] = ("all but the embedding",)
    for gated in (False, True) if "mlp_width" in by_size else (False,):
        for tied in (True, False):
            from froude.cost.model.plain_decoder import DecoderShape

            shape = DecoderShape(**filled, gated=gated, tied=tied)
            for each in counts if "vocabulary" in missing else (*counts, "all"):
                yield Decoders(shape=shape, counts=each, sources=sources, missing=missing)


def _whole(known: Decoders | Unknown) -> Decoders:
    if isinstance(known, Unknown):
        raise InputError(f"--flops exact cannot be counted, {known.why}: add the columns or take --flops 6nd")
    if known.missing:
        raise InputError(
            f"--flops exact needs the {' and '.join(known.missing)}: add a column, or give what all runs share, "
            f"as in {known.option}"
        )
    return known


def _check_asked(how: str, sizes: Mapping[str, float]) -> None:
    if how not in get_args(Accounting):
        raise InputError(f"--flops {how!r} is no way to count: give column, exact or 6nd")
    if sizes and how != "exact":
        raise InputError(f"--flops {how} takes no {next(iter(sizes))}: sizes are for exact")
    for size, value in sizes.items():
        if size not in SIZES:
            raise InputError(f"--flops has no size {size!r}: sizes are {', '.join(SIZES)}")
        if not 1 <= value < np.inf:
            raise InputError(f"--flops exact: {size} = {value:g}, give at least 1")


def _check_measured(runs: Runs, how: str) -> None:
    for role in ("N", "D"):
        if role not in runs or _derived(runs, role):
            raise InputError(f"--flops {how} needs a column {role}: name it with --columns {role}=COLUMN")


def _derived(runs: Runs, role: str) -> bool:
    return any(sentence.startswith(f"{role} = ") for sentence in runs.derived)


def _with_flops(runs: Runs, flops: np.ndarray, sentence: str) -> Runs:
    import polars as pl

    frame, notes = runs.frame, runs.notes
    if "C" in runs and not _derived(runs, "C"):
        frame, notes = frame.rename({"C": "C (as read)"}), (*notes, "the column C is kept as 'C (as read)'")
    derived = (*(sentence for sentence in runs.derived if not sentence.startswith("C = ")), sentence)
    return replace(runs, frame=frame.with_columns(pl.Series("C", flops)), derived=derived, notes=notes)
