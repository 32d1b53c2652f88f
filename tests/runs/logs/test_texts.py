"""One rule says which texts are numbers, wherever a log keeps them."""

import math
from pathlib import Path

import pytest

from froude.runs.logs.configuration import Configuration
from froude.runs.logs.step_tables import StepTableReader
from froude.runs.logs.texts import finite_number_of, number_in_text, number_of, value_of_text

NOT_FINITE = ("nan", "NaN", "inf", "-inf", "Infinity", "-Infinity", "+inf")


@pytest.mark.parametrize("text", NOT_FINITE)
def test_nan_and_infinities_are_numbers_in_any_spelling(text: str, tmp_path: Path) -> None:
    wanted = float(text)
    found = (number_in_text(text), value_of_text(text), number_of(text), Configuration({"a": text}).value("a"))
    for each in found:
        assert isinstance(each, float)
        assert each == wanted or math.isnan(each) == math.isnan(wanted)
    assert finite_number_of(text) is None
    assert Configuration({"a": text}).number("a") is None
    (tmp_path / "log.csv").write_text(f"step,loss\n1,{text}\n2,3\n")
    (run,) = StepTableReader().logs(tmp_path / "log.csv")
    assert np_same(run.series["loss"].values[0], wanted)


def np_same(one: float, other: float) -> bool:
    """Whether two numbers are one, NaN too."""
    return one == other or (math.isnan(one) and math.isnan(other))


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("-3", -3), ("1e-3", 1e-3), ("2026_01", "2026_01"), ("TRUE", True), ("null", None), ("1.0", 1.0)],
)
def test_a_configuration_and_a_tracker_read_a_text_alike(text: str, value: object) -> None:
    for found in (value_of_text(text), Configuration({"a": text}).flat["a"]):
        assert found == value
        assert type(found) is type(value)
    assert number_of("12") is None  # a text that spells a finite number is a text in a log of numbers
