"""Runs on a server of W&B, through its own client."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

from froude.errors import InputError
from froude.runs.logs.history import History
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.wandb.states import STATES

_SCHEME = "wandb://"
_OWN = "_"


@final
@dataclass(frozen=True, kw_only=True)
class WandbOnlineReader:
    """Reads the runs of a project, wandb://ENTITY/PROJECT, or one of them, wandb://ENTITY/PROJECT/RUN.

    The client, which `pip install 'froude[wandb]'` brings, knows the account by `wandb login`. Metrics come against
    the run's step. This reader is untried against W&B's server: it is tested with a client that stands in for it.
    """

    kinds: tuple[str, ...] = ("wandb://ENTITY/PROJECT",)

    def recognises(self, source: object) -> bool:
        """Whether the source is such an address."""
        return isinstance(source, str) and source.startswith(_SCHEME)

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield the runs in the order in which the client lists them. InputError where it cannot."""
        parts = str(source).removeprefix(_SCHEME).strip("/").split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise InputError(f"{source!r} names no project: give wandb://ENTITY/PROJECT or wandb://ENTITY/PROJECT/RUN")
        try:
            client: Any = importlib.import_module("wandb")
        except ImportError:
            raise InputError(f"{source!r} needs W&B's client: pip install 'froude[wandb]'") from None
        try:
            api = client.Api()
            path = "/".join(parts)
            for run in [api.run(path)] if len(parts) == 3 else api.runs(path):
                yield _run(run)
        except Exception as error:  # of the client, of the net or of the server, each with classes of its own
            raise InputError(f"{source!r} cannot be read ({error}): check the name, log in by `wandb login`") from None


def _run(run: Any) -> LoggedRun:
    history = History()
    for row in run.scan_history():
        history.begin_row(row.get("_step", len(history.steps)))
        for key, value in row.items():
            if not key.startswith(_OWN):
                history.add(key, value)
    series, notes = history.series({})
    return LoggedRun(
        id=run.id,
        name=run.name or run.id,
        state=STATES.get(run.state, "unknown"),
        config={key: value for key, value in run.config.items() if not key.startswith(_OWN)},
        summary={key: value for key, value in dict(run.summary).items() if not key.startswith(_OWN)},
        series=series,
        notes=tuple(notes),
    )
