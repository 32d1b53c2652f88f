"""Measuring this computer: what the fits recover, and that what is written is read back as a machine."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from froude import InputError
from froude.cost.machine.known_machines import get_machine, profile_path
from froude.cost.machine.machine import Link, MatmulTime
from froude.tank.machine import Profile, profile, profile_toml, timings
from froude.tank.machine.constants import fit_collectives, fit_copies, fit_matmul_time, fit_relative

pytest_plugins = ["door"]

PLANTED = MatmulTime(
    fixed_s=8e-6,
    flops_per_s=2e11,
    bytes_per_s=4e10,
    value_bytes=4,
    span=(32, 4096),
    held_out_error=0.05,
    plain_error=0.08,
)
PROFILE = Profile(
    title='a "GPU"',
    device="GPU",
    devices=4,
    memory_bytes=24 * 2**30,
    memory_bandwidth_bytes_per_s=9e11,
    matmuls={"bf16": replace(PLANTED, value_bytes=2, correction=(0.125,) * 10), "fp32": PLANTED},
    best_flops_per_s={"bf16": 1.5e11, "fp32": 2.5e11},
    link=Link(bandwidth_bytes_per_s=2e10, latency_s=9e-6, kind="NCCL"),
    host=Link(bandwidth_bytes_per_s=1.2e10, latency_s=6e-6, kind="PCIe"),
    host_memory_bytes=32 * 2**30,
    conditions="today, with care",
)


def planted(noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The shapes that are timed on a CPU, and seconds that the planted constants give."""
    shapes = timings.matmul_shapes("cpu")
    spread = np.random.default_rng(1).normal(size=len(shapes))
    return shapes, np.asarray(PLANTED.seconds(*shapes.T.astype(float))) * np.exp(noise * spread)


# --- fits ------------------------------------------------------------------------------------------------


def errors(fit: MatmulTime) -> tuple[float, float]:
    """Errors on held-out shapes of the chosen form and of the three constants alone, which a measurement has."""
    assert fit.held_out_error is not None
    assert fit.plain_error is not None
    return fit.held_out_error, fit.plain_error


def test_the_fit_recovers_planted_constants_and_needs_no_correction():
    found = fit_matmul_time(*planted(), PLANTED.value_bytes)
    constants = [found.fixed_s, found.flops_per_s, found.bytes_per_s]
    assert constants == pytest.approx([PLANTED.fixed_s, PLANTED.flops_per_s, PLANTED.bytes_per_s], rel=1e-6)
    assert errors(found)[0] < 1e-6
    assert found.span == (32, max(planted()[0].ravel()))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_outliers_hardly_move_the_constants(seed):
    shapes, seconds = planted(noise=0.02)
    seconds[np.random.default_rng(seed).choice(len(seconds), 8, replace=False)] *= 3  # somebody else was at work
    found = fit_matmul_time(shapes, seconds, PLANTED.value_bytes)
    # The noise of 2%; without weights it is off by 5 to 8%.
    assert found.flops_per_s == pytest.approx(PLANTED.flops_per_s, rel=0.02)


def test_no_constant_is_negative():
    sizes = np.linspace(1, 10, 20)
    found = fit_relative(np.stack([np.ones_like(sizes), sizes], axis=-1), 2 * sizes - 1)
    assert found[0] == 0
    assert found[1] > 0


def test_a_correction_stays_where_it_lowers_the_held_out_error():
    shapes, seconds = planted()
    tall = seconds * (shapes[:, 0] / 362.0) ** 0.15  # what three constants cannot say
    found = fit_matmul_time(shapes, tall, PLANTED.value_bytes)
    assert found.correction
    chosen, plain = errors(found)
    assert chosen < 0.5 * plain


def test_a_correction_that_only_fits_noise_is_left_out():
    noisy = [fit_matmul_time(shapes, _shaken(seconds, seed), 4) for seed in range(8) for shapes, seconds in [planted()]]
    assert all(chosen <= plain for chosen, plain in map(errors, noisy))
    assert all(chosen == plain for chosen, plain in (errors(one) for one in noisy if not one.correction))
    assert any(not one.correction for one in noisy)


def _shaken(seconds: np.ndarray, seed: int) -> np.ndarray:
    return seconds * np.exp(0.1 * np.random.default_rng(seed).normal(size=len(seconds)))


def test_the_fit_recovers_the_link_of_ring_collectives():
    latency, bandwidth, ranks = 4e-5, 3e9, 4
    found = [
        {"operation": name, "ranks": ranks, "bytes": size, "seconds": rounds * (latency + size / ranks / bandwidth)}
        for size in (1024, 65536, 2**22, 2**26)
        for name, rounds in (("all-gather", ranks - 1), ("all-reduce", 2 * (ranks - 1)))
    ]
    link = fit_collectives(found, "gloo")
    assert link is not None
    assert (link.latency_s, link.bandwidth_bytes_per_s, link.kind) == pytest.approx((latency, bandwidth, "gloo"))
    assert fit_collectives([], "gloo") is None


def test_the_fit_recovers_the_link_of_copies():
    link = fit_copies({size: 1e-5 + size / 2e10 for size in (4096, 2**16, 2**20, 2**28)})
    assert (link.latency_s, link.bandwidth_bytes_per_s) == pytest.approx((1e-5, 2e10))


# --- timings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_shapes_grow_are_multiples_of_32_and_span_small_to_large(device):
    shapes = timings.matmul_shapes(device)
    flops = shapes.prod(1)
    assert (np.diff(flops) >= 0).all()
    assert not (shapes % 32).any()
    assert shapes.min() >= timings.SMALLEST
    assert timings.LARGEST[device] / 2 < shapes.max() <= timings.LARGEST[device]


def test_the_fastest_sample_counts(monkeypatch):
    samples = iter([5.0, 4.0, 2.0, 3.0, 9.0, 8.0, 7.0])
    monkeypatch.setattr(timings, "_sample", lambda call, device, calls: next(samples))
    assert timings.fastest(lambda: None, "cpu", 0.0) == 2.0


def test_a_short_call_is_timed_over_many(monkeypatch):
    counts: list[int] = []
    monkeypatch.setattr(timings, "_sample", lambda call, device, calls: counts.append(calls) or 1e-5)
    timings.fastest(lambda: None, "cpu", 0.0)
    assert counts == [1, 1, 100] * timings.SAMPLES


def test_one_thread_is_timed_by_its_own_work_and_several_by_the_wall(monkeypatch):
    for threads, clock in ((1, time.thread_time), (2, time.perf_counter)):
        monkeypatch.setattr("torch.get_num_threads", lambda threads=threads: threads)
        assert timings._clock("cpu") is clock


def test_larger_shapes_are_left_out_where_the_time_is_short():
    short, _ = timings.time_matmuls("cpu", "fp32", 0.05)
    assert timings.MATMULS // 3 <= len(short) < timings.MATMULS
    assert (short == timings.matmul_shapes("cpu")[: len(short)]).all()


@pytest.mark.parametrize(("kind", "dtype"), [("fp32", "float32"), ("bf16", "bfloat16"), ("fp16", "float16")])
def test_a_timed_matmul_has_the_shape_and_the_type_asked_for(kind, dtype, monkeypatch):
    monkeypatch.setitem(timings.LARGEST, "cpu", 96)
    out = timings._matmul("cpu", kind, timings._operands("cpu", kind), 32, 64, 96)()
    assert (tuple(out.shape), str(out.dtype)) == ((32, 96), f"torch.{dtype}")
    assert out.float().std() > 1  # of random factors


# --- the file --------------------------------------------------------------------------------------------


def test_a_profile_is_read_back_as_the_machine_it_says(tmp_path):
    path = tmp_path / "machine.toml"
    path.write_text(profile_toml(PROFILE))
    machine = get_machine(str(path))
    chip = machine.chip
    assert (chip.title, chip.device, machine.devices, machine.devices_per_node) == ('a "GPU"', "GPU", 4, 4)
    assert dict(chip.peak_flops) == {"bf16": 2e11, "fp32": 2.5e11}  # no less than the best that was reached
    assert dict(chip.matmul_share) == {"bf16": 0.75, "fp32": 1.0}
    assert chip.memory_bytes == 24 * 2**30
    assert chip.matmul_time == PROFILE.matmuls
    assert machine.node_link == PROFILE.link
    assert machine.tiers["host"].memory_bytes == 32 * 2**30
    assert machine.tiers["host"].link == PROFILE.host
    assert chip.evidence["peak_flops"].trust == machine.evidence["node_link"].trust == "measured"
    assert chip.evidence["peak_flops"].source == "today, with care"
    assert machine.evidence["fabric"].trust == "guess"


@pytest.mark.slow
def test_measuring_gives_a_machine_that_every_command_can_name(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setitem(timings.LARGEST, "cpu", 512)
    monkeypatch.setattr(timings, "COPIED_BYTES", 2**22)
    done = cli("machine", "measure", "--minutes", "0.02", "--device", "cpu")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == f"written: {profile_path()}"
    chip = get_machine("this").chip
    assert {"fp32", "bf16"} == {*chip.peak_flops} == {*chip.matmul_time}
    assert all(1e8 < peak < 1e15 for peak in chip.peak_flops.values())
    assert all(0 < share <= 1 for share in chip.matmul_share.values())
    assert 1e8 < chip.memory_bandwidth_bytes_per_s < 1e13
    assert all(0 <= chosen <= plain for chosen, plain in map(errors, chip.matmul_time.values()))
    assert get_machine("this").node_link.kind == "gloo"
    assert "PyTorch" in chip.evidence["peak_flops"].source


# --- the command -----------------------------------------------------------------------------------------


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[tuple[str, float]]]:
    """Measuring gives a canned profile; returns what was asked for."""
    requests: list[tuple[str, float]] = []

    def answer(device: str, seconds: float, **_: Any) -> Profile:
        requests.append((device, seconds))
        return PROFILE

    monkeypatch.setattr(profile, "measure_machine", answer)
    return lambda: requests


def test_what_was_measured_is_written_and_shown(cli, canned, tmp_path):
    out = tmp_path / "new" / "machine.toml"
    done = cli("machine", "measure", "--minutes", "3", "--device", "cuda", "--out", out, "--json")
    data = json.loads(done.out)
    assert canned() == [("cuda", 180)]
    assert (data["path"], data["devices"]) == (str(out), 4)
    assert data["chip"]["matmul_held_out_error"] == {"bf16": 0.05, "fp32": 0.05}
    assert out.read_text() == profile_toml(PROFILE)
    shown = " ".join(cli("machine", "show", out).out.split())
    assert "off on held-out shapes by bf16 5.0%, fp32 5.0%" in shown
    assert "power: 0 W a chip, because none was given or measured" in shown


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--minutes", "0"], "--minutes 0: give a number above 0 and at most 60"),
        (["--minutes", "nan"], "--minutes nan: give a number above 0 and at most 60"),
        (["--out", "machine.json"], "--out 'machine.json' is not a TOML file: give a name that ends in .toml"),
        (["--device", "abacus"], "no device 'abacus': give auto, cpu or cuda"),
    ],
)
def test_what_cannot_be_measured_is_refused(refused, words, complaint):
    assert refused("machine", "measure", *words) == complaint


def test_a_computer_whose_memory_is_unknown_is_refused(refused, monkeypatch, tmp_path):
    monkeypatch.setattr(profile, "memory_bytes", lambda: None)
    complaint = "this system does not say how much memory it has: write its TOML file by hand"
    assert refused("machine", "measure", "--device", "cpu", "--out", tmp_path / "m.toml") == complaint
    assert not (tmp_path / "m.toml").exists()


def test_a_broken_profile_is_refused(tmp_path: Path):
    path = tmp_path / "machine.toml"
    for old, new, complaint in [
        ("span = [32, 4096]", "span = [32]", "span = [32]: give 2 numbers"),
        ("span = [32, 4096]\n", "", "lacks span: add it"),
        ("0.125, 0.125]", '0.125, "a"]', "give 10 numbers"),
        ('fixed = "8 us"', 'fixed = "8"', "fixed = '8': has no unit"),
    ]:
        assert old in profile_toml(PROFILE)
        path.write_text(profile_toml(PROFILE).replace(old, new, 1))
        with pytest.raises(InputError) as refused:
            get_machine(str(path))
        assert complaint in str(refused.value)
        assert "\n" not in str(refused.value)
