"""Configurations and metrics as real trainers write them, and what N, D and loss are in each.

Key names are those of the sources that each names. Sizes are of models whose parameters are published or follow from
the class in that source; tokens and losses are made. A metric is written (first, last): it goes straight from one to
the other along the steps; a lone number is logged once, at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from froude.runs.logs.logged_run import LoggedRun, Series, State

Metric = float | tuple[float, float]
LLAMA_8B = 8_030_261_248  # meta-llama/Llama-3.1-8B, model card on Hugging Face


@final
@dataclass(frozen=True, kw_only=True)
class Training:
    """A training as a trainer logs it; `asks` is a word of the question where one is needed.

    N, D and loss are None where the log does not say them; `x` is what the metrics are logged along.
    """

    trainer: str
    source: str
    logged: Mapping[str, Metric]
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    N: float | None = None
    D: float | None = None
    loss: float | None = None
    train_loss: float | None = None
    steps: tuple[int, int] = (200, 2000)
    x: str = "step"
    state: State = "finished"
    asks: str = ""

    def run(self) -> LoggedRun:
        """The run as a reader would hand it on."""
        at = np.linspace(*self.steps, 10)
        series = {
            name: Series(x=self.x, at=at, values=np.linspace(*ends, 10))
            if isinstance(ends, tuple)
            else Series(x=self.x, at=at[-1:], values=np.array([ends]))
            for name, ends in self.logged.items()
        }
        return LoggedRun(
            id=self.trainer,
            name=self.trainer,
            state=self.state,
            config=self.config,
            summary=self.summary,
            series=series,
        )


NANOGPT = {
    "n_layer": 12, "n_head": 12, "n_embd": 768, "block_size": 1024, "bias": False, "dropout": 0.0, "batch_size": 12,
    "gradient_accumulation_steps": 40, "max_iters": 2000, "eval_iters": 200, "eval_interval": 200,
    "learning_rate": 6e-4, "min_lr": 6e-5, "dataset": "openwebtext", "init_from": "scratch", "device": "cuda",
}  # fmt: skip
LLAMA_OF_TRANSFORMERS = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    "max_position_embeddings": 131072, "tie_word_embeddings": False, "rms_norm_eps": 1e-5,
}  # fmt: skip
OF_TRAINER = {
    "per_device_train_batch_size": 8, "gradient_accumulation_steps": 2, "learning_rate": 2e-4, "max_steps": 2000,
    "num_train_epochs": 3.0, "warmup_steps": 100, "output_dir": "out", "lr_scheduler_type": "cosine",
}  # fmt: skip
MEGATRON = {
    "num_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "ffn_hidden_size": 4096, "kv_channels": 64,
    "seq_length": 1024, "max_position_embeddings": 1024, "padded_vocab_size": 50304, "micro_batch_size": 4,
    "global_batch_size": 64, "train_iters": 2000, "lr": 1.5e-4, "min_lr": 1e-5, "world_size": 8, "swiglu": False,
    "data_parallel_size": 8, "tensor_model_parallel_size": 1, "position_embedding_type": "learned_absolute",
    "normalization": "LayerNorm", "add_bias_linear": True, "untie_embeddings_and_output_weights": False,
    "group_query_attention": False, "num_query_groups": 1, "num_experts": None, "rampup_batch_size": None,
}  # fmt: skip


def sequences_with_a_growing_batch(steps: int) -> int:
    """Sequences of so many steps from 16 to 64, by 8 at a time over 30000, each increment after 5000 of them."""
    done = 0
    for _ in range(steps):
        done += min(64, 16 + 8 * (done // 5000))
    return done


RAMPED = sequences_with_a_growing_batch(2000)

FIRST: tuple[Training, ...] = (
    Training(
        trainer="nanoGPT", source="karpathy/nanoGPT, train.py: wandb.log at evaluations, whose own step counts logs",
        config=NANOGPT, steps=(0, 9), N=124_373_760, D=2000 * 12 * 40 * 1024, loss=3.1, train_loss=3.05,
        logged={"iter": (0, 2000), "train/loss": (10.9, 3.05), "val/loss": (10.9, 3.1), "lr": (0, 6e-5),
                "mfu": (0, 40)},
    ),
    Training(
        trainer="nanoGPT on characters", source="karpathy/nanoGPT, config/train_shakespeare_char.py: 65 characters",
        config={**NANOGPT, "dataset": "shakespeare_char", "n_layer": 6, "n_head": 6, "n_embd": 384, "block_size": 256,
                "batch_size": 64, "gradient_accumulation_steps": 1},
        steps=(0, 9), N=65 * 384 + 256 * 384 + 6 * (12 * 384**2 + 2 * 384) + 384, D=2000 * 64 * 256, loss=1.47,
        train_loss=1.1, logged={"iter": (0, 2000), "train/loss": (4.3, 1.1), "val/loss": (4.3, 1.47), "lr": (0, 1e-4)},
    ),
    Training(
        trainer="nanoGPT on data of one's own",
        source="karpathy/nanoGPT, train.py: meta.pkl knows the vocabulary, the log not",
        config={**NANOGPT, "dataset": "mine"}, steps=(0, 9), D=2000 * 12 * 40 * 1024, loss=3.1, train_loss=3.05,
        logged={"iter": (0, 2000), "train/loss": (10.9, 3.05), "val/loss": (10.9, 3.1), "lr": (0, 6e-5)},
    ),
    Training(
        trainer="torchtitan",
        source="pytorch/torchtitan, torchtitan/components/metrics.py and train.py (n_tokens_seen)",
        config={"model": {"name": "llama3", "flavor": "8B"}, "optimizer": {"name": "AdamW", "lr": 3e-4},
                "training": {"local_batch_size": 1, "global_batch_size": -1, "seq_len": 8192, "steps": 2000},
                "parallelism": {"data_parallel_shard_degree": -1, "tensor_parallel_degree": 1}},
        N=LLAMA_8B, D=2000 * 64 * 8192, loss=2.9, train_loss=2.85,
        logged={"loss_metrics/global_avg_loss": (12, 2.85), "loss_metrics/global_max_loss": (12.1, 3.3),
                "validation_metrics/loss": (11, 2.9), "n_tokens_seen": (200 * 64 * 8192, 2000 * 64 * 8192),
                "lr": (3e-5, 3e-4), "grad_norm": (4, 0.4), "throughput(tps)": (6e3, 6e3), "mfu(%)": (40, 41)},
    ),
    Training(
        trainer="torchtitan without validation", source="pytorch/torchtitan, torchtitan/config/job_config.py",
        config={"model": {"name": "llama3", "flavor": "70B"}, "optimizer": {"name": "AdamW", "lr": 1.5e-4},
                "training": {"local_batch_size": 8, "global_batch_size": 512, "seq_len": 8192, "steps": 2000}},
        N=70_553_706_496, D=2000 * 512 * 8192, loss=2.5,
        logged={"loss_metrics/global_avg_loss": (12, 2.5), "loss_metrics/global_max_loss": (12.1, 3.3),
                "grad_norm": (4, 0.4), "memory/max_active(GiB)": (70, 71)},
    ),
    Training(
        trainer="Megatron-LM",
        source="NVIDIA/Megatron-LM, megatron/training/training.py (training_log, evaluate_and_print)",
        config=MEGATRON, D=2000 * 64 * 1024, loss=2.81, train_loss=2.77,
        N=50304 * 1024 + 1024 * 1024 + 24 * (12 * 1024**2 + 13 * 1024) + 2 * 1024,
        logged={"lm loss": (10.8, 2.77), "lm loss vs samples": (10.8, 2.77), "lm loss validation": (10, 2.81),
                "lm loss validation ppl": (2e4, 16.6), "learning-rate": (1e-5, 1.5e-4), "grad-norm": (3, 0.3),
                "batch-size": (64, 64), "loss-scale": (1, 1), "iteration-time": (0.5, 0.5), "params-norm": (300, 400)},
    ),
    Training(
        trainer="Megatron-LM, as LLaMA", source="NVIDIA/Megatron-LM, megatron/training/arguments.py",
        config={**MEGATRON, "num_layers": 32, "hidden_size": 4096, "num_attention_heads": 32, "kv_channels": 128,
                "ffn_hidden_size": 14336, "group_query_attention": True, "num_query_groups": 8, "swiglu": True,
                "normalization": "RMSNorm", "position_embedding_type": "rope", "add_bias_linear": False,
                "untie_embeddings_and_output_weights": True, "padded_vocab_size": 128256, "seq_length": 8192,
                "max_position_embeddings": 8192, "global_batch_size": 128},
        N=LLAMA_8B, D=2000 * 128 * 8192, loss=2.2, logged={"lm loss": (12, 2.2), "learning-rate": (1e-5, 1e-4)},
    ),
    Training(
        trainer="Megatron-LM with a growing batch",
        source="NVIDIA/Megatron-LM, --rampup-batch-size and core/num_microbatches_calculator.py",
        config={**MEGATRON, "rampup_batch_size": ["16", "8", "30000"]}, loss=2.81, train_loss=2.77, D=RAMPED * 1024,
        N=50304 * 1024 + 1024 * 1024 + 24 * (12 * 1024**2 + 13 * 1024) + 2 * 1024,
        logged={"lm loss": (10.8, 2.77), "lm loss validation": (10, 2.81), "learning-rate": (1e-5, 1.5e-4)},
    ),
    Training(
        trainer="NeMo", source="NVIDIA/NeMo, megatron_gpt_config.yaml and megatron_base_model.py: N is not logged",
        config={"model": {"global_batch_size": 256, "micro_batch_size": 4, "encoder_seq_length": 2048, "num_layers": 24,
                          "hidden_size": 2048, "num_attention_heads": 16, "optim": {"name": "fused_adam", "lr": 2e-4}},
                "trainer": {"max_steps": 2000, "num_nodes": 4, "devices": 8}},
        D=2000 * 256 * 2048, loss=2.6, train_loss=2.55,
        logged={"reduced_train_loss": (11, 2.55), "val_loss": (10, 2.6), "global_step": (200, 2000), "lr": (1e-5, 2e-4),
                "consumed_samples": (200 * 256, 2000 * 256), "train_step_timing in s": (1.1, 1.1), "epoch": (0, 0)},
    ),
    Training(
        trainer="Trainer of transformers",
        source="huggingface/transformers, trainer.py: log, include_num_input_tokens_seen",
        config={**LLAMA_OF_TRANSFORMERS, "trainer": {"max_steps": 2000}}, N=LLAMA_8B, D=2000 * 262144, loss=1.9,
        train_loss=1.8,
        logged={"loss": (3, 1.8), "eval_loss": (2.9, 1.9), "learning_rate": (1e-5, 2e-4), "grad_norm": (3, 0.5),
                "epoch": (0.1, 1), "num_input_tokens_seen": (200 * 262144, 2000 * 262144), "train_loss": 2.2,
                "train_runtime": 3600.0, "total_flos": 1e21, "eval_runtime": (9, 9),
                "eval_samples_per_second": (30, 30)},
    ),
    Training(
        trainer="Trainer of transformers in W&B", source="huggingface/transformers, integration_utils.py: rewrite_logs",
        config={**LLAMA_OF_TRANSFORMERS, **OF_TRAINER, "model/num_parameters": LLAMA_8B}, x="train/global_step",
        loss=1.9,
        N=LLAMA_8B, train_loss=1.8,
        logged={"train/loss": (3, 1.8), "eval/loss": (2.9, 1.9), "train/learning_rate": (1e-5, 2e-4),
                "train/grad_norm": (3, 0.5), "train/epoch": (0.1, 1), "train/train_loss": 2.2,
                "train/train_runtime": 3600.0, "train/total_flos": 1e21},
    ),
    Training(
        trainer="Trainer without evaluation", source="huggingface/transformers, trainer.py: loss is that of training",
        config=LLAMA_OF_TRANSFORMERS, N=LLAMA_8B, loss=1.8,
        logged={"loss": (3, 1.8), "learning_rate": (1e-5, 2e-4), "grad_norm": (3, 0.5), "train_loss": 2.2,
                "train_runtime": 3600.0},
    ),
    Training(
        trainer="Trainer with several evaluation sets", source="huggingface/transformers: eval_dataset as a dict",
        config=LLAMA_OF_TRANSFORMERS, N=LLAMA_8B, asks="'eval_wiki_loss' or 'eval_code_loss' may be the held-out loss",
        logged={"loss": (3, 1.8), "eval_wiki_loss": (2.9, 1.9), "eval_code_loss": (1.9, 1.2),
                "learning_rate": (1e-5, 2e-4)},
    ),
    Training(
        trainer="TRL SFTTrainer", source="huggingface/trl, trl/trainer/sft_trainer.py: num_tokens, mean_token_accuracy",
        config=LLAMA_OF_TRANSFORMERS, N=LLAMA_8B, D=3.1e8, loss=1.31, train_loss=1.2,
        logged={"loss": (2, 1.2), "eval_loss": (1.9, 1.31), "num_tokens": (3.1e7, 3.1e8),
                "eval_num_tokens": (3.1e7, 3.1e8),
                "mean_token_accuracy": (0.5, 0.7), "entropy": (2, 1.3), "learning_rate": (1e-5, 1e-6)},
    ),
    Training(
        trainer="litgpt", source="Lightning-AI/litgpt, litgpt/pretrain.py: its step is that of micro-batches",
        config={"n_layer": 22, "n_head": 32, "n_embd": 2048, "n_query_groups": 4, "intermediate_size": 5632,
                "padded_vocab_size": 32000, "block_size": 2048, "bias": False, "norm_class_name": "RMSNorm",
                "mlp_class_name": "LLaMAMLP", "head_size": 64, "lm_head_bias": False,
                "train": {"global_batch_size": 512, "micro_batch_size": 4, "max_seq_length": None}},
        steps=(3200, 32000), N=1_100_048_384, D=32000 * 4 * 2048 * 8, loss=2.4, train_loss=2.35,
        logged={"loss": (10, 2.35), "val_loss": (9, 2.4), "val_ppl": (8e3, 11), "iter": (3200, 32000), "epoch": (0, 0),
                "iter_time": (0.1, 0.1), "tokens": (3200 * 4 * 2048, 32000 * 4 * 2048), "learning_rate": (1e-5, 4e-4),
                "total_tokens": (3200 * 4 * 2048 * 8, 32000 * 4 * 2048 * 8)},
    ),
    Training(
        trainer="Lightning, a module of one's own",
        source="Lightning-AI/pytorch-lightning, loggers/csv_logs.py: hparams.yaml",
        config={"n_params": 12_345_678, "lr": 3e-4, "batch_size": 64}, N=12_345_678, loss=3.3, train_loss=3.2, D=4.1e7,
        logged={"train_loss_step": (9, 3.1), "train_loss_epoch": (9, 3.2), "val_loss": (8, 3.3),
                "tokens_seen": (4.1e6, 4.1e7)},
    ),
)  # fmt: skip
"""The first half."""
