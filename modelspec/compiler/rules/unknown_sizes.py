"""The search for numbers that the unknown sizes of a model may be.

Some layers require that an unknown size is one of few numbers: `Reshape` with a fixed target, `Add`
with a tensor of known sizes. The model is inferred again with each of these numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Size, Tensor

from ..graph import Graph, Ref
from ..infer import TypedCall, TypedGraph, infer
from ..infer.objective_terms import type_of
from ..infer.size_values import MARK, name_in, solutions
from ..spec.model_inputs import InputSpec
from .graph_walk import distinct

MOST_NUMBERS = 6
"""Numbers that are tried for one size."""
MOST_INFERENCES = 16
"""After so many, a model is assumed to fit."""


class Requirement(NamedTuple):
    """A call that requires an unknown size to be one of some numbers."""

    call: TypedCall
    size: str
    """The size at the call, which depends on `name`."""
    numbers: tuple[int, ...]
    """The numbers that it may be at the call."""
    name: str
    """The unknown size of an input."""
    values: tuple[int, ...]
    """The numbers that `name` may be."""


class Conflict(NamedTuple):
    """A requirement of one call, and why the model does not fit with its first number."""

    requirement: Requirement
    reason: Diagnostic | None
    """None if no number fulfils the requirement itself, or another requirement fails."""
    other: Requirement | None = None


def conflict(graph: Graph) -> Conflict | None:
    """Why no numbers for the unknown sizes fit the layers; None if some fit, or too many would have
    to be tried.
    """
    return _Search().conflict(_named(graph), {})


def input_axis(graph: Graph, name: str) -> tuple[str, int] | None:
    """The input and the axis of an unknown size without a name in the spec."""
    if not name.startswith(MARK):
        return None
    place, axis = name.removeprefix(f"{MARK}size_").split("_")
    assert graph.inputs is not None
    return graph.inputs[int(place)].name, int(axis)


class _Search:
    def __init__(self) -> None:
        self.left = MOST_INFERENCES

    def conflict(self, graph: Graph, set_sizes: dict[str, int]) -> Conflict | None:
        """The first conflict of the calls, after some sizes were set."""
        typed = infer(_with_sizes(graph, set_sizes)).value
        for one in sorted(_requirements(typed), key=lambda one: len(one.values)):
            if len(one.values) <= MOST_NUMBERS:
                return self._of(graph, set_sizes, one)
        return None

    def _of(self, graph: Graph, set_sizes: dict[str, int], one: Requirement) -> Conflict | None:
        """The conflict of one requirement: all of its numbers fail."""
        first: Conflict | None = None
        for value in one.values:
            self.left -= 1
            if self.left < 0:
                return None
            found = self._with(graph, {**set_sizes, one.name: value}, one)
            if found is None:
                return None
            first = first or found
        return first or Conflict(one, None)

    def _with(self, graph: Graph, sizes: dict[str, int], one: Requirement) -> Conflict | None:
        checked = infer(_with_sizes(graph, sizes))
        # What no output depends on, does not run.
        if len(checked.value.outputs) < len(graph.outputs):
            errors = (each for each in checked.diagnostics if each.severity == "error")
            return Conflict(one, next(errors, None))
        further = self.conflict(graph, sizes)
        return None if further is None else Conflict(one, further.reason, further.requirement)


def _named(graph: Graph) -> Graph:
    """The graph with a name for each unknown size of the inputs."""
    inputs = tuple(
        replace(
            one, shape=tuple(_name(size, place, axis) for axis, size in enumerate(one.shape, 1))
        )
        if one.shape is not None
        else one
        for place, one in enumerate(graph.inputs or ())
    )
    return replace(graph, inputs=inputs)


def _name(size: Size, place: int, axis: int) -> Size:
    return f"{MARK}size_{place}_{axis}" if size is None else size


def _with_sizes(graph: Graph, sizes: dict[str, int]) -> Graph:
    return replace(graph, inputs=tuple(_sized(one, sizes) for one in graph.inputs or ()))


def _sized(one: InputSpec, sizes: dict[str, int]) -> InputSpec:
    if one.shape is None:
        return one
    shape = (sizes.get(size, size) if isinstance(size, str) else size for size in one.shape)
    return replace(one, shape=tuple(shape))


def _requirements(typed: TypedGraph) -> Iterator[Requirement]:
    for graph in distinct(typed, running=True):
        for call in graph.alive:
            if isinstance(call.call.callee, Layer):
                yield from _of_call(call, call.call.callee, graph)


def _of_call(call: TypedCall, layer: Layer, graph: TypedGraph) -> Iterator[Requirement]:
    tensors = {
        argument: _type(item, graph) if isinstance(item, Ref) else _types(item, graph)
        for argument, item in (call.call.inputs or {}).items()
    }
    for size, numbers in layer.required_sizes(tensors):
        name = name_in(size)
        found = [solutions(size, number) for number in numbers] if name is not None else [None]
        if name is not None and None not in found:
            values = tuple(value for one in found if one for value in one[: MOST_NUMBERS + 1])
            yield Requirement(call, size, numbers, name, values)


def _types(refs: tuple[Ref, ...], graph: TypedGraph) -> tuple[Tensor, ...]:
    return tuple(_type(ref, graph) for ref in refs)


def _type(ref: Ref, graph: TypedGraph) -> Tensor:
    found = type_of(ref, graph)
    assert found is not None, "the graph has no errors"
    return found
