"""What papers claim about scaling: every claim with its baseline and conditions, searchable, checked by arithmetic."""

from froude.atlas.arithmetic import Finding, check_atlas
from froude.atlas.index import Hit, search_atlas
from froude.atlas.page import status_page
from froude.atlas.reading import claim_to_dict, read_records, record_to_dict
from froude.atlas.records import atlas_record, atlas_records
from froude.atlas.schema import Claim, ClaimTerm, ConstantTerm, Range, Record, Relation
from froude.atlas.status import Evidence, Status, atlas_status, count_levels, shipped_evidence

__all__ = [
    "Claim",
    "ClaimTerm",
    "ConstantTerm",
    "Evidence",
    "Finding",
    "Hit",
    "Range",
    "Record",
    "Relation",
    "Status",
    "atlas_record",
    "atlas_records",
    "atlas_status",
    "check_atlas",
    "claim_to_dict",
    "count_levels",
    "read_records",
    "record_to_dict",
    "search_atlas",
    "shipped_evidence",
    "status_page",
]
