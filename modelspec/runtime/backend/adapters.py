"""Low-rank adapters (LoRA) of a Keras model: adds those of a typed graph, and merges them into the
kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from modelspec.catalog.layers.expression import Expression
from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.compiler.infer.low_rank import factors
from modelspec.compiler.pipeline import Compiled

from .inner_names import inner_name
from .lower import freeze_layer
from .mismatch import MismatchError


def add_adapters(model: keras.Model, typed: TypedGraph) -> None:
    """Add the adapters of a graph to the model without them, and freeze everything else as the
    graph specifies. Raises `MismatchError` if Keras creates other weights.
    """
    for call, layer in _layers(model, typed, set()):
        callee = call.call.callee
        if call.adapters is None:
            if isinstance(callee, Layer) and not callee.trainable:
                freeze_layer(layer)
            continue
        chosen = _owners(layer, call)
        for weight in layer.weights:
            weight.trainable = False
        for owner in chosen:
            owner.enable_lora(call.adapters.rank, lora_alpha=call.adapters.lora_alpha)
        _check(layer, call)


def _layers(
    model: keras.Model, typed: TypedGraph, seen: set[int]
) -> Iterator[tuple[TypedCall, Any]]:
    """Every call of a layer with its Keras layer, each layer once."""
    layers = {one.name: one for one in model.layers}
    for call in typed.layers:
        layer = layers.get(inner_name(call.shared or call.name))
        if layer is None or id(layer) in seen or isinstance(call.call.callee, Expression):
            continue  # no output depends on it, or it has no weights
        seen.add(id(layer))
        if call.inside is None:
            yield call, layer
            continue
        while not isinstance(layer, keras.Model):
            layer = layer.layer  # a wrapper around a shared model
        yield from _layers(layer, call.inside, seen)


def _owners(layer: Any, call: TypedCall) -> list[Any]:
    """The layers, in a layer of the spec, whose weights get adapters."""
    assert call.adapters is not None
    without = [one for one in call.weights if one.name not in _added(call)]
    chosen = {
        id(variable)
        for variable, one in zip(layer.weights, without, strict=True)
        if one.name in call.adapters.weights
    }
    return [
        one
        for one in layer._flatten_layers()
        if hasattr(one, "enable_lora")
        and not isinstance(one, keras.Model)  # a backbone of KerasHub adapts layers of its choice
        and any(id(weight) in chosen for weight in one.weights)
    ]


def _added(call: TypedCall) -> set[str]:
    """The names of the adapters of a call."""
    assert call.adapters is not None
    names = call.adapters.weights
    return {added.name for one in call.weights if one.name in names for added in factors(one, 1)}


def _check(layer: Any, call: TypedCall) -> None:
    made = [(tuple(one.shape), bool(one.trainable)) for one in layer.weights]
    expected = [(one.shape, one.trainable) for one in call.weights]
    if made != expected:
        raise MismatchError(
            f"the weights of `{call.name}` ({call.kind}) with adapters were inferred as"
            f" {expected}, but Keras creates {made}"
        )


def merged(compiled: Compiled, model: keras.Model, *, measured: bool = False) -> keras.Model:
    """A new model with the weights of `model`, whose adapters are added to the kernels; if
    `measured`, with its loss and metrics.

    Layers with their own `lora_rank` keep their adapters, which are zero: Keras adds them to the
    kernels when it saves a model.
    """
    from . import build

    plain = compiled.merged if measured else replace(compiled.merged, training=None)
    made = build(plain, pretrained=False)
    pairs = zip(_holders(model), _holders(made), strict=True)
    for owner, new in pairs:
        values: dict[str, Any] = {}
        owner.save_own_variables(values)
        new.load_own_variables({key: np.asarray(value) for key, value in values.items()})
    return made


def _holders(model: keras.Model) -> list[Any]:
    """Every object of a model that saves its own weights, in the same order for equal models."""
    from .weights.held_weights import holders

    return [owner for _, owner, _ in holders(model, "")]
