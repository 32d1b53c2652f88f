"""How time, memory and quality of an algorithm grow with size: experiments in a file, timings, fits, crossings."""

from froude.growth.crossing import Crossing, find_crossing
from froude.growth.experiment import Experiment, load_experiment
from froude.growth.fit import Growth, Unfitted, fit_growth
from froude.growth.result import Grown, grow
from froude.growth.timing import Timing, time_call

__all__ = [
    "Crossing",
    "Experiment",
    "Grown",
    "Growth",
    "Timing",
    "Unfitted",
    "find_crossing",
    "fit_growth",
    "grow",
    "load_experiment",
    "time_call",
]
