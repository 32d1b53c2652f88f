"""Froude's version, where the build and everything that writes it down read it."""

__version__ = "0.1.0"
