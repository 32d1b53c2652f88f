"""A page as a test reads it: its tags, what was not closed, and its words."""

import re
from collections.abc import Collection
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Tags with their attributes, what was not closed, and the text but for that inside `unread` tags."""

    def __init__(self, html: str, unread: Collection[str] = ("style", "pre")) -> None:
        super().__init__()
        self.unread = unread
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.unbalanced += self.open

    @property
    def text(self) -> str:
        """Words one space apart."""
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if not any(tag in self.unread for tag in self.open):
            self.texts.append(data)
