"""Trainings that still run: where they will end, judged by finished ones, and what looks wrong with them."""
