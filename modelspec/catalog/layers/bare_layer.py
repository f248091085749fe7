"""Bare layers of plugins: Keras layers without a declaration (`modelspec.register_layer`).

The settings follow from the signature of the constructor, shapes and weights from a symbolic call;
both are asked of Keras in a separate process, and cached.
"""

import copyreg
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, create_model

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import DTYPES
from modelspec.core.plugins.declared import KerasDeclared, register
from modelspec.core.plugins.keras_answers import answer, field_of
from modelspec.core.registry import Registry
from modelspec.core.shapes import PENDING, Size, Tensor, erase

from .layer import Argument, Inputs, Layer, Outputs, Weight
from .plugin_layer import is_taken


def register_layer(path: str) -> None:
    """Adds a Keras layer by its import path, `package.module:Class`, to the plugin whose module
    calls this. Raises `ValueError` for a string that is not an import path.
    """
    register("layer", path, bare_layer)


class _Class(type(BaseModel)):  # type: ignore[misc]  # the metaclass of pydantic
    """The type of the classes of bare layers, which are pickled by their import path."""


def _pickled(cls: Any) -> tuple[Callable[..., Any], tuple[str, str]] | str:
    return (bare_layer, (cls.keras, cls.code)) if cls.keras else "BareLayer"


copyreg.pickle(_Class, _pickled)


class BareLayer(KerasDeclared, Layer, metaclass=_Class):
    """A layer whose rules are those of its Keras class."""

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("inputs", many=True),)
    keras_module: ClassVar[str] = ""
    one_alone: ClassVar[bool] = True
    supports_masking: ClassVar[bool | None] = None  # its constructor decides
    passes_defaults: ClassVar[bool] = False
    code: ClassVar[str] = ""
    """The hash of the code of its plugin."""

    @classmethod
    def registry(cls) -> Registry:
        """The table of all layers."""
        from . import LAYERS

        return LAYERS

    @classmethod
    def keras_base(cls) -> str:
        """The base class in Keras."""
        return "layers.Layer"

    def output(self, inputs: Inputs) -> Outputs:
        """The outputs of a symbolic call in Keras. Raises `Fault` (MS405, MS854, MS855)."""
        outputs = tuple(_tensor(*one) for one in self._called(inputs)["outputs"])
        return outputs[0] if len(outputs) == 1 else outputs

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        """The weights after that call."""
        return tuple(
            Weight(name, tuple(shape), trainable, dtype)
            for name, shape, dtype, trainable in self._called(inputs)["weights"]
        )

    def multiply_adds(self, inputs: Inputs) -> Size:
        """Unknown."""
        return None

    def _called(self, inputs: Inputs) -> dict[str, Any]:
        tensors = [
            one
            for value in inputs.tensors.values()
            for one in ((value,) if isinstance(value, Tensor) else value)
        ]
        if any(PENDING in one.shape for one in tensors):
            raise Fault(
                "MS405",
                f"the shape of `{self.kind()}` is computed by Keras, which requires known sizes",
                help="write the sizes of the inputs instead of `auto`",
            )
        found = answer(
            "layer",
            self.keras,
            self.code,
            task="call",
            base=self.keras_base(),
            settings={name: getattr(self, name) for name in sorted(self._passed)},
            inputs=[[list(erase(one.shape)), one.dtype] for one in tensors],
            options=dict(inputs.options),
        )
        if "refused" in found:
            message = f"Keras does not accept this call of `{self.kind()}`: it {found['refused']}"
            raise Fault("MS854", message)
        return found

    @property
    def _passed(self) -> set[str]:
        """The settings that Keras gets."""
        unset = {"name", *(("dtype",) if self.dtype in (None, "float32") else ())}
        return (self.model_fields_set | {"dtype"}) - unset


def _tensor(shape: list[Any], dtype: str) -> Tensor:
    if dtype not in DTYPES:
        raise Fault("MS855", f"a bare layer gives a tensor of the unsupported dtype `{dtype}`")
    return Tensor(tuple(shape), dtype)


@cache
def bare_layer(path: str, code: str) -> type[BareLayer]:
    """The class of the layer at an import path, given the hash of its code. Raises `Fault` (MS852,
    MS855).
    """
    found = answer("layer", path, code, task="signature", base=BareLayer.keras_base())
    kind = path.rpartition(":")[2]
    fields: dict[str, Any] = {}
    for one in found["parameters"]:
        name = one["name"]
        if is_taken(name):
            raise Fault(
                "MS852",
                f"the layer `{path}` has a setting `{name}`, a name that every layer already uses",
                help="declare the layer with `ms.Layer`, under other names of settings",
            )
        fields[name] = field_of(one)
    doc = found["doc"] or f"The Keras layer `{path}` of a plugin."
    cls: type[BareLayer] = create_model(
        kind, __base__=BareLayer, __module__=__name__, __doc__=doc, **fields
    )
    cls.keras, cls.code = path, code
    cls.shape_known_to_keras = bool(found["has_shape"])
    return cls
