"""What runs on the nodes of a Ray cluster: a task, and where news of tasks wait for whoever asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, final

from froude.engines.performing import perform_line


@final
class Mailbox:
    """Lines that workers have sent, until they are taken."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def put(self, index: int, line: str) -> None:
        """Adds a line of the task of this number."""
        self.lines.append((index, line))

    def take(self) -> list[tuple[int, str]]:
        """All lines since the last call, in the order in which they came."""
        lines, self.lines = self.lines, []
        return lines


def perform_on_ray(message: str, where: Sequence[str], threads: int, mailbox: Any, index: int) -> str:
    """Performs a task; how it ended, as a line of JSON. All that it tells is in the mailbox before that."""
    last: list[Any] = []

    def tell(line: str) -> None:
        last[:] = [mailbox.put.remote(index, line)]  # which the mailbox takes in order

    ending = perform_line(message, where, threads, tell)
    ray: Any = import_module("ray")
    with suppress(ray.exceptions.RayError):  # news that are lost cost no training
        ray.get(last)
    return ending
