"""The records of a .wandb file, each checked by its sum, and what is said where some are broken."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from froude.errors import InputError

BLOCK_BYTES = 2**15
HEADER = b":W&B\xe1\xbe\x00"
"""What a file begins with: a name, a magic number and the version of the format, 0."""

_HEAD = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_SUMS = {kind: zlib.crc32(bytes([kind])) for kind in (_FULL, _FIRST, _MIDDLE, _LAST)}


def records(file: BinaryIO, notes: list[str]) -> Iterator[bytes]:
    """Yield the whole records of a file; notes get a sentence for each stretch of bytes that is broken.

    The file is a log as LevelDB keeps it, with another head: blocks of 32 KiB, in which every piece of a record has
    crc32(type + data) (4 bytes), length (2), type (1) and data. A broken piece costs the rest of its block, as no
    length can be believed there. Raises InputError where the file is of another kind.
    Source: https://github.com/google/leveldb/blob/main/doc/log_format.md.
    """
    begin, broken, parts = 0, _Broken(), None
    while block := file.read(BLOCK_BYTES):
        if begin == 0 and not block.startswith(HEADER[: len(block)]):
            raise InputError("is no log of a W&B run, or of a version that is not known")
        at = 0 if begin else len(HEADER)
        while at + _HEAD.size <= len(block):
            crc, size, kind = _HEAD.unpack_from(block, at)
            data = block[at + _HEAD.size : at + _HEAD.size + size]
            if len(data) < size or kind not in _SUMS or zlib.crc32(data, _SUMS[kind]) != crc:
                break
            if kind in (_FULL, _FIRST) and parts is not None:
                broken.add(begin + at, begin + at)
            if kind == _FULL:
                parts = None
                yield data
            elif kind == _FIRST:
                parts = [data]
            elif parts is None:
                broken.add(begin + at, begin + at)
            else:
                parts.append(data)
                if kind == _LAST:
                    yield b"".join(parts)
                    parts = None
            at += _HEAD.size + size
        if at + _HEAD.size <= len(block) or (len(block) < BLOCK_BYTES and at < len(block)):
            broken.add(begin + at, begin + len(block))
            parts = None
        begin += len(block)
    if parts is not None or 0 < begin < len(HEADER):
        broken.add(begin, begin)
    notes += broken.notes(begin)


class _Broken:
    """Stretches of a file that could not be read."""

    def __init__(self) -> None:
        self._stretches: list[tuple[int, int]] = []

    def add(self, begin: int, end: int) -> None:
        """Note a stretch, as part of the last one where that ends there."""
        if self._stretches and self._stretches[-1][1] >= begin:
            begin = self._stretches.pop()[0]
        self._stretches.append((begin, end))

    def notes(self, end: int) -> Iterator[str]:
        """What is said of each stretch in a file that ends at a byte."""
        for begin, stop in self._stretches:
            if stop < end:
                yield f"the log is broken at byte {begin}: what stood there, up to byte {stop}, was left out"
            else:
                yield f"the log breaks off at byte {begin} of {end}, within a record"
