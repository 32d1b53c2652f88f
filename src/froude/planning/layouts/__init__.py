"""Which layout is fastest: the space of layouts, its exact search, the nearest change where none fits."""
