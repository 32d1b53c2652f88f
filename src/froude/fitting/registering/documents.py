"""The two files of a registered forecast: what was forecast, which never changes, and beside it how that came out."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, final

from msgspec import Meta

from froude.bounds import LEAST_SHARE
from froude.documents import DocumentKind
from froude.errors import InputError, shown
from froude.files import write_outputs
from froude.fitting.forecasting import Forecast
from froude.provenance import Provenance, utc_now

FORMAT, SCORE_FORMAT, VERSION = "froude-forecast", "froude-score", 1
HASH = "sha256"
FORECAST_FILE = DocumentKind(
    what="registered forecast", remedy="give a file that `froude register` wrote", finite=False
)
SCORE_FILE = DocumentKind(what="score of a forecast", remedy="remove it, and score again with froude register score")


@final
@dataclass(frozen=True, kw_only=True)
class ForecastDocument:
    """What the file of a registered forecast holds, beside what a pilot adds; `sha256` is the hash of all else."""

    format: str
    version: int
    written: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    due: str | None
    y: str
    of: str
    law: str
    at: dict[str, float]
    predicted: float
    interval: tuple[float, float]
    level: Annotated[float, Meta(ge=LEAST_SHARE, le=1 - LEAST_SHARE)]
    beyond: dict[str, float]
    warnings: tuple[str, ...]
    provenance: Provenance
    sha256: str


@final
@dataclass(frozen=True, kw_only=True)
class ScoreDocument:
    """What the file of a score holds; `forecast_sha256` is the hash of the forecast that was scored."""

    format: str
    version: int
    forecast_sha256: str
    measured: float
    written: str


def forecast_document(forecast: Forecast, due: str | None = None, **more: Any) -> dict[str, Any]:
    """The document that registers a forecast of one place, with what else it should hold, and its hash."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "written": utc_now(),
        "due": due,
        "y": forecast.y,
        "of": forecast.of,
        "law": forecast.by,
        "at": forecast.at,
        "predicted": forecast.mean,
        "interval": [forecast.lo, forecast.hi],
        "level": forecast.level,
        "parts": forecast.parts,
        "beyond": forecast.beyond,
        "taken_out": forecast.taken_out,
        "warnings": list(forecast.warnings),
        "provenance": (forecast.provenance or Provenance.now()).to_dict(),
        **more,
    }
    return document | {HASH: hash_of(document)}


def hash_of(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a document without its hash: of its JSON with sorted keys and no blanks."""
    content = {name: value for name, value in document.items() if name != HASH}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def is_unchanged(document: Mapping[str, Any]) -> bool:
    """Whether a document, if it has a hash, is what was written."""
    return HASH not in document or document[HASH] == hash_of(document)


def read_forecast_document(path: Path) -> ForecastDocument:
    """The registered forecast in a file. InputError for what is none, and for one that was changed."""
    return check_forecast_document(FORECAST_FILE.read_json(path, dict), path)


def check_forecast_document(raw: Mapping[str, Any], path: Path) -> ForecastDocument:
    """The registered forecast that a document holds, as `read_forecast_document` has it of a file."""
    if HASH not in raw and {"predicted", "interval", "written"} <= {*raw}:
        raise InputError(
            f"{shown(str(path), 120)} has no hash, as forecasts of pilots by an older Froude: register what its fit "
            "says now, froude register fit.json --at …"
        )
    if raw.get("format") != FORMAT:
        raise FORECAST_FILE.wrong(path, f"its format is {shown(raw.get('format'))}, not {FORMAT!r}")
    if raw.get("version") != VERSION:
        raise InputError(
            f"{shown(str(path), 120)} is a forecast of version {shown(raw.get('version'))} and this Froude reads "
            f"{VERSION}: use the Froude that wrote it"
        )
    if not is_unchanged(raw):
        raise InputError(
            f"{shown(str(path), 120)} was changed after it was written, as its hash is another: restore it from a copy"
        )
    document = FORECAST_FILE.check(raw, str(path), ForecastDocument)
    low, high = document.interval
    if not low <= document.predicted <= high:
        raise FORECAST_FILE.wrong(path, "predicted lies outside interval")
    return document


def is_forecast_file(path: Path) -> bool:
    """Whether a file says that it is a registered forecast."""
    try:
        return FORECAST_FILE.read_json(path, dict).get("format") == FORMAT
    except InputError:
        return False


def score_path(path: Path) -> Path:
    """Where the score of a forecast lies: forecast.json has forecast.score.json beside it."""
    return path.with_suffix(".score.json")


def read_score_document(path: Path, forecast: ForecastDocument) -> ScoreDocument | None:
    """The score of the forecast in a file, None where it has none. InputError for what is none, or of another."""
    there = score_path(path)
    if not os.path.lexists(there):
        return None
    score = SCORE_FILE.read_json(there, ScoreDocument)
    if (score.format, score.version) != (SCORE_FORMAT, VERSION) or score.forecast_sha256 != forecast.sha256:
        raise SCORE_FILE.wrong(there, f"it is not of the forecast in {path.name}")
    return score


def write_score_document(path: Path, forecast: ForecastDocument, measured: float) -> ScoreDocument:
    """Writes the score beside the forecast in a file."""
    score = ScoreDocument(
        format=SCORE_FORMAT, version=VERSION, forecast_sha256=forecast.sha256, measured=measured, written=utc_now()
    )
    write_outputs({score_path(path): as_json(vars(score))})
    return score


def as_json(document: Mapping[str, Any]) -> bytes:
    """A document as it is written: one that people and version control can read."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
