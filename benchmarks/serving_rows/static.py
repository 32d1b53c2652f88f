"""sys_argonne_inference and sys_amd_vllm_mi300x: whole batches that start at once, and how long the last answer takes.

The rule, written before the first fit of these rows. Of Argonne's table the dense models and Mixtral under vLLM and
TensorRT-LLM on A100, H100 and GH200; what the table does not say: bf16 weights, keys and values, tensor
parallelism over all GPUs, releases of mid-2024 (vLLM 0.6, TensorRT-LLM 0.10). A row is broken where its latency is
below reading 16-bit weights once an output token at the peak bandwidth. Which A100 it is the table does not say either:
Polaris, Argonne's, has those of 40 GB and 1,555 GB/s (Chitty-Venkata et al. 2024, LLM-Inference-Bench, as remembered).
They were taken for those of 80 GB until the errors without each chip had been seen. Of AMD's the 32 rows of
latency.csv: fp8, keys and values in fp8 (its instructions), vLLM 0.10.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.fitting.costs.serving_rows import ServingRow

CHIPS = {"Nvidia A100 GPU": "a100-40", "Nvidia H100 GPU": "h100", "Nvidia GH200 GPU": "gh200"}
ENGINES = {"vLLM": ("vllm", "0.6"), "TensorRT-LLM": ("tensorrt-llm", "0.10")}
MODELS = {
    "meta-llama/Llama-2-7b-hf": "llama-2-7b",
    "meta-llama/Meta-Llama-3-8B": "llama-3-8b",
    "mistralai/Mistral-7B-v0.1": "mistral-7b",
    "Qwen/Qwen2-7B": "qwen2-7b",
    "meta-llama/Meta-Llama-3-70B": "llama-3-70b",
    "meta-llama/Llama-2-70b-hf": "llama-2-70b",
    "Qwen/Qwen2-72B": "qwen2-72b",
    "mistralai/Mixtral-8x7B-v0.1": "mixtral-8x7b",
    "BAAI/Aquila-7B": "aquila-7b",
    "bigscience/bloom-7b1": "bloom-7b1",
    "Deci/DeciLM-7B": "decilm-7b",
    "EleutherAI/gpt-j-6b": "gpt-j-6b",
    "huggyllama/llama-7b": "llama-7b",
    "facebook/opt-6.7b": "opt-6.7b",
    "Qwen/Qwen1.5-7B": "qwen1.5-7b",
}


def argonne() -> Iterator[ServingRow]:
    """Argonne's rows of models that the catalogue has."""
    for cells in _cells("sys_argonne_inference", "argonne.csv"):
        known = cells["hardware"] in CHIPS and cells["framework"] in ENGINES and cells["model"] in MODELS
        if known and cells["latency_seconds"]:
            engine, version = ENGINES[cells["framework"]]
            devices = int(float(cells["n_gpus"]))
            yield ServingRow(
                model=MODELS[cells["model"]],
                machine=CHIPS[cells["hardware"]],
                devices=devices,
                engine=engine,
                version=version,
                tp=devices,
                precision="bf16",
                kv="bf16",
                input=float(cells["input_tokens"]),
                output=float(cells["output_tokens"]),
                concurrency=float(cells["batch"]),
                e2e_seconds=float(cells["latency_seconds"]),
            )


def amd() -> Iterator[ServingRow]:
    """AMD's rows."""
    for cells in _cells("sys_amd_vllm_mi300x", "latency.csv"):
        yield ServingRow(
            model=cells["model"].lower(),
            machine="mi300x",
            devices=int(cells["tp"]),
            engine="vllm",
            version="0.10",
            tp=int(cells["tp"]),
            precision="fp8",
            kv="fp8",
            input=float(cells["isl"]),
            output=float(cells["osl"]),
            concurrency=float(cells["batch"]),
            e2e_seconds=float(cells["latency_s"]),
        )


def faster_than_memory(row: ServingRow) -> bool:
    """Whether a row's tokens come sooner than 16-bit weights can be read."""
    chip, model = get_machine(row.machine).chip, get_model(row.model)
    read = 2 * float(model.n_active) / row.tp / chip.memory_bandwidth_bytes_per_s
    return (row.e2e_seconds or 0.0) < row.output * read


def _cells(table: str, name: str) -> Iterator[dict[str, str]]:
    with (Path(os.environ["FROUDE_PUBLISHED"]) / table / name).open() as file:
        yield from csv.DictReader(file)
