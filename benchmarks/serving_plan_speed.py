"""Seconds in which deployments of a model are ranked in closed form, beside the 50,000 in 10 s that were asked for.

Command: python benchmarks/serving_plan_speed.py [MODEL]

Nothing is random. Prints seconds of a cold and of a warm ranking, and what 50,000 deployments would take.
"""

import sys
import time

from froude.cost import get_model
from froude.cost.serving.constants import serving_constants
from froude.planning.serving.question import machine_of_chip
from froude.planning.serving.ranking import ServingLimits, rank
from froude.planning.serving.served_load import read_load
from froude.planning.serving.space import groups_of

CHIPS, MOST = ("h100", "mi300x", "b200"), 256


def main() -> None:
    """Ranks all deployments on three chips, under a rate and under users."""
    model = get_model(sys.argv[1] if len(sys.argv) > 1 else "qwen3-32b")
    groups = list(groups_of(model, [machine_of_chip(chip, MOST) for chip in CHIPS], None, 0.0))
    limits = ServingLimits(ttft=0.5, tpot=0.03, at=0.95)
    for text in ("20/s", "200 users"):
        load = read_load(text, input=2000, output=500)
        for state in ("cold", "warm"):
            start = time.perf_counter()
            ranked = rank(groups, load, limits, "devices", serving_constants(), MOST)
            spent = time.perf_counter() - start
            print(f"{model.name}, {text}, {state}: {len(ranked):,} deployments in {spent:.2f} s", end=", ")
            print(f"50,000 in {spent * 50_000 / len(ranked):.2f} s")


if __name__ == "__main__":
    main()
