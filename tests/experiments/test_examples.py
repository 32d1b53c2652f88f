"""The examples of growth: measured whole on this computer, each shows what it claims of the atlas's rows."""

import pytest

from froude.growth import grow, load_experiment
from paths import ROOT

pytestmark = pytest.mark.experiment

SECONDS = 45.0
EXAMPLES = sorted((ROOT / "examples" / "growth").glob("*.py"))


@pytest.mark.slow
@pytest.mark.atlas
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_shows_what_it_claims(path, record_property):
    made = load_experiment(path)
    if not made.claims:
        pytest.skip("claims nothing of the atlas")
    judged = grow(made, seconds=SECONDS).judged()
    for one in judged:
        check = {"row": one.claim.row, "shows": one.claim.shows, "found": "; ".join(one.statements)}
        record_property("atlas", check)
    assert [statement for one in judged for statement, true in one.statements.items() if not true] == []
