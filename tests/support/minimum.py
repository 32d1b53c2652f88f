"""Froude with every dependency at the oldest version it declares: `python tests/support/minimum.py FOLDER`.

A fresh virtual environment in FOLDER gets the lower bounds of pyproject.toml, of the core, of `report` and of `tank`
without torch, and with them a table is read, fitted, forecast and filtered, and a page is written.
"""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILTER = "C < 1e21"
COMMANDS = (
    ("fit", "runs.csv", "--where", FILTER, "--draws", "50", "--out", "fit.json"),
    ("fit", "runs.parquet", "--draws", "50"),
    ("predict", "fit.json", "--at", "N=75.3k,D=2.26M"),
    ("plan", "train", "--model", "gpt2", "--tokens", "10B", "--machine", "8 x h100", "--page", "plan.html"),
)
DATAFRAME = """
import froude, polars
frame = polars.read_csv("runs.csv")
frame.write_parquet("runs.parquet")
print(froude.fit("chinchilla", frame, draws=50))
"""


def pins(pyproject: Path = ROOT / "pyproject.toml") -> Iterator[str]:
    """Each dependency of the core, of pages and of small trainings at its lower bound, torch excepted."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for requirement in (*project["dependencies"], *extras["report"], *extras["tank"]):
        name, _, versions = requirement.partition(">=")
        if name != "torch":
            yield f"{name}=={versions.partition(',')[0]}"


def try_minimum(folder: Path) -> None:
    """Installs Froude with its pins there and runs the commands. CalledProcessError for the first that fails."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=folder, check=True)
    python = folder / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *pins(), str(ROOT)], cwd=folder, check=True)
    table = (ROOT / "examples" / "runs.csv").read_text(encoding="utf-8")
    (folder / "runs.csv").write_text(table, encoding="utf-8")
    subprocess.run([python, "-c", DATAFRAME], cwd=folder, check=True)
    for command in COMMANDS:
        print("+ froude", *command, flush=True)
        subprocess.run([python, "-m", "froude", *command], cwd=folder, check=True)


if __name__ == "__main__":
    try_minimum(Path(sys.argv[1]).resolve())
