"""Sizes of tensors that operations use as numbers: `tf.shape(x)[1]` in the shape of a `reshape`.

The shape of a tensor is that of the spec of everything that it is computed from. Where it is known,
calls get numbers in place of tensors of sizes; the operations that computed them disappear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from modelspec.compiler.legacy import modernize
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.source import plain as plain_nodes
from modelspec.core.source import read_mapping

from .architecture import (
    Architecture,
    CallDef,
    LayerDef,
    Source,
    Unreadable,
    has_sources,
    sources_in,
)
from .graph_operations import KIND, inputs_of, operation_of, with_inputs
from .operation_calls import step_of_call
from .operation_steps import Step
from .operations import operations_of
from .size_arithmetic import COMPUTED, NoSize, Size
from .sized_steps import OF_SIZES, Shape
from .tensorflow_functions import composed_kind, function_of, is_tensorflow
from .to_spec import Unsupported, write_spec

_MOST_SHAPES = 400
"""The maximum number of tensors of one model whose shapes are inferred."""
_MOST_RESULTS = 64
_OF_SHAPES = ("BroadcastTo", "FilledWith", "OnesOf", "ZerosOf")
"""Operations that get the shape of a tensor."""


def with_known_sizes(model: Architecture) -> Architecture:
    """The model, and the models in it, with numbers in place of sizes of tensors where known."""
    layers = {
        name: layer
        if layer.inside is None
        else replace(layer, inside=with_known_sizes(layer.inside))
        for name, layer in model.layers.items()
    }
    model = replace(model, layers=layers)
    operations = operations_of(model)
    if not any(_depends_on_sizes(model, call) for call in _calls_of(model, operations)):
        return model
    return _Sizes(model, operations).resolved()


def _calls_of(model: Architecture, operations: set[str]) -> Iterator[CallDef]:
    return (call for call in model.calls if call.layer in operations)


def _depends_on_sizes(model: Architecture, call: CallDef) -> bool:
    steps = list(_steps_in(_step(model.layers[call.layer], call)))
    return any(one.kind == "Shape" or one.kind in OF_SIZES for one in steps)


def _step(layer: LayerDef, call: CallDef) -> Any:
    try:
        return step_of_call(layer, call)
    except Unreadable:
        return _UNREADABLE


_UNREADABLE = object()
"""In place of the step of a call that no formula computes, or that depends on sizes."""


def _steps_in(value: Any) -> Iterator[Step]:
    if isinstance(value, Step):
        yield value
        for item in value.arguments.values():
            yield from _steps_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _steps_in(item)


class _Sizes:
    """Rewrites the calls of one model in their order."""

    def __init__(self, model: Architecture, operations: set[str]) -> None:
        self.model = model
        self.operations = operations
        self.calls: list[CallDef] = []
        self.values: dict[Source, Any] = {}
        """The tensors that are computed from sizes."""
        self.layers = dict(model.layers)
        self.computing: dict[tuple[str, int], CallDef] = {}
        """The calls that compute sizes, which are left out."""
        self.shapes: dict[Source, Shape | None] = {
            Source(one.name, 0, 0): one.shape for one in model.inputs
        }

    def resolved(self) -> Architecture:
        for call in self.model.calls:
            if call.layer in self.operations:
                self._operation(self.model.layers[call.layer], call)
            else:
                self.calls.append(call)
        used = {call.layer for call in self.calls}
        layers = {name: one for name, one in self.layers.items() if name in used}
        sizes = {source: shape for source, shape in self.shapes.items() if shape is not None}
        return replace(self.model, calls=tuple(self.calls), layers=layers, sizes=sizes)

    def _operation(self, layer: LayerDef, call: CallDef) -> None:
        results = self._used_results(call)
        try:
            found = {one: self._value(_step(replace(layer, result=one), call)) for one in results}
        except NoSize:
            self._keep(layer, call)
        else:
            self.computing[call.layer, call.number] = call
            for result, value in found.items():
                self.values[Source(call.layer, call.number, result)] = value

    def _keep(self, layer: LayerDef, call: CallDef) -> None:
        """Adds a call, with numbers in place of sizes; with the calls that compute its other sizes,
        which are then reported as unsupported.
        """
        if layer.kind == KIND:
            inputs = [self._argument(one, "", call) for one in inputs_of(layer, call)]
            layer, rewritten = with_inputs(layer, call, inputs)
            self.layers[layer.name] = layer
        else:
            rewritten = replace(call, **self._without_sizes(call))
        for source in rewritten.sources():
            self._compute(source)
        self.calls.append(rewritten)
        for one in _steps_in(_step(layer, rewritten)):
            if one.kind in OF_SIZES and isinstance(one.arguments[""], Source):
                self._shape(one.arguments[""])

    def _compute(self, source: Source) -> None:
        call = self.computing.pop(source[:2], None)
        if call is not None:
            for one in call.sources():
                self._compute(one)
            self.calls.append(call)

    def _used_results(self, call: CallDef) -> list[int]:
        """The results of a call that are used; they are few for operations on sizes."""
        ends = self.model.outputs
        sources = [one for other in self.model.calls for one in other.sources()]
        sources += ends.values() if isinstance(ends, Mapping) else ends
        found = {one.output for one in sources if one[:2] == (call.layer, call.number)}
        return sorted(found)[:_MOST_RESULTS]

    # Values ---------------------------------------------------------------------------------------

    def _value(self, value: Any) -> Any:
        """A number, a `Size`, a list of them, or the step of a whole shape. Raises `NoSize`."""
        if isinstance(value, Source):
            if value not in self.values:
                raise NoSize
            return self.values[value]
        if isinstance(value, list):
            return [self._value(one) for one in value]
        if not isinstance(value, Step):
            if value is _UNREADABLE:
                raise NoSize
            return value
        if value.kind == "Shape":
            return value
        compute = COMPUTED.get(value.kind)
        if compute is None or not any(True for _ in sources_in(value)):
            raise NoSize
        given = {key: self._value(one) for key, one in value.arguments.items()}
        try:
            return compute(self, given)
        except (TypeError, KeyError, IndexError, OverflowError) as error:
            raise NoSize from error  # arguments of other kinds, which the file is free to contain

    def number(self, value: Any) -> Any:
        """The number of a size; None if it is unknown. Lists item by item."""
        if isinstance(value, list):
            return [self.number(one) for one in value]
        if isinstance(value, Step):
            shape = self._shape(value.arguments[""])
            if shape is None:
                raise NoSize
            return list(shape)
        if isinstance(value, Size):
            shape = self._shape(value.source)
            known = shape is not None and -len(shape) <= value.axis < len(shape)
            return shape[value.axis] if shape is not None and known else None
        return value

    def items(self, value: Any) -> list[Any]:
        """The items of a list of sizes, each as a `Size` if possible."""
        if not isinstance(value, Step):
            if not isinstance(value, list):
                raise NoSize
            return value
        source = value.arguments[""]
        shape = self._shape(source)
        if shape is None:
            raise NoSize
        return [Size(source, axis) for axis in range(len(shape))]

    # Calls ----------------------------------------------------------------------------------------

    def _without_sizes(self, call: CallDef) -> dict[str, Any]:
        """The tensors and options of a call, with numbers in place of sizes that are known."""
        tensors: dict[str, Any] = {}
        options = dict(call.options)
        for key, item in call.tensors.items():
            found = self._argument(item, key, call)
            if has_sources(found):
                tensors[key] = found
            else:
                options[key] = found
        return {"tensors": tensors, "options": options}

    def _argument(self, item: Any, key: str, call: CallDef) -> Any:
        """An argument with numbers in place of sizes that are known, and the step of a whole shape
        where an operation takes one.
        """
        if not any(one in self.values for one in sources_in(item)):
            return item
        try:
            value = self._value(item)
            if isinstance(value, Step) and self._takes_shape(call):
                return value
            return self._written(value, call)
        except NoSize:
            return item

    def _takes_shape(self, call: CallDef) -> bool:
        layer = self.model.layers[call.layer]
        kind = composed_kind(layer) if is_tensorflow(layer) else layer.kind
        return kind in _OF_SHAPES

    def _is_reshape(self, call: CallDef) -> bool:
        layer = self.model.layers[call.layer]
        found = operation_of(layer) if layer.kind == KIND else function_of(layer)
        return found.lower() == "reshape"

    def _written(self, value: Any, call: CallDef) -> Any:
        """A value as a call contains it; -1 for an unknown size of a list."""
        if not isinstance(value, (list, Step)):
            found = self.number(value)
            if found is None:
                raise NoSize
            return found
        numbers = self.number(value)
        if not self._is_reshape(call):
            return [-1 if one is None else one for one in numbers]
        unknown = [place for place, one in enumerate(numbers) if one in (None, -1)]
        if len(unknown) < 2:
            return [-1 if one is None else one for one in numbers]
        return [None, *(-1 if one is None else one for one in numbers[1:])]

    # Shapes ---------------------------------------------------------------------------------------

    def _shape(self, source: Source) -> Shape | None:
        """The shape of a tensor; None if the spec of what it is computed from has errors."""
        if source not in self.shapes:
            known = len(self.shapes) < _MOST_SHAPES
            self.shapes[source] = self._inferred(source) if known else None
        return self.shapes[source]

    def _inferred(self, source: Source) -> Shape | None:
        needed = {source[:2]}
        calls: list[CallDef] = []
        for call in reversed(self.calls):
            if (call.layer, call.number) in needed:
                calls.append(call)
                needed.update(one[:2] for one in call.sources())
        calls.reverse()
        if not calls:
            return None
        names = {call.layer for call in calls}
        inputs = tuple(one for one in self.model.inputs if (one.name, 0) in needed)
        part = replace(
            self.model,
            inputs=inputs,
            layers={name: one for name, one in self.layers.items() if name in names},
            calls=tuple(calls),
            outputs=(source,),
            sizes={one: shape for one, shape in self.shapes.items() if shape is not None},
            is_chain=False,
        )
        return _shape_of_output(part) if inputs else None


def _shape_of_output(model: Architecture) -> Shape | None:
    """The shape of the only output of a model, if its spec has no errors."""
    try:
        spec = write_spec(model).spec
    except (Unsupported, Unreadable):
        return None
    document = read_mapping(spec)
    if document.value is None:
        return None
    modern: Any = plain_nodes(modernize(document.value).value.root)
    found = compile_spec(modern)
    if not found.ok or found.value is None or found.value.graph is None:
        return None
    outputs = list(found.value.graph.outputs.values())
    if len(outputs) != 1:
        return None
    return tuple(one if isinstance(one, int) else None for one in outputs[0].shape)
