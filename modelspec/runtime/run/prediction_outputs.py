"""Converts predictions to columns, rows and arrays; and checks whether they can be written to a
file.

    species                the predicted label, or its number if the target has no lookup
    species_probability    its probability
    p[Adelie], p[Gentoo]   the probability of every label; `species[Adelie]` where the model has
                           several outputs, or gives scores that are not probabilities
    price                  a number, in the unit of the target's column
    wind[u], wind[v]       numbers of a target of several columns
    load_0, load_1, ...    other arrays: an index for each axis
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import RunError
from ..data.table import Array
from .prediction_rows import Naming
from .row_sources import is_folder
from .shortest_numbers import shortest as shortest

if TYPE_CHECKING:
    from .prediction_rows import Predictions

EXTENSIONS = (".csv", ".jsonl", ".npz", ".parquet", ".arrow")
NEED_PYARROW = (".parquet", ".arrow")
_MOST_COLUMNS = 10_000
_UNNAMED = Naming(())
Pair = tuple[str, Array]


def columns(found: Predictions) -> dict[str, Array]:
    """The columns that identify the rows, then the predictions, each column with one value per row.
    Names are unique: an input column with the name of a prediction becomes `input[NAME]`.
    """
    return _together(found, _flat_output)


def arrays(found: Predictions) -> dict[str, Array]:
    """The same columns, but a row may have an array: images, sequences and the probabilities of
    their labels are not split into columns.
    """
    return _together(found, _whole_output)


def _together(found: Predictions, output: Any) -> dict[str, Array]:
    named = _unique(pair for name in found.outputs for pair in output(found, name))
    before = _unique(
        (f"input[{name}]" if name in named else name, values) for name, values in found.ids.items()
    )
    return {**before, **named}


def step_columns(found: Predictions, name: str) -> list[str]:
    """The columns of `arrays` that have a value for each step of an output in `steps`."""
    steps = found.steps[name].shape
    return [column for column, values in _whole_output(found, name) if values.shape[:2] == steps]


def _unique(pairs: Iterable[Pair]) -> dict[str, Array]:
    """Columns by name; repeated names get a number."""
    found: dict[str, Array] = {}
    for name, values in pairs:
        number, shown = 1, name
        while shown in found:
            number += 1
            shown = f"{name}_{number}"
        found[shown] = values
    return found


def _flat_output(found: Predictions, name: str) -> Iterator[Pair]:
    if name not in found.classes:
        yield from _flat(name, found.outputs[name], found.naming.get(name, _UNNAMED).labels)
        return
    if _each_row(found, name):
        yield from _decided(found, name)
        return
    yield from _flat(name, _squeezed(found.classes[name]))
    if name in found.chosen:
        yield from _flat(name, found.chosen[name], after="_probability")
    labels = found.naming.get(name, _UNNAMED).labels
    yield from _flat(prefix(found, name), _shares(found, name), labels, always=True)


def _whole_output(found: Predictions, name: str) -> Iterator[Pair]:
    if name in found.classes and _each_row(found, name):
        yield from _decided(found, name)
        return
    if name not in found.classes:
        yield name, _squeezed(found.outputs[name])
        return
    yield name, _squeezed(found.classes[name])
    if name in found.chosen:
        yield f"{name}_probability", found.chosen[name]
    before = prefix(found, name)
    yield before if before != name else f"{name}[]", _shares(found, name)


def prefix(found: Predictions, name: str) -> str:
    """The prefix of the labels of an output."""
    probable = found.naming.get(name, _UNNAMED).probable
    return "p" if len(found.outputs) == 1 and probable else name


def _shares(found: Predictions, name: str) -> Array:
    return found.shares.get(name, found.outputs[name])


def _squeezed(values: Array) -> Array:
    """An array with one value per row, as a list of these values."""
    one = all(size == 1 for size in values.shape[1:])
    return values.reshape(len(values)) if one else values


def _each_row(found: Predictions, name: str) -> bool:
    """Whether each row has one label or one set of labels."""
    return _shares(found, name).ndim == 2


# Labels -------------------------------------------------------------------------------------------


def _decided(found: Predictions, name: str) -> Iterator[Pair]:
    """One label per row and its probability, then the probability of every label."""
    naming, shares = found.naming.get(name, _UNNAMED), _shares(found, name)
    labels = named(naming.labels, shares.shape[-1])
    if naming.several:
        yield name, _sets(found.classes[name], labels, naming.separator)
    else:
        yield name, _squeezed(found.classes[name])
        if name in found.chosen:
            yield f"{name}_probability", found.chosen[name]
    if found.top is not None and not naming.several:
        yield from _top(name, shares, labels, found.top, probable=naming.probable)
        return
    before = prefix(found, name)
    for label, column in zip(labels, shares.T, strict=True):
        yield f"{before}[{label}]", column


def named(labels: tuple[str, ...], count: int) -> tuple[str, ...]:
    """A name for each entry: its number without labels."""
    return labels[:count] + tuple(map(str, range(len(labels), count)))


def _sets(classes: Array, labels: tuple[str, ...], separator: str) -> Array:
    """The labels of each row, joined."""
    found = np.empty(len(classes), object)
    for row, marks in enumerate(classes):
        found[row] = separator.join(labels[at] for at in np.flatnonzero(marks))
    return found


def _top(
    name: str, shares: Array, labels: tuple[str, ...], count: int, *, probable: bool
) -> Iterator[Pair]:
    """The most probable labels in order of probability; ties are broken by label order."""
    order = np.argsort(-shares, axis=-1, kind="stable")[:, :count]
    sorted_ = np.take_along_axis(shares, order, axis=-1)
    names = np.array(labels)
    for place in range(order.shape[1]):
        yield f"{name}_top{place + 1}", names[order[:, place]]
        after = "probability" if probable else "score"
        yield f"{name}_top{place + 1}_{after}", sorted_[:, place]


def _flat(
    name: str, values: Array, labels: tuple[str, ...] = (), after: str = "", *, always: bool = False
) -> Iterator[Pair]:
    """A column for each entry of a row's array. The entries of the last axis are named if there are
    `labels` for all of them, or `always`.
    """
    sizes = values.shape[1:]
    if all(size == 1 for size in sizes) and not always:
        yield f"{name}{after}", values.reshape(len(values))
        return
    last = named(labels, sizes[-1]) if always or len(labels) == sizes[-1] else None
    units = product(*(range(size) for size in sizes))
    for index, column in zip(units, values.reshape(len(values), -1).T, strict=True):
        inner = index if last is None else index[:-1]
        numbers = "".join(f"_{i}" for i in inner)
        yield f"{name}{numbers}{'' if last is None else f'[{last[index[-1]]}]'}{after}", column


# Files --------------------------------------------------------------------------------------------


def check_output(path: Path) -> None:
    """Raises `RunError` (MS711) where predictions cannot be written to a file of this name."""
    suffix = path.suffix.lower()
    if suffix not in EXTENSIONS:
        raise RunError.of(
            "MS711",
            f"cannot infer the format of predictions from the extension of `{path}`",
            help=f"use one of the extensions {', '.join(EXTENSIONS)}",
        )
    if is_folder(path) or not is_folder(path.parent):
        what = "is a folder" if is_folder(path) else "would be in a folder that does not exist"
        raise RunError.of("MS711", f"`{path}` {what}")
    if suffix in NEED_PYARROW and find_spec("pyarrow") is None:
        raise RunError.of(
            "MS711",
            f"{suffix[1:]} files require pyarrow, which is not installed",
            help="`pip install pyarrow`, or write .csv, .jsonl or .npz",
        )


def check_width(found: Predictions, path: Path) -> None:
    """Raises `RunError` (MS711) if predictions have more values per row than a table can have
    columns.
    """
    wide = sum(int(np.prod(values.shape[1:], dtype=np.int64)) for values in found.outputs.values())
    if path.suffix.lower() in (".csv", *NEED_PYARROW) and wide > _MOST_COLUMNS:
        raise RunError.of(
            "MS711",
            f"the predictions have {wide:,} values for each row, too many for columns",
            help="write .npz or .jsonl",
        )


def nested(value: Any) -> Any:
    """An array as lists, an array of one number as the number."""
    array = np.asarray(value)
    return array.item() if array.size == 1 else array.tolist()


def as_row(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of one row in `arrays` as plain values; a list has one entry per step."""
    return {
        name: [nested(step) for step in value] if isinstance(value, list) else nested(value)
        for name, value in values.items()
    }
