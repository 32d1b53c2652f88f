"""Measured points of load tests as rows that the serving model predicts."""

from __future__ import annotations

import re

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.cost.serving.engines import check_runs, get_engine
from froude.cost.serving.number_formats import check_formats, usual_kv
from froude.errors import InputError
from froude.fitting.costs.serving_rows import ServingRow
from froude.runs.load_tests.point import ServingPoint

_TUNED = re.compile(r"[-_](instruct|it|chat|base|hf)(?=$|[-_])", re.IGNORECASE)
"""What the name of a checkpoint says of its training, which does not change its cost."""


def row_of_point(point: ServingPoint) -> ServingRow:
    """The row of a point. InputError, naming it, for what is unknown or cannot be served so."""
    try:
        return _checked(_row(point))
    except InputError as error:
        raise InputError(f"{point.name}: {error}") from None


def _row(point: ServingPoint) -> ServingRow:
    stated = dict(point.stated)
    stated["model"] = known_model(str(stated["model"]))
    return ServingRow(
        **stated,
        input=point.input or 0,
        output=point.output or 0,
        concurrency=point.concurrency,
        rate=point.rate,
        ttft_seconds=point.ttft.mean,
        tpot_seconds=point.tpot.mean,
        e2e_seconds=point.e2e.mean,
        output_tokens_per_second=point.output_tokens_per_second,
    )


def known_model(name: str) -> str:
    """The name of a model as the catalogue has it, where it has the model that a checkpoint was tuned from."""
    plain = _TUNED.sub("", name)
    try:
        return get_model(name).name or name
    except InputError as error:
        try:
            return get_model(plain).name or plain
        except InputError:
            raise InputError(f"{error}, and say so with --fix model=…") from None


def _checked(row: ServingRow) -> ServingRow:
    """The row, whose engine runs on its machine and has its formats."""
    engine = get_engine(f"{row.engine}@{row.version}" if row.version else row.engine)
    check_runs(engine, get_machine(row.machine).chip)
    precision = row.precision or "bf16"
    check_formats(engine, precision, row.kv or usual_kv(precision))
    return row
