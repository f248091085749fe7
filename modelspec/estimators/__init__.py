"""Specs as scikit-learn estimators: `SpecClassifier` and `SpecRegressor`."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets

from modelspec.compiler.pipeline import Compiled
from modelspec.core.shapes import erase

from . import classes
from .arguments import (
    DEFAULT_CLASSIFIER,
    DEFAULT_REGRESSOR,
    both_of,
    loss_in,
    weights_of,
)
from .base import SpecEstimator

if TYPE_CHECKING:
    from modelspec.runtime.data import Prepared

    F = TypeVar("F", bound=Callable[..., object])

    def available_if(check: Callable[..., bool]) -> Callable[[F], F]:
        """The decorator of scikit-learn, which has no type hints: a method keeps its type."""

else:
    from sklearn.utils.metaestimators import available_if


def _output(compiled: Compiled) -> tuple[str, tuple[int | None, ...]]:
    """The single output: its name and its sizes, None where the data determines them."""
    assert compiled.graph is not None
    name, tensor = next(iter(compiled.graph.outputs.items()))
    return name, tuple(erase(tensor.shape))


def _target_is_transformed(compiled: Compiled) -> bool:
    data, (name, _) = compiled.data, _output(compiled)
    feature = ((data.targets if data is not None else None) or {}).get(name)
    return feature is not None and feature.prepared


def _gives_shares(estimator: SpecClassifier) -> bool:
    """Whether the outputs are probabilities; with hinge losses they are scores."""
    fitted = hasattr(estimator, "resolved_")
    return not (fitted and getattr(loss_in(estimator._run_spec()), "of_margins", False))


class SpecClassifier(ClassifierMixin, SpecEstimator):
    """A spec as a scikit-learn classifier.

    `spec` is a file or a mapping, by default a multilayer perceptron. Its model has one output:
    with one unit per class, or one unit with a binary loss, which gives the probability of the
    second of `classes_`. If the spec has `vars.classes`, it is set to the number of classes in `y`.

    `fit` trains like `modelspec train` on a table with the same rows: `X`, `y` and `sample_weight`
    replace the source of the `data` section, and the rest of it applies. A data frame is read by
    the names of its columns, an array in the order of the columns of the single input. `y` is the
    column of the target, whose labels a `transform` turns into classes; without one they are
    numbered in order. `sample_weight` is the column of `weights`, unless `X` has a column of this
    name. Columns of `split` or `weights` that `X` does not have, and parts of the data with a
    separate source, are an error.

    `overrides` are values by path (`{"training.epochs": 3}`); each path is also a parameter for a
    search: `training.epochs`. The run is saved in `run_dir`, by default nowhere.

    After `fit`: `classes_` (sorted), `units_` (the unit of the output of each class),
    `n_features_in_`, `history_` (by name, a value for each epoch), `weights_`.
    """

    _default = DEFAULT_CLASSIFIER
    _counted = "classes"

    def fit(self, X: object, y: object, sample_weight: object = None) -> SpecClassifier:  # noqa: N803
        """Train on `X` [rows, features] and labels `y` [rows]. Raises `ValueError` for data that
        does not fit the spec, `SpecError` for a spec with errors.
        """
        x, y = both_of(self, X, y)
        check_classification_targets(y)
        labels = np.asarray(y)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise ValueError(
                f"the classifier can't train when only one class is present: {self.classes_[0]!r}"
            )
        self._train(x, labels, weights_of(sample_weight, x), len(self.classes_))
        return self

    def _targets(self, compiled: Compiled, y: Any) -> Any:
        loss, (_, sizes) = loss_in(compiled), _output(compiled)
        classes.check_loss(loss, sizes)
        if _target_is_transformed(compiled):
            return y
        return classes.as_targets(y, self.classes_, loss, sizes[-1])

    def _look(self, prepared: Prepared, y: Any) -> None:
        examples = prepared.parts["train"].examples
        name, _ = _output(prepared.compiled)
        self.classes_, self.units_ = classes.unit_of_each(
            y if (rows := examples.table.in_file(examples.rows)) is None else y[rows],
            examples.targets[name],
            loss_in(prepared.compiled),
        )

    @available_if(_gives_shares)
    def predict_proba(self, X: object) -> np.ndarray[Any, Any]:  # noqa: N803
        """The probability of each class for each row [rows, classes], in the order of `classes_`.
        Units of the output without a label in `y` are excluded.
        """
        found = self._predicted(X)
        return classes.shares(found, loss_in(self._run_spec()), self._units())

    def predict(self, X: object) -> np.ndarray[Any, Any]:  # noqa: N803
        """The most probable label of each row."""
        found = self._predicted(X)
        loss, units = loss_in(self._run_spec()), self._units()
        if getattr(loss, "of_margins", False):
            scores = found.reshape(len(found), -1)
            scores = np.concatenate([-scores, scores], axis=1) if scores.shape[1] == 1 else scores
            likely = scores[:, units].argmax(axis=1)
        else:
            likely = classes.shares(found, loss, units).argmax(axis=1)
        labels: np.ndarray[Any, Any] = self.classes_[likely]
        return labels

    def _units(self) -> np.ndarray[Any, Any]:
        """The unit of each class; in a pickle of an earlier version they are in order."""
        found: np.ndarray[Any, Any] = getattr(self, "units_", np.arange(len(self.classes_)))
        return found


class SpecRegressor(MultiOutputMixin, RegressorMixin, SpecEstimator):
    """A spec as a scikit-learn regressor: see `SpecClassifier`. If the spec has `vars.targets`, it
    is set to the number of columns of `y`. A `transform` of the target is
    learned from the training rows and undone in predictions, so that scores are in the unit of `y`.
    """

    _default = DEFAULT_REGRESSOR
    _counted = "targets"

    def fit(self, X: object, y: object, sample_weight: object = None) -> SpecRegressor:  # noqa: N803
        """Train on `X` [rows, features] and numbers `y` [rows] or [rows, targets]. Raises the
        errors of `SpecClassifier.fit`.
        """
        x, numbers = both_of(self, X, y, multi_output=True, y_numeric=True)
        self._flat = np.ndim(numbers) == 1
        count = 1 if self._flat else numbers.shape[1]
        self._train(x, np.asarray(numbers), weights_of(sample_weight, x), count)
        return self

    def _targets(self, compiled: Compiled, y: Any) -> Any:
        loss, (name, sizes) = loss_in(compiled), _output(compiled)
        count = 1 if y.ndim == 1 else y.shape[1]
        if getattr(loss, "targets", "") in ("indices", "identities", "sequences"):
            raise ValueError(
                f"`{loss.kind()}` compares classes, but a regressor predicts numbers: use"
                " `SpecClassifier`"
            )
        known = [size for size in sizes[1:] if size is not None]
        if len(known) == len(sizes) - 1 and prod(known) != count:
            raise ValueError(
                f"y has {count} {'number' if count == 1 else 'numbers'} for each row, but output"
                f" `{name}` of the spec has {prod(known)}"
            )
        return y

    def _look(self, prepared: Prepared, y: Any) -> None:
        from modelspec.runtime.data.target_inverse import has_inverse
        from modelspec.runtime.run.decisions import target_layers

        name, _ = _output(prepared.compiled)
        layers = target_layers(prepared.compiled, prepared.state).get(name, ())
        if _target_is_transformed(prepared.compiled) and not has_inverse(layers):
            raise ValueError(
                f"the `transform` of the target of `{name}` cannot be inverted, so predictions"
                " are not in the unit of y: use transforms with an inverse, e.g. `Normalization`"
            )

    def predict(self, X: object) -> np.ndarray[Any, Any]:  # noqa: N803
        """The predictions for each row in the unit of `y`, [rows] or [rows, targets] like `y`."""
        from modelspec.runtime.data.target_inverse import inverse
        from modelspec.runtime.run.decisions import target_layers

        found = self._predicted(X)
        name, _ = _output(self._run_spec())
        layers = target_layers(self._run_spec(), self._state()).get(name, ())
        found = np.asarray(inverse(layers, found), np.float64)
        shaped: np.ndarray[Any, Any] = found.reshape(-1) if self._flat else found
        return shaped
