"""A sweep that stops runs keeps the best, and does not begin again what it has stopped."""

import sys
from pathlib import Path

import pytest

import froude

TRAINER = """
import json, sys
for step in range(1, 101):
    print(json.dumps({"step": step, "loss": float(sys.argv[1]) + 2 * step**-0.3}), flush=True)
    if step % 10 == 0 and float(sys.argv[1]) > 2.5:
        import time
        time.sleep(0.3)  # long enough to be stopped
"""


@pytest.mark.slow
def test_a_sweep_stops_what_will_not_beat_the_best(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINER)
    command = f"{sys.executable} {tmp_path}/train.py {{a}}"
    space = {"grid": {"a": [2.0, 1.9, 2.1, 3.5]}}
    first = froude.sweep(space, command, study=tmp_path / "s", stop=True)
    assert [run.state for run in first.runs] == ["finished", "finished", "finished", "stopped"]
    assert first.best[0].config["a"] == 1.9
    assert not first.failed
    again = froude.sweep(space, command, study=tmp_path / "s", stop=True)
    assert [run.attempts for run in again.runs] == [0, 0, 0, 0]
    whole = froude.sweep(space, command, study=tmp_path / "s")
    assert [run.state for run in whole.runs] == ["finished"] * 4
