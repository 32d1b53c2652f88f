"""What runs in a job of Slurm: one task, its news in a file that whoever asked for it reads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from froude.engines.performing import perform_line


def perform_in_job(message: str, where: Sequence[str], threads: int, news: str) -> str:
    """Performs a task; how it ended, as a line of JSON. What it tells before is in the file `news`, a line each."""

    def tell(line: str) -> None:
        # Nobody hears what cannot be written, and no training is lost by that.
        with suppress(OSError), Path(news).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return perform_line(message, where, threads, tell)
