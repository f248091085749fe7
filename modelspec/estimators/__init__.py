"""Specs as scikit-learn estimators: `SpecClassifier` and `SpecRegressor`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets

from .arguments import DEFAULT_CLASSIFIER, DEFAULT_REGRESSOR, both_of, loss_in, weights_of
from .base import SpecEstimator


class SpecClassifier(ClassifierMixin, SpecEstimator):
    """A spec as a classifier of scikit-learn.

    `spec` is a file or a mapping, by default a multilayer perceptron. Its model has one output: of
    as many units as there are classes, or one with a binary loss. Where the spec has
    `vars.classes`, that follows from `y`. `X` is an array, which feeds the single input (whose size
    may be `auto`), or a data frame with the columns that the spec's `data.inputs` names.
    `overrides` are values by path (`{"training.epochs": 3}`), each also a parameter of its own in a
    search: `training.epochs`. The run is kept in `run_dir`, by default nowhere.

    After `fit`: `classes_`, `n_features_in_`, `history_` (by name, a value for each epoch),
    `weights_`.
    """

    _default = DEFAULT_CLASSIFIER
    _counted = "classes"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SpecClassifier:  # noqa: N803
        """Train on `X` [rows, features] and labels `y` [rows]. Raises `ValueError` for data that do
        not fit the spec, `SpecError` for a spec with errors.
        """
        x, y = both_of(self, X, y)
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"the classifier can't train when only one class is present: {self.classes_[0]!r}"
            )
        self._train(x, indices.astype(np.int64), weights_of(sample_weight, x), len(self.classes_))
        return self

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:  # noqa: N803
        """A probability for each row and class [rows, classes], in the order of `classes_`."""
        found = self._predicted(X)
        compiled = self._compiled
        loss = loss_in(compiled)
        logits = bool(getattr(loss, "from_logits", False))
        if getattr(loss, "targets", "") == "binary" and found.reshape(len(found), -1).shape[1] == 1:
            share = found.reshape(-1)
            share = 1 / (1 + np.exp(-share)) if logits else share
            return np.stack([1 - share, share], axis=1)
        shares: np.ndarray[Any, Any] = (
            np.exp(found - found.max(axis=-1, keepdims=True)) if logits else found
        )
        whole: np.ndarray[Any, Any] = shares / shares.sum(axis=-1, keepdims=True)
        return whole

    def predict(self, X: Any) -> np.ndarray[Any, Any]:  # noqa: N803
        """The most likely label of each row."""
        likely = self.predict_proba(X).argmax(axis=1)
        found: np.ndarray[Any, Any] = self.classes_[likely]
        return found


class SpecRegressor(MultiOutputMixin, RegressorMixin, SpecEstimator):
    """A spec as a regressor of scikit-learn: see `SpecClassifier`. Where the spec has
    `vars.targets`, that is how many numbers `y` has for each row.
    """

    _default = DEFAULT_REGRESSOR
    _counted = "targets"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SpecRegressor:  # noqa: N803
        """Train on `X` [rows, features] and numbers `y` [rows] or [rows, targets]. Raises as
        `SpecClassifier.fit`.
        """
        x, y = both_of(self, X, y, multi_output=True, y_numeric=True)
        self._flat = np.ndim(y) == 1
        count = 1 if self._flat else y.shape[1]
        self._train(
            x, np.asarray(y, np.float64).reshape(len(y), count), weights_of(sample_weight, x), count
        )
        return self

    def predict(self, X: Any) -> np.ndarray[Any, Any]:  # noqa: N803
        """The numbers of each row, [rows] or [rows, targets] as `y` was."""
        found = self._predicted(X)
        shaped: np.ndarray[Any, Any] = found.reshape(-1) if self._flat else found
        return shaped
