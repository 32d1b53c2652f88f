"""Small trainings: corpus, transformer, trunks of runs, their design, and the tasks that engines train them by."""

from froude.tank.corpus import Corpus, build_corpus
from froude.tank.design import Design, PilotRecipe, Speed, design_pilot
from froude.tank.device import Device, choose_device
from froude.tank.machine.profile import measure_machine
from froude.tank.speed import measure_speed
from froude.tank.tasks import MeasureSpeed, TrainTrunk
from froude.tank.trunk import Trunk

__all__ = [
    "Corpus",
    "Design",
    "Device",
    "MeasureSpeed",
    "PilotRecipe",
    "Speed",
    "TrainTrunk",
    "Trunk",
    "build_corpus",
    "choose_device",
    "design_pilot",
    "measure_machine",
    "measure_speed",
]
