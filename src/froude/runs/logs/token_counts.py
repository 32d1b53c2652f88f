"""How many tokens a step is, by the settings that trainers write; each with the source in which its keys stand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import final

from froude.runs.logs.configuration import Configuration
from froude.runs.logs.texts import finite_number_of, value_of_text

LENGTHS = (
    *("seq_length", "seq_len", "sequence_length", "sequence_len", "max_seq_len", "max_seq_length"),
    *("max_sequence_length", "encoder_seq_length", "max_target_length", "train_seq_len", "block_size"),
    *("context_length", "cutoff_len", "n_ctx"),
)


@final
@dataclass(frozen=True, kw_only=True)
class BatchKeys:
    """A trainer's way to say its batch: the product of `factors` is sequences of `length`, or tokens without one.

    `marks` are keys by which it is known, beside those. `constant` are keys that make the batch change in a training
    where they hold anything; `ramp` is one that says how it grows. `source` is where its keys stand.
    """

    trainer: str
    factors: tuple[str, ...]
    length: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()
    ramp: str | None = None
    source: str


BATCHES: tuple[BatchKeys, ...] = (
    BatchKeys(
        trainer="OLMo-core", factors=("data_loader.global_batch_size",), marks=("trainer.max_duration.value",),
        source="allenai/OLMo-core, data/data_loader.py: global_batch_size counts tokens",
    ),
    BatchKeys(
        trainer="nanochat", factors=("total_batch_size",), marks=("device_batch_size", "max_seq_len"),
        source="karpathy/nanochat, scripts/base_train.py: total_batch_size counts tokens",
    ),
    BatchKeys(
        trainer="MaxText", factors=("global_batch_size_to_train_on",), length=("max_target_length",),
        source="AI-Hypercomputer/maxtext, MaxText/pyconfig.py",
    ),
    BatchKeys(
        trainer="OLMo", factors=("global_train_batch_size",), length=("model.max_sequence_length",),
        source="allenai/OLMo, olmo/config.py",
    ),
    BatchKeys(
        trainer="llm-foundry", factors=("global_train_batch_size",), length=("max_seq_len",),
        source="mosaicml/llm-foundry, llmfoundry/utils/config_utils.py",
    ),
    BatchKeys(
        trainer="levanter", factors=("trainer.train_batch_size",), marks=("trainer.num_train_steps",),
        length=("train_seq_len", "model.max_seq_len", "model.seq_len"),
        source="stanford-crfm/levanter, src/levanter/trainer.py",
    ),
    BatchKeys(
        trainer="nanotron",
        factors=("tokens.micro_batch_size", "tokens.batch_accumulation_per_replica", "parallelism.dp"),
        length=("tokens.sequence_length",), source="huggingface/nanotron, src/nanotron/config/config.py",
    ),
    BatchKeys(
        trainer="lingua",
        factors=("data.batch_size", "grad_acc_steps", "distributed.dp_replicate", "distributed.dp_shard"),
        length=("data.seq_len",), source="facebookresearch/lingua, apps/main/train.py",
    ),
    BatchKeys(
        trainer="torchtitan", factors=("training.global_batch_size",), length=("training.seq_len",),
        source="pytorch/torchtitan, torchtitan/config/job_config.py",
    ),
    BatchKeys(
        trainer="picotron",
        factors=("training.micro_batch_size", "training.gradient_accumulation_steps", "distributed.dp_size"),
        length=("training.seq_length",), source="huggingface/picotron, train.py",
    ),
    BatchKeys(
        trainer="litgpt", factors=("train.global_batch_size",), length=("train.max_seq_length", "block_size"),
        source="Lightning-AI/litgpt, litgpt/args.py",
    ),
    BatchKeys(
        trainer="nanoGPT", factors=("batch_size", "gradient_accumulation_steps"), length=("block_size",),
        marks=("n_layer", "n_embd", "eval_iters"),
        source="karpathy/nanoGPT, train.py: gradient_accumulation_steps are those of all devices",
    ),
    BatchKeys(
        trainer="GPT-NeoX", factors=("train_batch_size",), length=("seq_length",),
        marks=("train_micro_batch_size_per_gpu",), source="EleutherAI/gpt-neox, megatron/neox_arguments",
    ),
    BatchKeys(
        trainer="NeMo", factors=("data.global_batch_size",), length=("data.seq_length",),
        source="NVIDIA/NeMo, nemo/collections/llm/gpt/data/pre_training.py",
    ),
    BatchKeys(
        trainer="NeMo", factors=("model.global_batch_size",), length=("model.encoder_seq_length",),
        constant=("model.rampup_batch_size",), source="NVIDIA/NeMo, megatron_gpt_config.yaml",
    ),
    BatchKeys(
        trainer="open_lm", factors=("global_batch_size",), length=("seq_len",), marks=("accum_freq",),
        source="mlfoundations/open_lm, open_lm/params.py",
    ),
    BatchKeys(
        trainer="Megatron-LM", factors=("global_batch_size",), length=("seq_length",), marks=("micro_batch_size",),
        ramp="rampup_batch_size", constant=("decrease_batch_size_if_needed",),
        source="NVIDIA/Megatron-LM, megatron/training/arguments.py",
    ),
)  # fmt: skip
"""Known ways, the more particular first."""


@final
@dataclass(frozen=True, kw_only=True)
class BatchRamp:
    """A batch that grows from `start` sequences by `increment` at a time over the first `over` sequences.

    Source: NVIDIA/Megatron-LM, megatron/core/num_microbatches_calculator.py, RampupBatchsizeNumMicroBatchesCalculator.
    """

    start: int
    increment: int
    over: int

    def sequences(self, steps: int, final: int) -> int:
        """How many sequences so many first steps train on, where the batch grows to `final`."""
        done, increments = 0, (final - self.start) // self.increment
        for step in range(steps):
            if done > self.over:
                return done + (steps - step) * final
            done += self.start + int(done / (self.over / increments)) * self.increment
        return done


def ramp_of(value: object, final: float) -> BatchRamp | None:
    """The ramp that three whole numbers say, start, increment and sequences, to a final batch; None for all else."""
    numbers = [finite_number_of(value_of_text(v) if isinstance(v, str) else v) for v in as_list(value)]
    whole = [int(number) for number in numbers if number is not None and number == int(number) and number > 0]
    if len(whole) != 3 or len(numbers) != 3 or not whole[0] < final or (final - whole[0]) % whole[1]:
        return None
    return BatchRamp(start=whole[0], increment=whole[1], over=whole[2])


def as_list(value: object) -> list[object]:
    """The members of a list, and of a text that lists them as a command line does ("16 8 30000")."""
    if isinstance(value, str):
        return [*value.strip("[]()").replace(",", " ").split()]
    return [*value] if isinstance(value, list | tuple) else []


@final
@dataclass(frozen=True, kw_only=True)
class TokensPerStep:
    """The tokens of a step, sequences of a length where that is known, and how they were found.

    With a `ramp` they are those of a step after it.
    """

    tokens: float
    length: float | None
    why: str
    ramp: BatchRamp | None = None

    def after(self, steps: float) -> float:
        """The tokens of so many first steps."""
        if self.ramp is None or not self.length:
            return steps * self.tokens
        return self.ramp.sequences(round(steps), round(self.tokens / self.length)) * self.length


@lru_cache(maxsize=1024)
def tokens_per_step(config: Configuration) -> TokensPerStep | None:
    """Return how many tokens a step is by the settings, None where they do not say it for all steps."""
    for batch in BATCHES:
        factors = [config.number(path) for path in batch.factors]
        if any(factor is None or factor <= 0 for factor in factors) or any(
            config.value(path) is None for path in batch.marks
        ):
            continue
        if any(config.value(path) not in (None, [], "", False) for path in batch.constant):
            return None
        ramp, said = None, config.value(batch.ramp) if batch.ramp else None
        if said not in (None, [], ""):
            ramp = ramp_of(said, prod(factor for factor in factors if factor))
            if ramp is None:
                return None
        length = config.number(*batch.length) if batch.length else None
        if batch.length and not length:
            continue
        tokens = prod(factor for factor in factors if factor) * (length or 1.0)
        names = [*batch.factors, *([_found(config, batch.length)] if batch.length else [])]
        return TokensPerStep(tokens=tokens, length=length, why=f"{' × '.join(names)} of {batch.trainer}", ramp=ramp)
    return None


def sequence_length(config: Configuration) -> float | None:
    """Return the length of a sequence of the training, None where no setting says it."""
    return config.number(*LENGTHS)


def _found(config: Configuration, paths: tuple[str, ...]) -> str:
    return next(path for path in paths if config.number(path) is not None)
