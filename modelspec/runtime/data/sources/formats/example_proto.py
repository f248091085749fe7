"""The message `tf.train.Example`, parsed from its bytes: a map of features, each a list of bytes,
floats or integers.

Source of the wire format: https://protobuf.dev/programming-guides/encoding; of the message,
TensorFlow's tensorflow/core/example/example.proto and feature.proto.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

import numpy as np

from modelspec.runtime.data.table import Array

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KINDS = {1: "bytes", 2: "float", 3: "int64"}


class BadExampleError(Exception):
    """The bytes are not such a message."""


def read_example(data: bytes, wanted: Container[str]) -> dict[str, tuple[str, Any]]:
    """Kind and values of the wanted features. Raises `BadExampleError`."""
    found: dict[str, tuple[str, Any]] = {}
    for field, features in _fields(data):
        for entry_field, entry in _fields(_message(features)) if field == 1 else ():
            if entry_field != 1:
                continue
            parts = dict(_fields(_message(entry)))
            name = _name(parts.get(1, b""))
            if name in wanted and 2 in parts:
                found[name] = _feature(_message(parts[2]))
    return found


def _name(raw: Any) -> str:
    try:
        return bytes(raw).decode()
    except (UnicodeDecodeError, TypeError):
        raise BadExampleError("the name of a feature is not valid UTF-8") from None


def _feature(data: bytes) -> tuple[str, Any]:
    kind, values = "bytes", []  # type: str, list[Any]
    for field, raw in _fields(data):
        if field in _KINDS:
            kind, values = (
                _KINDS[field],
                [value for number, value in _fields(_message(raw)) if number == 1],
            )
    if kind == "bytes":
        return kind, [bytes(_message(value)) for value in values]
    return kind, _floats(values) if kind == "float" else _integers(values)


def _floats(values: list[Any]) -> Array:
    """The values, packed or unpacked."""
    data = b"".join(_message(value) for value in values)
    if len(data) % 4:
        raise BadExampleError("a list of floats is truncated")
    return np.frombuffer(data, "<f4").astype(np.float32)


def _integers(values: list[Any]) -> Array:
    found: list[int] = []
    for value in values:
        if isinstance(value, int):
            found.append(value)
        else:
            at = 0
            while at < len(value):
                number, at = _varint(value, at)
                found.append(number)
    return np.array(found, np.uint64).astype(np.int64)


def _message(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise BadExampleError("found a number, expected a message")
    return value


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Every field's number and value: an integer, or the bytes of anything else."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise BadExampleError(f"a field has the unknown wire type {wire}")
        if at + size > end:
            raise BadExampleError("it ends within a field")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise BadExampleError(
                "it ends within a number" if at >= len(data) else "a number has more than 64 bits"
            )
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
