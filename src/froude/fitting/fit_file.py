"""A fit as one JSON file. Floats are written with all their digits, so a fit comes back exactly."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, final

import numpy as np
from msgspec import Meta

from froude.bounds import LEAST_SHARE
from froude.documents import DocumentKind
from froude.documents.bytes_of_files import LARGEST_BYTES
from froude.errors import InputError, shown
from froude.files import write_outputs
from froude.laws import Law
from froude.laws.catalogue import is_named, named_law
from froude.laws.residual_scales import holds
from froude.provenance import Provenance

_FORMAT, _VERSION = "froude-fit", 3
_OLDEST = 2  # which does not say how it was made, nor how many hold-outs there were
_PLAIN = (
    *("y", "level", "n", "diverged", "objective", "gradient"),
    *("starts_tried", "starts_agree", "converged", "seed", "drift", "bias"),
)
FIT_FILE = DocumentKind(
    what="fit file",
    remedy="give a file that `froude fit --out` wrote",
    finite=False,  # a wild draw of the parameters may be infinite
    largest=LARGEST_BYTES,  # a fit to a million runs has some 100 MB
)
_FARTHEST = 100  # powers of ten beyond which nothing is measured, and products of inputs leave what floats hold
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Numbers = list[float]


@final
@dataclass(frozen=True, kw_only=True)
class FitDocument:
    """What a fit file holds beside its format and version; see `Fit` for what the fields are."""

    law: Annotated[str, Meta(max_length=2000)]
    inputs: dict[str, _Numbers]
    params: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    y: str
    level: Annotated[float, Meta(ge=LEAST_SHARE, le=1 - LEAST_SHARE)]
    n: Annotated[int, Meta(ge=1, le=2**53)]
    diverged: _Count
    objective: Annotated[float, Meta(ge=0)]
    gradient: float
    starts_tried: _Count
    starts_agree: _Count
    converged: bool
    seed: Annotated[int, Meta(ge=0)]
    drift: Annotated[float, Meta(ge=0)]
    warnings: tuple[str, ...]
    rows: list[_Count]
    residuals: Annotated[_Numbers, Meta(min_length=1)]
    draws: Annotated[list[_Numbers], Meta(min_length=1)]
    bias: float = 0.0
    of_checkpoints: bool = False
    hold_outs: _Count | None = None
    of_tank: bool = False
    provenance: Provenance | None = None


def write_fit_file(path: Path, fit: Mapping[str, Any]) -> None:
    """Write the fields of a `Fit` to path, whole or not at all.

    InputError where it cannot be written, and for a law that only the user's own code knows.
    """
    law = fit["law"]
    if not is_named(law):
        raise InputError(f"{law.name} is no law of Froude's: a file cannot hold it; keep the code and fit again")
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "law": law.name,
        "inputs": {x: values.tolist() for x, values in fit["inputs"].items()},
        "params": dict(fit["params"]),
        "intervals": {name: list(ends) for name, ends in fit["intervals"].items()},
        **{name: fit[name] for name in _PLAIN},
        "warnings": list(fit["warnings"]),
        "rows": fit["rows"].tolist(),
        "residuals": fit["residuals"].tolist(),
        "draws": fit["draws"].tolist(),
        # Only where it is so, so that a fit of runs is written as it was before there were others.
        **{name: True for name in ("of_checkpoints", "of_tank") if fit[name]},
        "hold_outs": fit["hold_outs"],
        "provenance": fit["provenance"] and fit["provenance"].to_dict(),
    }
    write_outputs({path: json.dumps(document, ensure_ascii=False).encode()})


def read_fit_file(path: Path) -> dict[str, Any]:
    """The fields of the `Fit` in path.

    InputError where the file is missing, is no fit, is of another version or of an unknown law, and where its numbers
    do not fit together.
    """
    how = f"make it with `froude fit TABLE --out {shlex.quote(str(path))}`"
    kind = replace(FIT_FILE, missing=how)
    document = kind.read_json(path, dict)
    if document.get("format") != _FORMAT:
        raise kind.wrong(path, f"format is {shown(document.get('format'))}, not {_FORMAT!r}")
    _check_version(path, document.get("version"))
    fit = kind.check(document, str(path), FitDocument)
    try:
        law = named_law(fit.law, tuple(fit.inputs))
    except InputError as error:
        raise kind.wrong(path, f"law: {str(error)[:200]}") from None
    if fault := next(_faults(fit, law), None):
        raise kind.wrong(path, fault)
    return _fields(fit, law)


def is_fit_file(path: Path) -> bool:
    """Whether a file holds a fit, of any version."""
    try:
        return path.suffix == ".json" and FIT_FILE.read_json(path, dict).get("format") == _FORMAT
    except InputError:
        return False


def _check_version(path: Path, version: object) -> None:
    if version not in range(_OLDEST, _VERSION + 1) or isinstance(version, bool):
        raise InputError(
            f"{shown(str(path), 120)} is a fit of version {shown(version)} and this Froude reads {_OLDEST} to "
            f"{_VERSION}: fit again, or use the Froude that wrote it"
        )


def _fields(fit: FitDocument, law: Law) -> dict[str, Any]:
    arrays = {
        "inputs": {x: np.array(values, dtype=float) for x, values in fit.inputs.items()},
        "rows": np.array(fit.rows, dtype=int),
        "residuals": np.array(fit.residuals, dtype=float),
        "draws": np.array(fit.draws, dtype=float),
    }
    return {**vars(fit), **arrays, "law": law}


def _faults(fit: FitDocument, law: Law) -> Iterator[str]:
    """What in a fit does not suit its law, or another of its parts: the worst first."""
    if law.is_lever:
        yield f"law is {fit.law!r}, a lever, which no runs are fitted with"
    numbers = [x for x, mark in law.marks.items() if mark.domain != "history"]
    parts = {
        "params": (fit.params, law.parameters),
        "intervals": (fit.intervals, law.parameters if fit.intervals else ()),
    }
    for name, (keys, wanted) in (parts | {"inputs": (fit.inputs, numbers)}).items():
        yield from (f"{name} lacks {key}, which {law.name} has" for key in wanted if key not in keys)
        yield from (f"{name} has {shown(key)}, which {law.name} has not" for key in keys if key not in wanted)
    counts = {"residuals": len(fit.residuals), "rows": len(fit.rows)}
    counts |= {f"inputs.{x}": len(values) for x, values in fit.inputs.items()}
    if len(set(counts.values())) > 1:
        yield f"runs differ in number: {', '.join(f'{name} has {count}' for name, count in counts.items())}"
    yield from _faults_of_numbers(fit, law)


def _faults_of_numbers(fit: FitDocument, law: Law) -> Iterator[str]:
    for x, values in fit.inputs.items():
        numbers = np.array(values, dtype=float)
        size = np.abs(numbers[numbers != 0])
        if (wrong := ~law.marks[x].holds(numbers)).any():
            at = int(np.argmax(wrong))
            yield f"inputs.{x}[{at}] is {values[at]:g}, and {law.name} needs {x} {law.marks[x].needs}"
        if np.any((size > 10.0**_FARTHEST) | (size < 10.0**-_FARTHEST)):
            yield f"inputs.{x} reaches from {size.min():g} to {size.max():g}, beyond anything measured"
    finite = {
        "objective": fit.objective,
        "drift": fit.drift,
        "bias": fit.bias,
        **{f"params.{k}": v for k, v in fit.params.items()},
    }
    finite |= {f"residuals[{i}]": value for i, value in enumerate(fit.residuals)}
    for name, value in finite.items():
        if not np.isfinite(value):
            yield f"{name} is {value:g}, not a finite number"
    for name, (low, high) in fit.intervals.items():
        if not low <= high:
            yield f"intervals.{name} is [{low:g}, {high:g}], whose ends do not rise"
    if fit.starts_agree > fit.starts_tried:
        yield f"starts_agree is {fit.starts_agree}, more than the {fit.starts_tried} of starts_tried"
    for i, draw in enumerate(fit.draws):
        if len(draw) != len(law.parameters) or np.isnan(draw).any():
            yield f"draws[{i}] is {shown(draw)}, not a number for each of {len(law.parameters)} parameters"
    yield from _faults_of_values(fit, law)


def _faults_of_values(fit: FitDocument, law: Law) -> Iterator[str]:
    """That the law, which gave the residuals, cannot be evaluated where its runs are."""
    for k, name in enumerate(law.parameters):
        values = [fit.params[name], *(draw[k] for draw in fit.draws)]
        if law.kinds[name].coordinate == "log" and min(values) <= 0:
            yield f"{name} is {min(values):g} in params or draws, and is positive in {law.name}"
    if set(fit.inputs) != set(law.inputs):  # a law of learning rates, which no fit keeps
        return
    inputs = {x: np.array(values) for x, values in fit.inputs.items()}
    with np.errstate(all="ignore"):
        predicted = np.broadcast_to(law(**inputs, **fit.params), len(fit.residuals))
        measured = law.off_scale(law.on_scale(predicted) - np.array(fit.residuals))
    wrong = ~np.isfinite(measured) | ~holds(law.residual, measured)
    if wrong.any():
        at = int(np.argmax(wrong))
        yield f"params and residuals[{at}] make {fit.y} {measured[at]:g} of a run that was fitted"
