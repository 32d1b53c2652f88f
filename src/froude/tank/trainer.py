"""The trainer: one trunk and the runs that branch off it, written into a study as they go.

Deterministic: weights come from the seed, the order of the data from the seed, and a trunk that goes on from its
checkpoint takes exactly the steps it would have taken.
"""

import contextlib
import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from froude.documents.document_error import DocumentError
from froude.engines import Notice, Progress, Report, RunFinished
from froude.files import set_aside, write_file
from froude.runs import Study
from froude.runs.study.run_file import reason_of
from froude.tank.checkpoint import load_checkpoint, save_checkpoint
from froude.tank.corpus import Corpus
from froude.tank.kept import kept_runs, window_losses_file
from froude.tank.transformer import Transformer
from froude.tank.trunk import Trunk

VALIDATION_BYTES = 131_072  # scored, in windows spread evenly over the validation bytes
CHECKPOINT_SECONDS = 15.0  # a killed trunk loses at most about this much
BASE_WIDTH = 32  # the width at which the stated learning rate of hidden matrices applies as it is
ADAM_BETAS = (0.9, 0.98)
GRADIENT_CLIP = 1.0
SEED_OF_DATA = 1_000_003  # data and weights draw from different streams of one seed


@final
@dataclass
class Trunking:
    """The state of a trunk in training: what a checkpoint holds, and the machinery around it."""

    model: Transformer
    optimizer: torch.optim.AdamW
    batches: "Batches"
    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)

    def snapshot(self) -> dict[str, Any]:
        """Everything needed to go on from this step, detached from further training."""
        return {
            "model": {name: weight.clone() for name, weight in self.model.state_dict().items()},
            "optimizer": clone_tensors(self.optimizer.state_dict()),
            "step": self.step,
            "seconds": self.seconds,
            "curve": list(self.curve),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Goes back to a snapshot."""
        self.model.load_state_dict(snapshot["model"])
        self.optimizer.load_state_dict(clone_tensors(snapshot["optimizer"]))
        self.step, self.seconds, self.curve = snapshot["step"], snapshot["seconds"], list(snapshot["curve"])


@final
@dataclass(frozen=True)
class Batches:
    """Windows of the corpus in an order drawn once from the seed: no byte comes twice before all have come."""

    data: Tensor
    order: Tensor
    batch: int
    context: int
    device: str

    def at(self, step: int) -> Tensor:
        """The (batch, context + 1) integers of a step."""
        index = torch.arange(step * self.batch, (step + 1) * self.batch) % len(self.order)
        return windows(self.data, self.order[index] * self.context, self.context).to(self.device)


def train_trunk(trunk: Trunk, corpus: Corpus, study: Study, report: Report = lambda event: None) -> None:
    """Trains every unfinished run of the trunk and writes it into the study.

    `report` hears of progress and of every finished run. A trunk goes on from its checkpoint where there is one; runs
    whose files are damaged are trained again. Raises OSError when the study cannot be written; what was finished before
    stays.
    """
    kept = kept_runs(study, [trunk])
    lengths = [tokens for tokens in trunk.tokens if trunk.run_id(tokens) not in kept.finished]
    checkpoint = study.trunks / f"{trunk.id}.pt"
    if not lengths:  # a worker may have been killed between the last run and removing its checkpoint
        checkpoint.unlink(missing_ok=True)
        return
    for run in kept.damaged.values():
        set_aside(run.path)
    if trunk.compile:
        torch.compiler.reset()  # a worker sees many shapes, and PyTorch gives up a function after eight
    state = start(trunk, corpus)
    resume(state, checkpoint, trunk, lengths[0], report)
    held_out = validation_windows(corpus, trunk)
    for tokens in lengths:
        train_run(state, trunk, tokens, study, held_out, checkpoint, report)
    checkpoint.unlink(missing_ok=True)


def start(trunk: Trunk, corpus: Corpus) -> Trunking:
    """A trunk before its first step."""
    generator = torch.Generator().manual_seed(trunk.seed)
    model = Transformer(trunk.decoder, trunk.qk_norm).initialise(generator).to(trunk.device)
    data = torch.from_numpy(corpus.train)
    count = (len(data) - 1) // trunk.decoder.context
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SEED_OF_DATA + trunk.seed))
    batches = Batches(data, order, trunk.batch, trunk.decoder.context, trunk.device)
    return Trunking(model, make_optimizer(model, trunk), batches)


def make_optimizer(model: Transformer, trunk: Trunk) -> torch.optim.AdamW:
    """Fused AdamW; hidden matrices learn at lr · BASE_WIDTH / width, the embedding at its own rate (muP for Adam).

    So do the gains of queries and keys: a gain, like the embedding, grows no fan-in with the width.
    """
    named, alike = list(model.named_parameters()), ("embedding.weight", "gain")
    groups = [
        {
            "params": [weight for name, weight in named if not name.endswith(alike)],
            "peak_lr": trunk.lr * BASE_WIDTH / trunk.decoder.width,
        },
        {"params": [weight for name, weight in named if name.endswith(alike)], "peak_lr": trunk.lr_embedding},
    ]
    return torch.optim.AdamW(groups, betas=ADAM_BETAS, weight_decay=0.0, fused=True)


def train_run(
    state: Trunking, trunk: Trunk, tokens: int, study: Study, held_out: Tensor, checkpoint: Path, report: Report
) -> None:
    """One run: the trunk up to where it leaves, a checkpoint, its decay, its validation; then back on the trunk."""
    with study.writer(trunk.run_config(tokens), prefix=state.curve) as writer:
        advance(state, trunk, tokens, trunk.decay_start(tokens), writer, report, checkpoint)
        save_checkpoint(checkpoint, trunk, state.snapshot())
        branch_point = state.snapshot()
        advance(state, trunk, tokens, tokens // trunk.batch_tokens, writer, report)
        losses = window_losses(state.model, held_out, trunk)
        keep_window_losses(study, trunk.run_id(tokens), losses)
        result = result_of(state, trunk, tokens, losses)
        writer.finish(**result)
    report(RunFinished(run=writer.id, loss=None if result["diverged"] else result["loss"]))
    state.restore(branch_point)


def advance(
    state: Trunking, trunk: Trunk, tokens: int, until: int, writer: Any, report: Report, checkpoint: Path | None = None
) -> None:
    """Takes steps up to `until`, writing a line every `trunk.log_steps`; checkpoints where a path is given."""
    forward = torch.compile(state.model) if trunk.compile else state.model
    saved = clock = time.perf_counter()
    total, since = torch.zeros((), device=trunk.device), 0
    while state.step < until:
        norm, loss = take_step(state, trunk, trunk.lr_factor(state.step, tokens), forward)
        total, since = total + loss, since + 1
        if state.step % trunk.log_steps and state.step != until:
            continue
        now = time.perf_counter()
        state.seconds += now - clock
        line = {
            "step": state.step,
            "tokens": state.step * trunk.batch_tokens,
            "loss": float(total) / since,
            "lr": state.optimizer.param_groups[0]["lr"],
            "grad_norm": float(norm),
            "tokens_per_s": since * trunk.batch_tokens / (now - clock),
            "seconds": state.seconds,
        }
        clock, total, since = now, torch.zeros_like(total), 0
        state.curve.append(line)
        writer.step(**line)
        report(Progress(run=writer.id, **{name: line[name] for name in ("tokens", "loss", "tokens_per_s")}))
        if checkpoint and now - saved > CHECKPOINT_SECONDS:
            save_checkpoint(checkpoint, trunk, state.snapshot())
            saved = now


def take_step(
    state: Trunking, trunk: Trunk, lr_factor: float, forward: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """One optimizer step; the gradient's norm before clipping and the loss but for z-loss, both without gradient."""
    for group in state.optimizer.param_groups:
        group["lr"] = group["peak_lr"] * lr_factor
    batch = state.batches.at(state.step)
    with autocast(trunk):
        logits = forward(batch[:, :-1]).float()
    loss = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
    trained = loss + trunk.z_loss * square_log_z(logits) if trunk.z_loss else loss
    trained.backward()
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), GRADIENT_CLIP)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step += 1
    return norm, loss.detach()


def square_log_z(logits: Tensor) -> Tensor:
    """Mean square of log Z, the logarithm of the sum of a token's exponentiated logits (…, vocabulary).

    Z-loss is 1e-4 of it: it draws log Z to zero, where logits are logarithms of probabilities (Chowdhery et al. 2022,
    arXiv:2204.02311).
    """
    return logits.logsumexp(-1).square().mean()


def autocast(trunk: Trunk) -> contextlib.AbstractContextManager[Any]:
    """bf16 matmuls where the trunk asks for them."""
    if trunk.precision == "bf16":
        return torch.autocast(torch.device(trunk.device).type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def result_of(state: Trunking, trunk: Trunk, tokens: int, losses: Tensor) -> dict[str, Any]:
    """What came out of a run.

    A run has diverged when its loss is not finite, or no better than guessing bytes at random; its loss is then NaN.
    """
    decoder, loss = trunk.decoder, float(losses.mean())
    diverged = not loss < math.log(decoder.vocabulary)
    return {
        "loss": math.nan if diverged else loss,
        "diverged": diverged,
        "N": decoder.n_non_embedding,
        "N_embedding": decoder.n_embedding,
        "N_total": decoder.n_total,
        "C": decoder.training_flops_per_token * tokens,
        "C_6nd": 6 * decoder.n_non_embedding * tokens,
        "train_loss": state.curve[-1]["loss"],
        "seconds": state.seconds,
        "peak_memory_bytes": peak_memory_bytes(trunk.device),
        "repeated": tokens > len(state.batches.order) * trunk.decoder.context,
    }


def keep_window_losses(study: Study, id: str, losses: Tensor) -> None:
    """Writes the loss of each validation window beside the run, float32: how sure the validation set itself is."""
    path = window_losses_file(study, id)
    path.parent.mkdir(exist_ok=True)
    buffer = io.BytesIO()  # written straight to a full disk, NumPy hides the system's error behind its own
    np.save(buffer, losses.float().numpy())
    write_file(path, buffer.getvalue())


def window_losses(model: Transformer, held_out: Tensor, trunk: Trunk) -> Tensor:
    """Mean loss of each validation window, nats a byte, (windows,)."""
    with torch.no_grad(), autocast(trunk):
        return torch.cat([window_loss(model, part.to(trunk.device)) for part in held_out.split(64)]).cpu()


def window_loss(model: Transformer, part: Tensor) -> Tensor:
    """Mean loss of each row of (rows, context + 1) integers."""
    logits = model(part[:, :-1]).float()
    return F.cross_entropy(logits.transpose(1, 2), part[:, 1:], reduction="none").mean(1)


def validation_windows(corpus: Corpus, trunk: Trunk) -> Tensor:
    """The fixed windows every run is scored on, (windows, context + 1); fewer where the corpus holds fewer."""
    data, context = torch.from_numpy(corpus.validation), trunk.decoder.context
    count = min(VALIDATION_BYTES, len(data) - 1) // context
    starts = torch.linspace(0, len(data) - context - 1, count, dtype=torch.float64).long()
    return windows(data, starts, context)


def windows(data: Tensor, starts: Tensor, context: int) -> Tensor:
    """Rows of `context + 1` bytes from the given places, int64."""
    return data[starts[:, None] + torch.arange(context + 1)].long()


def resume(state: Trunking, checkpoint: Path, trunk: Trunk, tokens: int, report: Report) -> None:
    """Goes on from the checkpoint if it lies before the first unfinished run leaves the trunk; else from zero.

    From zero, too, where the checkpoint is damaged, which `report` hears.
    """
    try:
        snapshot = load_checkpoint(checkpoint, trunk)
    except (OSError, DocumentError) as error:
        report(Notice(text=f"trunks/{checkpoint.name} was damaged ({reason_of(error)}): its training starts again"))
        set_aside(checkpoint)
        return
    if snapshot and snapshot["step"] <= trunk.decay_start(tokens):
        state.restore(snapshot)


def clone_tensors(value: Any) -> Any:
    """A deep copy in which every tensor is a copy of its own."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: clone_tensors(item) for key, item in value.items()}
    return [clone_tensors(item) for item in value] if isinstance(value, list) else value


def peak_memory_bytes(device: str) -> int:
    """Most memory ever held: of the device on CUDA, of the process on a CPU."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def training_rate(trunk: Trunk, seconds: float) -> float:
    """Training tokens a second of this trunk's model on random bytes: the median over equal stretches of `seconds`."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(256, (2**20,), generator=generator, dtype=torch.uint8).numpy()
    state = start(trunk, Corpus(train=noise, validation=noise, manifest={}))
    rates, end = [], time.perf_counter() + seconds
    for _ in range(3):
        take_step(state, trunk, 1.0, state.model)
    while time.perf_counter() < end or len(rates) < 3:
        begin, steps = time.perf_counter(), 0
        while steps < 2 or time.perf_counter() - begin < seconds / 8:
            take_step(state, trunk, 1.0, state.model)
            steps += 1
        state.model.embedding.weight[0, 0].item()  # waits for a device that has only been asked for these steps
        rates.append(steps * trunk.batch_tokens / (time.perf_counter() - begin))
    return sorted(rates)[len(rates) // 2]
