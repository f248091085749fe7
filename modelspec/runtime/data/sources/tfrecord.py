"""`tfrecord`: records of `tf.train.Example`, read without TensorFlow.

A record is its length (8 bytes, little-endian), the masked CRC-32C of these, the data, and the
masked CRC-32C of the data. Source: https://www.tensorflow.org/tutorials/load_data/tfrecord; of the
message, tensorflow/core/example/*.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np

from modelspec.catalog.sources.tfrecord import RecordFeature, tfrecord
from modelspec.core.diagnostics import Fault, Span

from ..table import Array, Table
from .formats import files
from .formats.crc32c import crc32c_of_each, mask, masked
from .formats.example_proto import BadExampleError, read_example

_STORED = {"float32": "float", "int64": "int64"}
"""The dtypes of the format; strings and any other dtype are stored in its bytes."""


class RecordTable(Table):
    """Declared features of the records of one file."""

    def __init__(
        self,
        found: files.Found,
        features: dict[str, RecordFeature],
        count: int,
        fingerprint: str,
        span: Span | None,
    ) -> None:
        super().__init__(found.shown, tuple(features), fingerprint, span)
        self._found = found
        self._features = features
        self._count = count
        self._size = found.path.stat().st_size

    @property
    def count(self) -> int:
        return self._count

    @property
    def size_hint(self) -> int:
        return self._size

    def read(self, name: str) -> Array:
        return self._array(name, [row[name] for row in self._rows((name,))])

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        block: list[dict[str, Any]] = []
        size = 0
        for row in self._rows(names):
            block.append(row)
            size += sum(getattr(value, "nbytes", 8) for value in row.values())
            if len(block) == rows or size > 32 * files.CHUNK:
                yield {name: self._array(name, [one[name] for one in block]) for name in names}
                block, size = [], 0
        if block:
            yield {name: self._array(name, [one[name] for one in block]) for name in names}

    def _rows(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        wanted = {name: self._features[name] for name in names}
        for number, data, _ in _records(self._found):
            place = f"record {number:,} of {self.name}"
            try:
                example = read_example(data, wanted)
            except BadExampleError as error:
                raise Fault(
                    "MS642",
                    f"{place} is not a `tf.train.Example`: {error}",
                    help="use files of serialized `tf.train.Example` messages",
                ) from None
            yield {name: _value(example, name, one, place) for name, one in wanted.items()}

    def _array(self, name: str, values: list[Any]) -> Array:
        one = self._features[name]
        if one.shape is not None:
            dtype = object if one.dtype == "string" else one.dtype
            return np.array(values, dtype=dtype).reshape(len(values), *one.shape)
        found = np.empty(len(values), object)
        for index, value in enumerate(values):
            found[index] = value
        return found

    def place(self, name: str, index: tuple[int, ...]) -> str:
        inner = f" [{', '.join(str(i) for i in index[1:])}]" if len(index) > 1 else ""
        return f"record {index[0] + 1:,}{inner} of {self.name}"


def _value(
    example: dict[str, tuple[str, Any]], name: str, wanted: RecordFeature, place: str
) -> Any:
    """A feature in its declared form. Raises `Fault` (MS648)."""
    if name not in example or not len(example[name][1]):
        return _default(example, name, wanted, place)
    kind, values = example[name]
    if kind == "bytes" and wanted.dtype not in _STORED:
        values = (
            _texts(values, name, place)
            if wanted.dtype == "string"
            else _decoded(values, wanted, name, place)
        )
    elif kind != _STORED.get(wanted.dtype):
        raise Fault(
            "MS648",
            f"`{name}` contains {_SAID[kind]} in {place}, but `dtype: {wanted.dtype}` is declared",
            help=f"declare `{name}: {_OF_KIND[kind]}`",
        )
    if wanted.shape is not None and len(values) != (size := int(np.prod(wanted.shape))):
        raise Fault(
            "MS648",
            f"`{name}` has {len(values):,} values in {place}, but its declared "
            f"shape {list(wanted.shape)} requires {size:,}",
            help="`shape: null` allows lists of different lengths",
        )
    return values


_SAID = {"float": "floating-point numbers", "int64": "integers", "bytes": "bytes"}
_OF_KIND = {"float": "float32", "int64": "int64", "bytes": "string"}


def _default(
    example: dict[str, tuple[str, Any]], name: str, wanted: RecordFeature, place: str
) -> Any:
    if wanted.default is None:
        if wanted.shape is None and name in example:
            return np.empty(0, object if wanted.dtype == "string" else wanted.dtype)
        raise Fault(
            "MS648",
            f"{place} has no `{name}`",
            help=f"set a default: `{name}: {{dtype: {wanted.dtype}, default: ...}}`",
        )
    size = int(np.prod(wanted.shape)) if wanted.shape is not None else 1
    return np.array([wanted.default] * size, object if wanted.dtype == "string" else wanted.dtype)


def _texts(values: list[bytes], name: str, place: str) -> Array:
    try:
        return np.array([value.decode() for value in values], dtype=object)
    except UnicodeDecodeError:
        raise Fault(
            "MS648",
            f"`{name}` is not UTF-8 text in {place}",
            help="declare the dtype of raw numbers, e.g. `uint8`",
        ) from None


def _decoded(values: list[bytes], wanted: RecordFeature, name: str, place: str) -> Array:
    dtype = np.dtype(wanted.dtype).newbyteorder("<")
    data = b"".join(values)
    if len(data) % dtype.itemsize:
        raise Fault(
            "MS648",
            f"`{name}` has {len(data):,} bytes in {place}, which is not a multiple of "
            f"`{wanted.dtype}`",
            help="declare the dtype with which it was written",
        )
    return np.frombuffer(data, dtype)


# Records ------------------------------------------------------------------------------------------

_Record = tuple[int, bytes, int]
"""Number, data and checksum."""


def _records(found: files.Found) -> Iterator[_Record]:
    """Every record with its number, from 1, and the following checksum. Raises `Fault` (MS642)."""
    found.unchanged()
    try:
        with files.open_plain(found.path) as file:
            number = 0
            while head := file.read(12):
                number += 1
                data = _record(file, head, f"record {number:,} of `{found.shown}`")
                yield number, data[:-4], int.from_bytes(data[-4:], "little")
    except files.UNREADABLE as error:
        raise files.unreadable(found.shown, error) from None


def _record(file: IO[bytes], head: bytes, place: str) -> bytes:
    """The data and its checksum."""
    if len(head) < 12:
        raise _cut(place)
    length, length_crc = struct.unpack("<QI", head)
    if masked(head[:8]) != length_crc:  # always checked: a wrong length must not be trusted
        raise Fault(
            "MS642",
            f"{place} is damaged: the checksum of its length does not match",
            help="check that it is a TFRecord file; if it is, write or copy it again",
        )
    data = bytearray()
    while (
        len(data) < length + 4
    ):  # piece by piece: no memory is allocated for bytes that do not exist
        piece = file.read(min(length + 4 - len(data), 16 * files.CHUNK))
        if not piece:
            raise _cut(place)
        data += piece
    return bytes(data)


def _check(records: list[_Record], shown: str) -> None:
    """Compares checksums, those of equal length together. Raises `Fault` (MS642) at the first
    mismatch.
    """
    by_length: dict[int, list[_Record]] = {}
    for record in records:
        by_length.setdefault(len(record[1]), []).append(record)
    wrong = [number for group in by_length.values() for number in _damaged(group)]
    if wrong:
        raise Fault(
            "MS642",
            f"record {min(wrong):,} of `{shown}` is damaged: the checksum of its data does not"
            " match",
            help="write or copy the file again",
        )


def _damaged(group: list[_Record]) -> list[int]:
    """The numbers of the records, all of one length, whose checksums do not match."""
    length = len(group[0][1])
    if len(group) < 16 or not length:
        return [number for number, data, crc in group if masked(data) != crc]
    joined = np.frombuffer(b"".join(data for _, data, _ in group), np.uint8).reshape(-1, length)
    found = crc32c_of_each(joined).tolist()
    return [number for (number, _, crc), one in zip(group, found, strict=True) if mask(one) != crc]


def _cut(place: str) -> Fault:
    return Fault("MS642", f"{place} is truncated", help="write or copy the file again")


def open_file(source: tfrecord, found: files.Found, span: Span | None) -> RecordTable:
    """The table of a file, with every record's checksums verified. Raises `Fault`: MS601, MS604,
    MS642.
    """
    fingerprint = files.fingerprint_of(found.path, found.shown)
    count = size = 0
    waiting: list[_Record] = []
    for record in _records(found):
        count = record[0]
        waiting.append(record)
        size += len(record[1])
        if size > 16 * files.CHUNK:
            _check(waiting, found.shown)
            waiting, size = [], 0
    _check(waiting, found.shown)
    if not count:
        raise Fault("MS604", f"`{found.shown}` has no records")
    return RecordTable(found, dict(source.features), count, fingerprint, span)
