"""Which layers of a model are which: texts such as "5*window/full", repeated until all layers have a word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, islice, takewhile

from froude.cost.model.blocks import Layers
from froude.errors import InputError, shown

MIXERS = ("full", "window", "mamba", "mamba2", "delta", "kimi-delta", "lightning", "convolution", "recurrence", "none")
"""What mixes positions: attention to all or to a window, the layers with a state, or nothing."""

INNERS = ("dense", "experts", "none")
"""The MLP of a layer: plain, of experts, or none."""


LONGEST_PERIOD = 8
"""Words of a group that a text repeats."""


def words_of_layers(name: str, text: str, layers: int, known: Sequence[str]) -> list[str]:
    """The word of each of `layers` layers: a text's words, each repeated as often as it says, over and over.

    "3*(mamba/none)/full" repeats a group. Words joined by "&" stand side by side in one layer. Raises InputError for a
    word that is not known.
    """
    words: list[str] = []
    for part in _without_groups(text, layers).split("/"):
        repeated = re.fullmatch(r"(?:(\d{1,9})\*)?([a-z0-9&-]+)", part.strip())
        if repeated is None or not set(repeated[2].split("&")) <= set(known):
            raise InputError(f"{name} has {shown(part)}: give words as 5*window/full, each one of {', '.join(known)}")
        words += [repeated[2]] * min(int(repeated[1] or 1), layers)
        if len(words) >= layers:
            break
    if not words:
        raise InputError(f"{name} {shown(text)} names no layer: give words as 5*window/full")
    return list(islice(cycle(words), layers))


def _without_groups(text: str, layers: int) -> str:
    """The text with each group written as often as it is repeated, as far as there are layers."""
    return re.sub(r"(\d{1,9})\*\(([^()]*)\)", lambda m: "/".join([m[2]] * min(int(m[1]), layers)), text)


def text_of_layers(words: Sequence[str]) -> str:
    """A short text that `words_of_layers` reads as these words: a period of them, repeated groups counted."""
    size = next(n for n in range(1, len(words) + 1) if all(w == words[i % n] for i, w in enumerate(words)))
    parts: list[str] = []
    i = 0
    while i < size:
        length, times = _longest_group(words[i:size])
        group = "/".join(words[i : i + length])
        parts.append(group if times == 1 else f"{times}*{group}" if length == 1 else f"{times}*({group})")
        i += length * times
    return "/".join(parts)


def _longest_group(words: Sequence[str]) -> tuple[int, int]:
    """The length of a group that these words begin with and how often it is repeated: that which covers most."""

    def times(length: int) -> int:
        starts = range(0, len(words) - length + 1, length)
        return len(list(takewhile(lambda i: words[i : i + length] == words[:length], starts)))

    counted = ((length, times(length)) for length in range(1, min(LONGEST_PERIOD, len(words)) + 1))
    repeated = [(length, n) for length, n in counted if n > 1]
    return max(repeated, key=lambda g: (g[0] * g[1], -g[0]), default=(1, 1))


def kinds_of_layers(mixers: Sequence[str], inners: Sequence[str]) -> tuple[Layers, ...]:
    """How many layers there are of each kind, in the order in which the first of each stands."""
    counts = Counter(zip(mixers, inners, strict=True))
    return tuple(Layers(mixer=mixer, inner=inner, count=count) for (mixer, inner), count in counts.items())
