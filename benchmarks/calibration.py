"""How often forecast intervals hold on published studies that they were not learned from.

Command: python benchmarks/calibration.py

Writes docs/calibration.md with its picture, the few learned numbers that ship with the package, and the README's table.
"""

import contextlib
import io
import json
from pathlib import Path

from froude.cli import run
from record import record

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Runs `froude calibrate` on the cases beside this file and records its summary."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = run(
            [
                *("calibrate", str(ROOT / "benchmarks" / "calibration_cases.toml")),
                *("--out", str(ROOT / "docs" / "calibration.md")),
                *("--learned", str(ROOT / "src" / "froude" / "fitting" / "extrapolation.json")),
                "--json",
            ]
        )
    if code:
        raise SystemExit(code)
    found = json.loads(said.getvalue().splitlines()[-1])["summary"]
    rows = [
        {
            "interval": f"{row['level']:.0%}",
            "holds": f"{row['coverage']:.1%}",
            "between studies": "{:.0%} to {:.0%}".format(*row["coverage_interval"]),
            "median half-width": f"{row['half_width']:.2%}",
            "constant half-width that holds as many": f"{row['constant']:.2%}",
        }
        for row in found["intervals"]
    ]
    note = (
        f"{found['cases']} cases of {found['studies']} studies, {found['runs']} runs held out; mean error "
        f"{found['mean_error']:.2%}, with the one best law in hindsight {found['hindsight']:.2%}."
    )
    record("calibration", "python benchmarks/calibration.py", rows, notes=[note], summary=found)
    print(note)


if __name__ == "__main__":
    main()
