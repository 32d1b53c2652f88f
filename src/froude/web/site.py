"""What all pages of one server share: the folder, its open tables, results, and the token of its pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from froude.web.shelf import Shelf
from froude.web.tables import OpenTables
from froude.web.work import DoneWorks


@final
@dataclass(frozen=True, kw_only=True)
class WebSite:
    """The parts of a server, made once."""

    shelf: Shelf
    tables: OpenTables
    works: DoneWorks
    token: str

    @classmethod
    def of(cls, shelf: Shelf, token: str) -> WebSite:
        """The site of a folder."""
        tables = OpenTables(shelf)
        return cls(shelf=shelf, tables=tables, works=DoneWorks(tables), token=token)

    def frame(self, here: str, title: str) -> dict[str, Any]:
        """What the frame around every page needs: its place in the menu, its title, the token."""
        return {"here": here, "title": title, "token": self.token}
