"""An engine that performs tasks where it stands."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

from froude.engines import EnginePlace, Task
from froude.engines.engine import Listener, ignore


class InProcess:
    """An engine of a user's own, which performs tasks where it stands."""

    n_workers = 1

    def __init__(self, workers: int, placement: EnginePlace | None = None) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, tasks: Sequence[Task], listen: Listener = ignore) -> list[Any]:
        return [task.perform(partial(listen, task)) for task in tasks]
