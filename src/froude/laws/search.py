"""Laws found by words: of their names, what they say, their symbols and units, and who published them."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator

from froude.errors import InputError
from froude.laws.catalogue import all_laws
from froude.laws.definition import Law

WORD = re.compile(r"\w+")
SMALL_WORDS = frozenset({"a", "an", "the", "of", "in", "on", "for", "with", "and", "or", "to", "by", "along", "law"})
OTHER_WORDS = {
    "quantization": "precision", "quantized": "precision", "bit": "precision", "fp8": "precision",
    "lr": "rate", "epoch": "repeated", "data": "token", "dataset": "token", "speedup": "speed", "flop": "compute",
    "accuracy": "score", "benchmark": "score", "inference": "sampling", "size": "parameter", "model": "parameter",
}  # fmt: skip
"""What else a word that users say is called in the catalogue."""

SHORTEST_STEM = 4  # letters of a word that may be the beginning of a longer one


def search_laws(text: str, limit: int | None = None) -> tuple[Law, ...]:
    """The laws that a text is about, best first; none where none of its words is found.

    Each word counts by where it stands, in the name and in what a law is about more than in its source, and by how few
    laws have it; laws that have more of the words come first. A single letter is a symbol: N, D or B.
    InputError where the text has no word.
    """
    words = [word for word in dict.fromkeys(map(_plain, WORD.findall(text))) if word not in SMALL_WORDS]
    if not words:
        raise InputError("nothing to search for: give a word, as in froude laws --search 'learning rate'")
    by_law = {law: [_weight(word, law) for word in words] for law in all_laws()}
    rarity = [math.log(1 + len(by_law) / (1 + sum(each[i] > 0 for each in by_law.values()))) for i in range(len(words))]

    def score(law: Law) -> tuple[float, float]:
        weights = by_law[law]
        is_name = text.strip().lower() == law.name
        whole = 1.5 if is_name or (len(words) > 1 and _has_phrase(text, law)) else 1.0
        return sum(w > 0 for w in weights), whole * sum(w * r for w, r in zip(weights, rarity, strict=True))

    found = [law for law, weights in by_law.items() if any(weights)]
    return tuple(sorted(found, key=score, reverse=True))[:limit]


def _texts(law: Law) -> Iterator[tuple[float, str]]:
    """What is said of a law, and how much a word there counts."""
    yield 6.0, law.name
    yield 5.0, law.unit
    yield 4.0, law.about
    yield 3.0, " ".join([*law.inputs, *law.choices, *law.input_units.values()])
    yield 2.0, f"{law.family} {(sys.modules[law.function.__module__].__doc__ or '').partition(chr(10))[0]}"
    yield 2.0, " ".join(law.kinds)
    yield 1.0, f"{law.source} {law.wrong_when} {' '.join(law.published)}"


def _weight(word: str, law: Law) -> float:
    names = {word: 1.0, **({OTHER_WORDS[word]: 0.5} if word in OTHER_WORDS else {})}
    return max(
        (weight * share for weight, text in _texts(law) for name, share in names.items() if _stands_in(name, text)),
        default=0.0,
    )


def _stands_in(word: str, text: str) -> bool:
    found = [_plain(each) for each in WORD.findall(text.replace("_", " "))]
    return word in found or (len(word) >= SHORTEST_STEM and any(each.startswith(word) for each in found))


def _has_phrase(text: str, law: Law) -> bool:
    phrase = " ".join(map(_plain, WORD.findall(text)))
    return any(phrase in " ".join(map(_plain, WORD.findall(each))) for _, each in _texts(law))


def _plain(word: str) -> str:
    """A word as it is compared: small, without the s of a plural; a single letter as it is, since N is not n."""
    if len(word) == 1:
        return word
    small = word.lower()
    return small[:-1] if small.endswith("s") and not small.endswith("ss") and len(small) > SHORTEST_STEM else small
