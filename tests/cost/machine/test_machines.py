"""Machines: what the chips are, how a machine is written, what is assumed, and what is refused."""

import csv
import gzip
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from froude import InputError
from froude.cost.machine.known_machines import catalogue, get_machine, known_chips, profile_path
from froude.cost.machine.machine import TRUSTS, Machine, MatmulTime
from machine_files import OWN

pytest_plugins = ["door"]

MEASURED = {
    "NVIDIA A100 SXM": "a100-80",
    "NVIDIA A100 PCIe": "a100-80-pcie",
    "NVIDIA GH200 SXM": "gh200-144",
    "NVIDIA H100 SXM": "h100",
    "NVIDIA H200 SXM": "h200",
    "NVIDIA B200 SXM": "b200",
    "NVIDIA B300 SXM": "b300",
    "NVIDIA GB200 SXM": "gb200",
    "Intel Gaudi 2": "gaudi-2",
    "Intel Gaudi 3": "gaudi-3",
    "AMD MI300X": "mi300x",
    "AMD MI325X": "mi325x",
    "AMD MI355X": "mi355x",
}
"""Names in the published table of achievable matmuls → chips."""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's file of a machine with its own chip."""
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return path


def said_of(machine: Machine, head: str) -> list[str]:
    """The assumptions about one thing."""
    return [one for one in machine.assumed if one.startswith(f"{head}: ")]


# --- the catalogue ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", known_chips())
def test_every_number_of_a_chip_and_its_node_is_positive_and_has_a_source(name):
    machine = get_machine(name)
    chip = machine.chip
    links = [machine.node_link, machine.fabric, *(tier.link for tier in machine.tiers.values())]
    positive = [
        *chip.peak_flops.values(),
        *(chip.memory_bytes, chip.memory_bandwidth_bytes_per_s, chip.power_watts),
        *(machine.node_watts, machine.price_per_device_hour, machine.failures_per_device_hour),
        *(number for link in links for number in (link.bandwidth_bytes_per_s, link.latency_s)),
        *(tier.memory_bytes for tier in machine.tiers.values()),
    ]
    assert all(math.isfinite(number) and number > 0 for number in positive)
    assert machine.power_overhead >= 1
    assert all(0 < share <= 1 and kind in chip.peak_flops for kind, share in chip.matmul_share.items())
    evidence = {**chip.evidence, **machine.evidence}
    needed = {"peak_flops", "memory_bytes", "memory_bandwidth_bytes_per_s", "power_watts", "node_link", "fabric"}
    needed |= {"devices_per_node", "node_watts", "tiers", "price_per_device_hour", "failures_per_device_hour"}
    assert needed | {"power_overhead", "fabric.latency_s"} | ({"matmul_share"} if chip.matmul_share else set()) <= {
        *evidence
    }
    assert all(one.trust in TRUSTS and one.trust != "given" and len(one.source) > 5 for one in evidence.values())


@pytest.mark.parametrize("name", known_chips())
def test_narrower_numbers_are_never_slower(name):
    peaks = get_machine(name).chip.peak_flops
    order = [peaks[kind] for kind in ("fp32", "tf32", "bf16", "fp8", "mxfp8", "nvfp4") if kind in peaks]
    assert order == sorted(order)
    assert "bf16" in peaks or "fp16" in peaks
    assert peaks.get("fp16", peaks.get("bf16")) == peaks.get("bf16", peaks.get("fp16"))


def test_the_best_nvfp4_matmul_is_the_measured_one(published):
    """sys_kernels times 35,742 shapes of each type on a B200; the best of them is the share of the peak."""
    best: dict[str, float] = {}
    with gzip.open(published("sys_kernels/gemm_perf.csv.gz"), "rt") as file:
        for row in csv.DictReader(file):
            if (row["system"], row["gemm_dtype"]) == ("b200_sxm", "nvfp4"):
                reached = 2e3 * int(row["m"]) * int(row["n"]) * int(row["k"]) / float(row["latency"])
                best["nvfp4"] = max(best.get("nvfp4", 0.0), reached)
    chip = get_machine("b200").chip
    assert chip.matmul_share["nvfp4"] * chip.peak_flops["nvfp4"] == pytest.approx(best["nvfp4"], rel=1e-3)


def test_every_node_is_the_usual_one_of_some_chip():
    assert {known.node for known in catalogue().chips.values()} == {*catalogue().nodes}


@pytest.mark.parametrize(
    ("name", "kind", "tflops", "terabytes_per_s", "gib"),
    [
        ("a100-40", "bf16", 312, 1.555, 40),
        ("a100-80", "bf16", 312, 2.039, 80),
        ("h100", "bf16", 989, 3.35, 80),
        ("h100", "fp8", 1979, 3.35, 80),
        ("h200", "bf16", 989, 4.8, 141),
        ("v100-32", "fp16", 125, 0.9, 32),
        ("mi250x", "bf16", 191.5, 1.6384, 64),
        ("tpu-v3", "bf16", 61.5, 0.45, 16),
        ("h20", "bf16", 148, 4.0, 96),
        ("b200", "mxfp8", 4500, 8.0, 180),
        ("gb300", "nvfp4", 15000, 8.0, 278),
        ("tpu-v6e", "bf16", 918, 1.638, 32),
        ("tpu7x", "fp8", 4614, 7.38, 192),
    ],
)
def test_a_chip_has_the_numbers_of_its_data_sheet(name, kind, tflops, terabytes_per_s, gib):
    chip = get_machine(name).chip
    assert chip.peak_flops[kind] == tflops * 1e12
    assert chip.memory_bandwidth_bytes_per_s == pytest.approx(terabytes_per_s * 1e12)
    assert chip.memory_bytes == gib * 2**30


def test_the_share_of_the_peak_is_what_was_measured(published):
    with published("sys_hardware/mamf_matmul_achievable.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["accelerator"] for row in rows} == {*MEASURED}
    for row in rows:
        chip = get_machine(MEASURED[row["accelerator"]]).chip
        reached = chip.matmul_share[row["dtype"]] * chip.peak_flops[row["dtype"]]
        # Shares are written with three digits.
        assert reached == pytest.approx(float(row["mamf_tflops"]) * 1e12, rel=1e-3), row["accelerator"]


@pytest.mark.parametrize(
    ("name", "tflops"),
    [
        ("a100-40", 271.2),
        ("a100-80", 271.2),
        ("a100-40-pcie", 252.9),
        ("h100", 794.5),
        ("mi300x", 668.4),
        ("mi250x", 147),
    ],
)
def test_the_best_matmul_of_a_chip_is_the_measured_one(name, tflops):
    chip = get_machine(name).chip
    assert chip.matmul_share["bf16"] * chip.peak_flops["bf16"] == pytest.approx(tflops * 1e12, rel=1e-3)


def test_devices_fail_as_often_as_in_the_training_of_llama_3():
    interruptions, days, devices = 419, 54, 16_384  # arXiv:2407.21783, section 3.3.4
    expected = interruptions / (days * 24 * devices)
    assert get_machine("h100").failures_per_device_hour == pytest.approx(expected, rel=2e-3)


# --- how a machine is written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "1024 x h100-sxm",
        "1024xh100-sxm",
        "1,024 × H100 SXM",
        "1024 H100_SXM",
        "1024*NVIDIA H100 SXM",
        "1024x h100-sxm ",
    ],
)
def test_a_machine_may_be_written_in_many_ways(text):
    assert get_machine(text) == get_machine("1024 x h100-sxm")


@pytest.mark.parametrize(
    ("text", "name", "devices", "per_node", "node_gb_per_s", "fabric_gb_per_s"),
    [
        ("1024 x h100", "h100", 1024, 8, 450, 50),
        ("8 a100-80", "a100-80", 8, 8, 300, 25),
        ("A100 40GB", "a100-40", 8, 8, 300, 25),
        ("512 V100", "v100-32", 512, 16, 150, 6.25),
        ("64 p100", "p100", 64, 8, 80, 6.25),
        ("h800", "h800", 8, 8, 200, 50),
        ("3072 mi250x", "mi250x", 3072, 8, 50, 12.5),
        ("144 x gb200", "gb200", 144, 72, 900, 50),
        ("256 GB300", "gb300", 256, 72, 900, 100),
        ("16 x h100-96-700w", "h100-96-700w", 16, 8, 450, 50),
        ("512 x Trillium", "tpu-v6e", 512, 256, 400, 12.5),
        ("8 RTX 4090", "rtx-4090", 8, 8, 16, 12.5 / 8),
        ("4 4090", "rtx-4090", 4, 4, 16, 12.5 / 8),
    ],
)
def test_a_chip_stands_in_its_usual_node(text, name, devices, per_node, node_gb_per_s, fabric_gb_per_s):
    machine = get_machine(text)
    assert (machine.chip.name, machine.devices, machine.devices_per_node) == (name, devices, per_node)
    assert machine.node_link.bandwidth_bytes_per_s == pytest.approx(node_gb_per_s * 1e9)
    assert machine.fabric.bandwidth_bytes_per_s == pytest.approx(fabric_gb_per_s * 1e9)


def test_fewer_devices_than_a_node_holds_are_one_smaller_node():
    machine = get_machine("2 x h100")
    assert (machine.devices, machine.devices_per_node, machine.nodes) == (2, 2, 1)
    assert get_machine("20 x h100").nodes == 3
    assert said_of(get_machine("20 x h100"), "devices") == [
        "devices: 20 do not fill nodes of 8, the last is partly used"
    ]


def test_what_nobody_said_is_assumed_in_a_sentence_each():
    assumed = get_machine("h100").assumed
    assert [one.partition(":")[0] for one in assumed] == ["chip", "devices", "node", "price", "failures", "power"]
    text = " ".join(assumed)
    for fact in ("NVIDIA H100 SXM 80 GB", "h100-pcie", "one node", "450 GB/s", "$2.50", "November 2026", "1.97e-05"):
        assert fact in text
    assert said_of(get_machine("1024 x h100"), "fabric") == [
        "fabric: InfiniBand of 50 GB/s and 14 us a device between nodes"
    ]


def test_what_is_said_is_not_assumed():
    machine = get_machine(
        "1024 x h100-sxm",
        node="grand-teton",
        fabric="RoCE 1600 Gb/s per node",
        price_per_device_hour=2,
        failures_per_device_hour=1e-6,
        power_overhead=1.1,
    )
    assert machine.assumed == ()
    assert (machine.price_per_device_hour, machine.failures_per_device_hour) == (2, 1e-6)
    assert machine.watts_per_device == pytest.approx((700 + 500) * 1.1)
    assert machine.evidence["fabric"].trust == machine.evidence["price_per_device_hour"].trust == "given"


def test_half_of_a_package_is_said_to_count_as_a_device():
    assert said_of(get_machine("8 x mi250x"), "device") == ["device: a GCD, half of a package, counts as one device"]
    assert said_of(get_machine("8 x tpu-v3"), "device") == ["device: a core, half of a chip, counts as one device"]
    assert said_of(get_machine("8 x h100"), "device") == []


def test_devices_share_a_nodes_fabric_whose_kind_sets_the_latency():
    found = {
        kind: get_machine("16 x h100", fabric=f"{kind} 1600 Gb/s per node").fabric for kind in catalogue().latencies
    }
    assert {link.bandwidth_bytes_per_s for link in found.values()} == {25e9}
    assert found["NVLink"].latency_s < found["InfiniBand"].latency_s < found["Ethernet"].latency_s
    assert get_machine("16 x h100", fabric="roce 200 Gb/s, 7 us").fabric.latency_s == pytest.approx(7e-6)


# --- files -----------------------------------------------------------------------------------------------


def test_a_file_says_all_of_a_machine(own):
    machine = get_machine(str(own))
    chip = machine.chip
    assert (chip.name, chip.title, machine.devices, machine.devices_per_node) == ("ours", "our chip", 64, 4)
    assert (chip.power_watts, machine.node_watts, machine.power_overhead) == (350, 150, 1.3)
    assert dict(chip.peak_flops) == {"bf16": 4e14, "fp8": 8e14}
    assert (machine.price_per_device_hour, machine.failures_per_device_hour) == (1.75, 3e-5)
    assert machine.tiers["host"].memory_bytes == 128 * 2**30
    assert machine.node_link.latency_s == pytest.approx(3e-6)
    assert chip.evidence["power_watts"].trust == "datasheet"
    assert chip.evidence["memory_bytes"].source == "our laboratory"
    assert machine.evidence["tiers"].source == "own.toml"
    assert [one.partition(":")[0] for one in machine.assumed] == ["fabric"]


def test_the_slowest_of_mixed_fabrics_binds(own):
    machine = get_machine(str(own))
    assert [share for share, _ in machine.mixed] == [0.75, 0.25]
    assert [link.bandwidth_bytes_per_s for _, link in machine.mixed] == [50e9, 25e9]
    assert machine.fabric == machine.mixed[1][1]
    assert machine.fabric.latency_s == pytest.approx(20e-6)


def test_a_count_before_a_file_replaces_its_own(own):
    assert get_machine(f"8 x {own}").devices == 8


def test_a_file_may_name_chip_and_node(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text('devices = 16\nchip = "H100"\nnode = "grand-teton"\n')
    machine = get_machine(str(path))
    assert (machine.devices, machine.fabric.kind, machine.chip.name) == (16, "RoCE", "h100")
    path.write_text(
        'devices = 16\nchip = "H100"\n[node]\ndevices = 2\nlink = "PCIe 32 GB/s"\nfabric = "Ethernet 10 Gb/s"\n'
    )
    assert get_machine(str(path)).devices_per_node == 2


def test_this_computer_is_the_measured_profile(own, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("this", "cpu", "4 x this"):
        with pytest.raises(InputError, match="has not been measured: run froude machine measure first"):
            get_machine(name)
    profile_path().parent.mkdir(parents=True)
    profile_path().write_text(OWN)
    assert get_machine("this").chip.name == "ours"
    assert get_machine("8 x cpu").devices == 8


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("8 x h10", "no chip is called 'h10': did you mean h100"),
        ("8 x tpu", "no chip is called 'tpu': did you mean tpu-v"),
        ("8 x abacus", "no chip is called 'abacus': froude machine list"),
        ("0 x h100", "machine '0 x h100' has no devices: give at least 1"),
        (" ", "machine '' is empty: write count and chip"),
        ("nix.toml", "no file 'nix.toml': check the path"),
    ],
)
def test_a_machine_that_is_none_is_refused(text, complaint):
    with pytest.raises(InputError) as refused:
        get_machine(text)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"fabric": "RoCE 1600"}, "fabric"),
        ({"fabric": "Token Ring 16 Mb/s"}, "no kind of link is called 'Token Ring'"),
        ({"fabric": "Infiniban 16 Gb/s"}, "did you mean InfiniBand?"),
        ({"fabric": "RoCE 400 GB"}, "bytes/s"),
        ({"fabric": "50% RoCE 400 Gb/s"}, "list all fabrics"),
        ({"node": "dgx-h10"}, "did you mean dgx-h100?"),
        ({"price_per_device_hour": -1}, "price = -1: give a finite number of at least 0"),
        ({"price_per_device_hour": math.nan}, "price = nan"),
        ({"power_overhead": 0.5}, "power_overhead = 0.5: give a finite number of at least 1"),
    ],
)
def test_an_argument_that_is_wrong_is_refused(given, complaint):
    with pytest.raises(InputError) as refused:
        get_machine("16 x h100", **given)
    if "fabric" in given and "1600" in given["fabric"]:
        complaint = "'RoCE 1600': write kind, bandwidth and unit"
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('memory = "48 GiB"', 'memory = "48"', "memory = '48': has no unit: write it in bytes"),
        ('memory = "48 GiB"', "memory = 48", "memory = 48: has no unit"),
        ('memory = "48 GiB"', 'memory = "48 GB/s"', "is in bytes/s: give it in bytes"),
        ('memory = "48 GiB"', 'memory = "-48 GiB"', "must be positive"),
        ('memory = "48 GiB"\n', "", "lacks memory: add it"),
        ('memory = "48 GiB"', 'memroy = "48 GiB"', "no key is called 'memroy': did you mean memory?"),
        ('"0.35 kW"', '"350"', "power = '350': write number and unit, as in \"700 W\""),
        ('bf16 = "400', 'bf15 = "400', "no number type is called 'bf15': did you mean bf16?"),
        ("bf16 = 0.75", "bf16 = 1.75", "share = 'bf16 = 1.75'"),
        ('trust = "measured"', 'trust = "hoped"', "no trust is called 'hoped': there are given, measured"),
        ('source = "our laboratory"', 'source = ""', "source = '': name where the number is from"),
        ('["datasheet", "its maker"]', '"maker"', "write [trust, source]"),
        ("devices = 64", "devices = 0", "devices = 0: give a whole number of at least 1"),
        ("devices = 64", "devices = 6.5", "devices = 6.5"),
        ('"$1.75 per hour"', '"$1.75"', "price = '$1.75': write number and unit"),
        ("75% RoCE", "70% RoCE", "shares must add to 100%"),
        ('{ memory = "128 GiB", link = "PCIe 32 GB/s" }', '"128 GiB"', "host = '128 GiB': write { memory"),
        ("[node]", "[nod]", "no key is called 'nod': did you mean node?"),
        ("power_overhead = 1.3", "power_overhead = true", "power_overhead = True"),
        ("devices = 64", "devices = = 64", "is no TOML"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_that_names_it(own, old, new, complaint):
    assert old in OWN
    own.write_text(OWN.replace(old, new, 1))
    with pytest.raises(InputError) as refused:
        get_machine(str(own))
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_chip_of_its_own_needs_a_node(own):
    own.write_text(OWN[: OWN.index("[node]")])
    with pytest.raises(InputError, match="needs a \\[node\\]: give its devices, link and fabric"):
        get_machine(str(own))


# --- measured matmuls ------------------------------------------------------------------------------------


def test_the_time_of_a_matmul_is_fixed_plus_compute_plus_traffic():
    plain = MatmulTime(fixed_s=1e-5, flops_per_s=1e12, bytes_per_s=1e10, value_bytes=2, span=(32, 1024))
    expected = 1e-5 + 2 * 64 * 128 * 256 / 1e12 + 2 * (64 * 128 + 128 * 256 + 64 * 256) / 1e10
    assert plain.seconds(64, 128, 256) == pytest.approx(expected)
    corrected = replace(plain, correction=(0.1, 0.2, *[0.0] * 8))
    sizes = np.array([64, 1024, 4096])
    beyond = corrected.seconds(sizes, 128, 256) / plain.seconds(sizes, 128, 256)
    assert beyond == pytest.approx(np.exp([0.1 - 0.2 * 4, 0.1, 0.1]))


# --- the command -----------------------------------------------------------------------------------------


def test_the_list_names_every_chip(cli):
    done = cli("machine", "list")
    assert (done.code, done.err) == (0, "")
    assert {line.split()[0] for line in done.out.splitlines() if line} >= {*known_chips()}
    assert "h100 989.0 80 GiB 3.35 8 2.50 NVIDIA H100 SXM 80 GB" in [" ".join(x.split()) for x in done.out.splitlines()]


def test_a_machine_is_shown_with_sources_and_assumptions(cli):
    done = cli("machine", "show", "1024 x mi250x")
    text = " ".join(done.out.split())
    assert done.code == 0
    for fact in ("191.5 TFLOP/s", "280 W a device", "Frontier", "[guess: a host of one socket]", "half of a package"):
        assert fact in text


def test_a_machine_is_shown_as_json(cli):
    said = json.loads(cli("machine", "show", "1024 x h100", "--json").out)
    assert said["chip"]["peak_flops"]["bf16"] == 989e12
    assert said["fabric"] == {"kind": "InfiniBand", "bandwidth_bytes_per_s": 50e9, "latency_s": pytest.approx(14e-6)}
    assert said["assumptions"] == list(get_machine("1024 x h100").assumed)
    listed = json.loads(cli("machine", "list", "--json").out)
    assert [one["chip"]["name"] for one in listed] == list(known_chips())


def test_a_machine_that_is_none_is_refused_by_the_command(refused):
    assert refused("machine", "show", "h10").startswith("no chip is called 'h10': did you mean h100")
    assert "Missing" in refused("machine", code=2)
