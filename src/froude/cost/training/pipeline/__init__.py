"""The bubble of a pipeline: in closed form, and simulated event by event."""
