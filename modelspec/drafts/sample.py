"""A bounded sample of a source: what is read of a large file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import numpy as np

from modelspec.runtime.data.errors import RunError
from modelspec.runtime.data.sources.formats.files import UNREADABLE, is_gzip, open_plain
from modelspec.runtime.data.table import Array, Table

ROWS = 100_000
"""The most rows that are looked at."""
BEGINNING = 64 * 2**20
"""The bytes of a text file that are looked at."""
_LINES_BACK = 10_000
"""Lines at the end of a beginning that a quoted cell may have."""
_BLOCKS = 100
"""Blocks of consecutive rows in a sample, at least."""
_CELLS = 5_000_000
"""The most cells of a sample."""
_LEAST_ROWS = 1000
"""Rows of a table with any number of columns."""
_BYTES = 256 * 2**20
"""The most bytes of a sample of arrays."""


class Cut(NamedTuple):
    """The beginning of a large text file, as a file of its own."""

    path: Path
    share: float
    """Of the bytes of the whole file; 1 for a compressed file, whose length is unknown."""
    whole: bool


class Sample(NamedTuple):
    """Rows of some columns, from all parts of a table."""

    columns: dict[str, Array]
    unreadable: dict[str, str]
    """By column: why it cannot be read."""
    whole: bool
    """Whether it has all rows."""


def beginning(path: Path) -> tuple[Cut, Callable[[], None]]:
    """The file itself, or its first whole lines in a temporary folder if it is large; and what
    removes that folder. Raises `OSError`, `EOFError` or `zlib.error`.
    """
    packed = is_gzip(path)
    size = path.stat().st_size
    if size <= BEGINNING and not packed:
        return Cut(path, 1.0, True), lambda: None
    with open_plain(path) as file:
        data = file.read(BEGINNING)
        rest = file.read(1)
    if not rest:
        return Cut(path, 1.0, True), lambda: None
    folder = Path(mkdtemp(prefix="modelspec-"))
    data = data[: _end_of_rows(data)] or data
    part = folder / (path.name.removesuffix(".gz") if packed else path.name)
    part.write_bytes(data)
    share = 1.0 if packed else len(data) / size
    return Cut(part, share, False), lambda: shutil.rmtree(folder, ignore_errors=True)


def _end_of_rows(data: bytes) -> int:
    """The end of the last whole row: after a line end that is not inside quotes; 0 without one."""
    quotes, end = data.count(b'"'), len(data)
    for _ in range(_LINES_BACK):
        start = data.rfind(b"\n", 0, max(0, end - 1)) + 1
        quotes -= data.count(b'"', start, end)
        end = start
        if quotes % 2 == 0:
            break
    return end


def sampled(table: Table, names: Sequence[str], *, text: bool = False) -> Sample:
    """At most `ROWS` rows of some columns, in the order of the source; with `text` as strings.

    Blocks of consecutive rows are taken at equal distances, so that a file that is sorted by its
    classes gives all of them.
    """
    texts = frozenset(names) if text else frozenset[str]()
    with suppress(RunError):
        columns, whole = _blocks(table, names, texts)
        return Sample(columns, {}, whole)
    found: dict[str, Array] = {}
    unreadable: dict[str, str] = {}
    whole = True
    for name in names:
        try:
            columns, complete = _blocks(table, (name,), texts)
        except RunError as error:
            unreadable[name] = error.diagnostics[0].message
            continue
        found |= columns
        whole = whole and complete
    return Sample(found, unreadable, whole)


def _blocks(
    table: Table, names: Sequence[str], texts: frozenset[str]
) -> tuple[dict[str, Array], bool]:
    """The columns of a sample, and whether it has all rows."""
    count, most = table.count, min(ROWS, max(_LEAST_ROWS, _CELLS // max(1, len(names))))
    step = 1 if count is None else max(1, -(-count // most))
    parts: dict[str, list[Array]] = {name: [] for name in names}
    rows = size = 0
    whole = step == 1
    block_rows = max(1, most // _BLOCKS)
    for number, block in enumerate(table.blocks(names, block_rows, texts)):
        if rows >= most or size > _BYTES:
            whole = False
            break
        if number % step:
            continue
        for name, values in block.items():
            parts[name].append(values.copy())
            size += values.nbytes
        rows += len(next(iter(block.values()), ()))
    return {name: _joined(found) for name, found in parts.items()}, whole


def _joined(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0)


__all__ = ["BEGINNING", "ROWS", "UNREADABLE", "Cut", "Sample", "beginning", "sampled"]
