"""CRC-32C (Castagnoli) of many stretches of bytes at once, as records of TensorFlow have it."""

from __future__ import annotations

from functools import cache

import numpy as np

_POLYNOMIAL = 0x82F63B78  # reversed; RFC 3720, appendix B.4
_PIECE = 1024
_ALL = np.uint32(0xFFFFFFFF)


def masked_crc32c(data: np.ndarray, begins: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The masked sums (n,) of n stretches of bytes, none of them empty: ((crc >> 15 | crc << 17) + 0xa282ead8) mod 2³².

    The sum without its usual start and end is linear in the bits: it is the exclusive or of what each byte adds, which
    hangs on the byte and on how many follow. A stretch is cut into pieces from its end, which are summed at once.
    Source of the mask: tensorflow/core/lib/hash/crc32c.h.
    """
    n_pieces = -(-sizes // _PIECE)
    ends = np.cumsum(n_pieces)
    of_piece = np.repeat(np.arange(len(sizes)), n_pieces)
    nth = np.arange(len(of_piece)) - np.repeat(ends - n_pieces, n_pieces)
    first_size = sizes - (n_pieces - 1) * _PIECE
    piece_sizes = np.where(nth == 0, first_size[of_piece], _PIECE)
    piece_begins = begins[of_piece] + np.where(nth == 0, 0, first_size[of_piece] + (nth - 1) * _PIECE)
    sums = _linear(data, piece_begins, piece_sizes)
    state = sums[nth == 0] ^ _tables()[1][first_size]
    for index in np.flatnonzero(n_pieces > 1):
        value = int(state[index])
        for piece in sums[ends[index] - n_pieces[index] + 1 : ends[index]].tolist():
            value = _past_piece(value) ^ piece
        state[index] = value
    crc = state ^ _ALL
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)


def _linear(data: np.ndarray, begins: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """What the bytes of each stretch add to its sum."""
    ends = np.cumsum(sizes)
    after = np.repeat(ends, sizes) - 1 - np.arange(ends[-1])
    places = np.arange(ends[-1]) + np.repeat(begins - (ends - sizes), sizes)
    added = _tables()[0].ravel()[(after << 8) | data[places]]
    return np.bitwise_xor.reduceat(added, ends - sizes)


@cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """What a byte adds with 0, 1, … bytes behind it (_PIECE + 4, 256), and the start of a sum past as many bytes."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ np.uint32(_POLYNOMIAL), table >> np.uint32(1))
    added = np.empty((_PIECE + 4, 256), np.uint32)
    start = np.empty(_PIECE + 4, np.uint32)
    added[0], start[0] = table, _ALL
    for i in range(1, len(added)):
        added[i] = table[added[i - 1] & np.uint32(255)] ^ (added[i - 1] >> np.uint32(8))
        start[i] = table[start[i - 1] & np.uint32(255)] ^ (start[i - 1] >> np.uint32(8))
    return added, start


@cache
def _past() -> list[list[int]]:
    """What each byte of a sum, the lowest first, becomes by a piece of zeros: it adds as if it were data."""
    return [_tables()[0][_PIECE - 1 - i].tolist() for i in range(4)]


def _past_piece(crc: int) -> int:
    """What a sum becomes by a piece of zeros."""
    low, second, third, high = _past()
    return low[crc & 255] ^ second[(crc >> 8) & 255] ^ third[(crc >> 16) & 255] ^ high[crc >> 24]
