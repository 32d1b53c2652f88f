"""The command line: each command parses, calls one public function and renders."""

from froude.cli.app import main, run

__all__ = ["main", "run"]
