"""Where tensors live, and what pays there."""

from dataclasses import dataclass
from typing import final

from froude.errors import InputError
from froude.host import cores


@final
@dataclass(frozen=True, kw_only=True)
class Device:
    """A device, the precision and compilation that pay on it, and how many workers share the machine."""

    name: str
    precision: str
    compile: bool
    workers: int


def choose_device(name: str) -> Device:
    """The device of this name; `auto` is CUDA where PyTorch finds it, else the CPU.

    On a CPU one worker a core computes in fp32 without compilation: small models gain nothing from it and bf16 is many
    times slower on most CPUs. On CUDA one worker a device computes in bf16, compiled. InputError for a device that is
    not here, and where PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise InputError("training needs PyTorch: pip install 'froude[tank]'") from None
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return Device(name=name, precision="fp32", compile=False, workers=cores())
    if name == "cuda":
        if not torch.cuda.is_available():
            raise InputError("no CUDA device is here: use --device cpu")
        return Device(name=name, precision="bf16", compile=True, workers=1)
    raise InputError(f"no device {name!r}: give auto, cpu or cuda")
