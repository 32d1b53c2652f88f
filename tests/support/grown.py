"""A planted experiment on growth: a linear and a quadratic method whose times cross."""

import functools
import math
from typing import Any

import numpy as np

from froude.growth import Experiment, GrowthResult, RowClaim, Timing, analyse_timings

SIZES = (100.0, 200.0, 400.0, 800.0, 1600.0)
MACHINE = "a <planted> processor, 2 cores"
TINY = """
import numpy as np
from froude import growth

EXPERIMENT = growth.Experiment(
    title="sums of squares",
    source="a test",
    sizes=(1000, 2000, 4000, 8000, 16000),
    methods={"loop": lambda data: sum(x * x for x in data), "NumPy": lambda data: np.dot(data, data)},
    prepare=lambda size, rng: rng.normal(size=int(size)),
    quality=lambda data, result: abs(float(result)),
    quality_name="sum",
)
"""
"""The file of a small experiment that runs in a moment."""


@functools.cache
def planted_growth(
    steep: float = 1e-8, claims: tuple[RowClaim[Any], ...] = (), quality: bool = True, **methods: Any
) -> GrowthResult:
    """Planted timings of a linear and a quadratic method, which cross where `steep`·n² is 1e-5·n."""
    judged: dict[str, Any] = {"quality": lambda data, result: 1.0, "quality_name": "relative error"} if quality else {}
    about = Experiment(
        title="Slow start < steep", source="planted", sizes=SIZES, methods={"slow start": len, "steep": len} | methods,
        prepare=lambda size, rng: size, expected="exponents 1 and 2", claims=claims, **judged,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    seconds = {"slow start": lambda n: 1e-5 * n, "steep": lambda n: steep * n**2}
    timings = [
        Timing(
            method=name, size=size, repetition=turn, cpu_seconds=(s := law(size) * math.exp(0.02 * rng.normal())),
            wall_seconds=s, calls=1, peak_bytes=None if turn else 4096 * size, quality=size**-0.5,
            machine=MACHINE, date=f"2026-01-0{turn + 1}",
        )
        for name, law in seconds.items() for size in SIZES for turn in range(3)
    ]  # fmt: skip
    return analyse_timings(about, timings, notes=("steep stops before n = 3200: a planted note",))
