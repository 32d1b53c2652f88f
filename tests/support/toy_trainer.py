"""Somebody's trainer, as small as one can be: it knows nothing of Froude and prints a line of JSON a step.

python -S toy_trainer.py --width 64 --lr 3e-3 --tokens 1e6 [--starts FILE] [--seconds 0.5] [--out DIR] …
"""

import argparse
import fcntl
import json
import math
import os
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument("--tokens", type=float, default=1e6)
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--seconds", type=float, default=0.0)
parser.add_argument("--starts", help="a file to which each start adds its run")
parser.add_argument("--out", help="a folder for metrics.jsonl and a checkpoint")
parser.add_argument("--fail-until", type=int, default=0, help="fail in the first so many starts of a run")
parser.add_argument("--die-at", type=int, default=0, help="fail after this step, unless resumed")
parser.add_argument("--resume", action="store_true")
parser.add_argument("--child", action="store_true", help="start a child that outlives this process")
options = parser.parse_args()

run = f"{options.width} {options.lr}"
if options.starts:
    held = open(f"{options.starts}.{options.width}-{options.lr}", "w")  # noqa: SIM115  (until the process ends)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        run = f"TWICE AT ONCE {run}"
    with open(options.starts, "a") as file:
        file.write(run + "\n")
    with open(options.starts) as file:
        begun = file.read().splitlines().count(run)
    if begun <= options.fail_until:
        print("a first line", "out of luck", sep="\n", file=sys.stderr)
        sys.exit(3)
if options.child and not os.fork():
    time.sleep(20)
    os._exit(0)

first, checkpoint = 1, os.path.join(options.out or "", "checkpoint")
if options.resume and os.path.exists(checkpoint):
    with open(checkpoint) as file:
        first = int(file.read()) + 1
N = 48 * options.width**2
print(json.dumps({"N": N}))
print("training, as trainers like to say")
for step in range(first, options.steps + 1):
    time.sleep(options.seconds / options.steps)
    tokens = options.tokens * step / options.steps
    loss = 1.7 + 400 / N**0.34 + 410 / tokens**0.28 + 0.01 * math.log(options.lr / 3e-3) ** 2
    row = {"step": step, "tokens": tokens, "loss": math.nan if options.lr > 0.2 and step > 2 else loss}
    print(json.dumps(row), flush=True)
    if options.out:
        with open(os.path.join(options.out, "metrics.jsonl"), "a") as file:
            file.write(json.dumps({"step": step, "tokens": tokens, "val_loss": row["loss"] + 1}) + "\n")
        with open(checkpoint, "w") as file:
            file.write(str(step))
    if step == options.die_at and not options.resume:
        sys.exit("died on the way")
