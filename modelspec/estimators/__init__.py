"""Specs as scikit-learn estimators: `SpecClassifier` and `SpecRegressor`."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
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


def _output(compiled: Compiled) -> tuple[str, tuple[int | None, ...]]:
    """The one output: its name and its sizes, None where the data say them."""
    assert compiled.graph is not None
    name, tensor = next(iter(compiled.graph.outputs.items()))
    return name, tuple(erase(tensor.shape))


def _target_is_transformed(compiled: Compiled) -> bool:
    data, (name, _) = compiled.data, _output(compiled)
    feature = ((data.targets if data is not None else None) or {}).get(name)
    return feature is not None and feature.prepared


def _gives_shares(estimator: SpecClassifier) -> bool:
    """Whether the outputs are probabilities; those of hinge losses are scores."""
    fitted = hasattr(estimator, "resolved_")
    return not (fitted and getattr(loss_in(estimator._run_spec()), "of_margins", False))


class SpecClassifier(ClassifierMixin, SpecEstimator):
    """A spec as a classifier of scikit-learn.

    `spec` is a file or a mapping, by default a multilayer perceptron. Its model has one output: of
    as many units as there are classes, or one with a binary loss, which is then about the second of
    `classes_`. Where the spec has `vars.classes`, that follows from `y`.

    `fit` trains as `modelspec train` does on a table with the same rows: `X`, `y` and
    `sample_weight` take the place of the source of the `data` section, and all else in it holds. A
    data frame is read by the names of its columns, an array in the order of the columns that the
    one input names. `y` is the column of the target, whose labels a `transform` turns into classes;
    without one they are numbered in order. `sample_weight` is the column that `weights` names,
    where `X` has none of this name. What `X` cannot give is refused: a column that `split` or
    `weights` names, a part of the data with a source of its own.

    `overrides` are values by path (`{"training.epochs": 3}`), each also a parameter of its own in a
    search: `training.epochs`. The run is kept in `run_dir`, by default nowhere.

    After `fit`: `classes_` (sorted), `units_` (the unit of the output of each class),
    `n_features_in_`, `history_` (by name, a value for each epoch), `weights_`.
    """

    _default = DEFAULT_CLASSIFIER
    _counted = "classes"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SpecClassifier:  # noqa: N803
        """Train on `X` [rows, features] and labels `y` [rows]. Raises `ValueError` for data that do
        not fit the spec, `SpecError` for a spec with errors.
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

    @available_if(_gives_shares)  # type: ignore[untyped-decorator]  # scikit-learn has no types
    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:  # noqa: N803
        """A probability for each row and class [rows, classes], in the order of `classes_`. Units
        of the output that no label of `y` trains are left out.
        """
        found = self._predicted(X)
        return classes.shares(found, loss_in(self._run_spec()), self._units())

    def predict(self, X: Any) -> np.ndarray[Any, Any]:  # noqa: N803
        """The most likely label of each row."""
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
        """The unit of each class; those of an earlier version's pickle are in order."""
        found: np.ndarray[Any, Any] = getattr(self, "units_", np.arange(len(self.classes_)))
        return found


class SpecRegressor(MultiOutputMixin, RegressorMixin, SpecEstimator):
    """A spec as a regressor of scikit-learn: see `SpecClassifier`. Where the spec has
    `vars.targets`, that is how many numbers `y` has for each row. A `transform` of the target is
    learned from the training rows and undone in predictions, so that scores are in the unit of `y`.
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
        self._train(x, np.asarray(y), weights_of(sample_weight, x), count)
        return self

    def _targets(self, compiled: Compiled, y: Any) -> Any:
        loss, (name, sizes) = loss_in(compiled), _output(compiled)
        count = 1 if y.ndim == 1 else y.shape[1]
        if getattr(loss, "targets", "") in ("indices", "identities", "sequences"):
            raise ValueError(
                f"`{loss.kind()}` compares classes, and a regressor predicts numbers: use"
                " `SpecClassifier`"
            )
        known = [size for size in sizes[1:] if size is not None]
        if len(known) == len(sizes) - 1 and prod(known) != count:
            raise ValueError(
                f"y has {count} {'number' if count == 1 else 'numbers'} for each row, and output"
                f" `{name}` of the spec {prod(known)}"
            )
        return y

    def _look(self, prepared: Prepared, y: Any) -> None:
        from modelspec.runtime.data.target_inverse import has_inverse
        from modelspec.runtime.run.decisions import target_layers

        name, _ = _output(prepared.compiled)
        layers = target_layers(prepared.compiled, prepared.state).get(name, ())
        if _target_is_transformed(prepared.compiled) and not has_inverse(layers):
            raise ValueError(
                f"the `transform` of the target of `{name}` cannot be undone, so that predictions"
                " are not in the unit of y: use transforms with an inverse, e.g. `Normalization`"
            )

    def predict(self, X: Any) -> np.ndarray[Any, Any]:  # noqa: N803
        """The numbers of each row in the unit of `y`, [rows] or [rows, targets] as `y` was."""
        from modelspec.runtime.data.target_inverse import inverse
        from modelspec.runtime.run.decisions import target_layers

        found = self._predicted(X)
        name, _ = _output(self._run_spec())
        layers = target_layers(self._run_spec(), self._state()).get(name, ())
        found = np.asarray(inverse(layers, found), np.float64)
        shaped: np.ndarray[Any, Any] = found.reshape(-1) if self._flat else found
        return shaped
