"""The parts of `benchmarks/fuzz.py`: inputs by kind, workers that run them, findings."""
