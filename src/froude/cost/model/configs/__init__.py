"""Configurations that other libraries write, read as descriptions."""
