"""Early warnings of instability in small trainings: attention logits that grow, gradients that fade.

Wortsman et al. 2023, arXiv:2309.14322: instabilities of large models show in small ones at high learning rates, where
the largest attention logit grows with size, and the root mean square of the gradient falls towards Adam's epsilon.
`froude.fitting.procedures.instability` extrapolates both.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from froude.runs import Runs
from froude.tank.corpus import Corpus
from froude.tank.probe import largest_score, look
from froude.tank.trainer import BASE_WIDTH, Trunking, square_log_z, start, take_step, validation_windows
from froude.tank.trunk import Trunk

PROBE_WINDOWS = 8


def warning_signs(trunks: Iterable[Trunk], corpus: Corpus, steps: Sequence[int], windows: int = PROBE_WINDOWS) -> Runs:
    """Trains each trunk up to the last of `steps` and looks at it after each: one row a trunk and step.

    Columns: N, width, `lr` as the trunk states it and `hidden_lr` as hidden matrices get it at the peak, seed, step,
    `loss` on the probe (so many validation windows), `attention_logit` (the largest of any layer),
    `attention_logit_first` (of the first layer), `log_z` (root mean square of the logarithm of the softmax's
    normaliser), `gradient_norm` and `gradient_rms` of the probe's loss. Nothing is written, and nothing but these few
    looks is added to the training.
    """
    rows = [row for trunk in trunks for row in _signs_of(trunk, corpus, sorted(steps), windows)]
    return Runs.from_rows(rows)


def _signs_of(trunk: Trunk, corpus: Corpus, steps: Sequence[int], windows: int) -> list[dict[str, Any]]:
    state, held_out = start(trunk, corpus), validation_windows(corpus, trunk)
    probe = held_out[:: max(1, len(held_out) // windows)][:windows].to(trunk.device)
    rows = []
    for step in steps:
        while state.step < step:
            take_step(state, trunk, trunk.lr_factor(state.step, trunk.tokens[-1]), state.model)
        rows.append({**_names(trunk), "step": step, **_signs(state, probe)})
    return rows


def _names(trunk: Trunk) -> dict[str, Any]:
    decoder = trunk.decoder
    # Rounded, so that one rate at every width is one number.
    hidden = float(f"{trunk.lr * BASE_WIDTH / decoder.width:.12g}")
    sizes = {"N": decoder.n_non_embedding, "width": decoder.width}
    return {**sizes, "lr": trunk.lr, "hidden_lr": hidden, "seed": trunk.seed}


def _signs(state: Trunking, probe: Tensor) -> dict[str, float]:
    """What the model shows on (windows, context + 1) integers."""
    seen = look(state.model, probe[:, :-1])
    logits = [float(largest_score(x)) for name, x in seen.items() if name.endswith(".scores")]
    outputs = state.model(probe[:, :-1])
    loss = F.cross_entropy(outputs.flatten(0, 1), probe[:, 1:].flatten())
    gradients = torch.autograd.grad(loss, list(state.model.parameters()))
    squares = float(sum(gradient.square().sum() for gradient in gradients))
    count = sum(gradient.numel() for gradient in gradients)
    return {
        "loss": float(loss.detach()),
        "attention_logit": max(logits),
        "attention_logit_first": logits[0],
        "log_z": float(square_log_z(outputs.detach()).sqrt()),
        "gradient_norm": squares**0.5,
        "gradient_rms": (squares / count) ** 0.5,
    }
