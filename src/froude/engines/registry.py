"""The engines that there are, by the name that `--engine` takes."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from froude.engines.engine import Engine
from froude.engines.local import LocalEngine
from froude.engines.placement import EnginePlace, Needs
from froude.engines.ray_engine import RayEngine
from froude.engines.slurm_engine import SlurmEngine
from froude.errors import InputError

ENGINES: dict[str, Callable[[int, EnginePlace], Engine]] = {
    "local": LocalEngine,
    "ray": RayEngine,
    "slurm": SlurmEngine,
}
"""What makes an engine of so many workers, by its name."""

LIBRARIES = {"ray": "ray", "slurm": "submitit"}
"""The library that an engine goes through; its extra bears the engine's name."""

NEEDS = {"ray": ("cpus", "gpus", "memory"), "slurm": ("cpus", "gpus", "memory", "time", "partition")}
"""What of a task's needs an engine looks at; those of this machine share it as they come."""

CLUSTER = "ray://"

ANY_ENGINE = "local"
"""What studies keep in the place of an engine, whatever it is: once they named it, and it changes no run."""


def cpus_of(text: str, needs: Needs | None) -> int | None:
    """The processors that each task has to itself; None of an engine whose tasks share this machine."""
    return None if text == "local" else (needs or Needs()).cpus


def get_engine(text: str, needs: Needs | None = None, folder: Path | None = None) -> Callable[[int], Engine]:
    """What makes the engine that `text` names, given a number of workers: a name, or ray://HOST:PORT.

    `needs` are those of one task, `folder` is one that all machines see. InputError for a name that is none, for needs
    that the engine does not look at, and where what it goes through is not installed.
    """
    name, address = ("ray", text) if text.startswith(CLUSTER) else (text, None)
    if name not in ENGINES:
        raise InputError(f"no engine {text!r}: this version has {', '.join(map(repr, ENGINES))} and 'ray://HOST:PORT'")
    if address is not None and not address.removeprefix(CLUSTER).rpartition(":")[2].isdigit():
        raise InputError(f"engine {text!r} names no port: give ray://HOST:PORT, whose port is that of Ray's client")
    if name in LIBRARIES and find_spec(LIBRARIES[name]) is None:
        raise InputError(f"engine {name!r} needs an extra: pip install 'froude[{name}]'")
    if name == "slurm" and which("sbatch") is None:
        raise InputError("engine 'slurm' needs sbatch, which is not here: run froude where Slurm takes jobs")
    if ignored := [each for each in (needs or Needs()).named if each not in NEEDS.get(name, ())]:
        taken = ", ".join(NEEDS.get(name, ())) or "none: it has this machine, and --workers says how many runs share it"
        raise InputError(f"engine {name!r} does not look at {', '.join(ignored)}: it takes {taken}")
    placement = EnginePlace(address=address, needs=needs or Needs(), folder=folder)
    return lambda workers: ENGINES[name](workers, placement)
