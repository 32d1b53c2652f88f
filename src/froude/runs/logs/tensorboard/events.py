"""What the events of a run's files say: scalars step by step, and its configuration."""

from __future__ import annotations

import json
import re
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.runs.logs.logged_run import Series
from froude.runs.logs.protobuf import blob, fields, number, signed, text
from froude.runs.logs.texts import names, value_of_text

# Numbers of fields in tensorboard/compat/proto/{event,summary,tensor}.proto and plugins/hparams/plugin_data.proto.
_STEP, _SUMMARY, _SESSION = 2, 5, 7
_TAG, _SIMPLE_VALUE, _TENSOR, _METADATA = 1, 2, 8, 9
_MEDIA = {3: "histogram", 4: "image", 5: "histogram", 6: "audio"}
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 14: "<u2", 19: "<f2", 22: "<u4", 23: "<u8"}
_BFLOAT16, _STRING = 14, 7
_START = 1  # SessionLog.START: what was logged from its step on is void
_LONGEST_TEXT = 100_000
_TABLE = re.compile(r"^\s*\|(.*)\|\s*$", re.MULTILINE)


@final
@dataclass
class ScalarColumn:
    """One tag along a run: steps and values in the order in which they were logged."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("f"))
    last_part: int = 0

    def add(self, step: int, value: float, part: int) -> None:
        """Add a point; one of a later part of the run replaces those of earlier parts from its step on."""
        if part != self.last_part:
            self.cut(step)
            self.last_part = part
        self.steps.append(step)
        self.values.append(value)

    def cut(self, step: int) -> None:
        """Drop what stands from the first point at or past a step on."""
        late = np.flatnonzero(np.frombuffer(self.steps, np.int64) >= step)[:1].tolist() if self.steps else []
        for place in late:
            del self.steps[place:], self.values[place:]

    def series(self) -> Series:
        """The column as a series; what was logged in single precision stays so."""
        values = np.frombuffer(self.values, np.float32 if self.values.typecode == "f" else np.float64)
        return Series(x="step", at=np.frombuffer(self.steps, np.int64), values=values)


@final
@dataclass
class EventRun:
    """A run of TensorBoard, gathered event by event."""

    columns: dict[str, ScalarColumn] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    part: int = 0
    _texts: dict[str, str | None] = field(default_factory=dict)
    _other: dict[str, str] = field(default_factory=dict)
    _known: dict[bytes, ScalarColumn] = field(default_factory=dict)
    _kinds: dict[str, str] = field(default_factory=dict)

    def take(self, event: bytes) -> None:
        """Add what an event says, or a note where it is none."""
        if self._take_known(event):
            return
        try:
            self._take(event)
        except (InputError, struct.error, ValueError) as error:
            self.notes.append(f"an event of {len(event)} bytes was left out: it {error}")

    def said(self) -> list[str]:
        """What was left out."""
        other = dict(self._other) | {tag: "text" for tag, body in self._texts.items() if body is None}
        if not other:
            return self.notes
        kinds = ", ".join(sorted(set(other.values())))
        return [*self.notes, f"tags that hold no numbers ({kinds}) were left out: {names(other)}"]

    def configuration(self) -> dict[str, Any]:
        """The configuration: hyperparameters, and what texts say of it."""
        told: dict[str, Any] = {}
        for tag, body in self._texts.items():
            if body is not None:
                name = tag.removesuffix("/text_summary")
                told[name] = _value_of_summary(body)
        return {**told, **self.config}

    def _take_known(self, event: bytes) -> bool:
        """Whether an event differs from an earlier one in its step and in its value alone, which it ends with."""
        # wall_time (9 bytes), step (a varint, none for 0), then the summary.
        at, step = 9, 0
        if len(event) > 10 and event[0] == 0x09 and event[9] == 0x10:
            at, shift, byte = 10, 0, 0x80
            while byte >= 0x80 and at < len(event):
                byte = event[at]
                step |= (byte & 0x7F) << shift
                shift += 7
                at += 1
        column = self._known.get(event[at:-4])
        if column is None or step >> 63:
            return False
        (value,) = struct.unpack("<f", event[-4:])
        column.add(step, value, self.part)
        return True

    def _take(self, event: bytes) -> None:
        step, summaries = 0, []
        for field_number, value in fields(event):
            if field_number == _STEP:
                step = signed(number(value))
            elif field_number == _SUMMARY:
                summaries.append(blob(value))
            elif field_number == _SESSION and dict(fields(blob(value))).get(1) == _START:
                for column in self.columns.values():
                    column.cut(step)
        for summary in summaries:
            values = [blob(value) for field_number, value in fields(summary) if field_number == 1]
            for value in values:
                is_alone = len(values) == len(summaries) == 1
                self._take_value(step, value, event if is_alone else None)

    def _take_value(self, step: int, message: bytes, event: bytes | None) -> None:
        told: dict[int, Any] = dict(fields(message))
        tag = text(told.get(_TAG, b""))
        plugin, content = _plugin(told.get(_METADATA))
        plugin = self._kinds.setdefault(tag, plugin) or plugin
        if plugin == "hparams":
            self.config |= _hyperparameters(content)
        elif _SIMPLE_VALUE in told:
            (value,) = struct.unpack("<f", blob(told[_SIMPLE_VALUE]))
            self._add(tag, step, value, event if message.endswith(told[_SIMPLE_VALUE]) else None)
        elif _TENSOR in told:
            self._take_tensor(tag, step, plugin, told[_TENSOR], event)
        else:
            self._other.setdefault(tag, next((kind for part, kind in _MEDIA.items() if part in told), "other"))

    def _take_tensor(self, tag: str, step: int, plugin: str, message: bytes, event: bytes | None) -> None:
        tensor: dict[int, Any] = dict(fields(message))
        if tensor.get(1) == _STRING:
            body = text(tensor.get(8, b""))
            is_new = tag not in self._texts and plugin in ("", "text") and len(body) < _LONGEST_TEXT
            self._texts[tag] = body if is_new or self._texts.get(tag) == body else None
            return
        value = _number_in(tensor) if plugin in ("", "scalars") else None
        if value is None:
            self._other.setdefault(tag, plugin or "tensor")
            return
        if not _is_single(value):
            self._widen(tag)
        column = self._add(tag, step, value, None)
        if event is not None and tensor.get(1) == 1 and event.endswith(struct.pack("<f", value)):
            self._learn(event, column)

    def _add(self, tag: str, step: int, value: float, event: bytes | None) -> ScalarColumn:
        column = self.columns.setdefault(tag, ScalarColumn())
        column.add(step, value, self.part)
        if event is not None:
            self._learn(event, column)
        return column

    def _widen(self, tag: str) -> None:
        """Keep a tag's values in double precision from now on."""
        column = self.columns.setdefault(tag, ScalarColumn())
        if column.values.typecode == "f":
            column.values = array("d", column.values)

    def _learn(self, event: bytes, column: ScalarColumn) -> None:
        """Remember an event's bytes without step and value, where they stand as `_take_known` has it."""
        parts = list(fields(event))
        is_plain = [key for key, _ in parts] in ([1, _SUMMARY], [1, _STEP, _SUMMARY])
        if is_plain and event[0] == 0x09 and len(self._known) < 4 * len(self.columns):
            summary = blob(parts[-1][1])
            self._known[event[event.index(summary, 9) - _head_bytes(len(summary)) : -4]] = column


def _head_bytes(size: int) -> int:
    """How many bytes stand before a field's data: its key, and its size as a varint."""
    return 1 + max(1, -(-size.bit_length() // 7))


def _is_single(value: float) -> bool:
    """Whether a number is one in single precision too, or NaN."""
    with np.errstate(over="ignore"):
        return value != value or float(np.float32(value)) == value


def _plugin(metadata: bytes | None) -> tuple[str, bytes]:
    """The plugin of a tag, and what it keeps in the metadata."""
    if metadata is None:
        return "", b""
    data = dict(fields(blob(dict(fields(blob(metadata))).get(1, b""))))
    return text(data.get(1, b"")), blob(data.get(2, b""))


def _number_in(tensor: dict[int, Any]) -> float | None:
    """The number in a tensor that has one, None for another one. Fields: 1 dtype, 2 shape, 4 content, 5 … values."""
    dtype = tensor.get(1, 0)
    size = 1
    for field_number, dim in fields(tensor.get(2, b"")):
        if field_number == 2:
            size *= signed(number(dict(fields(blob(dim))).get(1, 0)))
    if size != 1 or dtype not in _DTYPES:
        return None
    content = tensor.get(4) or tensor.get(5) or tensor.get(6)
    if content:
        if len(content) != np.dtype(_DTYPES[dtype]).itemsize:
            return None
        if dtype == _BFLOAT16:
            content, dtype = b"\0\0" + content, 1
        return float(np.frombuffer(content, _DTYPES[dtype])[0])
    for part in (7, 10, 16, 17):
        if part in tensor:
            value = tensor[part]
            whole = number(next(iter(_varints(value)), 0)) if isinstance(value, bytes) else value
            return float(signed(whole) if part in (7, 10) else whole)
    return None if 13 in tensor else 0.0


def _varints(packed: bytes) -> Iterator[int]:
    """The integers of a packed field, each read as if it stood in a field of its own."""
    at = 0
    while at < len(packed):
        end = next((i for i in range(at, len(packed)) if packed[i] < 0x80), len(packed) - 1) + 1
        yield from (number(value) for _, value in fields(b"\x08" + packed[at:end]))
        at = end


def _hyperparameters(content: bytes) -> dict[str, Any]:
    """The values of hyperparameters at the start of a session (field 3; 1 there), which are google.protobuf.Value."""
    values: dict[str, Any] = {}
    for field_number, start in fields(content):
        if field_number != 3:
            continue
        for part, pair in fields(blob(start)):
            if part != 1:
                continue
            entry = dict(fields(blob(pair)))
            for kind, value in fields(blob(entry.get(2, b""))):
                values[text(entry.get(1, b""))] = _plain(kind, value)
    return values


def _plain(kind: int, value: int | bytes) -> Any:
    """What a google.protobuf.Value holds: a number (kind 2), a text (3), a flag (4)."""
    if kind == 2:
        (double,) = struct.unpack("<d", blob(value))
        return int(double) if double.is_integer() and abs(double) < 2**53 else double
    if kind == 3:
        return value_of_text(text(value))
    return bool(value) if kind == 4 else None


def _value_of_summary(body: str) -> Any:
    """The mapping that a text of a configuration holds, as JSON or as a Markdown table of two columns, or its value."""
    rows = [[cell.strip() for cell in row.split("|")] for row in _TABLE.findall(body)]
    if len(rows) > 2 and all(len(row) == 2 for row in rows) and not rows[1][0].strip("-: "):
        return {name: value_of_text(value) for name, value in rows[2:]}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return value_of_text(body)
