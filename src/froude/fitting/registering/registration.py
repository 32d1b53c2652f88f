"""A forecast on record: written before its measurement, and scored by it."""

import json
import os
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from froude.bounds import is_number
from froude.errors import InputError, shown
from froude.files import is_stream, write_outputs
from froude.fitting.fits import Fit, read_fit
from froude.fitting.registering.documents import (
    ForecastDocument,
    ScoreDocument,
    as_json,
    check_forecast_document,
    forecast_document,
    is_forecast_file,
    read_forecast_document,
    read_score_document,
    write_score_document,
)
from froude.provenance import Computed, note_data, recorded

_SHOWN = 12  # digits of a hash that tell files apart
_DUE = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?")


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Registration(Computed):
    """A forecast in a file that says when it was written, of which runs and by which version, and its score if any.

    `forecast` is what the file holds; its `sha256` is that of all else in it. `score` says what was measured.
    """

    path: Path
    forecast: ForecastDocument
    score: ScoreDocument | None = None

    @property
    def measured(self) -> float | None:
        """What was measured, None until it is scored."""
        return self.score and self.score.measured

    @property
    def error(self) -> float | None:
        """(predicted − measured) / |measured|, None until it is scored."""
        return self.score and (self.forecast.predicted - self.score.measured) / abs(self.score.measured)

    @property
    def inside(self) -> bool | None:
        """Whether what was measured lies in the interval, None until it is scored."""
        if self.score is None:
            return None
        low, high = self.forecast.interval
        return low <= self.score.measured <= high

    @property
    def interval_score(self) -> float | None:
        """The interval score over |measured|, None until it is scored; see `interval_score`."""
        return self.score and interval_score(self.forecast.interval, self.forecast.level, self.score.measured)

    def is_overdue(self, today: date) -> bool:
        """Whether it should have been measured by a day: one due in a month is so once that is over."""
        if self.forecast.due is None or self.score is not None:
            return False
        return self.forecast.due < today.isoformat()[: len(self.forecast.due)]

    def to_dict(self) -> dict[str, Any]:
        """What `froude register --json` prints; what has not been measured is absent."""
        told = self.forecast
        values = {
            "file": str(self.path),
            "sha256": told.sha256,
            "written": told.written,
            "due": told.due,
            "y": told.y,
            "of": told.of,
            "law": told.law,
            "at": dict(told.at),
            "predicted": told.predicted,
            "interval": list(told.interval),
            "level": told.level,
            "beyond": dict(told.beyond),
            "warnings": list(told.warnings),
            "measured": self.measured,
            "error": self.error,
            "inside": self.inside,
            "interval_score": self.interval_score,
            "registered": told.provenance.to_dict(),
            **self.origin,
        }
        return {name: value for name, value in values.items() if value is not None}


def interval_score(interval: tuple[float, float], level: float, measured: float) -> float:
    """How good an interval was, smaller being better: its width, and 2/α times what the outcome lies outside it.

    Gneiting and Raftery 2007, eq. 43, with α = 1 − level, relative to |measured|: 0.05 is an interval as wide as 5% of
    the outcome that held it.
    """
    low, high = interval
    missed = max(low - measured, measured - high, 0.0)
    return (high - low + 2 / (1 - level) * missed) / abs(measured)


@recorded
def register_forecast(
    fit: Fit | str | Path,
    path: str | Path | None = None,
    *,
    due: str | None = None,
    of: Literal["run", "mean"] = "run",
    **inputs: Any,
) -> Registration:
    """Write the forecast of a fit, or of the one in a file, to a file before it is measured, as `Fit.predict` gives it.

    By default the file is forecast-HASH.json in the working directory. It holds the forecast with its level, the
    version, the time, the hash of the runs, and a hash of all of this. `due` says when the measurement is meant to be
    there, "2027-03" or "2027-03-31". Nothing is overwritten. InputError for more than one place, a file that is there,
    another `due`, and as `Fit.predict` raises it.
    """
    if due is not None:
        _check_due(due)
    forecast = read_fit(fit).predict(of=of, **inputs)
    if np.ndim(forecast.mean) > 0:
        raise InputError(f"{np.size(forecast.mean)} places: register one forecast at a time")
    document = forecast_document(forecast, due)
    there = Path(path or f"forecast-{document['sha256'][:_SHOWN]}.json")
    if os.path.lexists(there) and not is_stream(there):
        raise InputError(f"{str(there)!r} is there, and a registered forecast is not overwritten: name another file")
    data = as_json(document)
    write_outputs({there: data})
    return Registration(path=there, forecast=check_forecast_document(json.loads(data), there))


@recorded
def score_forecast(path: str | Path, measured: float, *, again: bool = False) -> Registration:
    """Score the registered forecast in a file by what was measured; the score is kept beside it, in FILE.score.json.

    InputError for a file that was changed, one that is no registered forecast, a number that no outcome can be, and
    for one that was scored by another number, unless `again` says so.
    """
    if not is_number(measured) or not np.isfinite(measured) or not measured:
        raise InputError(f"measured = {shown(measured)}: give the number that was measured, other than 0")
    path = Path(path)
    forecast = _read_forecast(path)
    score = None if again else read_score_document(path, forecast)
    if score is not None and score.measured != measured:
        raise InputError(
            f"{str(path)!r} was scored by {score.measured:g}, not {measured:g}: score it again only if that was wrong "
            "(--again)"
        )
    score = score or write_score_document(path, forecast, float(measured))
    return Registration(path=path, forecast=forecast, score=score)


@recorded
def read_registration(path: str | Path) -> Registration:
    """The registered forecast in a file, with its score. InputError as `score_forecast` raises it."""
    forecast = _read_forecast(Path(path))
    return Registration(path=Path(path), forecast=forecast, score=read_score_document(Path(path), forecast))


@recorded
def registered_forecasts(folder: str | Path) -> tuple[Registration, ...]:
    """All registered forecasts in a folder, the oldest first.

    InputError for no folder, for one without any, and for a forecast in it that was changed.
    """
    if not Path(folder).is_dir():
        raise InputError(f"{str(folder)!r} is no folder: name one that has registered forecasts")
    files = [path for path in sorted(Path(folder).glob("*.json")) if is_forecast_file(path)]
    if not files:
        raise InputError(f"no registered forecast in {str(folder)!r}: froude register FIT --at … --out FILE writes one")
    return tuple(sorted(map(read_registration, files), key=lambda each: each.forecast.written))


def _read_forecast(path: Path) -> ForecastDocument:
    """The forecast in a file, the hashes of whose runs become part of the provenance of what is made of it."""
    forecast = read_forecast_document(path)
    for sha256 in forecast.provenance.data_sha256:
        note_data(sha256)
    return forecast


def _check_due(due: str) -> None:
    found = _DUE.fullmatch(due) if isinstance(due, str) else None
    try:
        year, month, day = (int(part or 1) for part in found.groups()) if found else (0, 0, 0)
        date(year, month, day)
    except ValueError:
        raise InputError(f"due = {shown(due)}: give a month or a day, as 2027-03 or 2027-03-31") from None
