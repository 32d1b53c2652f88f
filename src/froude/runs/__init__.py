"""What was measured: a checked table of runs, readers for files and dataframes, a study on disk, published tables."""

from froude.runs.logs.importing import RunImport, import_runs
from froude.runs.published.registry import get_published, published_tables
from froude.runs.published.table import PublishedTable
from froude.runs.readers.read import RunsSource, read_curves, read_runs
from froude.runs.roles import ROLES, Role
from froude.runs.study.folder import Study
from froude.runs.study.run_file import run_id
from froude.runs.study.writer import RunWriter
from froude.runs.table import Runs

__all__ = [
    "ROLES",
    "PublishedTable",
    "Role",
    "RunImport",
    "RunWriter",
    "Runs",
    "RunsSource",
    "Study",
    "get_published",
    "import_runs",
    "published_tables",
    "read_curves",
    "read_runs",
    "run_id",
]
