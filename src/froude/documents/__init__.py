"""Documents that a user gives, JSON and TOML: read with limits, checked against a type, refused in one line."""

from froude.documents.kind import DocumentKind

__all__ = ["DocumentKind"]
