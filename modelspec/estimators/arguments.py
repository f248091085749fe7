"""What estimators are given: specs, their default ones, arrays and labels as scikit-learn checks
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import fspath
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight, validate_data

from modelspec.api import Spec
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.source import plain, read

COLUMN = "x"
"""The column that an array becomes."""
BATCH = 64
"""Rows are predicted in batches of one size, the last one filled up: so a row's result follows from
it alone.
"""

_LAYERS = [
    {"Dense": {"units": 64, "activation": "relu"}},
    {"Dense": {"units": 64, "activation": "relu"}},
]
_TRAINING = {"optimizer": {"Adam": {"learning_rate": 0.003}}, "epochs": 30, "batch_size": 32}
_DATA = {
    "source": {"npz": "data.npz"},
    "inputs": {"x": {"column": COLUMN, "transform": ["Normalization"]}},
}
DEFAULT_CLASSIFIER: dict[str, Any] = {
    "name": "classifier",
    "vars": {"classes": 2},
    "model": {
        "inputs": {"x": ["auto"]},
        "layers": [
            *_LAYERS,
            {"Dense": {"units": "$classes", "activation": "softmax", "name": "label"}},
        ],
    },
    "data": _DATA,
    "training": {**_TRAINING, "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
}
DEFAULT_REGRESSOR: dict[str, Any] = {
    "name": "regressor",
    "vars": {"targets": 1},
    "model": {
        "inputs": {"x": ["auto"]},
        "layers": [*_LAYERS, {"Dense": {"units": "$targets", "name": "value"}}],
    },
    "data": _DATA,
    "training": {**_TRAINING, "loss": "mse"},
}


def both_of(estimator: Any, x: Any, y: Any, **options: Any) -> tuple[Any, Any]:
    """`X` and `y` as scikit-learn checks them."""
    if not estimator._frame(x):
        checked: tuple[Any, Any] = validate_data(estimator, x, y, **options)
        return checked
    from sklearn.utils import check_consistent_length, column_or_1d

    estimator._valid(x, reset=True)
    check_consistent_length(x, y)
    return x, np.asarray(y) if options else column_or_1d(y, warn=True)


def weights_of(sample_weight: Any, x: Any) -> Any:
    if sample_weight is None:
        return None
    return _check_sample_weight(
        sample_weight,
        x if not hasattr(x, "iloc") else np.empty((len(x), 1)),
        ensure_non_negative=True,
    )


def mapping_of(source: Any) -> Mapping[str, Any]:
    """A spec as it was written."""
    if isinstance(source, Mapping):
        return source
    document = read(fspath(source)).value
    found = plain(document.root) if document is not None else {}
    return found if isinstance(found, dict) else {}


def columns_named(inputs: Any) -> set[str]:
    """The columns that `data.inputs` names."""
    if isinstance(inputs, str):
        return {inputs}
    if isinstance(inputs, (list, tuple)):
        return {str(one) for one in inputs}
    if not isinstance(inputs, Mapping):
        return set()
    if "column" in inputs or "columns" in inputs:
        return columns_named(inputs.get("column") or inputs.get("columns"))
    return {name for one in inputs.values() for name in columns_named(one)}


def feature_of(feature: Any) -> dict[str, Any]:
    """A feature as a spec writes it."""
    from modelspec.runtime.data.columns import Bound

    return Bound(feature.names, feature.column is None, None, {}, feature).feature()


def compiled_of(resolved: Mapping[str, Any]) -> Compiled:
    checked = compile_spec(resolved)
    assert checked.ok and checked.value is not None, "a spec that was run"
    return checked.value


def loss_in(compiled: Compiled) -> Any:
    from modelspec.runtime.data.targets import loss_of

    assert compiled.graph is not None
    return loss_of(compiled.training, next(iter(compiled.graph.outputs)))


def targets_of(spec: Spec, y: Any) -> Any:
    """Class numbers one-hot where the loss takes shares."""
    if getattr(loss_in(spec.compiled), "targets", "") == "one_hot" and np.ndim(y) == 1:
        return np.eye(int(y.max()) + 1, dtype=np.float32)[y]
    return y


def filled_up(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    rest = -len(values) % BATCH
    return (
        np.concatenate([values, np.repeat(values[-1:], rest, axis=0)])
        if rest
        else np.asarray(values)
    )
