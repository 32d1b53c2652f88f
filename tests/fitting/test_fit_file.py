"""Fit files that are damaged: each is refused in one line that says what is wrong, or is a fit that forecasts."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from froude.answers.forecasts import answer_of_forecasts
from froude.errors import InputError
from froude.fitting import Fit, fit
from froude.fitting.fit_file import is_fit_file
from froude.runs import Runs
from mutants import deep, json_mutants, outcome
from planted import planted

LAWS = ("power", "chinchilla", "chinchilla 60% + kaplan-floor 40%")


@cache
def saved_text(law: str) -> str:
    """The text of a fit file."""
    runs = Runs.from_columns({name: values[::2] for name, values in planted().items()})
    return json.dumps(text_of(fit(law, runs, x="N" if law == "power" else None, draws=20, starts=2)))


def text_of(made: Fit) -> Any:
    """The document that a fit is saved as."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        made.save(Path(folder) / "fit.json")
        return json.loads((Path(folder) / "fit.json").read_text())


def load_and_forecast(path: Path) -> None:
    """All that is asked of a saved fit."""
    saved = Fit.load(path)
    at: dict[str, Any] = {x: 3 * float(values.max()) for x, values in saved.inputs.items()}
    forecast = saved.predict(**at)
    assert np.isfinite(forecast.mean)
    answer_of_forecasts([forecast])
    saved.to_dict()


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("level",), 2, "level is 2, not a number of at most 0.999999"),
        (("level",), 0, "level is 0, not a number of at least 1e-06"),
        (("residuals",), ["x"], "residuals[0] is 'x', not a number"),
        (("residuals",), [0.1], "runs differ in number: residuals has 1, rows has"),
        (("residuals", 2), float("nan"), "residuals[2] is nan, not a finite number"),
        (("rows", 0), -1, "rows[0] is -1, not a whole number of at least 0"),
        (("rows", 0), 0.5, "rows[0] is 0.5, not a whole number"),
        (("hold_outs",), -3, "hold_outs is -3, not a whole number of at least 0"),
        (("intervals", "A"), [3, 1], "intervals.A is [3, 1], whose ends do not rise"),
        (("intervals", "A"), [3], "intervals.A is [3], not a list of 2"),
        (("params", "A"), float("nan"), "params.A is nan, not a finite number"),
        (("params", "A"), "400", "params.A is '400', not a number"),
        (("params", "A"), -1, "A is -1 in params or draws, and is positive in chinchilla"),
        (("residuals", 4), 1e5, "params and residuals[4] make loss 0 of a run"),
        (("params", "a\x1b"), 1, "params has 'a\\x1b', which chinchilla has not"),
        (("draws", 3), [1.0, 2.0], "draws[3] is [1.0, 2.0], not a number for each of 5 parameters"),
        (("draws",), [], "draws is [], not a list of at least 1"),
        (("draws",), 3, "draws is 3, not a list"),
        (("inputs", "N", 1), 0, "inputs.N[1] is 0, and chinchilla needs N > 0 and finite"),
        (("inputs", "N", 1), 1e-200, "inputs.N reaches from 1e-200 to "),
        (("inputs",), {}, "inputs lacks N, which chinchilla has"),
        (("law",), "chinchila", "law: no law is called 'chinchila': did you mean chinchilla?"),
        (("law",), "x" * 3000, "law is 'xxx"),
        (("law",), "repeated-tokens", "law is 'repeated-tokens', a lever"),
        (("starts_agree",), 99, "starts_agree is 99, more than the 2 of starts_tried"),
        (("warnings",), "no", "warnings is 'no', not a list"),
        (("converged",), 1, "converged is 1, not true or false"),
        (("provenance", "data_sha256"), 3, "provenance.data_sha256 is 3, not a list"),
        (("provenance", "seed"), "x", "provenance.seed is 'x', not a whole number or null"),
        (("objective",), deep(70), "it is nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_fit_is_said(place: tuple[Any, ...], value: Any, fault: str, tmp_path: Path) -> None:
    document = json.loads(saved_text("chinchilla"))
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(document))
    line = outcome(lambda: Fit.load(path))
    assert line
    assert f"fit.json' is no fit file ({fault}" in line
    assert line.endswith(": give a file that `froude fit --out` wrote")


def test_a_law_of_one_input_without_inputs_is_no_fit(tmp_path: Path) -> None:
    (tmp_path / "fit.json").write_text(json.dumps(json.loads(saved_text("power")) | {"inputs": {}}))
    with pytest.raises(InputError, match="inputs lacks C, which power has"):
        Fit.load(tmp_path / "fit.json")


def test_a_fit_of_before_is_read_and_what_it_lacks_is_absent(tmp_path: Path) -> None:
    document = json.loads(saved_text("power")) | {"version": 2}
    for later in ("hold_outs", "provenance", "of_checkpoints"):
        document.pop(later, None)
    (tmp_path / "fit.json").write_text(json.dumps(document | {"later": [float("nan")]}))
    old = Fit.load(tmp_path / "fit.json")
    assert (old.hold_outs, old.provenance, old.of_checkpoints) == (None, None, False)


def test_what_is_no_file_or_deep_is_no_fit_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert not is_fit_file(tmp_path / "pipe.json")
    assert not is_fit_file(tmp_path / "deep.json")
    assert not is_fit_file(tmp_path)


def check(law: str, seed: int, count: int, folder: Path) -> list[str | None]:
    """What becomes of so many mutants of a fit."""
    path, lines = folder / "fit.json", []
    for body in json_mutants(json.loads(saved_text(law)), seed, count):
        path.write_bytes(body)
        lines.append(outcome(lambda: load_and_forecast(path)))
    return lines


@pytest.mark.parametrize("law", LAWS[:2])
def test_a_mutated_fit_is_refused_in_a_line_or_forecasts(law: str, tmp_path: Path) -> None:
    lines = check(law, 0, 60, tmp_path)
    assert None in lines
    assert len([line for line in lines if line]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("law", LAWS)
def test_many_mutated_fits_are_refused_in_a_line_or_forecast(law: str, seed: int, tmp_path: Path) -> None:
    check(law, seed, 400, tmp_path)
