"""A machine in words: "1024 x h100", "2 nodes of 8 x h100", a chip or a file alone."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import final

from froude.bounds import MOST_DEVICES
from froude.errors import InputError, shown

_TIMES = r"\s*[x×*]\s*"
_NUMBER = r"\d[\d,]*"
_DEVICES = re.compile(rf"(?:(?P<count>{_NUMBER}){_TIMES}|(?P<bare>{_NUMBER})\s+)?(?P<name>[^\s].*)", re.IGNORECASE)
_NODES = re.compile(
    rf"(?P<nodes>{_NUMBER})(?:{_TIMES}|\s+)nodes?(?:\s+(?:of|with)\s+|{_TIMES}|\s*[,:]\s*|\s+)(?P<rest>[^\s].*)"
    rf"|(?P<several>{_NUMBER}){_TIMES}(?P<each>{_NUMBER}(?:{_TIMES}|\s+)[^\s].*)",
    re.IGNORECASE,
)


@final
@dataclass(frozen=True, kw_only=True)
class MachineText:
    """What a text says of a machine: devices in all, nodes, devices of each; None where it says nothing of them."""

    name: str
    devices: int | None = None
    nodes: int | None = None
    per_node: int | None = None


def parse_machine_text(text: str) -> MachineText:
    """What a text says of a machine.

    "1024 x h100", "1024 h100", "2 nodes of 8 x h100", "2 x 8 x h100", "2 nodes of h100", "h100", "cluster.toml",
    "2 nodes of cluster.toml". InputError for an empty text, and for none or too many of anything.
    """
    plain = text.strip()
    if not plain:
        raise InputError("machine '' is empty: write count and chip, as in \"1024 x h100\", or a TOML file")
    if os.path.isfile(text):
        return MachineText(name=plain)
    nodes = _NODES.fullmatch(plain)
    if nodes is None:
        count, name = _count_and_name(plain, text)
        return MachineText(name=name, devices=count)
    many = _count(nodes["nodes"] or nodes["several"], "nodes", text)
    each, name = _count_and_name((nodes["rest"] or nodes["each"]).strip(), text)
    if each is not None and many * each > MOST_DEVICES:
        raise _too_many("devices", text)
    return MachineText(name=name, devices=None if each is None else many * each, nodes=many, per_node=each)


def _count_and_name(plain: str, text: str) -> tuple[int | None, str]:
    match = _DEVICES.fullmatch(plain)
    if match is None:
        return None, plain
    digits = match["count"] or match["bare"]
    return (None if digits is None else _count(digits, "devices", text)), match["name"].strip()


def _count(digits: str, what: str, text: str) -> int:
    number = min(float(digits.replace(",", "")), MOST_DEVICES + 1)
    if not number:
        raise InputError(f"machine {text!r} has no {what}: give at least 1")
    if number > MOST_DEVICES:
        raise _too_many(what, text)
    return int(number)


def _too_many(what: str, text: str) -> InputError:
    return InputError(f"machine {shown(text)} has too many {what}: give at most {MOST_DEVICES:,}")
