"""The main job with the trainer of the tank: its corpus, its plan, its trunks."""
