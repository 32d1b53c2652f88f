"""The machine that a pilot runs on, and the versions, as a study keeps them."""

import platform
from importlib.metadata import version
from typing import Any

from froude.host import cores, memory_bytes, processor_name

ENVIRONMENT = "environment.json"


def environment(device: str | None = None) -> dict[str, Any]:
    """The machine and the versions, of PyTorch too where Froude trains on a `device` of it."""
    of_torch = {} if device is None else {"torch": version("torch"), "device": device}
    return {
        "froude": version("froude"),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "platform": platform.platform(),
        "processor": processor_name(),
        "cores": cores(),
        "memory_bytes": memory_bytes(),
        **of_torch,
    }
