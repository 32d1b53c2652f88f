"""Measured trainings as the planner sees them, one file a published table."""

from planner_rows.llm_foundry import MPT, llm_foundry
from planner_rows.megatron_bridge import megatron_bridge
from planner_rows.megatron_papers import FP16_PLAIN, korthikanti, megatron_2021, megatron_2024
from planner_rows.row import Question, Row, gpt
from planner_rows.torchtitan import torchtitan

__all__ = [
    "FP16_PLAIN",
    "MPT",
    "Question",
    "Row",
    "gpt",
    "korthikanti",
    "llm_foundry",
    "megatron_2021",
    "megatron_2024",
    "megatron_bridge",
    "torchtitan",
]
