"""The best deployment of a model under a load and limits of latency."""
