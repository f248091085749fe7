"""Sources of data in tests: opened from their written form, and files of formats that nothing
installed writes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.catalog.sources import SOURCES
from modelspec.core.settings import Context, read_form
from modelspec.runtime.data import DataError, Table, open_source
from modelspec.runtime.data.sources.formats.crc32c import masked


def opened(source: Any, folder: Path) -> Table:
    """The table of a source as a spec in the folder writes it. Raises `DataError`."""
    context = Context(folder=folder, project=folder)
    return open_source(read_form(SOURCES, as_spec(source), context), context)


def as_spec(value: Any) -> Any:
    """Lists as tuples, as a spec that was read has them."""
    if isinstance(value, dict):
        return {key: as_spec(item) for key, item in value.items()}
    return tuple(as_spec(item) for item in value) if isinstance(value, list) else value


def faults(source: Any, folder: Path, *columns: str) -> list[str]:
    """Code and message of what is wrong with a source and its columns; empty where nothing is."""
    try:
        table = opened(source, folder)
        for name in columns or table.names:
            table.column(name)
    except DataError as error:
        return [f"{one.code} {one.message}" for one in error.diagnostics]
    return []


def in_blocks(table: Table, names: Iterable[str], rows: int) -> dict[str, Any]:
    """Columns put together from blocks."""
    blocks = list(table.blocks(list(names), rows))
    assert all(len(values) <= rows for block in blocks for values in block.values())
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


# TFRecord -----------------------------------------------------------------------------------------


def write_records(path: Path, examples: Iterable[Mapping[str, Any]]) -> None:
    """`tf.train.Example` records of bytes, integers (`int` lists) and floats (`float` lists)."""
    with path.open("wb") as file:
        for example in examples:
            write_record(file, _message(example))


def write_record(file: Any, data: bytes) -> None:
    head = struct.pack("<Q", len(data))
    file.write(head + struct.pack("<I", masked(head)) + data + struct.pack("<I", masked(data)))


def _message(example: Mapping[str, Any]) -> bytes:
    entries = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, _feature(value)))
        for name, value in example.items()
    )
    return _field(1, entries)


def _feature(values: Any) -> bytes:
    first = values[0]
    if isinstance(first, bytes):
        return _field(1, b"".join(_field(1, value) for value in values))
    if isinstance(first, float):
        return _field(2, _field(1, struct.pack(f"<{len(values)}f", *values)))
    return _field(
        3, _field(1, b"".join(_varint(value & 0xFFFF_FFFF_FFFF_FFFF) for value in values))
    )


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


# idx ----------------------------------------------------------------------------------------------


def idx_bytes(values: Any) -> bytes:
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    kind = values.dtype.str[1:]
    head = bytes([0, 0, codes[kind], values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(values.dtype.newbyteorder(">")).tobytes()
