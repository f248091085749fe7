"""The plugin classes of stubs, in memory: what the written plugin declares."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Weight
from modelspec.catalog.layers.plugin_layer import Layer
from modelspec.core.paths import opened_context
from modelspec.core.plugins import Plugin, Plugins
from modelspec.core.settings import Context
from modelspec.core.shapes import Tensor

from .stubs import Stub

_TYPES = {"bool": bool, "int": int, "float": float, "str": str}


def context_with(stubs: Sequence[Stub]) -> Context:
    """The context of the working directory, in which specs may also use these layers."""
    context, _ = opened_context(None)
    classes = {stub.kind: _class(stub) for stub in stubs}
    plugin = Plugin("stubs", "--plugin", "the import", "", "", "", {LAYERS.noun: classes})
    return replace(context, plugins=Plugins((*context.plugins.all, plugin)))


def _class(stub: Stub) -> type[Layer]:
    def output(self: Layer, inputs: Sequence[Tensor]) -> Tensor | list[Tensor]:
        one = first(self, inputs)
        return one if stub.outputs == 1 else [one] * stub.outputs

    def first(self: Layer, inputs: Sequence[Tensor]) -> Tensor:
        taken = tuple(tuple(one.shape[1:]) for one in inputs)
        shape = stub.shapes.get(taken)  # type: ignore[arg-type]  # a size may also be a name
        if shape is not None:
            return self.result((inputs[0].shape[0], *shape))
        if stub.last_axis and not stub.shapes:
            return self.result((*inputs[0].shape[:-1], getattr(self, stub.last_axis)))
        return inputs[0]

    def weights(self: Layer, inputs: Sequence[Tensor]) -> list[Weight]:
        return [self.weight(name, shape) for name, shape in stub.weights]

    body: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": "A layer that is still to be written.",
        "__annotations__": {
            **{name: _type(value) for name, value in stub.settings.items()},
            "keras": ClassVar[str],
        },
        **{name: _frozen(value) for name, value in stub.settings.items()},
        "keras": f"stubs:{stub.kind}",
        "output": output,
        "weights": weights,
    }
    made: type[Layer] = types.new_class(stub.kind, (Layer,), exec_body=lambda own: own.update(body))
    return made


def _type(value: Any) -> Any:
    if isinstance(value, list):
        return tuple[type(value[0]), ...]  # type: ignore[misc]  # made from a value
    return _TYPES[type(value).__name__]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
