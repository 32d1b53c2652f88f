"""The page of a fit: what a table of runs, or a saved fit, lets be said and drawn."""
