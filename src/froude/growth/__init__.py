"""How time, memory and quality of an algorithm grow with size: experiments in a file, timings, fits, crossings."""

from froude.growth.catalogue import GrowthExample, get_growth_example, growth_examples
from froude.growth.crossing import Crossing, find_crossing
from froude.growth.experiment import Experiment, RowClaim, load_experiment
from froude.growth.exponents import Growth, Unfitted, fit_growth
from froude.growth.results import GrowthResult, JudgedClaim, analyse_timings
from froude.growth.runner import grow
from froude.growth.timing import Sample, Timing, time_call

__all__ = [
    "Crossing",
    "Experiment",
    "Growth",
    "GrowthExample",
    "GrowthResult",
    "JudgedClaim",
    "RowClaim",
    "Sample",
    "Timing",
    "Unfitted",
    "analyse_timings",
    "find_crossing",
    "fit_growth",
    "get_growth_example",
    "grow",
    "growth_examples",
    "load_experiment",
    "time_call",
]
