"""A study on disk: a folder of runs, written without locks, read without loss."""
