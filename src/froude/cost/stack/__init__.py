"""What a training framework's kernels, formats and defaults do to the cost of a step, one entry a generation."""
