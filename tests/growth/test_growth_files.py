"""Files that declare what is to grow, and timings that are kept: what is wrong with one is said in a line."""

import json
import re

import pytest

from froude import InputError
from froude.growth import Experiment, Timing
from froude.growth.records import Records
from grown import TINY

pytest_plugins = ["door"]


def file_of(folder, text):
    """A Python file with this text."""
    path = folder / "study.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "declares no EXPERIMENT: set EXPERIMENT = growth.Experiment("),
        ("EXPERIMENT = 3", "declares no EXPERIMENT"),
        ("import a_library_nobody_has", "needs the library 'a_library_nobody_has': install it"),
        ("1 / 0", "fails (ZeroDivisionError: division by zero): fix it"),
        ("def f(:", "fails (SyntaxError: "),
        (TINY.replace("(1000, 2000,", "(2000, 1000,"), "of 'sums of squares' do not grow"),
        (TINY.replace("np.dot(data, data)}", "0, 'text': 3}"), "methods ['text'] of 'sums of squares': give functions"),
        (TINY.replace("np.dot(data, data)", "data.dott(data)"), "method 'NumPy' at n = 1000 fails (AttributeError: "),
        (TINY.replace("np.dot(data, data)", "data"), "method 'NumPy' at n = 1000 takes "),
        (TINY.replace("rng.normal(", "rng.nothing("), "prepare of 'sums of squares' at 1000 fails (AttributeError: "),
        (TINY.replace("abs(float(result))", "1 // 0"), "quality of method 'loop' at n = 1000 fails (ZeroDivisionError"),
        (TINY.replace("abs(float(result))", "'x'"), "quality of method 'loop' at n = 1000 fails (ValueError"),
        (
            TINY.replace("np.dot(data, data)", "exit(3)"),
            "method 'NumPy' at n = 1000 fails (SystemExit: 3): fix it or leave",
        ),
        ("raise SystemExit", "study.py' fails (SystemExit): fix it"),
        ("class Odd(BaseException):\n    def __str__(self): raise self\nraise Odd", "study.py' fails (Odd): fix it"),
        ("raise ValueError('\\x1b' + 'a' * 5000)", "study.py' fails (ValueError: "),
        ("def __getattr__(name): raise SystemExit", "declares no EXPERIMENT"),
        (TINY.replace("(1000, 2000, 4000, 8000, 16000)", "3"), "sizes 3 of 'sums of squares' do not grow"),
        (
            TINY.replace("(1000, 2000, 4000, 8000, 16000)", "(1, 'x')"),
            "sizes (1, 'x') of 'sums of squares' do not grow",
        ),
        (
            TINY.replace("(1000, 2000,", "(float('nan'), 2000,"),
            "sizes (nan, 2000, 4000, 8000, ...) of 'sums of squares'",
        ),
        (TINY.replace('"sums of squares"', "3"), "title = 3 of an experiment: give a text"),
        (TINY.replace('quality_name="sum"', "quality_name=[]"), "quality_name = [] of an experiment: give a text"),
        (
            TINY.replace("quality=lambda data, result: abs(float(result))", "quality=3"),
            "prepare or quality of 'sums of squares'",
        ),
        (TINY.replace('methods={"loop"', "methods={3"), "methods [3] of 'sums of squares': give functions by name"),
        ("x = " + "(" * 5000, "study.py' fails (SyntaxError: too many nested parentheses"),
        ("\0", "study.py' fails ("),
    ],
)
def test_a_file_that_cannot_be_measured_is_refused_in_one_line(refused, tmp_path, text, said):
    assert said in refused("grow", file_of(tmp_path, text), "--minutes", "0.05", "--repeats", "1")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"size": "large"}, "size is 'large', not a number"),
        ({"size": -1}, "size is -1.0, which cannot be"),
        ({"calls": 0}, "calls is 0, which cannot be"),
        ({"repetition": 0.5}, "repetition is 0.5, not a whole number"),
        ({"method": None}, "method is missing"),
    ],
)
def test_a_kept_timing_with_a_wrong_value_is_named_with_its_file(tmp_path, changes, fault):
    experiment = Experiment(
        title="t", source="s", sizes=(1, 2), methods={"a": lambda n: n}, prepare=lambda size, rng: size
    )
    records = Records.at(tmp_path / "kept", experiment, 0)
    records.write(Timing(method="a", size=1.0, repetition=0, cpu_seconds=1.0, wall_seconds=1.0, calls=1))
    (path,) = (tmp_path / "kept" / "runs").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        for part in (line, *line.values()):
            if isinstance(part, dict):
                part.update({key: value for key, value in changes.items() if key in part})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InputError, match=rf"{path.name}' is no timing \({re.escape(fault)}\): remove that file"):
        Records.at(tmp_path / "kept", experiment, 0)
