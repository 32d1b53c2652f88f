"""What serving a model costs on a machine: an iteration, engines as facts, latency under a load, memory and price."""
