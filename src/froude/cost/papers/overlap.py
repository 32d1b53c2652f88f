"""What of a model works on several resources of a device, and could work on them at once (`work.overlapped_seconds`).

NanoFlow (Zhu et al. 2024, arXiv:2408.12757) splits batches of serving so that compute, memory and network work beside
each other; FlashAttention-3 (Shah et al. 2024, arXiv:2407.08608) runs the softmax of one block beside the products of
another.
"""

from __future__ import annotations

from froude.cost.machine.collectives import Group, reduce_seconds
from froude.cost.machine.constants import constants
from froude.cost.machine.machine import Chip, Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Matmul, Number
from froude.cost.training.work import matmul_rate, special_per_s


def serving_parts(
    model: Model, machine: Machine, *, sequences: Number, context: Number, prefilled: Number, kind: str = "bf16"
) -> dict[str, Number]:
    """Seconds of one iteration of serving by resource, all devices of a node sharing every matmul.

    `sequences` decode one token each at a `context`, and `prefilled` tokens of prompts enter beside them. Matmuls are
    "compute", reading weights and kept keys and values once is "memory", the all-reduce behind attention and MLP of
    every block "network"; values have two bytes.
    """
    devices, chip = machine.devices, machine.chip
    tokens = sequences + prefilled
    products = sum(n * o.forward_flops(context) for n, o in model.counted() if isinstance(o, Matmul))
    attended = sum(n * o.forward_flops(context) for n, o in model.counted() if isinstance(o, Attention))
    rate = matmul_rate(chip, kind, constants()) * devices
    read = 2 * (model.n_params + sequences * context * model.kv_values(context))
    passed = 2 * tokens * model.hidden
    return {
        "compute": (tokens * products + prefilled * attended / 2) / rate,
        "memory": read / (chip.memory_bandwidth_bytes_per_s * constants().bandwidth * devices),
        "network": 2 * model.layers * reduce_seconds(Group(size=devices), passed, machine, constants()),
    }


def score_seconds(chip: Chip, head_width: Number, kind: str) -> tuple[Number, Number]:
    """Seconds of one score of attention: both products at the peak, and one exponential.

    A product takes 2 · head width FLOPs; special function units compute `special_per_s` exponentials.
    """
    return 4 * head_width / chip.peak_flops[kind], 1 / special_per_s(chip)
