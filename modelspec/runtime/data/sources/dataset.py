"""`dataset`: the small data sets of scikit-learn, and those that Keras downloads."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import numpy as np

from modelspec.catalog.sources.dataset import EMBEDDED, dataset
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context

from ..table import Array, Table

_FIRST = ("image", "tokens", "features")
"""The columns for a single input: the first of these that exists."""


class DatasetTable(Table):
    """Arrays by name: `target`, and `image` ([examples, height, width] or with channels), `tokens`
    (lists of word indices), or `features` ([examples, features]) and each of these by its own
    name.
    """

    def __init__(
        self, name: str, columns: dict[str, Array], fingerprint: str, span: Span | None
    ) -> None:
        super().__init__(name, tuple(columns), fingerprint, span)
        self._columns = columns

    @property
    def count(self) -> int:
        return len(self._columns["target"])

    @property
    def size_hint(self) -> int:
        return sum(values.nbytes for values in self._columns.values())

    @property
    def default_features(self) -> tuple[str, ...]:
        embedded = ("features",) if "features" in self else ()
        return embedded or (next(name for name in _FIRST if name in self),)

    @property
    def default_target(self) -> str:
        return "target"

    def read(self, name: str) -> Array:
        return self._columns[name]

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return f"{name}[{', '.join(str(i) for i in index)}] of {self.name}"


def open_table(source: dataset, context: Context, span: Span | None) -> DatasetTable:
    """The table of a `dataset` source. Raises `Fault` if it is not available."""
    if source.name in EMBEDDED:
        return _embedded(source.name, span)
    from ..keras_datasets import columns_of

    columns, fingerprint = columns_of(source, context)
    part = source.part or "train"
    return DatasetTable(f"{source.name} ({part})", columns, f"{fingerprint}:{part}", span)


def _embedded(name: str, span: Span | None) -> DatasetTable:
    try:
        from sklearn import datasets
    except ImportError:
        raise Fault(
            "MS601",
            f"`dataset: {name}` requires scikit-learn, which is not installed",
            help="`pip install scikit-learn`",
        ) from None
    bunch: Any = getattr(datasets, f"load_{name}")()
    features = np.ascontiguousarray(bunch.data)
    columns: dict[str, Array] = {
        _snake(one): features[:, i] for i, one in enumerate(bunch.feature_names)
    }
    columns["features"] = features
    if name == "digits":
        columns["image"] = features.reshape(-1, 8, 8)
    columns["target"] = np.ascontiguousarray(bunch.target)
    digest = sha256(features.tobytes())
    digest.update(columns["target"].tobytes())
    return DatasetTable(name, columns, digest.hexdigest(), span)


def _snake(name: str) -> str:
    """`sepal length (cm)` -> `sepal_length`; the unit is dropped, since a name does not need it."""
    return re.sub(r"\W+", "_", re.sub(r"\(.*?\)", "", str(name)).strip()).strip("_").lower()
