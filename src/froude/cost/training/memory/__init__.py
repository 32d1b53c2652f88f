"""Bytes of a device in training, and what recomputation and offloading make of them."""
