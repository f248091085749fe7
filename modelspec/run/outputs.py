"""Predictions as files: csv, jsonl, npz and parquet, by the ending of their name."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import RunError
from ..data.table import Array
from .files import write_whole

if TYPE_CHECKING:
    from .predict import Predictions

_MOST_COLUMNS = 10_000


def columns(found: Predictions) -> dict[str, Array]:
    """A column for each unit: `topic_0`, `topic_1`, ..., then `topic_class`; one unit alone has the output's name."""
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


def check_output(path: Path) -> None:
    """Raises `RunError` (MS711) where predictions cannot be written to a file of this name."""
    if path.suffix.lower() not in _WRITERS:
        raise RunError.of("MS711", f"the ending of `{path}` does not tell how to write predictions",
                          help=f"name a file that ends in {', '.join(_WRITERS)}")
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "would be in a folder that does not exist"
        raise RunError.of("MS711", f"`{path}` {what}")
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise RunError.of("MS711", "parquet files are written by pyarrow, which is not installed",
                          help="`pip install pyarrow`, or write .csv, .jsonl or .npz")


def write_output(found: Predictions, path: Path) -> None:
    """Write predictions to a file, whole or not at all. Raises `RunError`."""
    writer = _WRITERS[path.suffix.lower()]
    wide = sum(int(np.prod(values.shape[1:], dtype=np.int64)) for values in found.outputs.values())
    if path.suffix.lower() in (".csv", ".parquet") and wide > _MOST_COLUMNS:
        raise RunError.of("MS711", f"the predictions have {wide:,} values for each row, too many for columns",
                          help="write .npz or .jsonl")
    write_whole(path, lambda beside: writer(found, beside))


def _write_csv(found: Predictions, path: Path) -> None:
    flat = columns(found)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(flat)
        writer.writerows(zip(*(_shortest(values) for values in flat.values()), strict=True))


def _shortest(values: Array) -> list[Any]:
    """Numbers with the fewest digits that read back as they were."""
    return [str(value) for value in values] if values.dtype.kind == "f" else values.tolist()


def _write_jsonl(found: Predictions, path: Path) -> None:
    named = {**found.outputs, **{f"{name}_class": values for name, values in found.classes.items()}}
    with path.open("w", encoding="utf-8") as file:
        for row in range(len(found)):
            values = {name: _nested(array[row]) for name, array in named.items()}
            file.write(json.dumps(values, ensure_ascii=False) + "\n")


def _nested(value: Any) -> Any:
    """An array as lists, an array of one number as the number; a float with the fewest digits."""
    array = np.asarray(value)
    if array.size == 1:
        array = array.reshape(())
    if array.dtype.kind != "f":
        return array.tolist()
    return np.vectorize(lambda number: float(str(number)), otypes=[object])(array).tolist()


def _write_npz(found: Predictions, path: Path) -> None:
    classes = {f"{name}_class": values for name, values in found.classes.items()}
    with path.open("wb") as file:
        np.savez(file, **{**found.outputs, **classes})  # type: ignore[arg-type]  # numpy's stub thinks of its flags


def _write_parquet(found: Predictions, path: Path) -> None:
    table = import_module("pyarrow").table(columns(found))
    import_module("pyarrow.parquet").write_table(table, path)


_WRITERS: dict[str, Callable[[Predictions, Path], None]] = {
    ".csv": _write_csv, ".jsonl": _write_jsonl, ".npz": _write_npz, ".parquet": _write_parquet,
}
