"""Small trainings: corpus, transformer, trunks of runs, their design, and engines to run them."""

from froude.tank.corpus import Corpus, build_corpus
from froude.tank.design import Design, Recipe, Speed, design_pilot
from froude.tank.device import Device, choose_device, cores, memory_bytes, processor_name
from froude.tank.engines import LocalEngine
from froude.tank.speed import measure_speed
from froude.tank.trunk import Trunk

__all__ = [
    "Corpus",
    "Design",
    "Device",
    "LocalEngine",
    "Recipe",
    "Speed",
    "Trunk",
    "build_corpus",
    "choose_device",
    "cores",
    "design_pilot",
    "measure_speed",
    "memory_bytes",
    "processor_name",
]
