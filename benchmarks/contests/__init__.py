"""Froude beside the published laws, a file for each table."""
