"""Pages of keys and values on a replica: how many are taken, and for how many iterations more there is room.

A request that decodes takes a page more every `page` iterations, in those whose number leaves the same remainder: so
one count for each remainder says, for all requests together and exactly, what any number of iterations will take.
"""

from __future__ import annotations

from typing import final


@final
class Pages:
    """The pages of one replica, of `page` tokens each.

    `taken` are those that requests hold alone; what a prefix cache holds besides is its own (see `prefix_cache`), and
    `free` is what neither has. Where answers have their pages from the start, those that decode take no more
    (`is_growing`).
    """

    __slots__ = ("by_remainder", "decoding", "free", "is_growing", "page", "taken", "total")

    def __init__(self, total: int, page: int, *, is_growing: bool = True) -> None:
        self.is_growing = is_growing
        self.total, self.page, self.free, self.taken = total, page, total, 0
        self.by_remainder = [0] * page
        self.decoding = 0

    def of(self, tokens: int) -> int:
        """Pages that so many tokens take."""
        return -(-tokens // self.page)

    def take(self, pages: int) -> None:
        """Takes pages that are free."""
        self.free -= pages
        self.taken += pages

    def give_back(self, pages: int) -> None:
        """Frees pages of a request."""
        self.free += pages
        self.taken -= pages

    def join(self, stored: int, iteration: int) -> None:
        """A request of which so many tokens are stored decodes from an iteration on."""
        self.by_remainder[(iteration - stored) % self.page] += 1
        self.decoding += 1

    def leave(self, stored: int, iteration: int) -> None:
        """It decodes no more, so many tokens being stored before that iteration."""
        self.by_remainder[(iteration - stored) % self.page] -= 1
        self.decoding -= 1

    def grown(self, iteration: int, count: int) -> int:
        """Pages that `count` iterations take, from the one of a number on."""
        if not self.is_growing:
            return 0
        whole, rest = divmod(count, self.page)
        pages = whole * self.decoding
        if rest:
            start = iteration % self.page
            end = start + rest
            pages += sum(self.by_remainder[start:end])
            if end > self.page:
                pages += sum(self.by_remainder[: end - self.page])
        return pages

    def fitting(self, iteration: int, most: int, room: int) -> int:
        """Iterations for which there are `room` pages, `most` at most."""
        if (most // self.page + 1) * self.decoding <= room or self.grown(iteration, most) <= room:
            return most
        low, high = 0, most  # room for the first, none for the second
        while high - low > 1:
            middle = (low + high) // 2
            if self.grown(iteration, middle) <= room:
                low = middle
            else:
                high = middle
        return low
