"""What a pilot is asked for, checked before a folder is made for it."""

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.bounds import MOST_MINUTES, MOST_SEED, MOST_WORKERS, positive_number, whole_number
from froude.documents.bytes_of_files import bytes_of
from froude.documents.document_error import DocumentError
from froude.engines import ANY_ENGINE, Needs, get_engine
from froude.errors import InputError
from froude.runs.study.run_file import reason_of


@final
@dataclass(frozen=True, kw_only=True)
class PilotSettings:
    """What makes two pilots the same: `plan` is the hash of the plan file to follow, where there is one.

    And where they are trained, which makes no difference: so many `workers` of an `engine` (None: as many as the device
    has), of which each `needs` so much. InputError for a setting that cannot be.
    """

    minutes: float = 5.0
    seed: int = 0
    corpus: str | None = None
    plan: str | None = None
    device: str = "auto"
    engine: str = "local"
    needs: Needs | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        positive_number("minutes", self.minutes, MOST_MINUTES)
        whole_number("seed", self.seed, 0, MOST_SEED)
        if self.workers is not None:
            whole_number("workers", self.workers, 1, MOST_WORKERS)
        get_engine(self.engine, self.needs)
        if self.corpus and not Path(self.corpus).exists():
            raise InputError(f"no corpus at {self.corpus}: name a folder or a file that exists")

    def to_dict(self) -> dict[str, Any]:
        """The settings as a study keeps them: not where it is trained, which may change from one day to another."""
        names = ("minutes", "seed", "corpus", "plan", "device")
        return {"kind": "pilot", **{name: getattr(self, name) for name in names}, "engine": ANY_ENGINE}

    def command(self, plan: str | Path | None) -> str:
        """The command line with these settings and this plan, without options that are at their defaults."""
        usual, names = PilotSettings(), ("minutes", "seed", "corpus", "device")
        changed = {name: getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)}
        options = {**changed, "plan": plan} if plan else changed
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return shlex.join(["froude", "pilot", *words])


def hash_of_plan(plan: str | Path | None) -> str | None:
    """The hash of a plan file's bytes. InputError where it cannot be read."""
    return hashlib.sha256(read_plan_file(Path(plan))).hexdigest() if plan else None


def read_plan_file(path: Path) -> bytes:
    """The bytes of a plan file. InputError where it cannot be read."""
    try:
        return bytes_of(path)
    except (OSError, DocumentError) as error:
        raise InputError(
            f"plan {str(path)!r} cannot be read ({reason_of(error)}): give a plan.json of a study"
        ) from None
