"""What a framework is told: the model, the layout, the optimizer, and why each was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, final

import numpy as np

from froude.cost.model.keys import KEYS
from froude.cost.training.layout import Layout
from froude.cost.training.share import data_group, shard_group
from froude.errors import InputError

LearningRateSchedule = Literal["cosine", "wsd", "linear"]


@final
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training, decided: everything that a framework's configuration says.

    `description` holds the sizes a decoder was built from (layers, hidden, heads, ...). The learning rate warms up
    over `warmup_steps`, and falls to `final_learning_rate`: over all the other steps ("cosine", "linear"), or over the
    last `decay_steps` ("wsd", linearly). `reasons` says why a choice was made, under the name of the field of
    `Layout` or of this class; each becomes a comment beside the option. Weight decay, Adam's betas and the largest norm
    of gradients are those of Brown et al. 2020, arXiv:2005.14165, appendix B (as remembered), where nothing is said.

    Raises InputError for several layouts at once, batches and groups that do not divide, and a schedule
    that does not fit into `steps`.
    """

    model: str
    description: Mapping[str, object]
    layout: Layout
    machine: str
    devices_per_node: int
    steps: int
    learning_rate: float
    warmup_steps: int = 0
    lr_schedule: LearningRateSchedule = "cosine"
    decay_steps: int = 0
    final_learning_rate: float = 0.0
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    seed: int = 0
    reasons: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_single(self.layout)
        _check_groups(self.layout, self.devices_per_node)
        _check_model(self)
        _check_schedule(self)

    def size(self, name: str) -> int:
        """A size of the model; 0 where the model has none of that name."""
        value = self.description.get(name)
        return int(value) if isinstance(value, int | float | np.number) else 0

    def sizes(self) -> str:
        """All that describes the model, as words."""
        return ", ".join(f"{name} {plain(value)}" for name, value in self.description.items())

    def has(self, name: str) -> bool:
        """Whether the model is so: gated, tied, biased, qkv_biased, dropout."""
        return bool(self.description.get(name))

    @property
    def is_usual(self) -> bool:
        """Whether the model has only what most decoders have: what is rare stands in a description where it is so."""
        keys = KEYS["decoder"]
        return not any(name in keys and keys[name].rare for name in self.description)

    @property
    def is_sparse(self) -> bool:
        """Whether the model has experts."""
        return self.size("experts") > 1

    @property
    def is_latent(self) -> bool:
        """Whether its attention keeps a latent in place of keys and values (MLA)."""
        return self.size("kv_rank") > 0

    @property
    def data_parallel(self) -> int:
        """Replicas of the model."""
        return int(self.layout.data_parallel)

    @property
    def shard_group(self) -> int:
        """Devices over which training states could be divided: those that hold the same weights."""
        return int(data_group(self.layout).size)

    @property
    def shard(self) -> int:
        """Devices over which they are divided; 1 without ZeRO."""
        return int(shard_group(data_group(self.layout), self.layout).size) if self.layout.zero else 1

    @property
    def micro_batches(self) -> int:
        """Micro-batches of a replica in a step."""
        return int(self.layout.micro_batches)

    @property
    def nodes(self) -> int:
        """Nodes that are used."""
        return max(1, int(self.layout.devices) // self.devices_per_node)

    @property
    def devices_a_node(self) -> int:
        """Devices used on each node."""
        return int(self.layout.devices) // self.nodes

    @property
    def final_share(self) -> float:
        """The last learning rate as a share of the peak."""
        return self.final_learning_rate / self.learning_rate


def plain(value: object) -> object:
    """A NumPy number as one of Python's; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def idle(layout: Layout) -> dict[str, str]:
    """Fields that differ from their default and change nothing in this layout, each with why."""
    default = {f.name: f.default for f in fields(Layout)}
    alone = layout.data_parallel * layout.context == 1
    without = {
        "shard": (layout.zero == 0, "ZeRO stage 0 divides nothing"),
        "recomputed": (layout.recompute != "full", "it is a share of full recomputation"),
        "pipeline_layout": (layout.pipeline == 1, "there is no pipeline"),
        "schedule": (layout.pipeline == 1, "there is no pipeline"),
        "context_by": (layout.context == 1, "there is no context parallelism"),
        "sequence_parallel": (layout.tensor == 1, "there is no tensor parallelism"),
        "overlap_tensor": (layout.tensor == 1, "there is no tensor parallelism"),
        "dispatch": (layout.expert == 1, "every device has all experts"),
        "overlap_expert": (layout.expert == 1, "every device has all experts"),
        "overlap": (alone, "no other device holds the same weights"),
        "compress": (alone, "no other device holds the same weights"),
        "local_steps": (layout.data_parallel == 1, "there is one replica"),
    }
    return {name: why for name, (is_idle, why) in without.items() if is_idle and getattr(layout, name) != default[name]}


def _check_single(layout: Layout) -> None:
    for name, value in layout.arrays.items():
        raise InputError(f"{name} = {value} is no count: a recipe is one layout, of one number each")


def _check_groups(layout: Layout, devices_per_node: int) -> None:
    parallel = layout.model_parallel
    if layout.devices % parallel:
        raise InputError(f"{layout.devices} devices do not divide into replicas of {parallel}: change one of them")
    if layout.global_batch % (layout.data_parallel * layout.micro_batch):
        raise InputError(
            f"a global batch of {layout.global_batch} does not divide into {layout.data_parallel} replicas with "
            f"micro-batches of {layout.micro_batch}: change one of them"
        )
    group = layout.data_parallel * layout.context
    if layout.shard < 0 or (layout.shard and group % layout.shard):
        raise InputError(
            f"shard = {layout.shard} does not divide {group} devices with equal weights: change one of them"
        )
    if layout.interleave > 1 and layout.pipeline == 1:
        raise InputError(f"interleave = {layout.interleave} needs a pipeline: choose pipeline > 1")
    if devices_per_node < 1 or (layout.devices > devices_per_node and layout.devices % devices_per_node):
        raise InputError(f"{layout.devices} devices do not fill nodes of {devices_per_node}: change one of them")


def _check_model(recipe: Recipe) -> None:
    missing = [name for name in ("layers", "hidden", "heads", "vocab") if recipe.size(name) < 1]
    if missing or recipe.description.get("family", "decoder") != "decoder":
        raise InputError(f"model {recipe.model!r} is no decoder of known sizes: only decoders can be written out")
    if recipe.layout.expert > 1 and not recipe.is_sparse:
        raise InputError(f"expert = {recipe.layout.expert} and {recipe.model!r} has no experts: choose expert = 1")


def _check_schedule(recipe: Recipe) -> None:
    needed = recipe.decay_steps if recipe.lr_schedule == "wsd" else 1
    if recipe.steps < 1 or recipe.warmup_steps < 0 or recipe.warmup_steps + needed > recipe.steps:
        raise InputError(
            f"warm-up of {recipe.warmup_steps} and decay of {needed} steps do not fit into {recipe.steps}: shorten one"
        )
    if recipe.lr_schedule == "wsd" and recipe.decay_steps < 1:
        raise InputError(f"decay_steps = {recipe.decay_steps} of a wsd schedule: say over how many steps it decays")
    if not 0 <= recipe.final_learning_rate <= recipe.learning_rate or recipe.learning_rate <= 0:
        raise InputError(
            f"learning rate {recipe.learning_rate:g} falling to {recipe.final_learning_rate:g}: "
            "give a peak above 0 and a final rate up to it"
        )
