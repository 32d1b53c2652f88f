"""Published headline runs as Froude sees them: model, machine and layout, and what of them is assumed."""

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import pytest
from scipy.optimize import root_scalar

from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import Machine
from froude.cost.model.catalogue import get_model
from froude.cost.model.layers import Mixer
from froude.cost.model.model import Model, decoder
from froude.cost.model.operators import Block, Matmul, Number, Operator
from froude.cost.training.evaluation import Cost, evaluate
from froude.cost.training.layout import Layout, Precision
from froude.cost.training.legal import check_legal
from froude.cost.training.memory.device_memory import MemoryBytes, fits, memory_bytes

FP16 = Precision(matmuls="fp16", gradients=2, reduce=2)
"""Mixed precision as Megatron-LM and DeepSpeed had it before bf16."""

FP32 = Precision(matmuls="fp32", weights=4, gradients=4, master=0, activations=4)
FACTORED = Precision(gradients=2, optimizer=0, reduce=2)
"""bf16 with fp32 weights, and an optimizer whose second moments are factored away: Adafactor."""


def near(published: Any) -> Any:
    """Within 15% of what was published."""
    return pytest.approx(published, rel=0.15)


@final
@dataclass(frozen=True, kw_only=True)
class Run:
    """A model trained on a machine in a layout."""

    model: Model
    machine: Machine
    layout: Layout

    @property
    def cost(self) -> Cost:
        """What it costs; InputError where there is no such layout."""
        check_legal(self.model, self.machine, self.layout)
        return evaluate(self.model, self.machine, self.layout)

    @property
    def memory(self) -> MemoryBytes:
        """Bytes on a device, also of what no rule allows: the rules are about speed."""
        return memory_bytes(self.model, self.layout)

    @property
    def fits(self) -> np.ndarray:
        """Whether memory alone suffices, elementwise."""
        return np.asarray(fits(self.memory, self.machine))

    @property
    def hardware_flops_per_s(self) -> float:
        """FLOP/s of all devices, recomputation counted."""
        return float(self.cost.hardware_flops / self.cost.step_seconds)

    def with_matmul_share(self, share: float) -> "Run":
        """The same on a chip whose best matmul reaches this share of the peak."""
        chip = replace(self.machine.chip, matmul_share={"bf16": share})
        return replace(self, machine=replace(self.machine, chip=chip))


def run(model: Model, chip: str, **layout: Any) -> Run:
    """A run on as many of a chip as the layout has devices."""
    return Run(model=model, machine=get_machine(f"{layout['devices']} x {chip}"), layout=Layout(**layout))


def matmul_share_at(calibrating: Run, hfu: float) -> float:
    """The chip's share of the peak in matmuls at which a run reaches this share of the peak with recomputation."""

    def above(share: float) -> float:
        return float(calibrating.with_matmul_share(share).cost.hfu) - hfu

    return root_scalar(above, bracket=(0.2, 1.0)).root


def gpt(hidden: int, heads: int, layers: int, vocabulary: int, context: int, **other: Any) -> Model:
    """A GPT with learned positions and biases."""
    name, positions = f"gpt {hidden} x {layers}", context
    sizes = {"hidden": hidden, "heads": heads, "layers": layers, "vocabulary": vocabulary, "context": context}
    return decoder(name=name, **sizes, learned_positions=positions, biased=True, **other)


def megatron_1t() -> Run:
    """Narayanan et al. 2021, arXiv:2104.04473, table 1, last row; interleaved schedule with two chunks a stage."""
    return run(
        get_model("megatron-1t"),
        "a100-80",
        devices=3072,
        global_batch=3072,
        seq_len=2048,
        tensor=8,
        pipeline=64,
        interleave=2,
        recompute="full",
        attention="unfused",
        overlap=False,
        precision=FP16,
    )


FRONTIER = {
    "22B": ((6144, 48, 48), {"devices": 64, "tensor": 2, "pipeline": 4}, 128),
    "175B": ((12288, 96, 96), {"devices": 1024, "tensor": 4, "pipeline": 16}, 640),
    "1T": ((25600, 160, 128), {"devices": 3072, "tensor": 8, "pipeline": 64}, 1600),
}
"""Width, heads and layers; layout; batch of a model replica."""


def frontier(size: str) -> Run:
    """Dash et al. 2023, arXiv:2312.12705, on GCDs.

    As remembered: tensor and pipeline parallelism, micro-batch 1 and batches of a replica of 175B and 1T, ZeRO 1,
    FlashAttention 2, checkpointed activations, fp16. Assumed: all of the layout of 22B, with tensor parallelism inside
    a package, the fastest in the paper (pipelines alone change what follows by half a point, tensor parallelism
    across packages by five); vocabulary and length of Megatron-LM.
    """
    (hidden, heads, layers), sizes, batch = FRONTIER[size]
    replicas = sizes["devices"] // (sizes["tensor"] * sizes["pipeline"])
    return run(
        gpt(hidden, heads, layers, 51200, 2048, dropout=True),
        "mi250x",
        **sizes,
        global_batch=batch * replicas,
        seq_len=2048,
        zero=1,
        recompute="full",
        attention="flash-2",
        precision=FP16,
    )


MEGASCALE_WINDOW = 1024
"""Keys of sliding window attention, not stated: 55.2% at 6.34 s count 1% fewer FLOPs than full attention has, as do
1,000 to 1,400 of 2,048 keys."""

TECHNIQUES = ("parallel block", "sliding window", "tensor overlap", "data overlap", "efficient operators")
"""MegaScale's techniques that Froude knows, in the order of table 3; it has none for overlapped pipeline sends (their
bandwidth is the fabric's), for stragglers, and for the data pipeline."""


def megascale(devices: int, batch: int, techniques: tuple[str, ...] = ()) -> Run:
    """Jiang et al. 2024, MegaScale, NSDI, section 6.1 and tables 1 to 3: 175B on Megatron-LM with some techniques.

    Assumed: micro-batch 1, optimizer states divided, attention of the baseline unfused and selectively recomputed,
    because FlashAttention 2 is among the efficient operators; nodes and fabric of DGX A100.
    """
    window = MEGASCALE_WINDOW if "sliding window" in techniques else 0
    model = gpt(12288, 128, 96, 64000, 2048, mixer=Mixer(window=window))
    fused = "efficient operators" in techniques
    return run(
        parallel_block(model) if "parallel block" in techniques else model,
        "a100-80",
        devices=devices,
        global_batch=batch,
        seq_len=2048,
        tensor=8,
        pipeline=8,
        interleave=6,
        sequence_parallel=True,
        zero=1,
        recompute="none" if fused else "selective",
        attention="flash-2" if fused else "unfused",
        compiled=fused,
        overlap="data overlap" in techniques,
        overlap_tensor="tensor overlap" in techniques,
    )


def parallel_block(model: Model) -> Model:
    """The same with attention and MLP side by side, as GPT-J: one norm, and one projection back of both together."""

    def of(operators: tuple[Operator, ...]) -> tuple[Operator, ...]:
        first = {o.name: o for o in reversed(operators)}
        matmuls = {o.name: o for o in operators if isinstance(o, Matmul)}
        out, down = matmuls["attention.out"], matmuls["mlp.out"]
        both = replace(out, name="block.out", inputs=out.inputs + down.inputs)
        up = replace(matmuls["mlp.in"], saves_input=False)
        entering = (first["norm"], first["attention.in"], first["attention.scores"])
        return (*entering, up, first["activation"], both, first["residual"])

    blocks = (Block(name=b.name, count=b.count, operators=of(b.operators)) for b in model.blocks)
    return replace(model, blocks=tuple(blocks))


def v100_baseline() -> Run:
    """Shoeybi et al. 2019, arXiv:1909.08053: 1.2B on one V100 at 39 TFLOP/s; sizes and batch as remembered."""
    return run(
        gpt(1536, 16, 40, 51200, 1024, dropout=True),
        "v100-32",
        devices=1,
        global_batch=8,
        micro_batch=8,
        seq_len=1024,
        recompute="full",
        attention="unfused",
        precision=FP16,
    )


def trillion(devices: int, **layout: Any) -> Run:
    """One trillion parameters on V100 with ZeRO 3, length 1024, full recomputation and fp16.

    128 layers of width 25600 (Rajbhandari et al. 2021, arXiv:2104.07857, table 1, as remembered).
    """
    replicas = devices // layout["tensor"]
    return run(
        gpt(25600, 256, 128, 50257, 1024, dropout=True),
        "v100-32",
        devices=devices,
        global_batch=replicas * layout.get("micro_batch", 1),
        seq_len=1024,
        zero=3,
        recompute="full",
        attention="unfused",
        precision=FP16,
        **layout,
    )


def bert(devices: int, batch: int, length: Number, **layout: Any) -> Run:
    """BERT Base on P100 of Piz Daint, whose nodes have one (Li et al. 2021, arXiv:2105.13120).

    Assumed: fp32 and full recomputation, without which the paper's memory of one device (8.5 GB for 64 × 512
    positions) is out of reach; logits of the masked positions only, 15%, as BERT is trained (Devlin et al. 2018).
    """
    model = get_model("bert-base")
    return run(
        replace(model, vocabulary=0.15 * model.vocabulary),
        "p100-pcie",
        devices=devices,
        global_batch=batch,
        micro_batch=batch,
        seq_len=length,
        recompute="full",
        attention="unfused",
        precision=FP32,
        **layout,
    )


def memo() -> Run:
    """Zhao et al. 2024, MEMO, arXiv:2407.12117, table 2: 7B at 2²⁰ tokens on eight A800, activations in host memory.

    Tensor parallelism 8 with sequence parallelism is what its figures 1 and 6 take. Its recomputation keeps what costs
    FLOPs and repeats what costs bytes, token by token; nearest to it here: every second matmul, never attention.
    The cross entropy works in place, as Megatron-LM's over a divided vocabulary does.
    """
    return run(
        gpt(4096, 32, 32, 50257, 2**20, tied=False),
        "a800",
        devices=8,
        global_batch=1,
        seq_len=2**20,
        tensor=8,
        sequence_parallel=True,
        zero=1,
        recompute="operators",
        attention="flash-2",
        fused_loss=True,
        offload_activations="host",
    )


GSPMD = {"64B": (32, 8, 16), "128B": (64, 16, 32), "256B": (128, 32, 64)}
"""Layers, and the mesh: data × tensor. Eight sequences to each data-parallel row."""


def gspmd(size: str) -> Run:
    """Xu et al. 2021, GSPMD, arXiv:2105.04663, dense transformers with wide layers; sizes and mesh as remembered.

    Its two-dimensional sharding has no exact twin: ZeRO 3 over the rows of the mesh and tensor and sequence
    parallelism over its columns move the same weights and activations. Assumed: selective recomputation, the least
    with which it fits; XLA fuses elementwise work; the torus is as wide as the tensor-parallel group asks.
    """
    layers, rows, columns = GSPMD[size]
    model = decoder(
        name=size,
        layers=layers,
        hidden=8192,
        heads=128,
        head_width=256,
        mlp_width=65536,
        vocabulary=32000,
        context=1024,
    )
    return run(
        model,
        "tpu-v3",
        devices=rows * columns,
        global_batch=8 * rows,
        micro_batch=8,
        seq_len=1024,
        tensor=columns,
        sequence_parallel=True,
        zero=3,
        recompute="selective",
        attention="unfused",
        compiled=True,
        precision=FACTORED,
    )
