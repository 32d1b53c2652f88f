"""What is written for PyTorch's FSDP: a module whose names exist, that learns at the right rates and trains."""

import ast
import importlib

import numpy as np
import pytest

from froude.fitting import Schedule
from froude.planning.emit import write_config
from recipes import LLAMA, grid, module_of, recipe


def test_the_names_of_pytorch_that_an_fsdp_module_uses_exist():
    pytest.importorskip("torch")
    tree = ast.parse(write_config("fsdp", recipe(layout={"zero": 3})))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    for node in imported:
        assert node.module
        module = importlib.import_module(node.module)
        assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
    dotted = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for name in (name for name in dotted if name.startswith("torch.")):
        assert resolves(name), name
    assert len(imported) >= 4


def resolves(name):
    """Whether a dotted name is an attribute of modules and classes."""
    found = importlib.import_module("torch")
    for part in name.split(".")[1:]:
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def test_fsdp_batches_multiply_to_the_global_batch():
    pytest.importorskip("torch")
    for _, text in grid("fsdp"):
        m = module_of(text)
        assert m.MICRO_BATCH * m.ACCUMULATION * m.REPLICATE * m.SHARD == m.GLOBAL_BATCH == 512
        assert m.REPLICATE * m.SHARD == 256


@pytest.mark.parametrize("schedule", ["cosine", "linear", "wsd"])
def test_an_fsdp_module_learns_at_the_rates_of_the_schedule(schedule):
    pytest.importorskip("torch")
    decay = 30 if schedule == "wsd" else 90
    told = {"steps": 100, "warmup_steps": 10, "lr_schedule": schedule, "decay_steps": 30, "final_learning_rate": 3e-5}
    share = module_of(write_config("fsdp", recipe(layout={"zero": 3}, **told))).share
    shape = "cosine" if schedule == "cosine" else "linear"
    rates = Schedule(peak=3e-4, steps=100, warmup=10, decay=decay, shape=shape, final=3e-5).per_step
    np.testing.assert_allclose([3e-4 * share(done) for done in range(100)], rates, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module")
def test_an_fsdp_module_trains_a_model_on_this_machine():
    torch = pytest.importorskip("torch")
    layout = {"devices": 1, "global_batch": 4, "seq_len": 8, "micro_batch": 2, "zero": 3, "attention": "unfused"}
    layout |= {"recompute": "full", "recomputed": 0.5}
    told = {"steps": 20, "warmup_steps": 2, "learning_rate": 1e-2, "devices_per_node": 1}
    written_module = module_of(write_config("fsdp", recipe(LLAMA, layout, **told)))
    torch.manual_seed(0)
    model = stack(torch)
    tokens = torch.randint(0, 11, (4, 9))

    def loss_of(model, batch):
        return torch.nn.functional.cross_entropy(model(batch[:, :-1]).float().transpose(1, 2), batch[:, 1:])

    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        model, optimizer, scheduler = written_module.prepare(model, model.layers, device_type="cpu")
        losses = [float(written_module.step(model, optimizer, scheduler, tokens.split(2), loss_of)) for _ in range(20)]
    finally:
        torch.distributed.destroy_process_group()
    assert losses[-1] < 0.8 * losses[0]
    names = [type(module).__name__ for module in model.modules()]
    # The root and both blocks are sharded; one of two blocks is recomputed.
    assert (sum(name.startswith("FSDP") for name in names), names.count("FSDPCheckpointWrapper")) == (3, 1)


def stack(torch):
    """A model with its blocks in a list `layers`."""

    class Stack(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(11, 16)
            self.layers = torch.nn.ModuleList(torch.nn.Linear(16, 16) for _ in range(2))
            self.head = torch.nn.Linear(16, 11)

        def forward(self, tokens):
            x = self.embedding(tokens)
            for layer in self.layers:
                x = x + layer(x).relu()
            return self.head(x)

    return Stack()
