"""Which layers of a model are which: texts such as "5*window/full", repeated until all layers have a word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, groupby, islice

from froude.bounds import MOST_COUNT
from froude.cost.model.blocks import Layers
from froude.errors import InputError, shown

MIXERS = ("full", "window", "mamba", "mamba2", "delta", "kimi-delta", "lightning", "convolution", "recurrence", "none")
"""What mixes positions: attention to all or to a window, the layers with a state, or nothing."""

INNERS = ("dense", "experts", "none")
"""The MLP of a layer: plain, of experts, or none."""


def words_of_layers(name: str, text: str, layers: int, known: Sequence[str]) -> list[str]:
    """The word of each of `layers` layers: a text's words, each repeated as often as it says, over and over.

    Words joined by "&" stand side by side in one layer. Raises InputError for a word that is not known.
    """
    words: list[str] = []
    for part in text.split("/"):
        repeated = re.fullmatch(r"(?:(\d{1,9})\*)?([a-z0-9&-]+)", part.strip())
        if repeated is None or not set(repeated[2].split("&")) <= set(known):
            raise InputError(f"{name} has {shown(part)}: give words as 5*window/full, each one of {', '.join(known)}")
        words += [repeated[2]] * min(int(repeated[1] or 1), layers, MOST_COUNT)
        if len(words) >= layers:
            break
    if not words:
        raise InputError(f"{name} {shown(text)} names no layer: give words as 5*window/full")
    return list(islice(cycle(words), layers))


def text_of_layers(words: Sequence[str]) -> str:
    """The shortest text that `words_of_layers` reads as these words: a period of them, runs counted."""
    size = next(n for n in range(1, len(words) + 1) if all(w == words[i % n] for i, w in enumerate(words)))
    runs = ((word, len(list(run))) for word, run in groupby(words[:size]))
    return "/".join(f"{count}*{word}" if count > 1 else word for word, count in runs)


def kinds_of_layers(mixers: Sequence[str], inners: Sequence[str]) -> tuple[Layers, ...]:
    """How many layers there are of each kind, in the order in which the first of each stands."""
    counts = Counter(zip(mixers, inners, strict=True))
    return tuple(Layers(mixer=mixer, inner=inner, count=count) for (mixer, inner), count in counts.items())
