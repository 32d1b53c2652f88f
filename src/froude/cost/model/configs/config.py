"""A config.json of a Hugging Face model: its values, checked when an architecture looks at them.

Keys, their other names and what holds without them are those of the configuration classes of the library `transformers`
(5.24). A size that the file of a whole model leaves out is an error all the same; files shorten the parts of a model
(`text_config`) to what differs from their classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypedDict, final, get_type_hints

from froude.cost.model.configs.keys import ConfigKeys
from froude.documents import DocumentKind
from froude.errors import InputError, shown

CONFIG_FILE = DocumentKind(
    what="config.json of a model", remedy="correct it, or download it again", missing="check the path"
)

Description = dict[str, object]
Reader = Callable[["Config"], Description]

TYPES: Mapping[str, Any] = get_type_hints(ConfigKeys, include_extras=True)

GIVEN = frozenset(
    [
        "num_hidden_layers",
        "hidden_size",
        "num_attention_heads",
        "vocab_size",
        "intermediate_size",
        "n_layer",
        "n_embd",
        "n_head",
        "d_model",
        "n_layers",
        "n_heads",
        "num_layers",
        "num_heads",
        "encoder_layers",
        "decoder_layers",
    ]
)
"""Sizes that are never assumed of a model whose file leaves them out."""


@final
@dataclass(frozen=True, kw_only=True)
class Config(Mapping[str, Any]):
    """A config.json or a part of it: what an architecture does not use may be anything.

    A key may stand under another name that its class has for it. What is left out is the class's default; of a whole
    model not for the sizes in `GIVEN`.
    """

    path: Path
    document: Mapping[str, Any]
    place: str = ""

    def __getitem__(self, key: str) -> Any:
        name = next((name for name in self._names(key) if name in self.document), None)
        if name is None:
            return self._default(key)
        value = self.document[name]
        return self._checked(name, value) if name in TYPES else value

    def __iter__(self) -> Iterator[str]:
        return iter({**self._class.get("defaults", {}), **self.document})

    def __len__(self) -> int:
        return len(tuple(iter(self)))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and any(name in self.document for name in self._names(key))

    @property
    def kind(self) -> str | None:
        """The type of the architecture, as the file says it."""
        return self.get("model_type")

    def part(self, key: str, kind: str = "") -> Config:
        """The configuration of a part; its `kind` where it does not say one. KeyError where there is none."""
        document = self._checked(key, self.document[key], dict)
        if document.get("model_type") is None:
            document = {**document, "model_type": kind}
        return Config(path=self.path, document=document, place=f"{self.place}{key}.")

    def with_keys(self, more: Mapping[str, Any]) -> Config:
        """The same configuration with these keys too, as if the file had them."""
        return replace(self, document={**self.document, **more})

    def as_kind(self, kind: str) -> Config:
        """The same configuration, read as one of another type."""
        return replace(self, document={**self.document, "model_type": kind})

    @property
    def _class(self) -> Mapping[str, Any]:
        return classes().get(str(self.document.get("model_type")), {})

    def _names(self, key: str) -> tuple[str, ...]:
        others = self._class.get("aliases", {})
        return (key, *([others[key]] if key in others else []), *(n for n, known in others.items() if known == key))

    def _default(self, key: str) -> Any:
        defaults = self._class.get("defaults", {})
        for name in self._names(key):
            if name in defaults and (self.place or name not in GIVEN):
                return defaults[name]
        raise KeyError(f"{self.place}{key}")

    def _checked(self, key: str, value: object, kind: Any = None) -> Any:
        steps = [*self.place.split(".")[:-1], key]
        checked = CONFIG_FILE.check(_nested(steps, value), str(self.path), _typed(steps, kind or TYPES[key]))
        for step in steps:
            checked = checked[step]
        return checked


def only(config: Config, **settings: object) -> None:
    """Refuses a setting that is counted otherwise than what a description can say: InputError names it."""
    for key, wanted in settings.items():
        if config.get(key, wanted) not in (wanted, None):
            given = f"{key} = {shown(config[key])} of a {config.kind}"
            raise InputError(f"{given} is not known exactly: {wanted!r} is")


@cache
def classes() -> Mapping[str, Any]:
    """What configuration classes assume, and their other names for keys, by type."""
    text = files("froude.cost.model.configs").joinpath("classes.toml").read_text(encoding="utf-8")
    return CONFIG_FILE.parse_toml(text, "classes.toml", dict)


def _nested(steps: list[str], value: object) -> Any:
    """A value in the tables that it stands in."""
    return {steps[0]: _nested(steps[1:], value)} if steps else value


def _typed(steps: list[str], kind: Any) -> Any:
    """The type of a value in the tables that it stands in."""
    return TypedDict("Key", {steps[0]: _typed(steps[1:], kind)}) if steps else kind  # type: ignore[misc]
