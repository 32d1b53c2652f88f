"""Laws of an outcome, a file for each family."""
