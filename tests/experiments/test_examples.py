"""The examples of growth: measured whole on this computer, each shows what it claims of the atlas's rows."""

import ast
from pathlib import Path

import pytest

from froude.growth import grow, growth_examples, load_experiment

pytestmark = pytest.mark.experiment

TIMED_S, COUNTED_S = 45.0, 1800.0
"""The budget of an example that judges times, and of one that counts: it ends long before, on a busy machine too."""

EXAMPLES = [example.path for example in growth_examples()]
TIMES = {"cpu_seconds", "wall_seconds", "crossings", "fastest", "time_call"}


def judges_time(path: Path) -> bool:
    """Whether an example reads what was timed: by name, or as the growth of a method, which is that of its time."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in TIMES:
            return True
        if isinstance(node, ast.Constant) and node.value in TIMES:
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "growth":
            measure = [arg.value for arg in node.args[1:] if isinstance(arg, ast.Constant)]
            if measure in ([], ["time"]):
                return True
    return False


CASES = [pytest.param(path, id=path.stem, marks=[pytest.mark.timed] if judges_time(path) else []) for path in EXAMPLES]


@pytest.mark.slow
@pytest.mark.atlas
@pytest.mark.parametrize("path", CASES)
def test_an_example_shows_what_it_claims(path, record_property):
    experiment = load_experiment(path)
    if not experiment.claims:
        pytest.skip("claims nothing of the atlas")
    judged = grow(experiment, seconds=TIMED_S if judges_time(path) else COUNTED_S).judge_claims()
    for one in judged:
        check = {"row": one.claim.row, "shows": one.claim.shows, "found": "; ".join(one.statements)}
        record_property("atlas", check)
    assert [statement for one in judged for statement, true in one.statements.items() if not true] == []
