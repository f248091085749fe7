"""Calls of something shared: each must fit what the first one made of it, as its weights are made
only once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelspec.catalog.layers.layer import Inputs, Layer, Weight
from modelspec.core.diagnostics import Collector, Note
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Shape, Tensor, show

from ..graph import Call, Graph


@dataclass(frozen=True)
class Built:
    """A call of something shared, and the weights that it needs."""

    call: Call
    weights: tuple[Weight, ...]
    inputs: Inputs
    settled: tuple[Layer, ...] = ()
    """The layers in it with settings that follow from sizes, as this call's sizes settle them."""


def agrees(first: Built, this: Built, report: Collector, notes: tuple[Note, ...] = ()) -> bool:
    """Whether the call can use what the first one made; otherwise a fault. `notes` say how the call
    is reached.
    """
    checks = (_other_mode, _other_axes, _other_dtype, _other_weights, _other_settings)
    found = next((found for check in checks if (found := check(first, this))), None)
    if found is None:
        return True
    code, message, help = found
    report.error(
        code,
        message,
        this.call.use.sources_span or this.call.use.kind_span,
        notes=[
            Note(f"the first call, with {_types(first.inputs)}", first.call.use.kind_span),
            Note(f"this call has {_types(this.inputs)}"),
            *notes,
        ],
        help=help,
    )
    return False


def nested(layer: Layer) -> Iterator[Layer]:
    """The layer and those in its settings."""
    yield layer
    for name in layer.model_fields_set:
        value = getattr(layer, name)
        if isinstance(value, tuple):
            for item in value:
                if isinstance(item, Layer):
                    yield from nested(item)
        elif isinstance(value, Layer):
            yield from nested(value)


_Finding = tuple[str, str, str]
"""Code, message and help."""


def _other_mode(first: Built, this: Built) -> _Finding | None:
    """MS208 where one call holds training or inference, and another does not."""
    one, other = (built.call.use.options.get("training") for built in (first, this))
    if one == other:
        return None

    def said(value: object) -> str:
        return "leaves it open" if value is None else f"has `training: {str(value).lower()}`"

    return (
        "MS208",
        (
            f"this call of shared `{this.call.shared}` {said(other)}, and its first call"
            f" {said(one)}: Keras holds a layer in one mode at all its calls, or in none"
        ),
        "write the same `call: {training: ...}` at each call, or use two of them",
    )


def _other_axes(first: Built, this: Built) -> _Finding | None:
    """MS401 where the number of axes differs and is fixed: that of a model always, that of some
    layers.
    """
    callee = this.call.callee
    if isinstance(callee, Layer) and not any(layer.keeps_rank for layer in nested(callee)):
        return None
    for one, other in zip(_tensors(first.inputs), _tensors(this.inputs), strict=False):
        if one.rank != other.rank:
            return (
                "MS401",
                (
                    f"shared `{this.call.shared}` was first called with {one.rank} axes, and this"
                    f" call has {other.rank}: {_what(this)} keeps the number that it was built with"
                ),
                "bring both to the same number of axes with `Reshape`, or use two of them",
            )
    return None


def _other_dtype(first: Built, this: Built) -> _Finding | None:
    """MS404 where a model that was built for one kind of numbers is called with another."""
    if not isinstance(this.call.callee, Graph):
        return None
    for one, other in zip(_tensors(first.inputs), _tensors(this.inputs), strict=False):
        if one.dtype != other.dtype and not (is_float(one.dtype) and is_float(other.dtype)):
            return (
                "MS404",
                (
                    f"shared `{this.call.shared}` was first called with {one.dtype}, and this call"
                    f" has {other.dtype}: {_what(this)} keeps the dtype that it was built with"
                ),
                "call it with tensors of the same dtype, or use two of them",
            )
    return None


def _other_weights(first: Built, this: Built) -> _Finding | None:
    """MS403 where a weight would need another shape."""
    pairs = list(zip(first.weights, this.weights, strict=False))
    wrong = next(((one, other) for one, other in pairs if not _same(one.shape, other.shape)), None)
    if wrong is None and len(first.weights) == len(this.weights):
        return None
    if wrong is None:
        found, expected = (
            f"it would have {len(this.weights)} weights",
            f"it has {len(first.weights)}",
        )
    else:
        found, expected = (
            f"`{wrong[1].name}` would be {_plain(wrong[1].shape)}",
            f"it is {_plain(wrong[0].shape)}",
        )
    return (
        "MS403",
        (
            f"this call does not fit the weights of shared `{this.call.shared}`: {found}, but"
            f" {expected} since its first call"
        ),
        "call it with tensors of the same last size, or use two layers",
    )


def _other_settings(first: Built, this: Built) -> _Finding | None:
    """MS403 where the sizes of this call settle a setting otherwise."""
    wrong = next(
        (one for one, other in zip(first.settled, this.settled, strict=False) if one != other), None
    )
    if wrong is None:
        return None
    return (
        "MS403",
        (
            f"shared `{this.call.shared}` keeps what the sizes of its first call make of"
            f" `{wrong.kind()}`, and those of this call would make something else of it"
        ),
        (
            "call it with tensors of the same sizes, or write numbers in place of what follows from"
            " sizes"
        ),
    )


def _what(built: Built) -> str:
    callee = built.call.callee
    return f"`{callee.kind()}`" if isinstance(callee, Layer) else "a model"


def _same(one: Shape, other: Shape) -> bool:
    return len(one) == len(other) and all(
        a == b or not isinstance(a, int) or not isinstance(b, int)
        for a, b in zip(one, other, strict=True)
    )


def _plain(shape: Shape) -> str:
    return f"({', '.join(str(size) for size in shape)})"


def _tensors(inputs: Inputs) -> list[Tensor]:
    found = [(value,) if isinstance(value, Tensor) else value for value in inputs.tensors.values()]
    return [tensor for tensors in found for tensor in tensors]


def _types(inputs: Inputs) -> str:
    return ", ".join(f"{show(tensor.shape)} {tensor.dtype}" for tensor in _tensors(inputs))
