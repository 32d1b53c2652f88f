"""What papers claim about scaling: every claim with its baseline and conditions, searchable, checked by arithmetic."""

from froude.atlas.arithmetic import Finding, check
from froude.atlas.index import Hit, search
from froude.atlas.page import status_page
from froude.atlas.reading import read_records, written
from froude.atlas.records import get, load
from froude.atlas.schema import Claim, Known, Range, Record, Relation, Said
from froude.atlas.status import Evidence, Status, counts, shipped_evidence, status_of

__all__ = [
    "Claim",
    "Evidence",
    "Finding",
    "Hit",
    "Known",
    "Range",
    "Record",
    "Relation",
    "Said",
    "Status",
    "check",
    "counts",
    "get",
    "load",
    "read_records",
    "search",
    "shipped_evidence",
    "status_of",
    "status_page",
    "written",
]
