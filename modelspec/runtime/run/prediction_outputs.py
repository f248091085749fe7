"""Predictions as columns, rows and arrays; and whether they can be written to a file of some
name.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import RunError
from ..data.table import Array

if TYPE_CHECKING:
    from .prediction_rows import Predictions

ENDINGS = (".csv", ".jsonl", ".npz", ".parquet", ".arrow")
NEED_PYARROW = (".parquet", ".arrow")
_MOST_COLUMNS = 10_000


def columns(found: Predictions) -> dict[str, Array]:
    """A column for each unit: `topic_0`, `topic_1`, ..., then `topic_class`; one unit alone has the
    output's name.
    """
    flat: dict[str, Array] = {}
    for name, values in found.outputs.items():
        flat.update(_flat(name, values))
        if name in found.classes:
            flat.update(_flat(f"{name}_class", found.classes[name]))
    return flat


def _flat(name: str, values: Array) -> Iterator[tuple[str, Array]]:
    sizes = values.shape[1:]
    if all(size == 1 for size in sizes):
        yield name, values.reshape(len(values))
        return
    units = product(*(range(size) for size in sizes))
    for index, column in zip(units, values.reshape(len(values), -1).T, strict=True):
        yield f"{name}_{'_'.join(str(i) for i in index)}", column


def arrays(found: Predictions) -> dict[str, Array]:
    """The outputs and the decided classes as they are."""
    return {**found.outputs, **{f"{name}_class": values for name, values in found.classes.items()}}


def check_output(path: Path) -> None:
    """Raises `RunError` (MS711) where predictions cannot be written to a file of this name."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise RunError.of(
            "MS711",
            f"the ending of `{path}` does not tell how to write predictions",
            help=f"name a file that ends in {', '.join(ENDINGS)}",
        )
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "would be in a folder that does not exist"
        raise RunError.of("MS711", f"`{path}` {what}")
    if ending in NEED_PYARROW and find_spec("pyarrow") is None:
        raise RunError.of(
            "MS711",
            f"{ending[1:]} files are written by pyarrow, which is not installed",
            help="`pip install pyarrow`, or write .csv, .jsonl or .npz",
        )


def check_width(found: Predictions, path: Path) -> None:
    """Raises `RunError` (MS711) where predictions have more values than a table has columns."""
    wide = sum(int(np.prod(values.shape[1:], dtype=np.int64)) for values in found.outputs.values())
    if path.suffix.lower() in (".csv", *NEED_PYARROW) and wide > _MOST_COLUMNS:
        raise RunError.of(
            "MS711",
            f"the predictions have {wide:,} values for each row, too many for columns",
            help="write .npz or .jsonl",
        )


def shortest(values: Array) -> list[Any]:
    """Numbers with the fewest digits that read back as they were."""
    return [str(value) for value in values] if values.dtype.kind == "f" else values.tolist()


def nested(value: Any) -> Any:
    """An array as lists, an array of one number as the number; a float with the fewest digits."""
    array = np.asarray(value)
    if array.size == 1:
        array = array.reshape(())
    if array.dtype.kind != "f":
        return array.tolist()
    return np.vectorize(lambda number: float(str(number)), otypes=[object])(array).tolist()
