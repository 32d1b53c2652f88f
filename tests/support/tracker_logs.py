"""Logs of trackers for tests: by the trackers' own libraries, and small ones in the same formats, without them."""

import importlib.util
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from paths import ROOT

BLOCK = 2**15
LIBRARIES = {
    "wandb": "wandb",
    "tensorboard": "tensorboard",
    "tensorboardx": "tensorboardX",
    "mlflow_database": "mlflow",
    "mlflow_folder": "mlflow",
    "trackio": "trackio",
}


def logged_by_library(kind: str, folder: Path) -> Path:
    """A source of `benchmarks/reader_logs.py`, which a process of its own writes; skips where the library lacks."""
    if importlib.util.find_spec(LIBRARIES[kind]) is None:
        pytest.skip(f"{LIBRARIES[kind]} is not there: pip install -e '.[trackers]'")
    command = [sys.executable, str(ROOT / "benchmarks" / "reader_logs.py"), kind, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


def varint(value: int) -> bytes:
    """An integer as protobuf writes it."""
    value &= 2**64 - 1
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def message(*fields: tuple[int, int | float | str | bytes]) -> bytes:
    """A protobuf message: an integer is a varint, a float has eight bytes."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts.append(varint(number << 3) + varint(value))
        elif isinstance(value, float):
            parts.append(varint(number << 3 | 1) + struct.pack("<d", value))
        else:
            body = value.encode() if isinstance(value, str) else value
            parts.append(varint(number << 3 | 2) + varint(len(body)) + body)
    return b"".join(parts)


# --- W&B: files of runs, written as LevelDB's documentation has it


def wandb_file(path: Path, records: Iterable[bytes]) -> Path:
    """A .wandb file of records, split at blocks of 32 KiB."""
    body = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        begin = True
        while begin or record:
            left = BLOCK - len(body) % BLOCK
            if left < 7:
                body += bytes(left)
                continue
            piece, record = record[: left - 7], record[left - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[begin, not record]
            crc = zlib.crc32(bytes([kind]) + piece)
            body += struct.pack("<IHB", crc, len(piece), kind) + piece
            begin = False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(body))
    return path


def wandb_items(values: Mapping[str | tuple[str, ...], object], key: int = 1) -> bytes:
    """Items of a record: a name is a key, a tuple a nested one (of rows, always nested)."""
    items = []
    for name, value in values.items():
        path = [(key, name)] if isinstance(name, str) else [(2, part) for part in name]
        items.append((1, message(*path, (16, json.dumps(value)))))
    return message(*items)


def wandb_begin(
    id: str = "x", config: Mapping | None = None, name: str = "", project: str = "p", **more: bytes
) -> bytes:
    """The record that begins a run."""
    fields = [(1, id), (3, project), (4, wandb_items(config or {})), (8, name)]
    return message((17, message(*fields, *((int(number[1:]), value) for number, value in more.items()))))


def wandb_row(step: int, values: Mapping[Any, object]) -> bytes:
    """A row of metrics."""
    return message((2, wandb_items({**values, "_step": step}, key=2) + message((2, message((1, step))))))


def wandb_summary(values: Mapping[str | tuple[str, ...], object]) -> bytes:
    """A change of the summary."""
    return message((3, wandb_items(values)))


def wandb_axis(metric: str, step_metric: str, sync: bool = True) -> bytes:
    """What define_metric writes."""
    name = (2, metric) if metric.endswith("*") else (1, metric)
    return message((12, message(name, (4, step_metric), (6, message((1, int(sync)), (3, 1))))))


def wandb_exit(code: int = 0) -> bytes:
    """The record that ends a run."""
    return message((18, message((1, code), (2, 5))))


# --- TensorBoard: event files, their sums bit by bit


def masked_crc32c(data: bytes) -> int:
    """The masked CRC-32C of bytes, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def event_file(path: Path, events: Iterable[bytes]) -> Path:
    """An event file of events."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for event in [message((1, 1.0), (3, "brain.Event:2")), *events]:
            size = struct.pack("<Q", len(event))
            file.write(size + struct.pack("<I", masked_crc32c(size)))
            file.write(event + struct.pack("<I", masked_crc32c(event)))
    return path


def scalar(tag: str, step: int, value: float) -> bytes:
    """An event with one scalar."""
    single = varint(2 << 3 | 5) + struct.pack("<f", value)
    return message((1, 1.5), *([(2, step)] if step else []), (5, message((1, message((1, tag)) + single))))


def text_event(tag: str, body: str, step: int = 0) -> bytes:
    """An event with a text."""
    metadata = message((1, message((1, "text"))))
    return message(
        (1, 1.5), (2, step), (5, message((1, message((1, tag), (8, message((1, 7), (8, body))), (9, metadata)))))
    )


# --- MLflow and trackio

MLFLOW = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, lifecycle_stage TEXT);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, status TEXT, start_time BIGINT, lifecycle_stage TEXT,
                   experiment_id INTEGER);
CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN,
                      PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan));
CREATE INDEX by_run ON metrics (run_uuid);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
"""
TRACKIO = """
CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, {id} timestamp TEXT, run_name TEXT, step INTEGER,
                      metrics TEXT);
CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, {id} run_name TEXT, config TEXT, created_at TEXT);
"""
ROWS = [f"{1796098243000 + i} {900.5 - i} {i}\n" for i in range(50)]


def run_folder(experiment: Path, id: str, *, stage: str = "active", status: int = 3, **metrics: str) -> Path:
    """A run as the file store writes it."""
    folder = experiment / id
    for part in ("metrics/train", "params/model", "tags", "artifacts"):
        (folder / part).mkdir(parents=True)
    about = {"run_id": id, "run_name": f"'run: {id}'", "lifecycle_stage": stage, "status": status, "tags": "[]"}
    (folder / "meta.yaml").write_text("".join(f"{key}: {value}\n" for key, value in about.items()))
    for name, body in {"train/loss": "".join(ROWS), **metrics}.items():
        (folder / "metrics" / name).write_text(body)
    (folder / "params" / "model" / "width").write_text("64")
    (folder / "params" / "text").write_text("it's: a\nline")
    (folder / "tags" / "mlflow.user").write_text("me")
    (folder / "tags" / "team").write_text("x")
    return folder


def experiment(root: Path, id: str, name: str, stage: str = "active") -> Path:
    """An experiment as the file store writes it."""
    folder = root / id
    folder.mkdir(parents=True)
    (folder / "meta.yaml").write_text(f"experiment_id: '{id}'\nlifecycle_stage: {stage}\nname: {name}\n")
    return folder
