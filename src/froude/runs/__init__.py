"""What was measured: a checked table of runs, readers for files and dataframes, a study on disk, published tables."""

from froude.runs.atomic import atomic_write
from froude.runs.published import PublishedTable
from froude.runs.readers import read_runs
from froude.runs.registry import get_published, published_tables
from froude.runs.roles import ROLES, Role
from froude.runs.study import Study, run_id
from froude.runs.table import Runs
from froude.runs.writer import RunWriter

__all__ = [
    "ROLES",
    "PublishedTable",
    "Role",
    "RunWriter",
    "Runs",
    "Study",
    "atomic_write",
    "get_published",
    "published_tables",
    "read_runs",
    "run_id",
]
