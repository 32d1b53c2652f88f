"""The main job: small trainings, a forecast, and the large training that checks it."""

from froude.pilots.events import PilotEvent
from froude.pilots.result import PilotResult
from froude.pilots.run import pilot

__all__ = ["PilotEvent", "PilotResult", "pilot"]
