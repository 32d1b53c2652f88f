import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from froude.errors import InputError
from froude.quantity import (
    SCALES,
    UNITS,
    format_bytes,
    format_quantity,
    format_seconds,
    parse_assignments,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("70B", 70e9),
        ("70b", 70e9),
        ("1.4T", 1.4e12),
        ("7e9", 7e9),
        ("1E21", 1e21),
        ("1e21 FLOP", 1e21),
        ("1e21FLOP", 1e21),
        ("312 TFLOP/s", 312e12),
        ("80 GiB", 80 * 2**30),
        ("80GB", 80e9),
        ("64 KB", 64e3),
        ("30 days", 30 * 86400),
        ("30 Days", 30 * 86400),
        ("5 min", 300),
        ("20 ms", 0.02),
        ("400 Gb/s", 50e9),
        ("400Gbps", 50e9),
        ("3 GB/s", 3e9),
        ("3k", 3000),
        ("1.5M tokens", 1.5e6),
        ("70 billion params", 70e9),
        ("$3M", 3e6),
        ("3M USD", 3e6),
        ("1,024", 1024),
        ("1,024.5", 1024.5),
        ("1_000", 1000),
        (" .5 ", 0.5),
        ("-2", -2),
    ],
)
def test_customary_writings_mean_what_people_mean(text: str, value: float) -> None:
    assert parse_quantity(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a quantity"),
        ("many", "not a quantity"),
        ("nan", "not a quantity"),
        ("7m", "M for million or min for minutes"),
        ("2 TFLOPS", "FLOP for a count or FLOP/s for a rate"),
        ("1,24", "decimal comma: write a point"),
        ("1,0000", "decimal comma: write a point"),
        ("1,234e6", "may be 1.234e6 or 1234e6"),
        ("1,234B", "may be 1.234B or 1234B"),
        ("10 furlongs", "furlongs"),
        ("3k GB", "unknown unit"),
        ("$3 GB", "two units"),
        ("1e999", "too large"),
        ("__import__('os')", "not a quantity"),
    ],
)
def test_what_is_no_quantity_is_refused_in_one_line_that_names_it(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_quantity(text)
    assert repr(text) in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_quantity_of_another_dimension_is_refused() -> None:
    assert parse_quantity("5 min", expect="seconds") == 300
    assert parse_quantity("5", expect="seconds") == 5
    with pytest.raises(InputError, match="'5 min' is in seconds: give it in bytes"):
        parse_quantity("5 min", expect="bytes")
    with pytest.raises(InputError, match="may be bytes or billions"):
        parse_quantity("80B", expect="bytes")


def test_no_writing_is_both_a_scale_and_a_unit() -> None:
    assert not SCALES.keys() & UNITS.keys()


def test_every_unit_is_read_as_itself() -> None:
    for unit, (factor, dimension) in UNITS.items():
        assert parse_quantity(f"3 {unit}", expect=dimension) == 3 * factor


def test_assignments_may_hold_commas_inside_numbers() -> None:
    assert parse_assignments("N=70B,D=1.4T") == {"N": 70e9, "D": 1.4e12}
    assert parse_assignments("N=1,024, D = 2,000,000") == {"N": 1024, "D": 2e6}


@pytest.mark.parametrize("text", ["", "N", "N=70B,", "=3", "N=1,N=2", "N=x", "N=70B,D"])
def test_what_assigns_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_assignments(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (70e9, "70B"),
        (1.4e12, "1.4T"),
        (999.9e6, "1B"),
        (-3e6, "-3M"),
        (5.76e23, "5.76e+23"),
        (12.34, "12.3"),
    ],
)
def test_numbers_are_shown_in_customary_writing(value: float, text: str) -> None:
    assert format_quantity(value) == text


def test_durations_and_sizes_are_shown_in_their_largest_unit() -> None:
    assert [format_seconds(s) for s in (0, 0.02, 42, 300, 5400, 86400, 30 * 86400)] == [
        "0 s", "20 ms", "42 s", "5 min", "1.5 h", "1 day", "30 days",
    ]  # fmt: skip
    assert [format_bytes(b) for b in (0, 12, 1536, 80 * 2**30)] == [
        "0 bytes",
        "12 bytes",
        "1.5 KiB",
        "80 GiB",
    ]


positive = st.floats(min_value=1e-6, max_value=1e15)


@given(
    value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
    digits=st.integers(2, 12),
)
def test_a_shown_number_reads_back_to_its_digits(value: float, digits: int) -> None:
    back = parse_quantity(format_quantity(value, digits))
    assert math.isclose(back, value, rel_tol=0.51 * 10 ** (1 - digits), abs_tol=1e-320)


@given(value=positive)
def test_shown_durations_and_sizes_read_back_to_their_digits(value: float) -> None:
    assert parse_quantity(format_seconds(value), expect="seconds") == pytest.approx(value, rel=0.0051)
    assert parse_quantity(format_bytes(value), expect="bytes") == pytest.approx(value, rel=0.0051)


@given(text=st.text(max_size=12))
def test_any_text_is_a_finite_number_or_an_input_error(text: str) -> None:
    outcome: float | str
    try:
        outcome = parse_quantity(text)
    except InputError as error:
        outcome = str(error)
    assert len(outcome.splitlines()) == 1 if isinstance(outcome, str) else math.isfinite(outcome)
