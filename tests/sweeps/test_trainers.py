"""Somebody's script becomes a forecast by under ten changed lines: each of the examples, trained for real."""

import difflib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import froude
from paths import ROOT

EXAMPLES = ROOT / "examples" / "trainers"
NAMES = ("pytorch", "lightning_module", "hugging_face")
LIBRARIES = {"lightning_module": ("lightning",), "hugging_face": ("transformers", "accelerate")}
WIDTHS, STEPS = (8, 32), (10, 20)


def change(name: str) -> list[str]:
    """The lines of the diff from the script to the one that Froude reads."""
    before, after = ((EXAMPLES / name / file).read_text().splitlines() for file in ("before.py", "after.py"))
    return [*difflib.unified_diff(before, after, "train.py", "train.py", n=1, lineterm="")]


@pytest.mark.parametrize("name", NAMES)
def test_a_script_changes_by_under_ten_lines_which_its_page_shows(name: str) -> None:
    changed = [line for line in change(name)[2:] if line[0] in "+-"]
    assert 0 < len(changed) < 10
    assert "\n".join(change(name)) in (ROOT / "docs" / "trainers" / f"{name}.md").read_text()


def run_by_hand(script: Path, folder: Path, environment: dict[str, str]) -> None:
    """The loop of a shell over all settings."""
    for width in WIDTHS:
        for steps in STEPS:
            words = [sys.executable, str(script), "--width", str(width), "--steps", str(steps)]
            subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True)


@pytest.mark.slow  # trains for real, in processes that import whole frameworks
@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_trained_and_forecast(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in LIBRARIES.get(name, ()):
        pytest.importorskip(library, reason="pip install 'froude[trainers]'")
    monkeypatch.setenv("PYTHONPATH", str(Path(froude.__file__).parents[1]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    script, study = EXAMPLES / name / "after.py", tmp_path / "study"
    if name == "hugging_face":
        run_by_hand(script, tmp_path, {**os.environ})
    else:
        command = f"{sys.executable} {script} --width {{width}} --steps {{steps}}"
        result = froude.sweep({"grid": {"width": WIDTHS, "steps": STEPS}}, command, study=study)
        assert result.failed == ()
    runs = froude.read_runs(study)
    tokens_a_step = 16 * 32
    assert sorted(runs["D"]) == sorted(tokens_a_step * steps for _ in WIDTHS for steps in STEPS)
    assert len({*runs["N"]}) == len(WIDTHS)
    assert (runs["N"] > 256 * 8).all()  # more than the embedding of the smallest
    assert ((runs["loss"] > 1) & (runs["loss"] < 6)).all()  # nats a byte, of which there are log(256) = 5.5
    curves = froude.read_curves(study)
    assert {max(curve["step"]) for curve in curves.values()} >= {max(STEPS)}
    forecast = froude.fit("power", runs, x="D", draws=50).predict(D=10 * tokens_a_step * max(STEPS))
    assert 0 < forecast.mean < runs["loss"].max()
