"""Public run tables: their registry, and how to get them."""
