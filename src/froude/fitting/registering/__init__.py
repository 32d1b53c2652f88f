"""Forecasts written down before what they forecast is measured, and scored when it is."""
