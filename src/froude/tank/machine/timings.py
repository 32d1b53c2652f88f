"""Timings of one computer through PyTorch: matmuls, copies, and collectives between its devices or processes."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from froude.host import cores

if TYPE_CHECKING:
    import torch

SAMPLES = 3  # at least, of which the fastest counts: other work on the computer only ever slows one down
SAMPLE_SECONDS = 1e-3  # of one sample at least, well above the clock's grain
MATMULS = 36  # shapes of each number type
LARGEST = {"cpu": 4096, "cuda": 16384}
SMALLEST = 32
COPIED_BYTES = 2**28
PROCESSES = 2  # of collectives on a CPU


def number_types(device: str) -> tuple[str, ...]:
    """The number types of matmuls that are timed on a device."""
    import torch

    if device != "cuda":
        return ("fp32", "bf16")
    fp8 = ("fp8",) if torch.cuda.get_device_capability() >= (8, 9) else ()
    tf32_bf16 = ("tf32", "bf16") if torch.cuda.get_device_capability() >= (8, 0) else ()
    return ("fp32", "fp16", *tf32_bf16, *fp8)


def matmul_shapes(device: str, count: int = MATMULS) -> np.ndarray:
    """Shapes (m, k, n) of matmuls, in rows of growing FLOPs: each size is log-uniform and a multiple of 32."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST[device]), (count, 3)))
    shapes = (np.round(sizes / 32) * 32).astype(int)
    return shapes[np.argsort(shapes.prod(1), kind="stable")]


def time_matmuls(device: str, number_type: str, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Shapes (n × 3) and seconds (n) of matmuls on a device, the largest left out where they would not fit the time.

    Shapes are timed in rounds and the fastest sample of each counts: other work on the computer, which comes and goes,
    then slows no shape in all its samples.
    """
    shapes, begin = matmul_shapes(device), time.monotonic()
    operands = _operands(device, number_type)
    calls, fastest_seconds, rate = [], [], 0.0
    with _tf32(number_type == "tf32"):
        for i, shape in enumerate(shapes):
            flops, left = 2.0 * shape.prod(), seconds - (time.monotonic() - begin)
            if i >= MATMULS // 3 and flops / rate * 2 * SAMPLES > left:
                break
            calls.append(_matmul(device, number_type, operands, *map(int, shape)))
            fastest_seconds.append(_several(calls[-1], device))
            rate = max(rate, flops / fastest_seconds[-1])
        turns = 0
        while turns < (SAMPLES - 1) * len(calls) or time.monotonic() - begin < seconds:
            i = turns % len(calls)
            fastest_seconds[i] = min(fastest_seconds[i], _several(calls[i], device))
            turns += 1
    return shapes[: len(fastest_seconds)], np.array(fastest_seconds)


def time_copy(device: str, seconds: float) -> tuple[int, float]:
    """Bytes and seconds of a copy within the device's memory, larger than any cache; each byte is read and written."""
    import torch

    source = torch.zeros(COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return COPIED_BYTES, fastest(lambda: target.copy_(source), device, seconds)


def time_host_copies(seconds: float) -> dict[int, float]:
    """Seconds of a copy from pinned host memory to a CUDA device, by bytes."""
    import torch

    sizes = [2**power for power in range(12, 29, 4)]
    by_size = {}
    for size in sizes:
        source = torch.zeros(size, dtype=torch.uint8).pin_memory()
        target = torch.empty(size, dtype=torch.uint8, device="cuda")
        copy = lambda a=target, b=source: a.copy_(b, non_blocking=True)  # noqa: E731
        by_size[size] = fastest(copy, "cuda", seconds / len(sizes))
    return by_size


def time_collectives(device: str, seconds: float) -> list[dict[str, Any]]:
    """All-reduce and all-gather over sizes, as dicts of operation, ranks, bytes and seconds.

    On a CPU two processes talk through gloo; on CUDA one process a device through NCCL, and none for a single device.
    """
    import torch
    from torch.multiprocessing.spawn import start_processes

    ranks = torch.cuda.device_count() if device == "cuda" else PROCESSES
    if ranks < 2:
        return []
    with tempfile.TemporaryDirectory() as folder:
        start_processes(_collect, (device, ranks, folder, seconds), nprocs=ranks, start_method="spawn")
        return json.loads((Path(folder) / "timings.json").read_text())


def fastest(call: Callable[[], object], device: str, seconds: float) -> float:
    """Seconds of a call: the fastest of several samples taken within so many seconds."""
    call()
    begin, samples = time.monotonic(), []
    while len(samples) < SAMPLES or time.monotonic() - begin < seconds:
        samples.append(_several(call, device))
    return min(samples)


def _several(call: Callable[[], object], device: str) -> float:
    """Seconds of a call, of so many in a row that the clock's grain does not matter; the first warms up."""
    once = min(_sample(call, device, 1) for _ in range(2))
    calls = round(SAMPLE_SECONDS / once)
    return _sample(call, device, calls) if calls > 1 else once


def _sample(call: Callable[[], object], device: str, calls: int) -> float:
    clock = _clock(device)
    _finish(device)
    begin = clock()
    for _ in range(calls):
        call()
    _finish(device)
    return (clock() - begin) / calls


def _clock(device: str) -> Callable[[], float]:
    """The clock of samples: where one thread computes, its processor time, which other work does not lengthen."""
    import torch

    return time.thread_time if device == "cpu" and torch.get_num_threads() == 1 else time.perf_counter


def _finish(device: str) -> None:
    if device == "cuda":
        import torch

        torch.cuda.synchronize()


def _operands(device: str, number_type: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Random values for the largest factors: of equal ones, matmuls on a GPU draw less power and run faster."""
    import torch

    types = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp8": torch.float8_e4m3fn}
    dtype, count = types.get(number_type, torch.float32), LARGEST[device] ** 2
    left, right = (torch.randn(count, device=device, dtype=torch.float32).to(dtype) for _ in range(2))
    return left, right


def _matmul(
    device: str, number_type: str, operands: tuple[torch.Tensor, torch.Tensor], m: int, k: int, n: int
) -> Callable[[], torch.Tensor]:
    import torch

    left = operands[0][: m * k].view(m, k)
    if number_type == "fp8":  # the second factor must be stored by columns
        right, one = operands[1][: k * n].view(n, k).t(), torch.ones((), device=device)
        scaled = getattr(torch, "_scaled_mm")  # noqa: B009, PyTorch has no public name for it yet
        return lambda: scaled(left, right, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
    right = operands[1][: k * n].view(k, n)
    return lambda: torch.mm(left, right)


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Matmuls of fp32 values computed in tf32, or not."""
    import torch

    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def _collect(rank: int, device: str, ranks: int, folder: str, seconds: float) -> None:
    """What each process of the collectives does; the first writes the timings."""
    import torch
    import torch.distributed as distributed

    place = f"cuda:{rank}" if device == "cuda" else "cpu"
    if device == "cuda":
        torch.cuda.set_device(rank)
    else:
        torch.set_num_threads(max(1, cores() // ranks))
    store = (Path(folder) / "store").as_uri()
    distributed.init_process_group(
        "nccl" if device == "cuda" else "gloo", init_method=store, rank=rank, world_size=ranks
    )
    sizes = [2**power for power in range(10, 28 if device == "cuda" else 24, 2)]
    timings = []
    for size in sizes:
        values = torch.zeros(size // 4, device=place)
        parts = list(torch.empty_like(values).chunk(ranks))
        own = parts[rank].clone()
        calls = {
            "all-reduce": lambda v=values: distributed.all_reduce(v),
            "all-gather": lambda p=parts, o=own: distributed.all_gather(p, o),
        }
        for operation, call in calls.items():
            fastest_seconds = _together(call, device, seconds / (len(sizes) * len(calls)))
            timings.append({"operation": operation, "ranks": ranks, "bytes": size, "seconds": fastest_seconds})
    if rank == 0:
        (Path(folder) / "timings.json").write_text(json.dumps(timings))
    distributed.destroy_process_group()


def _together(call: Callable[[], object], device: str, seconds: float) -> float:
    """As `fastest`, but with a number of samples on which all processes agree."""
    import torch
    import torch.distributed as distributed

    def sample() -> float:  # by the clock on the wall: most of a collective is waiting
        _finish(device)
        begin = time.perf_counter()
        call()
        _finish(device)
        return time.perf_counter() - begin

    call()
    once = torch.tensor(sample(), device=device)
    distributed.all_reduce(once, op=distributed.ReduceOp.MAX)
    samples = int(min(100, max(SAMPLES, seconds / float(once))))
    return min(sample() for _ in range(samples))
