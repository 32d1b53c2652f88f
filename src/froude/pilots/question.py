"""What a pilot's forecast is of: from which runs, and to which."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.runs import Runs, Study


@final
@dataclass(frozen=True, kw_only=True)
class PilotQuestion:
    """From the runs of these ids to the run `target`, which lies at N parameters, D tokens and C training FLOPs.

    Runs that share a value of the column `cluster` are of one training. `of_tank` says that Froude's own trainer made
    them; `loss_unit` is that of their losses, empty where it is not known.
    """

    pilots: tuple[str, ...]
    target: str
    at: Mapping[str, float]
    cluster: str | None = None
    of_tank: bool = False
    loss_unit: str = ""

    def pilot_runs(self, study: Study) -> Runs:
        """The finished runs of the pilots."""
        return study.runs(self.pilots)

    def measured(self, study: Study) -> float:
        """The target's loss; NaN if it diverged."""
        loss = float(study.runs([self.target])["loss"][0])
        return loss if np.isfinite(loss) else float("nan")
