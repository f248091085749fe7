"""`dataset`: the small data sets that come with scikit-learn."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ...diagnostics import Fault, Span
from ..table import Array, Table


class BundledTable(Table):
    """Every feature by its own name, `features` (all of them, [examples, features]), `target`, and `image` for
    digits ([examples, 8, 8], grey from 0 to 16)."""

    def __init__(self, name: str, columns: dict[str, Array], fingerprint: str, span: Span | None) -> None:
        super().__init__(name, tuple(columns), fingerprint, span)
        self._columns = columns

    @property
    def default_features(self) -> tuple[str, ...]:
        return ("features",)

    @property
    def default_target(self) -> str:
        return "target"

    def read(self, name: str) -> Array:
        return self._columns[name]

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return f"{name}[{', '.join(str(i) for i in index)}] of {self.name}"


def open_table(source: Any, path: Path | None, span: Span | None) -> BundledTable:
    """The table of a `dataset` source. Raises `Fault` where scikit-learn is not installed."""
    try:
        from sklearn import datasets
    except ImportError:
        raise Fault("MS601", f"`dataset: {source.name}` comes with scikit-learn, which is not installed",
                    help="`pip install scikit-learn`") from None
    bunch = getattr(datasets, f"load_{source.name}")()
    features = np.ascontiguousarray(bunch.data)
    columns: dict[str, Array] = {_snake(name): features[:, i] for i, name in enumerate(bunch.feature_names)}
    columns["features"] = features
    if source.name == "digits":
        columns["image"] = features.reshape(-1, 8, 8)
    columns["target"] = np.ascontiguousarray(bunch.target)
    digest = sha256(features.tobytes())
    digest.update(columns["target"].tobytes())
    return BundledTable(source.name, columns, digest.hexdigest(), span)


def _snake(name: str) -> str:
    """`sepal length (cm)` -> `sepal_length`; the unit goes, as it says nothing that a name must."""
    return re.sub(r"\W+", "_", re.sub(r"\(.*?\)", "", str(name)).strip()).strip("_").lower()
