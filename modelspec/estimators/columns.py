"""`X`, `y` and `sample_weight` as the columns of the `data` section of a spec.

An estimator trains on the same columns that `modelspec train` reads from a file with the same rows,
or raises an error: only the source of the section is replaced.

    X, a data frame   its columns by their names, in any order
    X, an array       its columns in the order of the columns of the single input
    y                 the columns of the target, in their order
    sample_weight     the column of `weights`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.compiler.expand.row_syntax import read_condition
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import DataSection, Feature
from modelspec.core.diagnostics import listed
from modelspec.views.resolve import escaped

from .forms import is_frame

COLUMN, TARGET, WEIGHT = "x", "y", "sample_weight"
"""The names of columns without a name in the spec."""
_SHOWN = 12
"""The most columns of `X` in a message."""


@dataclass
class Filled:
    """The columns that training reads, and the overrides that they require."""

    columns: dict[str, Any]
    more: dict[str, Any] = field(default_factory=dict)
    """Overrides by path: sections that the spec does not have."""


def input_names(data: DataSection | None) -> tuple[str, ...] | None:
    """The columns that the inputs read; None where the spec does not name them."""
    if data is None or data.inputs is None:
        return None
    return tuple(dict.fromkeys(name for one in data.inputs.values() for name in one.names))


def takes_nothing(data: DataSection | None) -> bool:
    """Whether an input replaces missing values, or excludes such rows."""
    inputs = data.inputs if data is not None else None
    return any(one.missing != "error" for one in (inputs or {}).values())


def by_name(data: DataSection | None, x: Any) -> bool:
    """Whether the columns of `X` are read by their names. Raises `ValueError` for a data frame
    that lacks some of them.
    """
    if data is None or not is_frame(x):
        return False
    names = input_names(data)
    have = [str(column) for column in x.columns]
    lacking = [name for name in names or () if name not in have]
    if not lacking:
        return True
    assert names is not None
    if len(names) == 1 and not _scalars(data):  # an array of the source: replaced by the whole of X
        return False
    raise ValueError(
        f"X has no column {listed(lacking)}, which `data.inputs` of the spec reads; X has "
        f"{listed(have[:_SHOWN])}{', ...' if len(have) > _SHOWN else ''}: rename the columns of X, "
        "or pass an array with the columns in the order of the spec"
    )


def _scalars(data: DataSection) -> bool:
    """Whether a column of the source of the spec has one value per row."""
    return any(source.one_value_cells for source in data.sources.values())


# X ------------------------------------------------------------------------------------------------


def columns_of(data: DataSection | None, inputs: Sequence[str], x: Any) -> dict[str, Any]:
    """The columns of `X` by name. Raises `ValueError` for an array that does not fit the spec."""
    if by_name(data, x):
        from modelspec.runtime.data.python_objects import table_from

        table = table_from(x)
        return {name: table.column(name) for name in table.names}
    fed = [name for name in inputs if not _is_random(data, name)]
    if len(fed) != 1:
        raise ValueError(
            f"the model has {len(fed)} inputs: pass a data frame, and a spec whose `data.inputs`"
            " assigns the columns to them"
        )
    values = np.asarray(x)
    if data is None or data.inputs is None:
        return {COLUMN: values}
    feature = data.inputs[fed[0]]
    if feature.column is not None and not _scalars(data):
        return {feature.column: values}
    if values.shape[1] != len(feature.names):
        raise ValueError(
            f"X is an array of {values.shape[1]} columns, but input `{fed[0]}` of the spec reads"
            f" {len(feature.names)} ({listed(list(feature.names[:_SHOWN]))}): pass an array of"
            " these, or a data frame"
        )
    return {name: _marked(values[:, place]) for place, name in enumerate(feature.names)}


def _is_random(data: DataSection | None, name: str) -> bool:
    """Whether an input is random, so that no column of `X` feeds it."""
    feature = ((data.inputs if data is not None else None) or {}).get(name)
    return feature is not None and feature.random is not None


def _marked(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A column of numbers in which NaN is a missing value, as in a data frame."""
    from modelspec.runtime.data.table import NOTHING

    lacking = np.isnan(values) if values.dtype.kind == "f" else np.zeros(0, bool)
    return np.where(lacking, NOTHING, values.astype(np.float64)) if lacking.any() else values


# Columns of training -----------------------------------------------------------------------------


def filled(compiled: Compiled, x: Any, y: np.ndarray[Any, Any], weights: Any) -> Filled:
    """The columns of a table with the rows of `X`. Raises `ValueError` for columns that are missing
    or given twice.
    """
    assert compiled.graph is not None
    data, inputs = compiled.data, tuple(compiled.graph.inputs)
    _check_sources(data)
    found = Filled(columns_of(data, inputs, x))
    read = set(found.columns if input_names(data) is None else input_names(data) or ())
    taken = _put_target(found, data, next(iter(compiled.graph.outputs)), y, read)
    if data is None or data.inputs is None:
        columns = [name for name in found.columns if name not in taken]
        feature = {"column": COLUMN} if columns == [COLUMN] else {"columns": escaped(columns)}
        found.more["data.inputs"] = {inputs[0]: feature}
    _put_weights(found, data, weights)
    _check_split(found, data, is_frame(x))
    if data is None:
        whole = {path.removeprefix("data."): value for path, value in found.more.items()}
        found.more = {"data": {"source": {"npz": "data.npz"}, **whole}}
    return found


def _check_sources(data: DataSection | None) -> None:
    own = [part for part in (data.sources if data else ()) if part != "train"]
    if own:
        raise ValueError(
            f"`data.{own[0]}` of the spec has a separate source, but an estimator takes all rows"
            " from X and y: write `source` instead of `train`, and a `split`, e.g."
            f" `split: {{{own[0]}: 0.2}}`"
        )


def _put_target(
    found: Filled,
    data: DataSection | None,
    output: str,
    y: np.ndarray[Any, Any],
    read: set[str],
) -> tuple[str, ...]:
    """Adds `y` under the names of the target in the spec; returns these names."""
    feature = ((data.targets if data is not None else None) or {}).get(output)
    if feature is None:
        name = _free(TARGET, found.columns)
        found.more["data.targets"] = {output: {"column": name}}
        found.columns[name] = y
        return (name,)
    for name, values in _by_column(feature, output, y).items():
        if (
            name in read
            and name in found.columns
            and not np.array_equal(found.columns[name], values)
        ):
            raise ValueError(
                f"an input and the target of the spec read column `{name}`, but X and y have"
                " different values for it: pass the same values, or use another column for the"
                " target"
            )
        found.columns[name] = values
    return feature.names


def _by_column(feature: Feature, output: str, y: np.ndarray[Any, Any]) -> dict[str, Any]:
    width = 1 if y.ndim == 1 else y.shape[1]
    if feature.column is not None:
        return {feature.column: y.reshape(-1) if width == 1 else y}
    if width != len(feature.names):
        raise ValueError(
            f"y has {width} {'column' if width == 1 else 'columns'}, but the target of `{output}`"
            f" has {len(feature.names)} in the spec: {listed(list(feature.names))}"
        )
    table = y.reshape(len(y), width)
    return {name: table[:, place] for place, name in enumerate(feature.names)}


def _put_weights(found: Filled, data: DataSection | None, weights: Any) -> None:
    name = data.weights if data is not None else None
    if weights is None:
        if name is not None and name not in found.columns:
            raise ValueError(
                f"`data.weights` of the spec names the column `{name}`, which X does not have:"
                " pass `sample_weight`, or a data frame with this column"
            )
        return
    if name is None:
        name = _free(WEIGHT, found.columns)
        found.more["data.weights"] = name
    elif name in found.columns:
        raise ValueError(
            f"the examples have two weights: `sample_weight`, and the column `{name}` of X from"
            " `data.weights` of the spec: remove one of them"
        )
    found.columns[name] = weights


def _check_split(found: Filled, data: DataSection | None, frame: bool) -> None:
    _check_named(found, data, frame)
    by = data.split.by if data is not None and data.split is not None else None
    if by is None or by[1] in found.columns:
        return
    key, name = by
    what = "which X does not have" if frame else "but an array has no names"
    raise ValueError(
        f"`data.split` of the spec uses `{key}: {name}`, {what}: pass a data frame with the"
        f" column `{name}`, or remove `{key}`"
    )


def _check_named(found: Filled, data: DataSection | None, frame: bool) -> None:
    """Checks that the columns of `where`, `slices` and `balance` exist."""
    where = data.where if data is not None else None
    named = {
        "where": read_condition(where.text).columns if where is not None else (),
        "slices": tuple(one.column for one in data.slices) if data is not None else (),
        "balance": (data.balance.column,) if data is not None and data.balance is not None else (),
    }
    for key, names in named.items():
        lacking = [name for name in names if name not in found.columns]
        if lacking:
            what = "which X does not have" if frame else "but an array has no names"
            raise ValueError(
                f"`data.{key}` of the spec names {listed(lacking)}, {what}: pass a data frame with"
                f" these columns, or remove `{key}`"
            )


def _free(name: str, columns: Mapping[str, Any]) -> str:
    """A name that no column of `X` has."""
    while name in columns:
        name += "_"
    return name
