"""What is wrong with a document, before anybody says with which."""


class DocumentError(ValueError):
    """A document is not what it should be; the text, "levels is 'x', not a number", ends no sentence."""
