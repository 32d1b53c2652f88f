"""The local web application: studies live, laws explored, plans and claims, over the answers that every face shows."""

from froude.web.server import serve_pages

__all__ = ["serve_pages"]
