"""The rows of a table beside what a law that was fitted to them says: what one plots."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.errors import InputError
from froude.fitting.outliers import far_off
from froude.fitting.shares import shares
from froude.laws import Law
from froude.runs import Runs
from froude.runs.cells.columns import NAME_COLUMNS
from froude.runs.optional_roles import with_optional_roles

STATES = ("fitted", "outlier", "diverged", "skipped")
"""What became of a row: fitted; fitted and far off the law; not finite; without an outcome or an input."""


def fitted_columns(
    law: Law,
    params: Mapping[str, float],
    inputs: Mapping[str, np.ndarray],
    residuals: np.ndarray,
    rows: np.ndarray,
    runs: Runs,
    y: str,
) -> dict[str, np.ndarray]:
    """Columns (len(runs),) of the table that was fitted; see `Fit.columns`. InputError for another table."""
    table = with_optional_roles(runs, law.inputs)
    given = {x: np.asarray(table[x], dtype=float) for x in law.inputs if x in table}
    same = rows.size == 0 or rows.max() < len(runs)
    if not same or any(not np.allclose(given[x][rows], inputs[x], rtol=1e-9) for x in inputs if x in given):
        raise InputError("these are not the runs that were fitted: give the table and conditions of the fit")
    measured = shares(law, runs, y)
    predicted, residual = np.full(len(runs), np.nan), np.full(len(runs), np.nan)
    if len(given) == len(law.inputs):
        known = np.all([law.marks[x].holds(values) for x, values in given.items()], axis=0)
        predicted[known] = law(**{x: values[known] for x, values in given.items()}, **params)
    with np.errstate(over="ignore"):  # a law may lie off an absurd table by any factor
        predicted[rows] = law.off_scale(law.on_scale(measured[rows]) + residuals)
    residual[rows] = residuals
    status = np.where(runs.diverged(y), "diverged", "skipped")
    status[rows] = np.where(far_off(law, residuals, measured[rows]), "outlier", "fitted")
    name = next((each for each in NAME_COLUMNS if each in runs), None)
    names = np.full(len(runs), None, dtype=object) if name is None else runs[name].astype(str).astype(object)
    columns = {"row": runs.rows, "id": names, **given, y: measured}
    return {**columns, "predicted": predicted, "residual": residual, "status": status}


def as_rows(columns: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Columns as JSON has them, a dictionary a row."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*(v.tolist() for v in columns.values()), strict=True)]
