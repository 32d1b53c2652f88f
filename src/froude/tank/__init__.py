"""Small trainings: corpus, transformer, trunks of runs, their design, and engines to run them."""

from froude.engines import LocalEngine
from froude.tank.corpus import Corpus, build_corpus
from froude.tank.design import Design, PilotRecipe, Speed, design_pilot
from froude.tank.device import Device, choose_device
from froude.tank.speed import measure_speed
from froude.tank.trunk import Trunk

__all__ = [
    "Corpus",
    "Design",
    "Device",
    "LocalEngine",
    "PilotRecipe",
    "Speed",
    "Trunk",
    "build_corpus",
    "choose_device",
    "design_pilot",
    "measure_speed",
]
