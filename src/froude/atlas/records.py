"""The records that ship with Froude."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from froude.atlas.reading import read_records
from froude.atlas.schema import Record
from froude.errors import InputError, close_names

FILE = "records.jsonl"
NEAREST = 5  # ids that an error offers


@cache
def atlas_records() -> tuple[Record, ...]:
    """Every record of the atlas, in the order of its file, checked as it is read.

    Raises InputError that names the line and the field where the file breaks the schema.
    """
    return read_records(files("froude.atlas").joinpath(FILE).read_text(encoding="utf-8"), FILE)


def atlas_record(name: str) -> Record:
    """The record of an id; case does not matter. Raises InputError with the nearest ids."""
    by_id = {record.id: record for record in atlas_records()}
    wanted = name.strip().lower()
    if wanted in by_id:
        return by_id[wanted]
    raise InputError(f"atlas has no record {name!r}: give an id like {', '.join(nearest(wanted, by_id))}")


def nearest(wanted: str, ids: Iterable[str]) -> list[str]:
    """The ids that a wrong one may mean: those it is part of, then those spelled alike."""
    existing = list(ids)
    longer = [one for one in existing if wanted and wanted in one]
    alike = close_names(wanted, existing, n=NEAREST, cutoff=0.4)
    return [*dict.fromkeys((*longer, *alike))][:NEAREST] or existing[:NEAREST]
