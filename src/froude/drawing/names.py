"""What axes are called: inputs with their letters, outcomes with a unit only where it is known."""

from __future__ import annotations

from froude.answers.law_texts import outcome_text
from froude.laws import Law
from froude.runs.roles import ROLES

_LOSSES = ("nats/token", "bits/character")
_COUNTED = ("parameters", "tokens", "FLOP")
_NAMES = {"N": "parameters N", "D": "tokens D", "C": "training FLOPs"}


def input_name(x: str, law: Law | None = None) -> str:
    """An input as an axis names it: "parameters N", "optimizer steps S"; one of a law alone with its unit."""
    if x in _NAMES:
        return _NAMES[x]
    unit = law.input_units.get(x) if law is not None else None
    if unit in _LOSSES:
        return f"loss {x} ({unit})"
    if x in ROLES and (unit is None or unit in _COUNTED):
        return f"{ROLES[x].meaning} {x}"
    return x if unit is None else f"{unit} {x}"


def outcome_name(law: Law) -> str:
    """What a law predicts, as an axis names it, in the unit of its constants: "loss (nats/token)"."""
    return f"loss ({law.unit})" if law.unit in _LOSSES else outcome_text(law)
