"""How often forecast intervals hold on published studies that they were not learned from.

Command: python benchmarks/calibration.py

Writes docs/calibration.md and docs/calibration_error_rates.md with their pictures, the few learned numbers that ship
with the package, and tables of docs/evidence.md.
"""

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from froude.cli import run
from froude.fitting.extrapolation import shipped
from record import record

ROOT = Path(__file__).parents[1]
COMMAND = "python benchmarks/calibration.py"


def main() -> None:
    """Runs `froude calibrate` on the cases of losses and of error rates beside this file, and records its summaries."""
    losses = calibrated("calibration")
    shipped.cache_clear()  # what the first cases taught is kept when the second teach the rest
    rates = calibrated("error_rate")
    record("error_rate_studies", COMMAND, [study_row(row) for row in rates["by_study"]])
    record_losses(losses)


def calibrated(name: str) -> dict[str, Any]:
    """The summary of the cases in a file; what they teach is written to where it ships from."""
    said, out = io.StringIO(), "calibration.md" if name == "calibration" else "calibration_error_rates.md"
    with contextlib.redirect_stdout(said):
        code = run(
            [
                *("calibrate", str(ROOT / "benchmarks" / f"{name}_cases.toml")),
                *("--out", str(ROOT / "docs" / out)),
                *("--learned", str(ROOT / "src" / "froude" / "fitting" / "extrapolation.json")),
                "--json",
            ]
        )
    if code:
        raise SystemExit(code)
    return json.loads(said.getvalue().splitlines()[-1])["summary"]


def record_losses(found: Mapping[str, Any]) -> None:
    """Records the tables of the cases of losses."""
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
        f"{found['mean_error']:.2%}, with the one best law in hindsight {found['hindsight']:.2%}. "
        f"{found['runs_of_curves']:,} of these runs are points along {found['curves']} trainings."
    )
    command = COMMAND
    record("calibration", command, rows, notes=[note], summary=found)
    record("calibration_sets", command, [set_row(row) for row in found["by_set"]])
    record("calibration_studies", command, [study_row(row) for row in found["by_study"]])
    record("calibration_distances", command, [distance_row(row) for row in found["by_distance"]])
    print(note)


def set_row(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of the table of sets of cases."""
    return {"cases": f"{row['set']}: {row['cases']} of {row['studies']} studies", **errors_of(row, row["coverage"])}


def study_row(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of the table of studies."""
    return {
        "study": f"`{row['study']}`",
        "held-out runs": f"{row['runs']:,}",
        **errors_of(row, row["coverage"]["0.9"]),
    }


def errors_of(row: Mapping[str, Any], coverage: float) -> dict[str, str]:
    """What tables of sets and of studies say alike: errors, coverage at 90%, half-width."""
    return {
        "mean error": f"{row['mean_error']:.2%}",
        "forecasts too high by": f"{row['signed_error']:+.2%}",
        "inside their 90% interval": f"{coverage:.0%}",
        "half-width": f"{row['half_width']:.1%}",
    }


def distance_row(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of the table of distances."""
    low, high = row["distance"]
    return {
        "times larger than the largest fitted run": f"{low:g} to {high:g}" if high else f"above {low:g}",
        "held-out runs": f"{row['runs']:,}",
        "studies": str(row["studies"]),
        "mean error": f"{row['mean_error']:.2%}",
        "inside their 90% interval": f"{row['coverage']:.0%}",
    }


if __name__ == "__main__":
    main()
