"""Numbers as answers write them."""

import pytest

from froude.answers.numbers import amount, count, number_and_interval, power_of_ten
from froude.quantity import parse_quantity


@pytest.mark.parametrize(
    ("value", "lo", "hi", "shown"),
    [
        (0.34783, 0.3355, 0.3601, ("0.3478", "0.3355 to 0.3601")),
        (1.97388, 1.9701, 1.9777, ("1.9739", "1.9701 to 1.9777")),
        (482.01, 330.2, 713.4, ("482", "330 to 713")),
        (12845.7, 2214.4, 76593.0, ("1.28e+04", "2.21e+03 to 7.66e+04")),
        (2.0, 2.0, 2.0, ("2.0000000", "2.0000000 to 2.0000000")),
        (0.0, 0.0, 0.2, ("0.00", "0.00 to 0.200")),
    ],
)
def test_a_value_is_written_with_the_digits_its_interval_supports(value, lo, hi, shown):
    assert number_and_interval(value, lo, hi) == shown


def test_a_count_stands_with_its_noun_in_the_right_number():
    assert [count(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert [count(n, "family", "families") for n in (1, 3)] == ["1 family", "3 families"]


def test_flops_and_extreme_numbers_are_powers_of_ten_and_others_customary():
    assert [amount(value, "FLOP") for value in (1e21, 4.364e11)] == ["10²¹", "4.36 × 10¹¹"]
    assert [amount(value) for value in (4e10, 3.2e-8, 1e16, 0.0)] == ["40B", "3.2 × 10⁻⁸", "10¹⁶", "0"]
    assert parse_quantity(amount(123456.0)) == pytest.approx(123456, rel=5e-3)
    assert power_of_ten(9.999e11) == "10¹²"
    assert power_of_ten(float("inf")) == "inf"
