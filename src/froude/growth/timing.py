"""One timing: seconds of processor and wall of a call, its peak memory, and refusal of what cannot be timed."""

from __future__ import annotations

import contextlib
import functools
import gc
import math
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, final

from froude.errors import InputError
from froude.quantity import format_seconds

if TYPE_CHECKING:
    from froude.growth.tensors import TensorBytes

GRAINS = 1000
"""A sample lasts at least so many grains of the clock, so that a grain is a thousandth of it."""

LEAST_S = 0.02
"""Seconds of processor time that a sample lasts at least: a cold start may double the first millisecond of a call."""

EMPTY_CALLS = 10
"""A method takes at least so many times what calling an empty function takes; else the loop is what is timed."""

LONGEST_S = 0.5
"""Seconds on the wall after which a sample that has used too little processor time is given up."""


WORKS = 0.02
"""Share of the wall's time that a call which computes has of a processor, even on a busy machine."""


@final
@dataclass(frozen=True, kw_only=True)
class Timing:
    """One method at one size in one repetition.

    Seconds are those of one call, the mean of `calls` in a row. CPU seconds are of all threads of this process, not of
    others that it starts. `peak_bytes` is what Python and NumPy allocated at most during a call, by tracemalloc, and
    PyTorch for tensors; what other libraries allocate by themselves is not seen. A method that returns a `Sample`
    says all this itself. `machine` and `date` say where and when it was made. None stands for what was not measured,
    or is not known.
    """

    method: str
    size: float
    repetition: int
    cpu_seconds: float
    wall_seconds: float
    calls: int
    peak_bytes: float | None = None
    quality: float | None = None
    machine: str | None = None
    date: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The timing as JSON."""
        return asdict(self) | {"machine": self.machine or "", "date": self.date or ""}


@final
@dataclass(frozen=True, kw_only=True)
class Sample:
    """Seconds of one call, of so many in a row, and what the last returned.

    A method that does its work outside this process, as a `Command` does, returns what it used as a sample of its own,
    with its peak memory; nothing else of it is then timed.
    """

    cpu_seconds: float
    wall_seconds: float
    calls: int
    result: Any
    peak_bytes: float | None = None


def time_call(call: Callable[[], Any], what: str = "the call") -> Sample:
    """A sample of a call that lasts long enough for the clock: the call is repeated until it does.

    A call that returns a sample itself is taken at its word.

    Raises InputError, naming `what`, where the call is too fast to be told from an empty one, or waits instead of
    computing; whatever the call raises goes through.
    """
    needed, calls = max(LEAST_S, GRAINS * clock_grain()), 1
    while True:
        sample = _sample(call, calls)
        if isinstance(sample.result, Sample):
            sample = sample.result
            break
        cpu = sample.cpu_seconds * calls
        if is_enough(cpu, sample.wall_seconds * calls, needed):
            break
        calls *= max(2, min(10, math.ceil(1.2 * needed / max(cpu, 1e-12))))
    _check_measurable(sample, GRAINS * clock_grain(), what)
    return sample


def is_enough(cpu: float, wall: float, needed: float) -> bool:
    """Whether a sample has the processor time it needs, and not by a small share of the wall's, or lasts too long."""
    return cpu >= max(needed, WORKS * wall) or wall >= LONGEST_S


def _check_measurable(sample: Sample, needed: float, what: str) -> None:
    cpu, wall = sample.cpu_seconds * sample.calls, sample.wall_seconds * sample.calls
    if cpu < max(needed, WORKS * wall):
        raise InputError(
            f"{what} used {format_seconds(cpu)} of processor time in {format_seconds(wall)}, too little to time: it "
            "waits, and only computing is timed; give it work of its own, or the program it waits for as --command"
        )
    if sample.cpu_seconds < EMPTY_CALLS * empty_call():
        raise InputError(
            f"{what} takes {format_seconds(sample.cpu_seconds)}, less than {EMPTY_CALLS} empty calls "
            f"({format_seconds(EMPTY_CALLS * empty_call())}), and is too fast to time: give larger sizes"
        )


def peak_of(call: Callable[[], Any]) -> float | None:
    """Bytes that a call held at most, above what was held before; a sample's own peak; None where neither is known.

    They are those of Python, NumPy and, once it is imported, PyTorch's tensors.
    """
    if tracemalloc.is_tracing():  # somebody else's, who would lose what they trace
        result, peak = call(), None
    else:
        tensors = _tensor_bytes()  # whose import allocates, too
        tracemalloc.start()
        try:
            with tensors or contextlib.nullcontext():
                result = call()
            peak = float(max(tracemalloc.get_traced_memory()[1], tensors.peak if tensors else 0))
        finally:
            tracemalloc.stop()
    return result.peak_bytes if isinstance(result, Sample) else peak


def _tensor_bytes() -> TensorBytes | None:
    if "torch" not in sys.modules:
        return None
    from froude.growth.tensors import TensorBytes

    return TensorBytes()


@functools.cache
def clock_grain() -> float:
    """Seconds of the smallest step that the clock of processor time was seen to make."""
    return max(time.get_clock_info("process_time").resolution, min(_step() for _ in range(20)))


@functools.cache
def empty_call() -> float:
    """Seconds that calling a function which does nothing takes: the fastest of several samples."""
    return min(_sample(lambda: None, 10_000).cpu_seconds for _ in range(5))


def _step() -> float:
    begin = now = time.process_time()
    while now == begin:
        now = time.process_time()
    return now - begin


def _sample(call: Callable[[], Any], calls: int) -> Sample:
    collects = gc.isenabled()
    gc.disable()  # a collection would fall on one sample and not on the next
    try:
        wall, cpu, result = time.perf_counter(), time.process_time(), None
        for _ in range(calls):
            result = call()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return Sample(cpu_seconds=cpu / calls, wall_seconds=wall / calls, calls=calls, result=result)
    finally:
        if collects:
            gc.enable()
