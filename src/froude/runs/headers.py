"""What the name of a column says beside its name: the prefix of a tracker, and the unit of its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import final

_LETTERS: Mapping[str, float] = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_WORDS: Mapping[str, float] = {
    **dict.fromkeys(("thousand", "thousands", "kilo"), 1e3),
    **dict.fromkeys(("mm", "mn", "mln", "mil", "mio", "million", "millions", "mega"), 1e6),
    **dict.fromkeys(("bn", "bln", "mrd", "billion", "billions", "giga"), 1e9),
    **dict.fromkeys(("tn", "trn", "trillion", "trillions", "tera"), 1e12),
}
_PREFIXES: Mapping[str, float] = {
    **{"k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21, "y": 1e24},
    **{"kilo": 1e3, "mega": 1e6, "giga": 1e9, "tera": 1e12, "peta": 1e15, "exa": 1e18, "zetta": 1e21, "yotta": 1e24},
}
_NOUNS = {
    **dict.fromkeys(("tok", "toks", "token", "tokens"), "tokens"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "params"),
    **dict.fromkeys(("flop", "flops", "flos"), "flops"),
    **dict.fromkeys(("nat", "nats", "bit", "bits", "step", "steps", "count", "number", "num"), ""),
}
_FILLERS = ("", "of", "in", "x", "×", "*", "#", "per", "log")
_PREFIXED = re.compile(rf"({'|'.join(_PREFIXES)})({'|'.join(filter(None, _NOUNS))})")
_POWER = re.compile(r"[x×*]?(?:1(?:\.0+)?e|10\^|10\*\*)\+?(-?\d{1,2})")
_PETAFLOP_DAYS = re.compile(r"(?:pf|pflops?|petaflops?|peta-?flops?)(?:[/_ -]?s(?:ec)?)?[-_ /·]*days?", re.IGNORECASE)
_PETAFLOP_DAY = 1e15 * 86400.0
_BRACKET = re.compile(r"(.*?)\s*[\(\[\{]([^\)\]\}]*)[\)\]\}]\s*(.*)")
_TRACKER = re.compile(
    r"(?:params|metrics|tags|config|summary|summary_metrics|hparams|hyperparameters|args|cfg|results?)[./:]"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


@final
@dataclass(frozen=True, kw_only=True)
class Header:
    """What a column's name may mean: the name without prefix and unit, and what its numbers are to be multiplied by.

    `unit` is what was taken off as it is written, "" where there is none.
    """

    base: str
    factor: float = 1.0
    unit: str = ""

    @property
    def normal(self) -> str:
        """The base as synonyms are written."""
        return normal(self.base)


@lru_cache(maxsize=65536)
def normal(name: str) -> str:
    """Return a column's name in lower case, its words joined by underscores, as synonyms are written."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def readings(name: str) -> Iterator[Header]:
    """Every way to read a column's name, the plainest first: whole, without the prefix of a tracker, without its unit.

    "metrics.val_loss" may be val_loss, "Params (M)" may be Params in millions, "total_gflops" total_flops in 1e9.
    """
    names = [name]
    bare = name
    while match := _TRACKER.match(bare):
        bare = bare[match.end() :]
        names.append(bare)
    last = re.split(r"[./:]", bare)[-1]
    if bare != name and "loss" not in last.lower():  # which loss it is, stands before it: train/loss
        names.append(last)
    names += [twin[1] for each in names if (twin := re.fullmatch(r"(.+) \(\d\)", each))]  # of columns of one name
    for each in dict.fromkeys(names):
        yield Header(base=each)
    for each in dict.fromkeys(names):
        header = _without_unit(each)
        if header is not None:
            yield header


def is_unit(text: str) -> bool:
    """Whether a text is a unit or a scale and nothing else: "M", "(billions)", "1e18 FLOP", "nats"."""
    inner = re.sub(r"^[(\[{]|[)\]}]$", "", text.strip())
    return bool(inner) and all(_factor(word) or _noun(word) is not None for word in _split(inner))


def _without_unit(name: str) -> Header | None:
    """The name without the unit that is part of it; None if there is none."""
    name = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "^" + found.group().translate(_SUPERSCRIPTS), name)
    if found := _PETAFLOP_DAYS.search(name):
        rest = re.sub(r"[\s,_(\[{\])}-]+", " ", name[: found.start()] + name[found.end() :]).strip()
        return Header(base=rest or "flops", factor=_PETAFLOP_DAY, unit=found.group())
    bracket = _BRACKET.fullmatch(name)
    main, inner = (f"{bracket[1]} {bracket[3]}", bracket[2]) if bracket else (name, "")
    if not bracket and "," in name:
        main, _, inner = name.partition(",")
    base, factor, unit = [], 1.0, []
    words = _split(main)
    for i, word in enumerate(words):
        scale = _factor(word, alone=False) or (_LETTERS.get(word.lower()) if 0 < i == len(words) - 1 else None)
        prefixed = _PREFIXED.fullmatch(word.lower())
        if scale:
            factor, unit = factor * scale, [*unit, word]
        elif prefixed:
            factor, unit = factor * _PREFIXES[prefixed[1]], [*unit, word]
            base.append(_NOUNS[prefixed[2]])
        elif word.lower() not in ("in", "/", "x"):
            base.append(word)
    for word in _split(inner):
        if scale := _factor(word):
            factor *= scale
            noun = ""
        else:
            noun = _noun(word)
        if noun is None:
            base.append(word)
    if factor == 1.0 and not inner:
        return None
    return Header(base=" ".join(base), factor=factor, unit=inner.strip() or " ".join(unit))


def _split(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,;_/.]+", text.replace("1.0e", "1e")) if word]


def _factor(word: str, *, alone: bool = True) -> float | None:
    """What a word multiplies by: "millions", "1e18", and where it stands `alone`, as in brackets, "M" and "GFLOPs"."""
    lower = word.lower()
    if power := _POWER.fullmatch(lower):
        return 10.0 ** int(power[1])
    if lower in _WORDS or not alone:
        return _WORDS.get(lower)
    prefixed = _PREFIXED.fullmatch(lower)
    return _PREFIXES[prefixed[1]] if prefixed else _LETTERS.get(lower)


def _noun(word: str) -> str | None:
    """The noun that a word of a unit is, "" for one that says nothing; None if it is none."""
    lower = word.lower()
    return "" if lower in _FILLERS else _NOUNS.get(lower)
