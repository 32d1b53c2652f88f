"""What is asked of the planner of serving, in plain numbers, and what it ranks and simulates for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.serving.constants import ServingConstants
from froude.errors import InputError
from froude.planning.serving.judging import Judged, judge
from froude.planning.serving.ranking import Objective, RankedDeployments, ServingLimits, rank
from froude.planning.serving.served_load import ServedLoad
from froude.planning.serving.space import DeploymentGroup, groups_of


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ServingQuestion:
    """A model, a load and limits; chips by name or file, and what may be taken of them."""

    model: Model
    load: ServedLoad
    limits: ServingLimits
    chips: tuple[str, ...]
    engines: tuple[str, ...] | None
    objective: Objective
    quality_loss: float
    most_devices: int
    constants: ServingConstants
    seed: int

    @property
    def machines(self) -> tuple[Machine, ...]:
        """A machine of each chip, of as many devices as may be taken."""
        return tuple(machine_of_chip(chip, self.most_devices) for chip in self.chips)

    def groups(self) -> list[DeploymentGroup]:
        """The groups of deployments that are compared. InputError where no engine serves any chip in any format."""
        found = list(groups_of(self.model, self.machines, self.engines, self.quality_loss))
        if not found:
            named = "" if self.engines is None else f" of {', '.join(self.engines)}"
            raise InputError(
                f"no engine{named} serves on {', '.join(self.chips)} in a format that loses at most "
                f"{self.quality_loss:.1%}: name other chips or engines"
            )
        return found

    def ranked(self, groups: list[DeploymentGroup] | None = None) -> RankedDeployments:
        """All deployments in closed form, or those of some groups."""
        return rank(
            self.groups() if groups is None else groups,
            self.load,
            self.limits,
            self.objective,
            self.constants,
            self.most_devices,
        )

    def judged(self, ranked: RankedDeployments) -> Judged:
        """The best of them simulated."""
        return judge(ranked, self.load, self.limits, self.objective, self.constants, self.seed)

    def with_limits(self, **limits: float) -> ServingQuestion:
        """The same with other limits."""
        return replace(self, limits=replace(self.limits, **limits))


def machine_of_chip(chip: str, devices: int) -> Machine:
    """So many devices of a chip by name, or those of a machine's file."""
    text = chip.strip()
    return get_machine(text) if text.endswith(".toml") else get_machine(f"{devices} x {text}")
