"""Levers: what else counts as parameters or as tokens. Each takes the place of N or D in a law of these."""
