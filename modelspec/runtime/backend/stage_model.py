"""Prepares a model for a stage of its training: which layers train, the losses and metrics, and the
optimizer, fresh or with the state of the stage before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.spec.training_section import Training

from .compile_model import compile_model
from .inner_names import inner_name


class StageModel:
    """A model that was built with no layer frozen by `training.freeze`."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self._trainable = [(one, one.trainable) for one in _layers(model)]
        """Every layer, outer ones before inner ones, as the model section sets it."""

    def enter(
        self, graph: TypedGraph, training: Training, jit: bool | str, *, keep: bool = False
    ) -> None:
        """Freeze the layers that are frozen in `graph`, and compile the model for a stage.

        With `keep` the new optimizer continues with the step count, the rate and the state of the
        current one: see `_take_over`.
        """
        before = _values(self.model.optimizer) if keep else {}
        for layer, trainable in self._trainable:
            layer.trainable = trainable
        _freeze(self.model, graph)
        self.model._compile_metrics = None  # `compile` without metrics would keep those before
        compile_model(self.model, training, jit)
        if keep:
            self.model.optimizer.build(self.model.trainable_variables)
            _take_over(self.model.optimizer, before)


def _layers(layer: Any) -> Iterator[Any]:
    """All layers inside a layer, outer ones before inner ones."""
    for one in layer._layers:
        yield one
        yield from _layers(one)


def _freeze(model: Any, graph: TypedGraph) -> None:
    """Freezes the layers of a model that are not trainable in its graph."""
    layers = {one.name: one for one in model.layers}
    for call in graph.layers:
        layer = layers.get(inner_name(call.shared or call.name))
        if layer is None:  # no output depends on it
            continue
        if call.inside is not None and call.inside.graph.trainable:
            _freeze(model_in(layer), call.inside)
        elif call.inside is not None or not getattr(call.call.callee, "trainable", True):
            layer.trainable = True  # setting the value that is already set changes nothing inside
            layer.trainable = False
        elif inner := getattr(call.call.callee, "freeze", ()):
            layer.freeze_inner(inner)


def model_in(layer: Any) -> Any:
    """The model inside the wrappers around it."""
    while not isinstance(layer, keras.Model):
        layer = layer.layer
    return layer


# Optimizers ---------------------------------------------------------------------------------------


def _named(optimizer: Any) -> dict[str, Any]:
    """The variables of an optimizer by their paths without its own name, which Keras numbers;
    without those whose path is not unique.
    """
    paths = [one.path.partition("/")[2] for one in optimizer.variables]
    counts = Counter(paths)
    both = zip(paths, optimizer.variables, strict=True)
    return {path: one for path, one in both if counts[path] == 1}


def _values(optimizer: Any) -> dict[str, Any]:
    return {path: keras.ops.convert_to_numpy(one) for path, one in _named(optimizer).items()}


def _take_over(optimizer: Any, values: Mapping[str, Any]) -> None:
    """Assigns the values of another optimizer of the same kind. The state of a weight that it did
    not train starts from zero; its moving average starts from the weight.
    """
    taken = set()
    for path, variable in _named(optimizer).items():
        value = values.get(path)
        if value is not None and value.shape == tuple(variable.shape):
            variable.assign(value)
            taken.add(id(variable))
    for one in _innermost(optimizer):
        if one.use_ema:
            both = zip(one._trainable_variables, one._model_variables_moving_average, strict=True)
            for weight, average in both:
                if id(average) not in taken:
                    average.assign(weight)


def _innermost(optimizer: Any) -> list[Any]:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return list(getattr(inner, "optimizers", [inner]))
