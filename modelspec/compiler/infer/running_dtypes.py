"""The dtypes of tensors while a model runs, where they differ from those that Keras reports."""

from __future__ import annotations

from modelspec.catalog.layers.calls import output_of
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor

from ..graph import Call


class RunningDtypes:
    """The actual output dtypes of the calls of one graph. Keras reports floating point for most
    layers, but with integer inputs many of them output integers (`Layer.keeps_dtype`), which the
    next layer may not support. A called model casts to the dtypes of its inputs.
    """

    def __init__(self) -> None:
        self._dtypes: dict[str, str] = {}

    def check(self, call: Call, layer: Layer, inputs: Inputs) -> None:
        """Raises MS404 if the layer does not support the actual dtype of its first tensor."""
        dtype = self._first(call, inputs)
        for name, given in list(inputs.tensors.items())[:1]:
            tensor, *others = (given,) if isinstance(given, Tensor) else given
            if dtype is None or dtype == tensor.dtype:
                return
            tensor = tensor._replace(dtype=dtype)
            changed = tensor if isinstance(given, Tensor) else (tensor, *others)
            output_of(layer, Inputs({**inputs.tensors, name: changed}, inputs.options))

    def add(self, call: Call, layer: Layer, inputs: Inputs) -> None:
        """Record the output dtype of the call."""
        dtype = self._first(call, inputs)
        if layer.runs_in is not None:
            self._dtypes[call.name] = layer.runs_in
        elif dtype is not None and layer.keeps_dtype:
            self._dtypes[call.name] = dtype

    def _first(self, call: Call, inputs: Inputs) -> str | None:
        """The dtype of the first tensor, if it is not floating point. Tensors that are declared as
        strings were already checked.
        """
        ref = next(iter(call.refs()), None)
        given = next(iter(inputs.tensors.values()), None)
        if ref is None or not given:
            return None
        tensor = given if isinstance(given, Tensor) else given[0]
        running = self._dtypes.get(ref.producer)
        if running is not None:
            return running
        return None if is_float(tensor.dtype) or tensor.dtype == "string" else tensor.dtype
