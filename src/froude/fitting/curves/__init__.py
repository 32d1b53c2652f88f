"""Losses along a training under a learning-rate schedule: fitted to whole curves, forecast, searched."""
