"""The command of a sweep, in whose words {name} stands for a setting of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from froude.errors import InputError, close_names, shown
from froude.programs import words_of
from froude.sweeps.dials import Value
from froude.sweeps.space import Config

OWN = ("log", "config")
"""{log} is the folder of a run, for the trainer's own files; {config} a JSON file with the settings of the run."""

_PLACE = re.compile(r"\{\{(\w+)\}\}|\{([A-Za-z_]\w*)\}")


@final
@dataclass(frozen=True, kw_only=True)
class Template:
    """The words of a command; `{width}` is replaced by that setting, `{{width}}` stands for the text `{width}`."""

    words: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """The template that a line of a shell writes. InputError where it needs a shell or its program is not found."""
        return cls(words=words_of(text))

    @property
    def places(self) -> tuple[str, ...]:
        """The names that stand in it, in their order."""
        return tuple(dict.fromkeys(found[2] for word in self.words for found in _PLACE.finditer(word) if found[2]))

    def filled(self, values: Mapping[str, Value]) -> list[str]:
        """The words with the values of all its places."""
        return [_PLACE.sub(lambda found: _replaced(found, values), word) for word in self.words]

    def check(self, configs: Sequence[Config]) -> None:
        """InputError for a place that a run does not set, and where two runs would be the same command."""
        reserved = [name for name in OWN if any(name in config for config in configs)]
        if reserved:
            raise InputError(f"the space sets {reserved[0]!r}, which names a place of a command: call it otherwise")
        for config in configs:
            if lacking := [name for name in self.places if name not in config and name not in OWN]:
                raise InputError(_unknown(lacking[0], config))
        if "config" in self.places:
            return
        seen: dict[tuple[str, ...], Config] = {}
        for config in configs:
            words = tuple(self.filled({**config, "log": ""}))
            if words in seen:
                names = sorted(name for name in config if config[name] != seen[words].get(name))
                raise InputError(
                    f"runs that differ in {', '.join(names)} have the same command: write {{{names[0]}}} in it"
                )
            seen[words] = config


def _replaced(found: re.Match[str], values: Mapping[str, Value]) -> str:
    """What stands for a place: its value, or for one in two braces the text of one in one."""
    return f"{{{found[1]}}}" if found[1] else written(values[found[2]])


def escaped(text: str) -> str:
    """A text that means itself in a template."""
    return _PLACE.sub(lambda found: f"{{{{{found[1] or found[2]}}}}}", text)


def written(value: Value) -> str:
    """A setting as a command has it: numbers in the fewest digits that say them, true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unknown(name: str, known: Iterable[str]) -> str:
    names = [*known]
    near = close_names(name, names)
    remedy = (
        f"is it {{{near[0]}}}?" if near else f"give {shown(name)} in the space, or write {{{{{name}}}}} for the text"
    )
    return f"the command has {{{name}}}, which the space does not set ({', '.join(names[:8])}): {remedy}"
