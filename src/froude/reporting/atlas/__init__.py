"""Pictures of what papers claim."""
