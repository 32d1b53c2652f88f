"""What the records of a W&B run say: its name, configuration, rows, axes, summary and end."""

from __future__ import annotations

import json
import struct
from array import array
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, final

from froude.errors import InputError
from froude.runs.logs.history import Axis, History
from froude.runs.logs.logged_run import LoggedRun, State
from froude.runs.logs.protobuf import blob, fields, number, signed, text
from froude.runs.logs.texts import number_of

# Numbers of fields in wandb/proto/wandb_internal.proto of wandb 0.31; those of 0.12 are the same.
_HISTORY, _SUMMARY, _CONFIG, _METRIC, _RUN, _EXIT = 2, 3, 5, 12, 17, 18
_UPDATE, _REMOVE = 1, 2
_KEY, _NESTED_KEY, _JSON = 1, 2, 16
_BEFORE_JSON = b"\x82\x01"  # the field of a JSON text, which stands last and cannot hold these bytes
_OWN = "_"
"""What the names of W&B's own metrics and settings begin with."""


@final
@dataclass
class WandbRun:
    """A run of W&B, gathered record by record from one file, or from several where it was taken up again."""

    id: str
    name: str = ""
    project: str = ""
    state: State = "unknown"
    config: dict[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=History)
    notes: list[str] = field(default_factory=list)
    _summary: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    _about: dict[str, Any] = field(default_factory=dict)
    _metrics: dict[str, Axis] = field(default_factory=dict)
    _globs: dict[str, Axis] = field(default_factory=dict)
    _columns: dict[bytes, tuple[array[int], array[float]]] = field(default_factory=dict)

    def take(self, record: bytes) -> None:
        """Add what a record says, or a note where it is none of W&B's."""
        try:
            self._take(record)
        except (InputError, struct.error) as error:
            self.notes.append(f"a record of {len(record)} bytes was left out: it {error}")

    def _take(self, record: bytes) -> None:
        for field_number, value in fields(record):
            if field_number == _HISTORY:
                self._take_row(blob(value))
            elif field_number == _SUMMARY:
                self._keep_summary(blob(value))
            elif field_number == _CONFIG:
                _update(self.config, blob(value))
            elif field_number == _METRIC:
                self._take_metric(blob(value))
            elif field_number == _RUN:
                self._take_run(blob(value))
            elif field_number == _EXIT:
                self._take_exit(blob(value))

    def logged_run(self, id: str) -> LoggedRun:
        """Return the run under an id."""
        series, notes = self.history.series(self._axes())
        summary: dict[str, Any] = {}
        for (part, _), item in self._summary.items():
            _change(summary, item, part)
        return LoggedRun(
            id=id,
            name=self.name or self.id,
            state=self.state,
            config={key: value for key, value in self.config.items() if key != "_wandb"},
            summary={**self._about, **_without_media({k: v for k, v in summary.items() if not k.startswith(_OWN)})},
            series={name: each for name, each in series.items() if not name.startswith(_OWN)},
            notes=(*self.notes, *notes),
        )

    def _axes(self) -> dict[str, Axis]:
        """The axis of each metric that has one: as it was set for its name, else for the longest beginning of it."""
        axes = dict(self._metrics)
        beginnings = sorted(self._globs, key=len, reverse=True)
        for name in self.history.names if beginnings else ():
            fitting = [each for each in beginnings if name.startswith(each)]
            if fitting and name not in axes and not name.startswith(_OWN):
                axes[name] = self._globs[fitting[0]]
        return {name: axis for name, axis in axes.items() if axis.metric}

    def _take_row(self, message: bytes) -> None:
        steps, known = self.history.steps, self._columns
        row = len(steps)
        self.history.begin_row(row)
        is_placed = False
        for field_number, value in fields(message):
            if field_number == 1:
                item = blob(value)
                cut = item.rfind(_BEFORE_JSON)
                column = known.get(item[:cut])  # names come back in every row
                if column is None or cut + 3 + item[cut + 2] != len(item):
                    self._take_item(item, cut)
                    continue
                try:
                    number_there = float(item[cut + 3 :])
                except ValueError:
                    self._take_item(item, cut)
                    continue
                column[0].append(row)
                column[1].append(number_there)
            elif field_number == 2:
                steps[row] = next((signed(number(num)) for part, num in fields(blob(value)) if part == 1), 0)
                is_placed = True
        if not is_placed:  # of versions before 0.12, where the step is a metric alone
            rows, values = self.history.column("_step")
            steps[row] = values[-1] if rows and rows[-1] == row else row

    def _take_item(self, message: bytes, cut: int) -> None:
        """Put the value of an item into the row; `cut` is where its JSON text begins."""
        path, value = _path_and_value(message)
        name = ".".join(path)
        if path[-1:] == ("_type",):
            self.history.add_media(name.removesuffix("._type"))
        else:
            self.history.add(name, value)
            if cut > 0 and number_of(value) is not None:
                self._columns[message[:cut]] = self.history.column(name)

    def _keep_summary(self, message: bytes) -> None:
        """Keep what a record of the summary changes: a value comes with every row, and only the last one counts."""
        for part, value in fields(message):
            item = blob(value)
            name = part, item[: item.rfind(_BEFORE_JSON)]
            if name in self._summary:
                del self._summary[name]  # the order is that of the last changes
            self._summary[name] = item

    def _take_metric(self, message: bytes) -> None:
        """An axis as `define_metric` sets it, for a name or for all that begin with one."""
        told: dict[int, Any] = dict(fields(message))
        options = dict(fields(blob(told.get(6, b""))))
        axis = Axis(text(told.get(4, b"")), kept=bool(options.get(1, 0)))
        if 2 in told:
            self._globs[text(told[2]).removesuffix("*")] = axis
        elif axis.metric or text(told.get(1, b"")) not in self._metrics:
            self._metrics[text(told.get(1, b""))] = axis

    def _take_run(self, message: bytes) -> None:
        tags, about = [], {6: "group", 7: "job_type", 9: "notes"}
        branch = None
        for field_number, value in fields(message):
            if field_number == 1:
                self.id = text(value)
            elif field_number == 3:
                self.project = text(value)
            elif field_number == 4:
                _update(self.config, blob(value))
            elif field_number == 5:
                self._keep_summary(blob(value))
            elif field_number == 8:
                self.name = text(value)
            elif field_number == 10:
                tags.append(text(value))
            elif field_number in about and value:
                self._about[about[field_number]] = text(value)
            elif field_number == 23:
                branch = dict(fields(blob(value))).get(2)
        if tags:
            self._about["tags"] = tags
        self.state = "unknown"
        self.history.begin_part(struct.unpack("<d", blob(branch))[0] if branch else None)

    def _take_exit(self, message: bytes) -> None:
        told = dict(fields(message))
        self.state = "crashed" if told.get(1, 0) else "finished"


def project_of(record: bytes) -> str | None:
    """The project that a record names, None for a record that does not begin a run."""
    with suppress(InputError):
        for field_number, value in fields(record):
            if field_number != _RUN:
                continue
            return next((text(name) for part, name in fields(blob(value)) if part == 3), "")
    return None


def _path_and_value(message: bytes) -> tuple[tuple[str, ...], Any]:
    """The name of an item, one or nested, and its value."""
    path: list[str] = []
    found: Any = None
    for field_number, value in fields(message):
        if field_number in (_KEY, _NESTED_KEY):
            path.append(text(value))
        elif field_number == _JSON or field_number == 8:
            found = _parse(blob(value))
        elif field_number == 4:
            found = bool(value)
        elif field_number == 5:
            found = struct.unpack("<q", blob(value))[0]
        elif field_number == 6:
            found = struct.unpack("<d", blob(value))[0]
        elif field_number == 7:
            found = text(value)
    return tuple(path), found


def _parse(value: bytes) -> Any:
    """The value of a JSON text, the text itself where it is none."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value.decode("utf-8", "replace")


def _update(values: dict[str, Any], message: bytes) -> None:
    """Change nested values as a record of settings says."""
    for part, item in fields(message):
        _change(values, blob(item), part)


def _change(values: dict[str, Any], message: bytes, part: int) -> None:
    """Set a nested value as an item says (part 1 of a record), or remove it (part 2)."""
    item = list(fields(message)) if part in (_UPDATE, _REMOVE) else []
    path = [text(each) for key, each in item if key in (_KEY, _NESTED_KEY) and each]
    if not path:
        return
    for key in path[:-1]:
        if not isinstance(values.get(key), dict):
            values[key] = {}
        values = values[key]
    if part == _REMOVE:
        values.pop(path[-1], None)
    else:
        values[path[-1]] = _parse(next((blob(each) for key, each in item if key == _JSON), b"null"))


def _without_media(values: dict[str, Any]) -> dict[str, Any]:
    """Nested values without pictures, histograms and the like."""
    return {
        key: _without_media(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if not (isinstance(value, dict) and "_type" in value)
    }
