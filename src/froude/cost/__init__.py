"""What a training and what serving cost: parameters, FLOPs and bytes of a model, memory and time on a machine."""

from froude.cost.machine.assumption import Assumption
from froude.cost.machine.known_machines import get_machine, known_chips
from froude.cost.machine.machine import Chip, Link, Machine, Tier
from froude.cost.model.catalogue import get_model, model_catalogue
from froude.cost.model.formats import BF16, FP32, Format, kv_bytes, model_bytes
from froude.cost.model.model import Model, decoder
from froude.cost.model.plain_decoder import Decoder
from froude.cost.papers.fine_tuning import fine_tune_cost
from froude.cost.serving.engines import ServingEngine, get_engine, known_engines
from froude.cost.serving.iteration import Iteration, Serving, price_iteration
from froude.cost.serving.memory import largest_batch, serving_bytes
from froude.cost.serving.operating_point import OperatingPoint, operating_point
from froude.cost.serving.serve_cost import ServeCost, serve_cost
from froude.cost.serving.simulation.serve_simulation import ServeSimulation, simulate_serving
from froude.cost.stack.known_stacks import get_stack, known_stacks
from froude.cost.stack.stack import Stack
from froude.cost.training.assumptions import TrainCost, train_cost
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
    "ServeCost",
    "ServeSimulation",
    "Serving",
    "ServingEngine",
    "Stack",
    "Tier",
    "TrainCost",
    "decoder",
    "evaluate",
    "fine_tune_cost",
    "get_engine",
    "get_machine",
    "get_model",
    "get_stack",
    "known_chips",
    "known_engines",
    "known_stacks",
    "kv_bytes",
    "largest_batch",
    "model_bytes",
    "model_catalogue",
    "operating_point",
    "price_iteration",
    "serve_cost",
    "serving_bytes",
    "simulate_serving",
    "train_cost",
]
