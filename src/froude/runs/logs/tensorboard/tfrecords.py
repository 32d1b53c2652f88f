"""The records of a file of TensorFlow, each checked by its sums, a piece of the file at a time."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from froude.runs.logs.tensorboard.crc32c import masked_crc32c

_CHUNK = 2**16
LARGEST_BYTES = 2**23
"""Of a record that is read: larger ones hold pictures or graphs."""
_HEAD, _FOOT = 12, 4
_SIZE = struct.Struct("<Q")


def records(file: BinaryIO, notes: list[str]) -> Iterator[bytes]:
    """Yield the whole records of a file: size (8 bytes), its sum (4), data, its sum (4).

    Sums are masked CRC-32C. One whose data are broken is left out; where a size is broken, the file ends. Notes get a
    sentence each. Source: https://www.tensorflow.org/tutorials/load_data/tfrecord.
    """
    begin, rest, n_broken, first_broken = 0, b"", 0, 0
    while piece := file.read(_CHUNK):
        data = rest + piece
        begins, sizes, at = _layout(data)
        is_size_right, is_data_right = _checks(data, begins, sizes)
        for i, (place, size) in enumerate(zip(begins, sizes, strict=True)):
            if not is_size_right[i]:
                notes.append(f"the log is broken at byte {begin + place}: what follows was left out")
                notes += _broken_notes(n_broken, first_broken)
                return
            if is_data_right[i]:
                yield data[place + _HEAD : place + _HEAD + size]
            else:
                n_broken, first_broken = n_broken + 1, first_broken or begin + place
        rest, begin = data[at:], begin + at
        if len(rest) >= _HEAD and (size := _SIZE.unpack_from(rest)[0]) > LARGEST_BYTES:
            whole = size + _HEAD + _FOOT
            if not _checks(rest[:_HEAD], [0], [0], is_data=False)[0][0]:
                break
            file.seek(begin + whole - 1)
            if not file.read(1):
                break
            notes.append(f"a record of {size / 2**20:.0f} MiB at byte {begin} was passed over")
            rest, begin = b"", begin + whole
    if rest:
        notes.append(f"the log breaks off at byte {begin}, within a record")
    notes += _broken_notes(n_broken, first_broken)


def _layout(data: bytes) -> tuple[list[int], list[int], int]:
    """Where whole records begin in some bytes, how large their data are, and where the rest begins."""
    begins, sizes, at, end = [], [], 0, len(data) - _HEAD - _FOOT
    while at <= end:
        (size,) = _SIZE.unpack_from(data, at)
        if at + size > end:
            break
        begins.append(at)
        sizes.append(size)
        at += size + _HEAD + _FOOT
    return begins, sizes, at


def _checks(data: bytes, begins: list[int], sizes: list[int], is_data: bool = True) -> tuple[list[bool], list[bool]]:
    """Whether the sum of the size and that of the data of each record are right."""
    if not begins:
        return [], []
    body, begin, size = np.frombuffer(data, np.uint8), np.array(begins), np.array(sizes)
    is_size_right = masked_crc32c(body, begin, np.full(len(begin), 8)) == _sums(body, begin + 8)
    if not is_data:
        return is_size_right.tolist(), []
    is_full = size > 0
    is_data_right = np.ones(len(begin), bool)
    if is_full.any():
        begin, size = begin[is_full] + _HEAD, size[is_full]
        is_data_right[is_full] = masked_crc32c(body, begin, size) == _sums(body, begin + size)
    return is_size_right.tolist(), is_data_right.tolist()


def _sums(body: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The sums that stand at places, as integers."""
    return body[places[:, None] + np.arange(4)].astype(np.uint32) @ np.array([1, 1 << 8, 1 << 16, 1 << 24], np.uint32)


def _broken_notes(n_broken: int, first: int) -> list[str]:
    if not n_broken:
        return []
    return [f"{n_broken} broken record{'s' * (n_broken > 1)} (the first at byte {first}) were left out"]
