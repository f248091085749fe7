"""The columns of unnamed arrays from a program, assigned in order, as in Keras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import DataSection, Feature
from modelspec.core.diagnostics import Fault, listed

from .array_forms import in_numpy, is_array
from .memory_table import WEIGHT, X
from .table import Array, Table

Columns = tuple[str, ...]


@dataclass(frozen=True)
class Names:
    """The columns of each input and of each target, in the order of the model; None if the spec
    does not name them.
    """

    inputs: Mapping[str, Columns] | None = None
    targets: Mapping[str, Columns] | None = None
    weight: str = WEIGHT
    by_section: bool = False
    """Whether a `data` section names them. Without one, columns have the names of the inputs."""

    def of(self, title: str, part: Any) -> dict[str, Any]:
        """The columns of one part of `(x, y, sample_weight)`. Raises `Fault` (MS651)."""
        if title == WEIGHT:
            return {self.weight: part}
        features = self.inputs if title == X else self.targets
        if is_in_order(part):
            return self._in_order(title, part, features)
        if not self.by_section or features is None or self._is_named(title):
            return {title: part}
        if len(features) != 1:
            return {title: part}
        ((feature, columns),) = features.items()
        return _spread(title, feature, columns, part)

    def reads(self, title: str, columns: Sequence[str]) -> bool:
        """Whether a data frame with these columns, given for `x` or `y`, is read by their names."""
        features = self.inputs if title == X else self.targets
        if features is None:
            return self.by_section and title == X
        wanted = {one for names in features.values() for one in names}
        return wanted <= set(columns) or (self.by_section and title == X and X not in wanted)

    def _is_named(self, title: str) -> bool:
        """Whether a feature reads the column `x` or `y` by this name."""
        known = [*(self.inputs or {}).values(), *(self.targets or {}).values()]
        return any(title in columns for columns in known)

    def _in_order(
        self, title: str, part: Sequence[Any], features: Mapping[str, Columns] | None
    ) -> dict[str, Any]:
        kind = "inputs" if title == X else "outputs"
        if features is None:
            if len(part) == 1:
                return {title: part[0]}
            raise Fault(
                "MS651",
                f"a list of {len(part)} arrays requires one array for each of the {kind}, but the"
                " spec"
                " does not name their columns",
                help="pass a mapping of columns to arrays",
            )
        if len(part) != len(features):
            raise Fault(
                "MS651",
                f"the list has {len(part)} {'array' if len(part) == 1 else 'arrays'}, but the model"
                " has"
                f" {len(features)} {kind if len(features) != 1 else kind[:-1]}"
                f" ({listed(list(features))})",
                help=(
                    "pass one array for each, in this order"
                    + (", and inputs with targets as `(x, y)`" if title == X else "")
                ),
            )
        if len(features) == 1 and self._is_named(title):
            return {title: part[0]}
        found: dict[str, Any] = {}
        for (feature, columns), values in zip(features.items(), part, strict=True):
            found |= _spread(title, feature, columns, values)
        return found


def is_in_order(part: Any) -> bool:
    """Whether it is a list of arrays, one per input or output."""
    return (
        isinstance(part, (list, tuple))
        and len(part) > 0
        and all(is_array(one) and getattr(one, "ndim", 1) != 0 for one in part)
    )


def _spread(title: str, feature: str, columns: Columns, part: Any) -> dict[str, Any]:
    """An array as the columns of a feature. Raises `Fault` (MS651) for another number of
    columns.
    """
    if len(columns) == 1:
        return {columns[0]: part}
    values = in_numpy(part, f"`{title}`")
    if isinstance(values, list):
        try:
            values = np.array(values)
        except ValueError:
            raise Fault("MS651", f"`{title}` is a list whose rows have different lengths") from None
    width = values.shape[1] if values.ndim > 1 else 1
    if values.ndim > 2 or width != len(columns):
        shown = f"{listed(list(columns[:12]))}{', ...' if len(columns) > 12 else ''}"
        raise Fault(
            "MS651",
            f"`{title}` has the shape {list(values.shape)}, but `{feature}` of the spec reads"
            f" {len(columns)} columns: {shown}",
            help="pass an array of these columns in this order, or a data frame",
        )
    return {name: values[:, place] for place, name in enumerate(columns)}


def stacked(frame: Table, title: str) -> Array:
    """The columns of a data frame side by side, for a spec that does not name them. Raises `Fault`
    (MS651) unless they are all numbers, or all strings.
    """
    columns = [frame.column(name) for name in frame.names]
    kinds = {"text" if one.dtype.kind == "O" else "number" for one in columns}
    if not columns or len(kinds) > 1 or any(one.ndim > 1 for one in columns):
        raise Fault(
            "MS651",
            f"the data frame for `{title}` has columns of different types, but the spec does not"
            " name them",
            help="add a `data` section whose `inputs` name the columns",
        )
    return np.stack(columns, axis=1)


# Of a spec ----------------------------------------------------------------------------------------


def names_of(compiled: Compiled) -> Names:
    """The names of the arrays that feed the model of a spec."""
    data, graph = compiled.data, compiled.graph
    if graph is None:
        return Names()
    if data is None:
        return Names({one: (one,) for one in graph.inputs}, {one: (one,) for one in graph.outputs})
    return Names(
        _columns(data.inputs, graph.inputs),
        _columns(data.targets, graph.outputs),
        data.weights or WEIGHT,
        by_section=True,
    )


def _columns(
    features: Mapping[str, Feature] | None, order: Iterable[str]
) -> dict[str, Columns] | None:
    if features is None:
        return None
    return {
        name: features[name].names
        for name in order
        if name in features and features[name].random is None
    }


def weighted(section: DataSection, names: Iterable[str], data: Any) -> DataSection:
    """The section with the weights of `(x, y, sample_weight)`."""
    given = WEIGHT in names and not isinstance(data, Mapping) and not hasattr(data, "columns")
    return replace(section, weights=WEIGHT) if given and section.weights is None else section
