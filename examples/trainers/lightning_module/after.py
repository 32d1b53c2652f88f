"""A language model over bytes as a Lightning module: `python train.py --width 64 --lr 3e-3 --steps 200`."""

import argparse
import json
import random
from pathlib import Path

import lightning  # pyright: ignore[reportMissingImports]
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=64)
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument("--steps", type=int, default=200)
args = parser.parse_args()
BATCH, CONTEXT = 16, 32

lightning.seed_everything(0, verbose=False)
text = torch.tensor(list(Path(random.__file__).read_bytes()))
train, val = (
    part[: len(part) // (CONTEXT + 1) * (CONTEXT + 1)].view(-1, CONTEXT + 1) for part in (text[:-4096], text[-4096:])
)


class Model(lightning.LightningModule):
    """A recurrent network over bytes."""

    def __init__(self, width: int, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.embedding, self.cell, self.head = (
            nn.Embedding(256, width),
            nn.GRU(width, width, batch_first=True),
            nn.Linear(width, 256),
        )

    def loss_on(self, windows: torch.Tensor) -> torch.Tensor:
        """Cross entropy in nats a byte of windows (batch, context + 1)."""
        hidden, _ = self.cell(self.embedding(windows[:, :-1]))
        return F.cross_entropy(self.head(hidden).flatten(0, 1), windows[:, 1:].flatten())

    def training_step(self, batch: torch.Tensor, index: int) -> torch.Tensor:
        """The loss of a batch."""
        loss, step = self.loss_on(batch), self.global_step + 1
        print(json.dumps({"step": step, "tokens": step * BATCH * CONTEXT, "loss": loss.item()}))
        return loss

    def validation_step(self, batch: torch.Tensor, index: int) -> None:
        """The loss of a batch that is held out."""
        self.log("val_loss", self.loss_on(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return torch.optim.AdamW(self.parameters(), lr=self.lr)


model = Model(args.width, args.lr)
trainer = lightning.Trainer(
    max_steps=args.steps, limit_val_batches=0, accelerator="cpu", logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False,
)  # fmt: skip
trainer.fit(model, DataLoader(train, batch_size=BATCH, shuffle=True, drop_last=True))  # pyright: ignore[reportArgumentType]
trainer.limit_val_batches = 1.0
trainer.validate(model, DataLoader(val, batch_size=len(val)))  # pyright: ignore[reportArgumentType]
val_loss = trainer.callback_metrics["val_loss"].item()
print(json.dumps({"N": sum(p.numel() for p in model.parameters()), "val_loss": val_loss}))
