"""The table of a source of a plugin: blocks of rows, each compared with the declared columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import numpy as np

from modelspec.catalog.sources.common.plugin_source import Source
from modelspec.catalog.sources.common.source import ColumnType
from modelspec.core.diagnostics import Fault, Span, nearest
from modelspec.core.dtypes import DTYPES
from modelspec.core.plugins.guard import shortened
from modelspec.core.plugins.methods import named, wrong
from modelspec.core.plugins.working import worked
from modelspec.core.settings import Context
from modelspec.core.shapes import show

from .plugin_code import code_of
from .sources.formats.files import IN_MEMORY
from .sources.formats.stored_arrays import fitting
from .table import BLOCK, NOTHING, Array, Table

_TEXT: Final = 64
"""The bytes that a string is assumed to take."""


class PluginTable(Table):
    """The columns of a source of a plugin."""

    def __init__(
        self,
        source: Source,
        types: Mapping[str, ColumnType],
        rows: int,
        fingerprint: str,
        span: Span | None,
    ) -> None:
        super().__init__(source.shown_name, tuple(types), fingerprint, span)
        self._source = source
        self._types = types
        self._rows = rows
        self._whole: dict[str, Array] = {}

    @property
    def count(self) -> int:
        return self._rows

    @property
    def size_hint(self) -> int:
        return self._rows * sum(map(_size, self._types.values()))

    def read(self, name: str) -> Array:
        if not self._whole and self.size_hint <= IN_MEMORY:  # a row is read with all its columns
            self._whole = self._joined(tuple(self._types))
        return self._whole[name] if self._whole else self._joined((name,))[name]

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        if self._whole or self.size_hint <= IN_MEMORY:
            yield from super().read_blocks(names, rows)
            return
        step = fitting(rows, [_size(one) for one in self._types.values()])
        for start in range(0, self._rows, step):
            yield self._block(names, start, min(start + step, self._rows))

    def _joined(self, names: Sequence[str]) -> dict[str, Array]:
        step = fitting(BLOCK, [_size(one) for one in self._types.values()])
        starts = range(0, self._rows, step)
        blocks = [self._block(names, at, min(at + step, self._rows)) for at in starts]
        if not blocks:
            return {name: _none_of(self._types[name]) for name in names}
        return {name: np.concatenate([one[name] for one in blocks]) for name in names}

    def _block(self, names: Sequence[str], start: int, stop: int) -> dict[str, Array]:
        """Some columns of the rows from `start` to `stop`. Raises `Fault` (MS853, MS881)."""
        found = rows_of(self._source, start, stop)
        return {
            name: checked(self._source, name, self._types[name], found, start, stop)
            for name in names
        }

    def rows(self, name: str, start: int, stop: int) -> Array:
        """A part of a column, read now. Raises `Fault` (MS853, MS881)."""
        return self._block((name,), start, stop)[name]

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return f"{name}[{', '.join(str(i) for i in index)}] of {self.name}"


def open_plugin(source: Any, context: Context, span: Span | None) -> PluginTable:
    """The table of a source. Reads its first row. Raises `Fault` (MS853, MS881)."""
    source.__dict__["_context"] = context
    rows = worked(source, "rows", source.rows)
    if type(rows) is not int or rows < 0:
        raise wrong(source, "rows", "the number of rows as an integer", shortened(repr(rows)))
    types = source.column_types
    first = rows_of(source, 0, 1) if rows else {}
    if types is None:
        types = {name: _type_of(source, name, values) for name, values in first.items()}
    else:
        for name, one in types.items():
            if first:
                checked(source, name, one, first, 0, 1)
    if not types:
        raise Fault("MS612", f"{source.shown_name} has no columns")
    return PluginTable(source, types, rows, _fingerprint(source, types, rows, context), span)


def _fingerprint(
    source: Source, types: Mapping[str, ColumnType], rows: int, context: Context
) -> str:
    """The hash of everything that determines the data. Raises `Fault` (MS853)."""
    version = worked(source, "version", source.version)
    if version is not None and not isinstance(version, str):
        raise wrong(source, "version", "a string, or None", shortened(repr(version)))
    parts = {
        "kind": source.kind(),
        "settings": source.model_dump(mode="json"),
        "code": code_of(type(source), context.plugins),
        "version": version,
        "columns": types,
        "rows": rows,
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def rows_of(source: Source, start: int, stop: int) -> Mapping[str, Any]:
    """The rows from `start` to `stop`, as returned. Raises `Fault` (MS853)."""
    found: Any = worked(source, "read", lambda: source.read(start, stop))
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise wrong(source, "read", "a mapping of column names to arrays", shortened(repr(found)))
    return found


# Columns ------------------------------------------------------------------------------------------


def checked(
    source: Source, name: str, wanted: ColumnType, found: Mapping[str, Any], start: int, stop: int
) -> Array:
    """A column of some rows, in the form of a `Table`. Raises `Fault` (MS881) if it is missing, or
    has another length, shape or dtype than declared.
    """
    about = f"`read({start}, {stop})` of {named(source)}"
    if name not in found:
        near = nearest(name, tuple(found))
        raise _unlike(
            f"{about} returned no column `{name}`", f"it returned `{near}`" if near else ""
        )
    values = _as_declared(found[name], wanted)
    if values.ndim == 0 or len(values) != stop - start:
        count = f"{len(values):,} values" if values.ndim else "a single value"
        raise _unlike(f"{about} returned {count} of `{name}`, expected {stop - start:,}")
    dtype = _dtype_of(values)
    if dtype != wanted.dtype:
        raise _unlike(f"{about} returned `{name}` as {dtype}, expected {wanted.dtype}")
    if None not in wanted.shape and values.shape[1:] != wanted.shape:
        shapes = f"{show((None, *values.shape[1:]))}, expected {show((None, *wanted.shape))}"
        raise _unlike(f"{about} returned `{name}` with the shape {shapes}")
    return _as_column(values, dtype)


def _unlike(message: str, help: str = "") -> Fault:
    return Fault("MS881", message, help=help or "correct the method, or `columns`, in the plugin")


def _array(values: Any) -> Array:
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.filled(values.astype(np.float64), NOTHING)
    if isinstance(values, np.ndarray):
        return values
    try:
        return np.asarray(values)
    except ValueError:  # lists of different lengths
        return _of_lists(values)


def _as_declared(values: Any, wanted: ColumnType) -> Array:
    """An array as it is; a list of numbers in the declared dtype, if that changes none of them."""
    found = _array(values)
    if isinstance(values, np.ndarray) or wanted.dtype == "string":
        return found
    if found.dtype == object and all(isinstance(one, int | float | None) for one in found.flat):
        found = found.astype(np.float64)
    can = found.dtype.kind in "biuf" and np.can_cast(found.dtype, wanted.dtype, "safe")
    return found.astype(wanted.dtype) if can else found


def _of_lists(values: Any) -> Array:
    found = np.empty(len(values), object)
    for place, one in enumerate(values):
        found[place] = np.asarray(one)
    return found


def _dtype_of(values: Array) -> str:
    """The dtype of a column, `string` for strings; of lists of different lengths, that of their
    values.
    """
    if values.dtype.kind in "U":
        return "string"
    if values.dtype != object:
        return values.dtype.name
    if all(one is None or isinstance(one, str) for one in values.flat):
        return "string"
    arrays = [one for one in values.flat if isinstance(one, np.ndarray)]
    names = {_dtype_of(one) for one in arrays}
    return names.pop() if len(arrays) == values.size and len(names) == 1 else "object"


def _as_column(values: Array, dtype: str) -> Array:
    """Strings as objects, `""` for a missing one; numbers with `NOTHING` for NaN in float64."""
    if dtype == "string" and not (
        values.dtype == object and values.size and isinstance(values.flat[0], np.ndarray)
    ):
        texts = ["" if one is None else str(one) for one in values.flat]
        found = np.empty(len(texts), object)
        found[:] = texts
        return found.reshape(values.shape)
    if values.dtype == np.float64:
        return np.where(np.isnan(values), NOTHING, values)
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def _type_of(source: Source, name: str, values: Any) -> ColumnType:
    """The type of a column whose source does not declare it, from its first row."""
    found = _array(values)
    dtype = _dtype_of(found)
    if dtype not in DTYPES or found.ndim == 0:
        about = f"`read(0, 1)` of {named(source)}"
        raise _unlike(
            f"{about} returned `{name}` as {dtype}, expected an array of numbers or strings"
        )
    in_lists = found.dtype == object and dtype != "string"
    return ColumnType(dtype, (None,) if in_lists else tuple(found.shape[1:]))


def _size(one: ColumnType) -> int:
    """The bytes of an example of a column, approximately."""
    sizes = [size if isinstance(size, int) else _TEXT for size in one.shape]
    width = _TEXT if one.dtype == "string" else np.dtype(one.dtype).itemsize
    return int(np.prod(sizes, dtype=np.int64)) * width


def _none_of(one: ColumnType) -> Array:
    """A column without rows."""
    if one.dtype == "string" or None in one.shape:
        return np.empty(0, object)
    return np.empty((0, *(size for size in one.shape if isinstance(size, int))), one.dtype)
