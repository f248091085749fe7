"""Calls of shared layers and models: each must be compatible with the first call, which creates the
weights.
"""

from __future__ import annotations

from modelspec.catalog.layers.layer import Inputs, Layer, Weight
from modelspec.core.diagnostics import Collector, Note
from modelspec.core.dtypes import is_float
from modelspec.core.records import dataclass
from modelspec.core.shapes import Shape, Tensor, show

from ..graph import Call, Graph


@dataclass(frozen=True)
class Built:
    """A call of a shared layer or model, and the weights that it needs."""

    call: Call
    weights: tuple[Weight, ...]
    inputs: Inputs
    settled: tuple[Layer, ...] = ()
    """Its layers whose settings depend on sizes, with the values for the sizes of this call."""


def agrees(first: Built, this: Built, report: Collector, notes: tuple[Note, ...] = ()) -> bool:
    """Whether the call is compatible with the first one; otherwise report it. `notes` are the calls
    that lead to this call.
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


def nested(layer: Layer) -> tuple[Layer, ...]:
    """The layer and the layers nested in its settings."""
    found = [layer]
    values = layer.__dict__
    for name in layer.model_fields_set:
        value = values[name]
        if isinstance(value, tuple):
            for item in value:
                if isinstance(item, Layer):
                    found += nested(item)
        elif isinstance(value, Layer):
            found += nested(value)
    return tuple(found)


_Finding = tuple[str, str, str]
"""Code, message and help."""


def _other_mode(first: Built, this: Built) -> _Finding | None:
    """MS208 if one call sets `training` and another does not."""
    one, other = (built.call.use.options.get("training") for built in (first, this))
    if one == other:
        return None

    def mode(value: object) -> str:
        return "is without `training`" if value is None else f"has `training: {str(value).lower()}`"

    return (
        "MS208",
        (
            f"this call of shared `{this.call.shared}` {mode(other)}, but its first call"
            f" {mode(one)}: Keras requires the same mode at all calls of a layer"
        ),
        "write the same `call: {training: ...}` at each call, or use two layers",
    )


def _other_axes(first: Built, this: Built) -> _Finding | None:
    """MS401 if the number of axes differs and is fixed, as it is for models and some layers."""
    callee = this.call.callee
    if isinstance(callee, Layer) and not any(layer.keeps_rank for layer in nested(callee)):
        return None
    for one, other in zip(_tensors(first.inputs), _tensors(this.inputs), strict=False):
        if one.rank != other.rank:
            return (
                "MS401",
                (
                    f"shared `{this.call.shared}` was first called with {one.rank} axes, and this"
                    f" call has {other.rank}: {_what(this)} supports only the rank that it was"
                    " built with"
                ),
                "convert both to the same number of axes with `Reshape`, or use two of them",
            )
    return None


def _other_dtype(first: Built, this: Built) -> _Finding | None:
    """MS404 if a model that was built for one dtype is called with another."""
    if not isinstance(this.call.callee, Graph):
        return None
    for one, other in zip(_tensors(first.inputs), _tensors(this.inputs), strict=False):
        if one.dtype != other.dtype and not (is_float(one.dtype) and is_float(other.dtype)):
            return (
                "MS404",
                (
                    f"shared `{this.call.shared}` was first called with {one.dtype}, and this call"
                    f" has {other.dtype}: {_what(this)} supports only the dtype that it was built"
                    " with"
                ),
                "call it with tensors of the same dtype, or use two of them",
            )
    return None


def _other_weights(first: Built, this: Built) -> _Finding | None:
    """MS403 if a weight would need another shape."""
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
            f"this call does not match the weights of shared `{this.call.shared}`: {found}, but"
            f" {expected} since its first call"
        ),
        "call it with tensors of the same last size, or use two layers",
    )


def _other_settings(first: Built, this: Built) -> _Finding | None:
    """MS403 if the sizes of this call lead to another value of a setting."""
    wrong = next(
        (one for one, other in zip(first.settled, this.settled, strict=False) if one != other), None
    )
    if wrong is None:
        return None
    return (
        "MS403",
        (
            f"shared `{this.call.shared}` keeps the settings that follow from the sizes of its"
            f" first call, but the sizes of this call lead to other settings of `{wrong.kind()}`"
        ),
        (
            "call it with tensors of the same sizes, or write numbers for the settings that follow"
            " from sizes"
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
