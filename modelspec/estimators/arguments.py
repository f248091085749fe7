"""The arguments of estimators: specs and their defaults, arrays and labels, checked like those of
scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import fspath
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import _check_sample_weight, validate_data

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.compiler.spec.data_section import DataSection
from modelspec.compiler.spec.past_columns import examples_of_several_rows
from modelspec.core.source import plain, read

from .columns import COLUMN, by_name, takes_nothing
from .forms import as_column, as_frame

BATCH = 64
"""Rows are predicted in batches of one size, the last one padded, so that the result of a row
depends on that row only.
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
    """`X` and `y` as validated by scikit-learn; a data frame that is read by name is unchanged."""
    x, y = as_frame(x), y if y is None else as_column(y, "y")
    data = outline(estimator)
    if not by_name(data, x):
        if takes_nothing(data):
            options["ensure_all_finite"] = "allow-nan"
        checked: tuple[Any, Any] = validate_data(estimator, x, y, **options)
        return checked
    validate_data(estimator, x, reset=True, skip_check_array=True)
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but y is None")
    check_consistent_length(x, y)
    if not options:
        y = column_or_1d(y, warn=True)
    dtype = "numeric" if options else None
    return x, check_array(y, ensure_2d=False, dtype=dtype, input_name="y")


def refuse_several_rows(compiled: Compiled) -> None:
    """Raises `ValueError` where an example consists of several rows: an estimator predicts each."""
    found = examples_of_several_rows(compiled.data) if compiled.data is not None else ()
    if found:
        raise ValueError(
            "an estimator predicts every row of `X`, but an example of the spec has several rows:"
            f" {' and '.join(found)}; train it with `modelspec train`"
        )


def weights_of(sample_weight: Any, x: Any) -> Any:
    if sample_weight is None:
        return None
    return _check_sample_weight(
        as_column(sample_weight, "sample_weight"),
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


def outline(estimator: Any) -> DataSection | None:
    """The `data` section of the spec of an estimator, as far as it can be read without the data."""
    found = compile_spec(estimator._written, estimator.overrides).value
    return found.data if found is not None else None


def compiled_of(resolved: Mapping[str, Any]) -> Compiled:
    checked = compile_spec(resolved)
    assert checked.ok and checked.value is not None, "a spec that was run"
    return checked.value


def loss_in(compiled: Compiled) -> Any:
    from modelspec.runtime.data.targets import loss_of

    assert compiled.graph is not None
    return loss_of(compiled.training, next(iter(compiled.graph.outputs)))


def filled_up(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    rest = -len(values) % BATCH
    return (
        np.concatenate([values, np.repeat(values[-1:], rest, axis=0)])
        if rest
        else np.asarray(values)
    )
