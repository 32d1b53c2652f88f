"""How one run of a sweep ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, final

State = Literal["finished", "diverged", "stopped", "failed", "timed out"]
"""A run that failed or timed out is left unfinished, and begun again by the next command; so is one that was stopped,
but not by one that stops runs."""


@final
@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """A run and what came of it.

    `loss` is None where it failed or diverged, `seconds` where it was finished by an earlier command. `reason` and the
    last lines of its stderr are those of a run that is left unfinished.
    """

    id: str
    config: Mapping[str, Any]
    state: State
    loss: float | None = None
    seconds: float | None = None
    attempts: int = 0
    reason: str = ""
    stderr: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do for it: the study holds it, or it was stopped."""
        return self.state in ("finished", "diverged", "stopped")

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "config": dict(self.config), "stderr": list(self.stderr)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunOutcome:
        """The outcome that `to_dict` described."""
        return cls(**{**values, "stderr": tuple(values["stderr"])})

    @property
    def name(self) -> str:
        """The run as a person knows it: by its settings."""
        return ", ".join(f"{key}={value}" for key, value in self.config.items())
