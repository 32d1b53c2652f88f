"""This computer as a machine: timed through PyTorch, explained by a few constants, written as a TOML file."""

from froude.tank.machine.profile import Profile, measure_machine
from froude.tank.machine.toml_file import profile_toml

__all__ = ["Profile", "measure_machine", "profile_toml"]
