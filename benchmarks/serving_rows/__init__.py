"""Measured serving: a reader for each table, and the rule by which its rows become deployments."""

from serving_rows.silicon import silicon

__all__ = ["silicon"]
