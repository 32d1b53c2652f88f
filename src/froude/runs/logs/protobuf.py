"""The fields of a message in protobuf's wire format, without its schema."""

from __future__ import annotations

from collections.abc import Iterator

from froude.errors import InputError

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_MORE = 0x80  # the bit of a byte of a varint after which another byte follows
_MOST_SHIFT = 63


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the value of each field of a message, in the order in which they stand.

    A varint is an integer of 64 bits without a sign, every other value the bytes that it has in the message. Raises
    InputError where the bytes are no message. Source: https://protobuf.dev/programming-guides/encoding.
    """
    at, end = 0, len(message)
    while at < end:
        key = message[at]
        at += 1
        if key >= _MORE:
            key, at = _varint(message, at - 1)
        wire = key & 7
        if wire == _BYTES:
            size = message[at] if at < end else _MORE
            at += 1
            if size >= _MORE:
                size, at = _varint(message, at - 1)
        elif wire == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if wire == _EIGHT_BYTES else 4
        else:
            raise InputError(f"is no protobuf message: byte {at} asks for wire type {wire}")
        begin = at
        at += size
        if at > end:
            raise InputError(f"is no protobuf message: a field of {size} bytes ends after it")
        yield key >> 3, message[begin:at]


def signed(value: int) -> int:
    """The signed integer (int32 or int64) that a varint stands for."""
    return value - (1 << 64) if value >> 63 else value


def blob(value: int | bytes) -> bytes:
    """The bytes of a field that should have some; InputError for one that is a varint."""
    if isinstance(value, int):
        raise InputError("is no protobuf message of its kind: a varint stands where bytes should")
    return value


def text(value: int | bytes) -> str:
    """The text of a field; what is no UTF-8 in it becomes U+FFFD."""
    return blob(value).decode("utf-8", "replace")


def number(value: int | bytes) -> int:
    """The varint of a field; InputError for one that has bytes."""
    if isinstance(value, bytes):
        raise InputError("is no protobuf message of its kind: bytes stand where a varint should")
    return value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The varint that begins at a byte, and where it ends."""
    value = shift = 0
    while at < len(message) and shift <= _MOST_SHIFT:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise InputError(f"is no protobuf message: a varint before byte {at} has no end")
