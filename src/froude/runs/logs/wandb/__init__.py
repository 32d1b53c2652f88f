"""Logs of Weights & Biases: files of runs, exported tables, and runs online."""
