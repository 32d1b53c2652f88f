"""Where the project is, for tests in any folder."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = ROOT.parent / "shared" / "data"
"""Where the published tables are looked for, if FROUDE_PUBLISHED does not say."""
