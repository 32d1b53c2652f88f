"""Logs that trackers and trainers write: one reader a format, and what their numbers are taken for."""
