"""What a model consists of: operators with exact parameters, FLOPs and bytes, from a name, a description or a file."""
