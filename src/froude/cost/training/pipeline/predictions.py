"""Heads that predict one token further than the loss: `m` in a pipeline's layout.

Each is a block of the model's last kind after a projection of two hidden states to one, and shares embedding and output
head (DeepSeek-AI 2024, arXiv:2412.19437, section 2.2). They stand with the loss here, wherever the layout has them, and
the dispatch to their experts is left out.
"""

from __future__ import annotations

from dataclasses import replace

from froude.cost.model.layers import norm
from froude.cost.model.model import Model
from froude.cost.model.operators import Elementwise, Matmul, Operator
from froude.cost.training.layout import Layout
from froude.cost.training.pipeline.notation import parse_chunks

SHARED = "prediction.logits"
"""The name of the output head where it is used once more: the same weights, and no copy of them."""


def predictions(layout: Layout) -> int:
    """How many heads a layout has that predict further tokens."""
    return 0 if layout.pipeline_layout in ("even", "ends") else sum(parse_chunks(layout.pipeline_layout).predictions)


def with_predictions(model: Model, layout: Layout) -> Model:
    """The model with the heads that its pipeline's layout writes."""
    count = predictions(layout)
    return replace(model, head=(*model.head, *_prediction(model) * count)) if count else model


def _prediction(model: Model) -> tuple[Operator, ...]:
    """Norms of both states, the projection, a block, and logits with their loss by the shared head."""
    logits = [replace(one, name=SHARED, tied=True) for one in model.head if isinstance(one, Matmul)]
    return (
        norm(2 * model.hidden, 1),
        Matmul(name="prediction", inputs=2 * model.hidden, outputs=model.hidden),
        *model.blocks[-1].operators,
        norm(model.hidden, 1),
        *logits,
        Elementwise(name="loss", moved=model.vocabulary, split=True),
    )
