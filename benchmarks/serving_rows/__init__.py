"""Measured serving: a reader for each table, and the rule by which its rows become deployments."""

from serving_rows.silicon import silicon
from serving_rows.static import amd, argonne, faster_than_memory

__all__ = ["amd", "argonne", "faster_than_memory", "silicon"]
