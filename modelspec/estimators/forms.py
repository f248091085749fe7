"""Converts `X`, `y` and `sample_weight` to types that scikit-learn reads. Values that it would read
incorrectly, such as masked values, are an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.array_forms import in_numpy, is_array, is_mapping, is_ragged


def is_frame(x: Any) -> bool:
    """Whether it is a pandas data frame."""
    return hasattr(x, "iloc") and hasattr(x, "columns")


def as_frame(x: Any) -> Any:
    """`X` as scikit-learn takes it: a data frame of another library (polars, PyArrow) as a pandas
    one, a masked number as NaN. Raises `ValueError` for anything without rows and columns.
    """
    if (kind := _not_rows(x)) is not None:
        raise ValueError(f"X must be an array [rows, features] or a data frame, found {kind}")
    if hasattr(x, "to_pandas") and not hasattr(x, "iloc"):
        x = x.to_pandas()
    if is_frame(x):
        twice = [name for name, times in Counter(map(str, x.columns)).items() if times > 1]
        if twice:
            raise ValueError(f"X has two columns `{twice[0]}`: rename one of them")
        return x
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        if x.dtype.kind not in "biuf":
            raise ValueError("X has masked values that are not numbers: fill them in")
        return np.where(np.ma.getmaskarray(x), np.nan, np.asarray(x.data, np.float64))
    return _usual(x, "X")


def as_column(values: Any, name: str) -> Any:
    """`y` or `sample_weight` as scikit-learn takes it. Raises `ValueError` where a value is
    missing.
    """
    if (kind := _not_rows(values)) is not None:
        raise ValueError(f"{name} must be an array, a list or a series, found {kind}")
    if hasattr(values, "to_pandas") and not hasattr(values, "iloc"):
        values = values.to_pandas()
    masked = isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values)
    lacking = hasattr(values, "iloc") and bool(np.any(np.asarray(values.isna())))
    if masked or lacking:
        kind = "masked values" if masked else "NaN, or rows without a value"
        raise ValueError(f"Input {name} contains {kind}: fill them in, or remove these rows")
    return _usual(values, name)


def _not_rows(values: Any) -> str | None:
    """A description of an object that is neither an array nor a table; None for others."""
    kind = type(values).__name__
    if isinstance(values, type):
        return f"the class `{values.__name__}`"
    if is_mapping(values):
        return f"a `{kind}` of columns (`pandas.DataFrame` makes a data frame of it)"
    if isinstance(values, Iterator):
        return f"a `{kind}`, which can be read only once"
    if hasattr(values, "cardinality") or hasattr(type(values), "num_batches"):
        return f"a `{kind}` of batches (`Spec.train` takes it)"
    if is_ragged(values) or kind == "SparseTensor":
        return f"a `{kind}` (`to_tensor()` or `tf.sparse.to_dense` makes it dense)"
    if kind == "LazyFrame":
        return "a `LazyFrame`, which has no rows yet (call `collect()`)"
    if getattr(getattr(values, "dtype", None), "names", None):
        return "a structured array (`pandas.DataFrame` makes a data frame of it)"
    return None


def _usual(values: Any, name: str) -> Any:
    """Arrays of bfloat16 and of variable-width strings with a dtype that scikit-learn supports."""
    dtype = getattr(values, "dtype", None)
    special = getattr(dtype, "kind", "") == "T" or "float8" in str(dtype) or "bfloat" in str(dtype)
    if not special or not is_array(values) or hasattr(values, "iloc"):
        return values
    try:
        found = in_numpy(values, name)
    except Fault as fault:
        raise ValueError(fault.message) from None
    return np.array(found) if isinstance(found, list) else found
