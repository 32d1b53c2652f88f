"""The page of a growth experiment."""
