"""Whatever forecasts, as a user names it: a fit, the file of one, or a law with published constants."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from froude.errors import InputError, close_names
from froude.fitting.fits import Fit, read_fit
from froude.fitting.forecasting import Forecast
from froude.fitting.published_fit import PublishedFit, published_fit
from froude.laws import all_laws, get_law
from froude.provenance import recorded

FitSource = Fit | PublishedFit | str | Path
"""A fit, the file of one, or the name of a law with published constants: "chinchilla:besiroglu-2024"."""


@recorded
def predict(fit: FitSource, of: Literal["run", "mean"] = "run", **inputs: Any) -> Forecast:
    """The outcome forecast by a fit, by the one in a file, or by published constants, as `Fit.predict` says it.

    `froude.predict("chinchilla:besiroglu-2024", N=7e9, D=1e12)`. InputError as `read_source` and `Fit.predict` have it.
    """
    return read_source(fit, inputs).predict(of=of, **inputs)


def read_source(source: FitSource, inputs: Iterable[str] = ()) -> Fit | PublishedFit:
    """A fit, the one in a file, or published constants by name; `inputs` are those that it will be asked at.

    What names a file that is there is that file. InputError for what is neither, with the nearest names.
    """
    if isinstance(source, PublishedFit):
        return source
    if isinstance(source, str) and names_constants(source):
        return published_fit(source, inputs)
    return read_fit(source)


def names_constants(source: str) -> bool:
    """Whether a text names published constants, or is meant to: no file is there, and it looks like none.

    InputError for a bare word that is neither a file nor a law.
    """
    if os.path.exists(source):
        return False
    law, colon, _ = source.partition(":")
    if os.sep in law or Path(source).suffix or not law.strip():
        return False
    if not (colon or "[" in law or law in _law_names()):
        near = close_names(law, _law_names())
        raise InputError(
            f"{source!r} is no file and no law: "
            + (f"did you mean {near[0]}?" if near else "froude laws lists the laws, and froude fit --out writes a fit")
        )
    get_law(law)  # which says so of an unknown one
    return True


def _law_names() -> list[str]:
    return [law.name for law in all_laws()]
