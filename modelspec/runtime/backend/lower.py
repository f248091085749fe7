"""Converts a typed graph to a functional Keras model.

The conversion is generic: a layer is `keras.layers.<Kind>(**settings)`, a shared name is one Keras
object that is called several times, a sub-model is a separate Keras model. The types that Keras
computes for every call are compared with the inferred ones. Names in Keras are written as
`inner_names.py` defines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras

from modelspec.catalog.layers.expression import Expression
from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.graph import Graph, Ref
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.core.shapes import Shape, Tensor, erase, show

from .automatic_names import reserve
from .call_mode import hold_mode
from .convert import to_keras
from .formulas import expression_model
from .inner_names import inner_name
from .mismatch import MismatchError
from .moving_averages import remember_averages
from .plugin_classes import disagreement
from .wrapped_models import wrapped

Objects = dict[str, Any]
"""Keras objects of shared names."""


def lower(typed: TypedGraph, name: str, *, pretrained: bool = True) -> keras.Model:
    """The functional model, one input or output as a tensor, several as a mapping by name.

    `pretrained` controls whether sub-models start from the `weights` of the spec. Raises
    `MismatchError` if Keras disagrees with the inferred types, and the errors of reading the
    weights.
    """
    return lowered(typed, name, pretrained)[0]


def lowered(
    typed: TypedGraph, name: str, pretrained: bool
) -> tuple[keras.Model, Callable[[Ref], Any]]:
    """The same, and the function that gives the Keras tensor of a reference."""
    inputs = inputs_of(typed)
    lowering = Lowering(typed, {}, inputs, pretrained)
    outputs = lowering.outputs()
    model = keras.Model(one_or_mapping(inputs), one_or_mapping(outputs), name=inner_name(name))
    _check_count(model, typed)
    if typed.graph.averages:
        remember_averages(model, typed.graph.averages, lowering.objects)
    return model, lowering.tensor


def inputs_of(typed: TypedGraph) -> dict[str, Any]:
    """Keras's tensors for the inputs of a graph, by name."""
    return {
        one.name: keras.Input(
            batch_shape=erase(typed.inputs[one.name].shape),
            dtype=one.dtype,
            name=one.name,
            optional=one.optional,
        )
        for one in typed.graph.inputs or ()
    }


def one_or_mapping(tensors: Mapping[str, Any]) -> Any:
    """A single tensor, or several by name."""
    return next(iter(tensors.values())) if len(tensors) == 1 else dict(tensors)


def _one_or_list(tensors: list[Any]) -> Any:
    return tensors if len(tensors) > 1 else tensors[0]


class Lowering:
    """Converts one graph. `objects` are the Keras objects of shared names around it and in it."""

    def __init__(
        self, typed: TypedGraph, objects: Objects, inputs: Mapping[str, Any], pretrained: bool
    ) -> None:
        self.typed = typed
        self.pretrained = pretrained
        self.objects = {
            name: item for name, item in objects.items() if name not in typed.graph.shared
        }
        self.tensors: dict[str, tuple[Any, ...]] = {
            name: (tensor,) for name, tensor in inputs.items()
        }
        self.names: dict[str, tuple[str, ...]] = {}
        self.wrapped: Objects = {}
        """Wrappers around shared models, by the names of the models."""

    def outputs(self) -> dict[str, Any]:
        """The graph's outputs by public name."""
        names = (inner_name(call.shared or call.name) for call in self.typed.layers)
        reserve([*self.typed.inputs, *names])
        for call in self.typed.layers:
            self._call(call)
        return {public: self.tensor(ref) for public, ref in self.typed.graph.outputs.items()}

    def _call(self, typed: TypedCall) -> None:
        arguments = self._arguments(typed)
        callee = self._object(typed, arguments)
        try:
            result = self._run(callee, typed, arguments)
        except Exception as error:  # Keras may raise anything: inference accepted this call
            lines = str(error).strip().splitlines()
            message = lines[0] if lines else repr(error)
            raise disagreement(
                typed.call.callee, f"Keras rejected `{typed.name}` ({typed.kind}): {message}", error
            ) from error
        if "training" in typed.call.use.options and not isinstance(typed.call.callee, Expression):
            hold_mode(callee, typed.call.use.options["training"])
        # A cell returns its states as a separate list.
        tensors = tuple(keras.tree.flatten(result))
        _check_call(typed, tensors, callee)
        if isinstance(typed.call.callee, Layer) and not typed.call.callee.trainable:
            freeze_layer(callee)
        self.tensors[typed.name] = tensors
        self.names[typed.name] = typed.output_names

    def _arguments(self, typed: TypedCall) -> dict[str, Any]:
        """The tensors of a call, by argument name."""
        inputs = typed.call.inputs or {}
        return {name: self._argument(item) for name, item in inputs.items()}

    def _argument(self, item: Ref | Iterable[Ref]) -> Any:
        return self.tensor(item) if isinstance(item, Ref) else [self.tensor(ref) for ref in item]

    def _run(self, callee: Any, typed: TypedCall, arguments: dict[str, Any]) -> Any:
        options = dict(typed.call.use.options)
        if isinstance(typed.call.callee, Expression):
            return callee(_one_or_list(list(arguments.values())), **options)
        if isinstance(typed.call.callee, Graph):
            names = typed.call.callee.input_names
            given = [arguments[name] for name in names if name in arguments]
            return callee(_one_or_list(given), **options)
        if isinstance(typed.call.callee, Layer) and typed.call.callee.takes_mapping:
            return callee(arguments, **options)
        first, *rest = arguments
        given = arguments[first]
        if isinstance(typed.call.callee, Layer) and typed.call.callee.one_alone:
            given = _one_or_list(given)
        return callee(given, **{name: arguments[name] for name in rest}, **options)

    def tensor(self, ref: Ref) -> Any:
        """The Keras tensor of a reference."""
        tensors = self.tensors[ref.producer]
        if ref.output is None:
            return tensors[0]
        names = self.names.get(ref.producer, ())
        return tensors[names.index(ref.output) if ref.output in names else int(ref.output)]

    def _object(self, typed: TypedCall, arguments: Mapping[str, Any]) -> Any:
        """The Keras layer or model to call: a new one, or the shared one."""
        callee = typed.call.callee
        if isinstance(callee, Expression):  # no weights to share, and each call has its own types
            return expression_model(callee, inner_name(typed.name), arguments)
        callee = typed.settled or callee
        if typed.shared is None:
            assert isinstance(callee, Layer)
            return self._layer(callee, typed.name)
        if typed.shared not in self.objects:
            if isinstance(callee, Layer):
                self.objects[typed.shared] = self._layer(callee, typed.shared)
            else:
                self.objects[typed.shared] = self._model(typed.shared)
        if not typed.call.use.around:
            return self.objects[typed.shared]
        if typed.shared not in self.wrapped:
            self.wrapped[typed.shared] = wrapped(self.objects[typed.shared], typed)
        return self.wrapped[typed.shared]

    def _layer(self, layer: Layer, name: str) -> Any:
        made = to_keras(layer.model_copy(update={"name": name}))
        if self.pretrained and layer.starts_from is not None:
            from .weights.preset import preset_weights

            preset_weights(made.backbone, layer.starts_from)
        return made

    def _model(self, name: str) -> keras.Model:
        """The Keras model of a shared sub-model, with input shapes general enough for all its
        calls.
        """
        uses = [one.inside for one in self.typed.layers if one.shared == name]
        calls = [inside for inside in uses if inside is not None]
        inside = calls[0]
        inputs = _general_inputs(calls)
        inner = Lowering(inside, self.objects, inputs, self.pretrained)
        outputs = inner.outputs()
        self.objects.update(
            {key: item for key, item in inner.objects.items() if key not in inside.graph.shared}
        )
        ends = [_one_or_list(list(tensors.values())) for tensors in (inputs, outputs)]
        model = keras.Model(*ends, name=inner_name(name))
        if not inside.graph.trainable:
            model.trainable = False
        if self.pretrained and inside.graph.weights is not None:
            from .weights import initial_weights

            initial_weights(model, inside.graph.weights)
        return model


def freeze_layer(layer: Any) -> None:
    """Freezes the layers inside a built layer, which the constructor argument `trainable: false`
    does not reach.
    """
    layer.trainable = True  # setting the value that is already set would change nothing inside
    layer.trainable = False


def _general_inputs(calls: list[TypedGraph]) -> dict[str, Any]:
    """Keras's tensors for the inputs of a sub-model that is called several times."""
    return {
        key: keras.Input(
            batch_shape=_general([call.inputs[key].shape for call in calls]),
            dtype=tensor.dtype,
            name=key,
        )
        for key, tensor in calls[0].inputs.items()
    }


def _general(shapes: list[Shape]) -> tuple[int | None, ...]:
    """The sizes that all shapes share; None for sizes that differ."""
    first, *others = [erase(shape) for shape in shapes]
    return tuple(
        size if all(other[axis] == size for other in others) else None
        for axis, size in enumerate(first)
    )


# Comparison with Keras ----------------------------------------------------------------------------


def _check_call(typed: TypedCall, tensors: tuple[Any, ...], callee: Any) -> None:
    built = [(tuple(tensor.shape), str(tensor.dtype)) for tensor in tensors]
    inferred = [(erase(tensor.shape), tensor.dtype) for tensor in typed.outputs]
    if len(built) != len(inferred) or not all(map(_compatible, built, inferred)):
        raise disagreement(
            typed.call.callee,
            f"`{typed.name}` ({typed.kind}) was inferred to return {_types(typed.outputs)}, but"
            f" Keras returns {built}",
        )
    shapes = [tuple(weight.shape) for weight in callee.weights]
    expected = [erase(weight.shape) for weight in typed.weights]
    if typed.inside is not None:
        # Keras orders layers by depth, a spec by lines; each layer was compared separately.
        shapes, expected = sorted(shapes, key=repr), sorted(expected, key=repr)
    if shapes != expected:
        raise disagreement(
            typed.call.callee,
            f"the weights of `{typed.name}` ({typed.kind}) were inferred as {expected}, but Keras"
            f" creates {shapes}",
        )


def _compatible(built: tuple[Any, ...], inferred: tuple[Any, ...]) -> bool:
    """Equal, or less specific on one side: a shared model is built with input shapes general enough
    for all its calls.
    """
    (shape, dtype), (other, other_dtype) = built, inferred
    if dtype != other_dtype or len(shape) != len(other):
        return False
    return all(a == b or None in (a, b) for a, b in zip(shape, other, strict=True))


def _types(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(f"{show(tensor.shape)} {tensor.dtype}" for tensor in tensors)


def _check_count(model: keras.Model, typed: TypedGraph) -> None:
    if model.count_params() != typed.parameters:
        raise MismatchError(
            f"the model was inferred to have {typed.parameters} parameters, but Keras has"
            f" {model.count_params()}"
        )
