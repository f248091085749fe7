"""Data in batches: the tables of all batches, joined to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from os import PathLike
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .cells import inexact
from .errors import DataError
from .memory_table import MemoryTable
from .sources.formats.files import in_bytes
from .table import Array


def batches_of(data: Any, name: str) -> Iterator[tuple[int, Any]]:
    """The batches of one pass with their numbers. Raises `Fault` (MS651) for an object that is not
    data, and for errors in the user's code.
    """
    batches = _batches(data)
    for number in count():
        try:
            batch = next(batches)
        except StopIteration:
            return
        except (DataError, Fault):
            raise
        except Exception as error:  # the user's code may raise anything
            raise Fault(
                "MS651",
                f"{name} fails at batch {number}: {type(error).__name__}: {error}",
            ) from error
        yield number, batch


def _batches(data: Any) -> Iterator[Any]:
    """The batches of one pass. Raises `Fault` (MS651)."""
    if callable(data) and not _is_iterable(data):
        help = "give data, or a function without parameters that returns batches"
        with _code_of_the_user(f"calling the `{type(data).__name__}` for its batches", help):
            data = data()
    if _has(data, "cardinality", "as_numpy_iterator"):
        if int(data.cardinality()) == -1:
            raise _endless()
        return iter(data)
    if hasattr(type(data), "num_batches") or _has(data, "num_batches", "__getitem__"):
        return _indexed(data, _count_of(data))  # a PyDataset, whose iterator never ends
    if not isinstance(data, (str, bytes, PathLike)):
        if _has(data, "__len__", "__getitem__") and not isinstance(data, (list, tuple)):
            return _indexed(data, len(data))
        if isinstance(data, Iterable):
            return iter(data)
    is_path = isinstance(data, (str, PathLike))
    raise Fault(
        "MS651",
        f"a `{type(data).__name__}` is not data that modelspec can read",
        help=(
            "name files in the `data` section of the spec"
            if is_path
            else "give a mapping of arrays, a data frame, `(x, y)`, a `tf.data.Dataset`, a"
            " `PyDataset`, or batches"
        ),
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")


def _is_iterable(data: Any) -> bool:
    return hasattr(data, "__iter__") or hasattr(data, "__getitem__")


def _has(data: Any, *attributes: str) -> bool:
    return all(hasattr(data, one) for one in attributes)


def _count_of(data: Any) -> int | None:
    """How many batches a PyDataset has. Raises `Fault` (MS651)."""
    what = f"the length of the `{type(data).__name__}`"
    with _code_of_the_user(what, "define `__len__`"):
        found: int | None = data.num_batches
    return found


@contextmanager
def _code_of_the_user(what: str, help: str) -> Iterator[None]:
    """Turns any exception into a `Fault` (MS651)."""
    try:
        yield
    except Exception as error:  # it may raise anything
        said = f"{type(error).__name__}: {_first_line(error)}"
        raise Fault("MS651", f"{what} failed: {said}", help=help) from error


def _indexed(data: Any, batches: int | None) -> Iterator[Any]:
    if batches is None:
        raise _endless()
    return (data[index] for index in range(batches))


def _endless() -> Fault:
    return Fault(
        "MS651",
        "the data is endless, so the number of examples in an epoch is undefined",
        help="limit it to the batches of one epoch, e.g. `dataset.take(1000)`",
    )


def joined(tables: Iterable[MemoryTable], name: str, limit: int) -> MemoryTable:
    """The joined table of all batches. Raises `Fault`: MS611, MS612, MS651, MS653."""
    found: dict[str, list[Array]] = {}
    whole: set[str] = set()
    size = 0
    for number, table in enumerate(tables):
        columns = {column: table.column(column) for column in table.names}
        _same(found, columns, number, name)
        for column, values in columns.items():
            found.setdefault(column, []).append(values)
            size += values.nbytes
            if table.tells_whole(column):
                whole.add(column)
        if size > limit:
            raise Fault(
                "MS651",
                f"{name} yields more than {in_bytes(limit)}, or is endless",
                help="write it to files, and read these with a source in the spec",
            )
    if not found:
        raise Fault("MS612", f"{name} has no examples")
    whole = {one for one in whole if all(_is_whole(piece) for piece in found[one])}
    columns = {column: _joined(pieces, column, name) for column, pieces in found.items()}
    return MemoryTable(name, columns, None, whole)


def _is_whole(piece: Array) -> bool:
    """Whether the numbers of a batch are integers, apart from missing ones."""
    return piece.dtype.kind in "iu" or bool(np.all(np.isnan(piece) | (piece == np.floor(piece))))


def _same(
    found: Mapping[str, list[Array]], columns: Mapping[str, Array], number: int, name: str
) -> None:
    if found and found.keys() != columns.keys():
        raise Fault(
            "MS651",
            f"batch {number} of {name} has {_listed(columns)}, but the earlier batches have"
            f" {_listed(found)}",
        )
    lengths = {column: len(values) for column, values in columns.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"`{column}` {length}" for column, length in lengths.items())
        raise Fault(
            "MS611",
            f"the columns of batch {number} of {name} have different lengths: {counts}",
            help="the first axis counts examples: of a dataset without batches, give"
            " `dataset.batch(32)`",
        )


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def _joined(pieces: list[Array], column: str, name: str) -> Array:
    """The values of all batches. Lists of different lengths become an array of arrays."""
    axes = {_axes(piece) for piece in pieces}
    if len(axes) > 1:
        least, most = min(axes), max(axes)
        raise Fault(
            "MS651",
            f"`{column}` of {name} has {least} {'axis' if least == 1 else 'axes'} in a batch, and"
            f" {most} in another batch",
            help="give every batch arrays of the same rank",
        )
    if not any(map(_holds_arrays, pieces)) and len({piece.shape[1:] for piece in pieces}) == 1:
        _check_exact(pieces, column, name)
        return np.concatenate(pieces)
    found = np.empty(sum(len(piece) for piece in pieces), object)
    for index, value in enumerate(value for piece in pieces for value in piece):
        found[index] = value
    return found


def _check_exact(pieces: list[Array], column: str, name: str) -> None:
    """Raises `Fault` (MS653) for an integer that would change in the floating-point dtype of
    another batch.
    """
    if not any(piece.dtype.kind == "f" for piece in pieces):
        return
    for number, piece in enumerate(pieces):
        bad = inexact(piece, 53) if piece.dtype.kind in "iu" else None
        if bad is not None:
            raise Fault(
                "MS653",
                f"`{column}` of batch {number} of {name} contains an integer too large for the"
                f" floating-point dtype of another batch: {piece[bad][0]}",
                help="use the same dtype in all batches",
            )


def _holds_arrays(piece: Array) -> bool:
    first = piece[0] if len(piece) else None
    return piece.dtype.kind == "O" and piece.ndim == 1 and isinstance(first, np.ndarray)


def _axes(piece: Array) -> int:
    return 1 + piece[0].ndim if _holds_arrays(piece) else piece.ndim
