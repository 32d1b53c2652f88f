"""What a training costs: exact parameters, FLOPs and bytes of a model, and its memory and step time on a machine."""

from froude.cost.machine.known_machines import get_machine, known_chips
from froude.cost.machine.machine import Chip, Link, Machine, Tier
from froude.cost.model.catalogue import get_model, model_catalogue
from froude.cost.model.formats import BF16, FP32, Format, kv_bytes, model_bytes
from froude.cost.model.model import Model, decoder
from froude.cost.model.plain_decoder import Decoder
from froude.cost.papers.fine_tuning import fine_tune_cost
from froude.cost.serving.iteration import Iteration, Serving, price_iteration
from froude.cost.serving.memory import largest_batch, serving_bytes
from froude.cost.serving.operating_point import OperatingPoint, operating_point
from froude.cost.stack.known_stacks import get_stack, known_stacks
from froude.cost.stack.stack import Stack
from froude.cost.training.assumptions import Assumption, TrainCost, train_cost
from froude.cost.training.evaluation import Cost, evaluate
from froude.cost.training.layout import Layout, Precision

__all__ = [
    "BF16",
    "FP32",
    "Assumption",
    "Chip",
    "Cost",
    "Decoder",
    "Format",
    "Iteration",
    "Layout",
    "Link",
    "Machine",
    "Model",
    "OperatingPoint",
    "Precision",
    "Serving",
    "Stack",
    "Tier",
    "TrainCost",
    "decoder",
    "evaluate",
    "fine_tune_cost",
    "get_machine",
    "get_model",
    "get_stack",
    "known_chips",
    "known_stacks",
    "kv_bytes",
    "largest_batch",
    "model_bytes",
    "model_catalogue",
    "operating_point",
    "price_iteration",
    "serving_bytes",
    "train_cost",
]
