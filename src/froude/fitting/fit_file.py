"""A fit as one JSON file. Floats are written with all their digits, so a fit comes back exactly."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from froude.errors import InputError
from froude.fitting.estimation import Fit
from froude.laws import get_law
from froude.runs import atomic_write

_FORMAT, _VERSION = "froude-fit", 2
_PLAIN = (
    *("y", "level", "n", "diverged", "objective", "gradient"),
    *("starts_tried", "starts_agree", "converged", "seed", "drift"),
)
_REMEDY = "give a file that `froude fit --out` wrote"


def save(fit: Fit, path: Path) -> None:
    """Write fit to path, whole or not at all; see `Fit.save`."""
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "law": fit.law.name,
        "inputs": {x: values.tolist() for x, values in fit.inputs.items()},
        "params": dict(fit.params),
        "intervals": {name: list(ends) for name, ends in fit.intervals.items()},
        **{name: getattr(fit, name) for name in _PLAIN},
        "warnings": list(fit.warnings),
        "rows": fit.rows.tolist(),
        "residuals": fit.residuals.tolist(),
        "draws": fit.draws.tolist(),
    }
    try:
        atomic_write(path, json.dumps(document, ensure_ascii=False).encode())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another file") from error


def load(path: Path) -> Fit:
    """Read the fit in path; see `Fit.load`."""
    document = _read(path)
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise InputError(f"{path} is no fit: {_REMEDY}")
    if document.get("version") != _VERSION:
        raise InputError(
            f"{path} is a fit of version {document.get('version')} and this Froude reads version {_VERSION}: "
            "fit again, or use the Froude that wrote it"
        )
    try:
        return _fit(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is a damaged fit ({error} is missing or wrong): fit again") from error


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}: make it with `froude fit --out {path}`") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; {_REMEDY}") from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {_REMEDY}") from error


def _fit(document: dict[str, Any]) -> Fit:
    inputs = {x: np.array(values, dtype=float) for x, values in document["inputs"].items()}
    law = get_law(document["law"])
    return Fit(
        law=law if not law.choices or set(law.inputs) == set(inputs) else get_law(document["law"], next(iter(inputs))),
        params=document["params"],
        intervals={name: (low, high) for name, (low, high) in document["intervals"].items()},
        inputs=inputs,
        warnings=tuple(document["warnings"]),
        rows=np.array(document["rows"], dtype=int),
        residuals=np.array(document["residuals"], dtype=float),
        draws=np.array(document["draws"], dtype=float),
        **{name: document[name] for name in _PLAIN},
    )
