"""What several test files need."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def published() -> Callable[[str], Path]:
    """A function from a path inside the published tables to the file; skips the test where they are not."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FROUDE_PUBLISHED", beside))

    def find(name: str) -> Path:
        if not (folder / name).is_file():
            pytest.skip("published tables not found: set FROUDE_PUBLISHED")
        return folder / name

    return find
