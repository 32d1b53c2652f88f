"""What was measured: a checked table of runs, readers for files and dataframes, and a study on disk."""

from froude.runs.atomic import atomic_write
from froude.runs.readers import read_runs
from froude.runs.roles import ROLES, Role
from froude.runs.study import Study, run_id
from froude.runs.table import Runs
from froude.runs.writer import RunWriter

__all__ = ["ROLES", "Role", "RunWriter", "Runs", "Study", "atomic_write", "read_runs", "run_id"]
