"""What the tank has an engine do: train a trunk into a study, or measure how fast a model trains."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.documents.document_error import DocumentError
from froude.engines import Notice, Report
from froude.errors import InputError
from froude.runs import Study
from froude.runs.study.shared import held, while_there
from froude.tank.corpus import Corpus
from froude.tank.trunk import Trunk


@final
@dataclass(frozen=True, kw_only=True)
class TrainTrunk:
    """Trains what is unfinished of a trunk on the corpus of a study, into that study; its value is None."""

    trunk: Trunk
    study: Path

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"trunk": self.trunk.to_dict(), "study": str(self.study)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainTrunk":
        """The task that `to_dict` described."""
        return cls(trunk=Trunk.from_dict(values["trunk"]), study=Path(values["study"]))

    def perform(self, report: Report) -> None:
        """Trains; reports progress and every finished run. InputError where the corpus is not whole."""
        while_there(self.study, lambda: self.train(report), lambda text: report(Notice(text=text)))

    def train(self, report: Report) -> None:
        """As `perform`, of a study that is there."""
        from froude.tank.trainer import train_trunk

        study = Study.open(self.study)
        try:
            corpus = Corpus.load(study.path / "corpus")
        except DocumentError as error:
            raise InputError(
                f"the corpus was damaged meanwhile ({error}): give the same command again, which gathers it anew"
            ) from None
        wait = Notice(text=f"trunk {self.trunk.id} waits until what another command started for it has ended")
        lock = study.trunks / f"{self.trunk.id}.lock"
        with held(lock, lambda: report(wait)):
            train_trunk(self.trunk, corpus, study, report)
            lock.unlink(missing_ok=True)


@final
@dataclass(frozen=True, kw_only=True)
class MeasureSpeed:
    """Trains a trunk's model on random bytes for some seconds; its value is the tokens a second."""

    trunk: Trunk
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"trunk": self.trunk.to_dict(), "seconds": self.seconds}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "MeasureSpeed":
        """The task that `to_dict` described."""
        return cls(trunk=Trunk.from_dict(values["trunk"]), seconds=values["seconds"])

    def perform(self, report: Report) -> float:
        """Measures; reports nothing on the way."""
        from froude.tank.trainer import training_rate

        return training_rate(self.trunk, self.seconds)
