"""Names of columns in pictures: whatever stands in one, it is drawn as it is."""

import io

import pytest

from froude import Runs, fit
from planted import planted

NAMES = {
    "lo$$s": "lo$$s",
    "$\\frac{": "$\\frac{",
    "$x^2$": "$x^2$",
    "a\\b_{c}%^": "a\\b_{c}%^",
    "<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x1b[31mred": "\\x1b[31mred",
    "two\nlines": "two lines",
    "x" * 5000: "x" * 79 + "…",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_an_axis_is_drawn_as_it_is(name):
    columns = planted()
    columns[name] = columns.pop("loss")
    made = fit("power", Runs.from_columns(columns), name, x="C", draws=20, starts=3)
    target = io.StringIO()
    axes = made.plot()
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(target, format="svg", metadata={"Date": None})
    shown = NAMES[name].replace("&lt;", "<").replace("&gt;", ">")
    assert axes.get_ylabel() == shown
    assert f"<!-- {shown} -->" in target.getvalue().replace("&lt;", "<").replace("&gt;", ">")
    assert made.summary().replace("\n", "").isprintable()
