"""A fit as one JSON file. Floats are written with all their digits, so a fit comes back exactly."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from froude.errors import InputError
from froude.laws.catalogue import is_named, named_law
from froude.provenance import Provenance
from froude.runs import atomic_write

_FORMAT, _VERSION = "froude-fit", 3
_OLDEST = 2  # which does not say how it was made, nor how many hold-outs there were
_PLAIN = (
    *("y", "level", "n", "diverged", "objective", "gradient"),
    *("starts_tried", "starts_agree", "converged", "seed", "drift"),
)
_REMEDY = "give a file that `froude fit --out` wrote"


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
        # Only where there are any, so that a fit without them is written as it was before there were such.
        **({"doubts": list(fit["doubts"])} if fit["doubts"] else {}),
        **({"of_checkpoints": True} if fit["of_checkpoints"] else {}),
        "hold_outs": fit["hold_outs"],
        "provenance": fit["provenance"] and fit["provenance"].to_dict(),
    }
    try:
        atomic_write(path, json.dumps(document, ensure_ascii=False).encode())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another file") from error


def read_fit_file(path: Path) -> dict[str, Any]:
    """The fields of the `Fit` in path.

    InputError where the file is missing, is no fit, is of another version or of an unknown law.
    """
    document = _read(path)
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise InputError(f"{path} is no fit: {_REMEDY}")
    if document.get("version") not in range(_OLDEST, _VERSION + 1):
        raise InputError(
            f"{path} is a fit of version {document.get('version')} and this Froude reads {_OLDEST} to {_VERSION}: "
            "fit again, or use the Froude that wrote it"
        )
    try:
        return _fields(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is a damaged fit ({error} is missing or wrong): fit again") from error


def is_fit_file(path: Path) -> bool:
    """Whether a file holds a fit, of any version."""
    try:
        document = json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else None
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and document.get("format") == _FORMAT


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"there is no file {path}: make it with `froude fit TABLE --out {shlex.quote(str(path))}`"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; {_REMEDY}") from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {_REMEDY}") from error


def _fields(document: Mapping[str, Any]) -> dict[str, Any]:
    inputs = {x: np.array(values, dtype=float) for x, values in document["inputs"].items()}
    return {
        "law": named_law(document["law"], tuple(inputs)),
        "params": document["params"],
        "intervals": {name: (low, high) for name, (low, high) in document["intervals"].items()},
        "inputs": inputs,
        "warnings": tuple(document["warnings"]),
        "doubts": tuple(document.get("doubts", ())),
        "of_checkpoints": document.get("of_checkpoints", False),
        "rows": np.array(document["rows"], dtype=int),
        "residuals": np.array(document["residuals"], dtype=float),
        "draws": np.array(document["draws"], dtype=float),
        "hold_outs": document.get("hold_outs"),
        "provenance": Provenance.from_dict(document["provenance"]) if document.get("provenance") else None,
        **{name: document[name] for name in _PLAIN},
    }
