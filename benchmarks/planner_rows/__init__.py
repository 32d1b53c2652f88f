"""Measured trainings as the planner sees them, one file a published table."""

from planner_rows.llm_foundry import MPT, llm_foundry
from planner_rows.maxtext import maxtext
from planner_rows.megatron_bridge import megatron_bridge
from planner_rows.megatron_papers import FP16_PLAIN, korthikanti, megatron_2021, megatron_2024
from planner_rows.nemo_2407 import nemo_2407
from planner_rows.nemo_automodel import nemo_automodel
from planner_rows.primus import primus
from planner_rows.row import Peak, Question, Row, gpt
from planner_rows.torchtitan import torchtitan
from planner_rows.torchtitan_large import torchtitan_large
from planner_rows.torchtune import torchtune
from planner_rows.tpu_recipes import tpu_recipes

QUESTIONS = (
    megatron_bridge,
    torchtitan_large,
    nemo_automodel,
    nemo_2407,
    tpu_recipes,
    maxtext,
    primus,
    torchtune,
)
"""Readers of tables whose rows are asked through the public interface."""

__all__ = [
    "FP16_PLAIN",
    "MPT",
    "QUESTIONS",
    "Peak",
    "Question",
    "Row",
    "gpt",
    "korthikanti",
    "llm_foundry",
    "maxtext",
    "megatron_2021",
    "megatron_2024",
    "megatron_bridge",
    "nemo_2407",
    "nemo_automodel",
    "primus",
    "torchtitan",
    "torchtitan_large",
    "torchtune",
    "tpu_recipes",
]
