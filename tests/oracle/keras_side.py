"""What Keras says of a case: the layer built from the same plain values and called, on types or on
real data.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from modelspec.catalog.components.family import Family
from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Weight
from modelspec.core.registry import Registry
from modelspec.core.settings import Settings, split_form
from modelspec.core.shapes import Tensor, erase

from . import forms
from .case import Answer, Case, Refusal

_TEXTS = np.array(["a", "b c", "a b"])


def answer(case: Case) -> Answer | Refusal:
    """Outputs and weights from a symbolic call; no data is touched."""
    try:
        layer, outputs = _symbolic(case)
    except Exception as error:  # noqa: BLE001 - whatever Keras raises is its refusal
        return _refusal(error)
    return Answer(outputs, _weights(layer))


def run(case: Case, unknown: int, batch: int = 2) -> tuple[Tensor, ...] | Refusal:
    """The types of the outputs for random data, `unknown` entries along every axis of unknown size.

    The layer is called symbolically first, as in a model, and then runs with the weights of that
    call, in training as well: a layer that cannot train is of no use.
    """
    import keras

    keras.utils.set_random_seed(0)
    try:
        layer, _ = _symbolic(case)
        modes = (False, True) if "training" in inspect.signature(layer.call).parameters else (None,)
        for training in modes:
            options = (
                {**case.options, "training": training} if training is not None else case.options
            )
            outputs = _call(
                layer,
                replace(case, options=options),
                lambda t: _data(with_numbers(t, unknown, batch)),
            )
    except Exception as error:  # noqa: BLE001 - whatever Keras raises is its refusal
        return _refusal(error)
    return outputs


def with_numbers(tensor: Tensor, unknown: int, batch: int) -> Tensor:
    """The type of the data: a number for every size."""
    first, *rest = erase(tensor.shape)
    return tensor._replace(
        shape=(first or batch, *(unknown if size is None else size for size in rest))
    )


def _refusal(error: Exception) -> Refusal:
    return Refusal(type(error).__name__, " ".join(str(error).split())[:400])


def _symbolic(case: Case) -> tuple[Any, tuple[Tensor, ...]]:
    import keras

    if any(_holds_layers(value) for value in case.settings.values()):
        # Unnamed inner layers are counted (`lstm_1`) and their names are part of the weights'
        # paths.
        keras.utils.clear_session(free_memory=False)
    layer = build(LAYERS, {case.kind: case.settings})
    return layer, _call(layer, case, lambda t: keras.KerasTensor(erase(t.shape), t.dtype))


def _call(layer: Any, case: Case, make: Any) -> tuple[Tensor, ...]:
    import keras

    given = [
        make(value) if isinstance(value, Tensor) else [make(tensor) for tensor in value]
        for value in case.inputs.values()
    ]
    rest = dict(zip(list(case.inputs)[1:], given[1:], strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = keras.tree.flatten(layer(given[0], **rest, **case.options))
    return tuple(
        Tensor(tuple(output.shape), keras.backend.standardize_dtype(output.dtype))
        for output in outputs
        if output is not None
    )


def config(make: Callable[[], Any]) -> dict[str, Any]:
    """What Keras saves of a layer, but for the names it gives; seeds it draws itself are the same
    each time.
    """
    import keras

    keras.utils.set_random_seed(0)
    layer = make()
    found = _nameless(layer.get_config())
    assert isinstance(found, dict)
    return found


def _nameless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _nameless(item) for key, item in value.items() if key != "name"}
    return [_nameless(item) for item in value] if isinstance(value, (tuple, list)) else value


def _weights(layer: Any) -> tuple[Weight, ...]:
    trainable = {id(weight) for weight in layer.trainable_weights}
    return tuple(
        Weight(
            weight.path.removeprefix(f"{layer.name}/"),
            tuple(weight.shape),
            id(weight) in trainable,
            weight.dtype,
        )
        for weight in layer.weights
    )


def _data(tensor: Tensor) -> Any:
    import keras

    rng = np.random.default_rng(0)
    shape: Any = tensor.shape
    if tensor.dtype == "string":
        return keras.ops.convert_to_tensor(rng.choice(_TEXTS, shape))
    if "float" in tensor.dtype or "complex" in tensor.dtype:
        return keras.ops.cast(rng.uniform(0, 1, shape), tensor.dtype)
    return keras.ops.cast(rng.integers(0, 2, shape), tensor.dtype)


# Plain values to Keras objects --------------------------------------------------------------------


def class_of(cls: type[Settings]) -> Any:
    """The Keras class that is configured; modelspec's own layers have theirs in
    `modelspec.runtime.backend`.
    """
    import keras

    if cls.keras_module == "modelspec":
        from modelspec.runtime.backend import layers

        return getattr(layers, cls.kind())
    return reduce(getattr, (*cls.keras_module.split("."), cls.kind()), keras)


def build(family: Registry, form: Any) -> Any:
    """The Keras object that a written form of a family names."""
    name, body = split_form(family.noun, form)
    cls = family.find(name)
    assert cls is not None, name
    return class_of(cls)(**arguments(cls, forms.spread(cls, body)))


def arguments(cls: type[Settings], settings: dict[str, Any]) -> dict[str, Any]:
    """Constructor arguments, components and nested layers built."""
    return {
        name: _argument(forms.field_family(cls, name), value) for name, value in settings.items()
    }


def _argument(family: Family | None, value: Any) -> Any:
    if family is not None and family.noun == "activation" and isinstance(value, str):
        from modelspec.runtime.backend.layers.activations import own_or_name

        return own_or_name("activation", value)
    if family is not None:
        return (
            build(family, value) if isinstance(value, dict) or value in family.unlisted else value
        )
    if forms.is_layer(value):
        return build(LAYERS, value)
    if _holds_layers(value):
        return [build(LAYERS, item) for item in value]
    return value


def _holds_layers(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return bool(value) and all(forms.is_layer(item) for item in value)
    return forms.is_layer(value)
