"""The best training under constraints: layout for given tokens; size, data and settings for a budget or a loss."""
