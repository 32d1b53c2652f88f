"""What MLflow keeps of a run beside its metrics, the same in its database and in its folders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from froude.runs.logs.logged_run import LoggedRun, Series, State
from froude.runs.logs.texts import value_of_text

STATES: Mapping[str, State] = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "finished",
    "FAILED": "crashed",
    "KILLED": "crashed",
}
_OWN = "mlflow."


def mlflow_run(
    *,
    id: str,
    name: str | None,
    status: str,
    experiment: str,
    params: Mapping[str, str],
    tags: Mapping[str, str],
    series: Mapping[str, Series],
    notes: list[str],
) -> LoggedRun:
    """Return a run of MLflow; its parameters, which MLflow keeps as texts, as the values that they spell."""
    about: dict[str, Any] = {"experiment": experiment}
    own = {key: value for key, value in tags.items() if not key.startswith(_OWN)}
    if own:
        about["tags"] = own
    return LoggedRun(
        id=id,
        name=name or tags.get(f"{_OWN}runName") or id,
        state=STATES.get(status, "unknown"),
        config={key: value_of_text(value) for key, value in params.items()},
        summary=about,
        series=series,
        notes=tuple(notes),
    )


def deleted_note(n_deleted: int) -> list[str]:
    """What is said of deleted runs, beside the first run of a source."""
    if not n_deleted:
        return []
    runs, were = ("run", "was") if n_deleted == 1 else ("runs", "were")
    return [f"{n_deleted} {runs} of this source {were} deleted in MLflow and left out"]
