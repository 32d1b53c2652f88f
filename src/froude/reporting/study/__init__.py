"""The page of a study: its pictures and sentences."""
