"""Arrays of other libraries, and special arrays of NumPy, as plain NumPy arrays or lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .cells import inexact
from .table import NOTHING, Array

_NOT_ARRAYS = (str, bytes, bytearray, np.generic)


def is_array(values: Any) -> bool:
    """Whether a value is an array of any library, including sparse and ragged ones."""
    if isinstance(values, (type, *_NOT_ARRAYS)):
        return False
    return hasattr(values, "__array__") or is_sparse(values) or is_ragged(values)


def is_sparse(values: Any) -> bool:
    """Whether it is a sparse matrix of SciPy or a `tf.SparseTensor`."""
    return (hasattr(values, "toarray") and hasattr(values, "nnz")) or (
        hasattr(values, "dense_shape") and hasattr(values, "indices")
    )


def is_mapping(values: Any) -> bool:
    """Whether it is a mapping of columns; SciPy's `dok` matrices are mappings too, of indices."""
    return isinstance(values, Mapping) and not is_sparse(values)


def is_ragged(values: Any) -> bool:
    """Whether it is a `tf.RaggedTensor`."""
    return hasattr(values, "nested_row_splits") and hasattr(values, "to_list")


def in_numpy(values: Any, what: str) -> Array | list[Any]:
    """An array with a dtype that a `Table` supports, or a list. A masked value is a missing one:
    `NOTHING` among numbers, otherwise None.

    Raises `Fault`: MS651 for what is not an array, MS653 where a mask requires floating point that
    would change an integer.
    """
    if is_sparse(values):
        dense = "x.toarray()" if hasattr(values, "toarray") else "tf.sparse.to_dense(x)"
        raise Fault(
            "MS651",
            f"{what} is a sparse `{type(values).__name__}`, expected a dense array",
            help=f"pass `{dense}`",
        )
    if not isinstance(values, np.ndarray) and is_array(values):
        values = _converted(values, what)
    if isinstance(values, np.ma.MaskedArray):
        return _unmasked(values, what)
    if isinstance(values, np.ndarray):
        return _usual_dtype(np.asarray(values), what)
    if isinstance(values, _NOT_ARRAYS):
        raise _not_an_array(values, what)
    try:
        return _usual_dtype(np.asarray(memoryview(values)), what)
    except (TypeError, ValueError):  # it has no buffer
        pass
    if isinstance(values, Sequence):
        return list(values)
    raise _not_an_array(values, what)


def _not_an_array(values: Any, what: str) -> Fault:
    return Fault(
        "MS651",
        f"{what} is a `{type(values).__name__}`, not an array",
        help="pass NumPy arrays, or lists of numbers, strings or lists",
    )


def _converted(values: Any, what: str) -> Any:
    """An array of another library converted to NumPy. This runs third-party code: any error
    becomes a one-line `Fault`.
    """
    try:
        if hasattr(values, "detach") and hasattr(values, "cpu"):  # torch: from graph and device
            values = values.detach().cpu()
            if str(values.dtype) == "torch.bfloat16":
                values = values.float()
        if is_ragged(values):
            return values.numpy()
        return np.asarray(values)
    except Exception as error:  # third-party code may raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Fault(
            "MS651",
            f"{what} is a `{type(values).__name__}` that cannot be converted to NumPy: {reason}",
            help="pass NumPy arrays",
        ) from error


def _usual_dtype(values: Array, what: str) -> Array | list[Any]:
    """The array with one of NumPy's common dtypes, in native byte order."""
    dtype = values.dtype
    if dtype.names is not None:
        raise Fault(
            "MS651",
            f"{what} is a structured array with the fields {', '.join(map(repr, dtype.names))}",
            help="pass it alone, as `data=array`, or its fields as columns: `array['FIELD']`",
        )
    if dtype.kind == "S":
        return values.astype(object).tolist() if values.ndim == 1 else _texts(values, what)
    if dtype.kind in "UT":
        values = values.astype(object)
    elif dtype.kind == "V":
        return _of_ml_dtypes(values, what)
    elif dtype.kind == "f" and dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # infinite results are reported where they are read
            values = values.astype(np.float64)
    elif not dtype.isnative:
        values = values.astype(dtype.newbyteorder("="))
    if values.dtype.kind == "O":
        return _objects(values)
    return values


def _texts(values: Array, what: str) -> Array:
    """A multi-dimensional array of bytes as strings."""
    try:
        return np.char.decode(values, "utf-8").astype(object)
    except UnicodeDecodeError:
        raise Fault(
            "MS651",
            f"{what} contains bytes that are not UTF-8",
            help='decode them first, e.g. `numpy.char.decode(x, "latin-1")`',
        ) from None


def _of_ml_dtypes(values: Array, what: str) -> Array:
    """bfloat16 and other small types in the smallest NumPy dtype that represents every value."""
    if not values.dtype.type.__module__.startswith("ml_dtypes"):
        raise Fault("MS651", f"{what} contains `{values.dtype}` values, not numbers or strings")
    name = values.dtype.name
    if name.startswith(("int", "uint")):
        return values.astype(np.uint8 if name.startswith("u") else np.int8)
    return values.astype(np.float32)


def _objects(values: Array) -> Array | list[Any]:
    """A one-dimensional object array as a list. One with more axes stays an array where all its
    items are strings.
    """
    if values.ndim < 2 or not all(isinstance(one, str) for one in values.flat):
        return values.tolist() if values.ndim else values
    return values


def _unmasked(values: np.ma.MaskedArray[Any, Any], what: str) -> Array | list[Any]:
    mask = np.ma.getmaskarray(values)
    data: Array = np.asarray(values.data)
    if data.dtype.names is not None or not mask.any():
        return _usual_dtype(data, what)
    if data.dtype.kind in "OUST":
        objects = data.astype(object)
        objects[mask] = None
        listed: list[Any] = objects.tolist()
        return listed
    if data.dtype.kind in "mM":
        return np.where(mask, np.array("NaT", data.dtype), data)
    known = _usual_dtype(data, what)
    if not isinstance(known, np.ndarray) or known.dtype.kind not in "biuf":
        raise Fault("MS651", f"{what} is masked and contains `{data.dtype}` values, not numbers")
    bad = inexact(known[~mask], 53) if known.dtype.kind in "iu" else None
    if bad is not None:
        raise Fault(
            "MS653",
            f"{what} has masked values beside integers that are too large for floating point:"
            f" {known[~mask][bad][0]}",
            help="fill in the masked values, or pass strings",
        )
    found: Array = np.where(mask, NOTHING, known.astype(np.float64))
    return found
