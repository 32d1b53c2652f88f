"""A machine of a user's, as its file says it."""

OWN = """
devices = 64
price = "$1.75 per hour"
failures = "3e-5 per hour"
power_overhead = 1.3

[chip]
name = "ours"
title = "our chip"
peaks = { bf16 = "400 TFLOP/s", fp8 = "800 TFLOP/s" }
memory = "48 GiB"
bandwidth = "1.5 TB/s"
power = "0.35 kW"
share = { bf16 = 0.75 }
trust = "measured"
source = "our laboratory"
evidence = { power = ["datasheet", "its maker"] }

[node]
devices = 4
link = "NVLink 200 GB/s, 3 us"
fabric = ["75% RoCE 400 Gb/s", "25% RoCE 800 Gb/s per node, 20 us"]
host = { memory = "128 GiB", link = "PCIe 32 GB/s" }
rest = "150 W"
"""

MATMUL = """[chip.matmul.bf16]
fixed = "12 us"
rate = "300 TFLOP/s"
bandwidth = "1.2 TB/s"
span = [32, 8192]
correction = [0, 0.1, 0.1, 0, 0, 0, 0, 0, 0, 0.01]
held_out_error = 0.05
"""
"""What a measured chip has besides."""
