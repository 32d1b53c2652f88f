"""A clock that a test moves: no check waits for time to pass, or for a machine to be quick."""

from typing import final

import pytest

from froude.growth import timing


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    """The clock by which calls are timed."""
    fake = Clock()
    monkeypatch.setattr(timing, "time", fake)
    monkeypatch.setattr(timing, "clock_grain", lambda: 1e-9)
    monkeypatch.setattr(timing, "empty_call", lambda: Clock.EMPTY_CALL_S)
    return fake


@final
class Clock:
    """Processor and wall in seconds, in place of the module `time`: they pass only where something works or waits."""

    EMPTY_CALL_S = 2e-7

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0

    def works(self, seconds: float) -> None:
        """Something computes for so long."""
        self.cpu += seconds
        self.wall += seconds

    def waits(self, seconds: float) -> None:
        """Something waits for so long."""
        self.wall += seconds

    def process_time(self) -> float:
        """Seconds of the processor; each reading takes a nanosecond."""
        self.cpu += 1e-9
        return self.cpu

    def perf_counter(self) -> float:
        """Seconds on the wall."""
        return self.wall
