"""The reader of numbers that other tests trust: what it reads in a text, and what it finds in JSON."""

import pytest

from froude.answers.numbers import energy, money, percent, power_of_ten
from froude.quantity import format_bytes, format_quantity, format_seconds
from shown import numbers_in, numbers_shown, unmatched


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a step takes 4.06 s", [4.06]),
        ("75.9 GiB of 80 GiB", [75.9 * 2**30, 80 * 2**30]),
        ("7B on 1.4T tokens", [7e9, 1.4e12]),
        ("49.2%, −2.6%", [0.492, -0.026]),
        ("$10.4M", [10.4e6]),
        ("1.2e+20 and 4.4 × 10¹¹, 10²³", [1.2e20, 4.4e11, 1e23]),
        ("2.1 min, 3 days", [126.0, 259200.0]),
        ("6.5 GWh", [6.5e6]),
        ("1,024 tokens", [1024.0]),
    ],
)
def test_a_number_is_read_with_its_unit(text, values):
    for shown, value in zip(numbers_shown(text), values, strict=True):
        assert any(value == pytest.approx(reading) for reading, _ in shown.readings)


@pytest.mark.parametrize("text", ["h100", "arXiv:2203.15556", "hoffmann-2022", "qwen2.5-0.5b", "f1", "broken-2"])
def test_a_number_inside_a_word_is_none(text):
    assert numbers_shown(text) == ()


@pytest.mark.parametrize(
    ("write", "value"),
    [
        (format_bytes, 81_504_830_976.0),
        (format_seconds, 4.0573),
        (format_seconds, 612_345.0),
        (format_quantity, 6.9961e9),
        (power_of_ten, 4.3649e21),
        (money, 10_437_219.0),
        (energy, 6_512_345.0),
        (percent, 0.49187),
    ],
)
def test_a_number_agrees_to_the_digits_written_and_no_further(write, value):
    text = write(value)
    assert unmatched([text], {"a": value}) == []
    assert unmatched([text], {"a": -value}) == []
    assert unmatched([text], {"a": 1.01 * value}) == [f"{text} in {text!r}"]


def test_numbers_of_json_are_found_in_lists_texts_and_keys():
    data = {"a": [1.5, None, True, "about 30%"], "at 7B": {"b": -2}}
    assert {1.5, 2.0, 4.0, 0.3, 7e9} <= {*numbers_in(data)}
    assert numbers_in(True) == numbers_in(None) == []
