"""Blocks of prompts that are kept for later requests with the same beginning, the least recently used leaving first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import final

from froude.cost.serving.simulation.pages import Pages


@final
class PrefixCache:
    """Blocks of `block` tokens by their hashes, in pages that they take from `pages` while they are kept.

    `users` counts the running requests that read each block; blocks without any may leave.
    """

    __slots__ = ("block", "each", "pages", "unused", "users")

    def __init__(self, pages: Pages, block: int) -> None:
        self.pages, self.block, self.each = pages, block, pages.of(block)
        self.users: dict[int, int] = {}
        self.unused: OrderedDict[int, None] = OrderedDict()

    @property
    def held(self) -> int:
        """Pages of all blocks."""
        return len(self.users) * self.each

    def matched(self, hashes: Sequence[int], tokens: int) -> int:
        """Blocks at the start of a prompt of so many tokens that are here; the last token is always computed."""
        most, found = min(len(hashes), (tokens - 1) // self.block), 0
        while found < most and hashes[found] in self.users:
            found += 1
        return found

    def spare(self, hashes: Sequence[int] = ()) -> int:
        """Pages that can be freed, beside those of these blocks."""
        return self.each * (len(self.unused) - sum(one in self.unused for one in hashes))

    def read(self, hashes: Sequence[int]) -> None:
        """A request starts to read these blocks."""
        for one in hashes:
            self.users[one] += 1
            self.unused.pop(one, None)

    def keep(self, hashes: Sequence[int]) -> None:
        """Blocks that a request has computed, in pages of its own, are kept and read; doubles are freed."""
        for one in hashes:
            if one in self.users:
                self.read((one,))
                self.pages.give_back(self.each)
            else:
                self.users[one] = 1
                self.pages.taken -= self.each

    def leave(self, hashes: Sequence[int]) -> None:
        """A request reads these no more; of those that nobody reads the last of a prompt leaves first."""
        for one in reversed(hashes):
            self.users[one] -= 1
            if self.users[one] == 0:
                self.unused[one] = None

    def free(self, pages: int) -> None:
        """Frees so many pages at least, as far as there are blocks that nobody reads."""
        while pages > 0 and self.unused:
            one, _ = self.unused.popitem(last=False)
            del self.users[one]
            self.pages.free += self.each
            pages -= self.each
