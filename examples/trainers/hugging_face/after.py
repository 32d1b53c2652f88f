"""A small GPT-2 over bytes, trained by Hugging Face's Trainer: `python train.py --width 64 --lr 3e-3 --steps 200`."""

import argparse
import random
import tempfile
from pathlib import Path

from transformers import (  # pyright: ignore[reportMissingImports]
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainingArguments,
    set_seed,
)

import froude

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=64)
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument("--steps", type=int, default=200)
args = parser.parse_args()
BATCH, CONTEXT = 16, 32

set_seed(0)
text = list(Path(random.__file__).read_bytes())
windows = [text[i : i + CONTEXT] for i in range(0, len(text) - CONTEXT, CONTEXT)]
rows = [{"input_ids": window, "labels": window} for window in windows]

shape = GPT2Config(vocab_size=256, n_positions=CONTEXT, n_embd=args.width, n_layer=2, n_head=4)
model = GPT2LMHeadModel(shape)
trainer = Trainer(
    model=model,
    args=TrainingArguments(
        tempfile.mkdtemp(), max_steps=args.steps, learning_rate=args.lr, per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=128, logging_steps=10, use_cpu=True, report_to=[], save_strategy="no",
        disable_tqdm=True,
    ),
    train_dataset=rows[:-128],  # pyright: ignore[reportArgumentType]
    eval_dataset=rows[-128:],  # pyright: ignore[reportArgumentType]
)  # fmt: skip
with froude.log("study", vars(args), N=model.num_parameters(), D=args.steps * BATCH * CONTEXT) as run:
    trainer.train()
    for row in trainer.state.log_history[:-1]:
        run.step(tokens=row["step"] * BATCH * CONTEXT, **row)
    run.finish(loss=trainer.evaluate()["eval_loss"])
