"""Files of a log below a folder, in an order that does not change."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path


def files_below(folder: Path, is_wanted: Callable[[str], bool]) -> Iterator[Path]:
    """Yield the files below a folder whose names are wanted: those of a folder by name, then those of its folders.

    Links to folders are not followed, hidden folders and those that cannot be read are passed over.
    """
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(files) if is_wanted(name))
