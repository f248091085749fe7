"""A call of a layer in plain values, and the answer to it: what comes out and which weights there
are, or a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import NAMED, Argument, Example, Layer, Weight
from modelspec.core.shapes import Shape, Tensor

Given: TypeAlias = dict[str, Tensor | tuple[Tensor, ...]]
"""Tensors by call argument."""


@dataclass(frozen=True)
class Case:
    """One layer with settings as a spec writes them, called with tensors and options."""

    kind: str
    settings: dict[str, Any]
    inputs: Given
    options: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        tensors = ", ".join(f"{name}={_show(value)}" for name, value in self.inputs.items())
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"{self.kind}({settings})({tensors}{options})"

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return tuple(
            t
            for value in self.inputs.values()
            for t in ((value,) if isinstance(value, Tensor) else value)
        )

    def map(self, change: Callable[[Tensor], Tensor]) -> Case:
        """The case with every tensor changed."""
        return replace(
            self,
            inputs={
                name: (
                    change(value) if isinstance(value, Tensor) else tuple(change(t) for t in value)
                )
                for name, value in self.inputs.items()
            },
        )

    def sized(self, change: Callable[[Any], Any]) -> Case:
        """The case with every size but the batch's changed."""
        return self.map(lambda t: t._replace(shape=(*t.shape[:1], *map(change, t.shape[1:]))))


def _show(value: Tensor | tuple[Tensor, ...]) -> str:
    if isinstance(value, Tensor):
        return f"{value.shape} {value.dtype}"
    return f"[{', '.join(_show(tensor) for tensor in value)}]"


class Answer(NamedTuple):
    """What a call gives: shape and dtype of each output, and the layer's weights in order."""

    outputs: tuple[Tensor, ...]
    weights: tuple[Weight, ...]


@dataclass(frozen=True)
class Refusal:
    """Why there is no answer: a code of ours or the class of Keras's exception, and the
    sentence.
    """

    code: str
    message: str

    def __str__(self) -> str:
        return f"refused ({self.code}: {self.message})"


def layer_class(kind: str) -> type[Layer]:
    found = LAYERS.find(kind)
    assert found is not None and issubclass(found, Layer), kind
    return found


KINDS = tuple(
    sorted(
        kind
        for kind in LAYERS.kinds()
        if layer_class(kind).arguments != NAMED and layer_class(kind).keras_module
        if layer_class(kind).requires is None
    )
)
"""Every layer but those whose settings name what they take (formulas), those that neither Keras nor
modelspec builds, as only columns of data have what they compute with, and those that require another
package; all have tests of their own.
"""


def case_of(layer: type[Layer], example: Example) -> Case:
    """The call that an example of the catalogue stands for."""
    inputs = example.inputs
    if not isinstance(inputs, Mapping):
        first = layer.arguments[0]
        inputs = {first.name: inputs if first.many else inputs[0]}
    arguments = {argument.name: argument for argument in layer.arguments}
    given = {
        name: _tensors(arguments[name], shapes, example.dtype) for name, shapes in inputs.items()
    }
    return Case(layer.kind(), dict(example.settings), given, dict(example.options))


def _tensors(argument: Argument, shapes: Any, dtype: str) -> Tensor | tuple[Tensor, ...]:
    dtype = "bool" if argument.name == "mask" or argument.name.endswith("_mask") else dtype
    if argument.many:
        return tuple(Tensor(tuple(shape), dtype) for shape in shapes)
    shape: Shape = tuple(shapes)
    return Tensor(shape, dtype)
