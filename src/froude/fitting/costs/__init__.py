"""Measured steps of trainings move the constants of stack and machine as far as they speak."""
