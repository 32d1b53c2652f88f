"""The one error a user can cause."""


class InputError(ValueError):
    """Bad input. Its text is one line that names the offending value and the remedy."""
