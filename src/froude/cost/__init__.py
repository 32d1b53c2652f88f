"""What a training costs: exact parameters, FLOPs and bytes of a model, and its memory and step time on a machine."""

from froude.cost.assume import Assumed, Assumption, assume
from froude.cost.catalogue import get_model
from froude.cost.decoder import Decoder
from froude.cost.evaluate import Cost, evaluate
from froude.cost.layout import Layout, Precision
from froude.cost.machine import Chip, Link, Machine, Tier
from froude.cost.machines import get_machine
from froude.cost.model import Model, decoder

__all__ = [
    "Assumed",
    "Assumption",
    "Chip",
    "Cost",
    "Decoder",
    "Layout",
    "Link",
    "Machine",
    "Model",
    "Precision",
    "Tier",
    "assume",
    "decoder",
    "evaluate",
    "get_machine",
    "get_model",
]
