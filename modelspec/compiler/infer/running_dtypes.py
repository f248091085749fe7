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

    def check(self, layer: Layer, inputs: Inputs, dtype: str | None) -> None:
        """Raises MS404 if the layer does not support the actual `dtype` of its first tensor."""
        if dtype is None:
            return
        for name, given in list(inputs.tensors.items())[:1]:
            tensor, *others = (given,) if isinstance(given, Tensor) else given
            if dtype == tensor.dtype:
                return
            tensor = tensor._replace(dtype=dtype)
            changed = tensor if isinstance(given, Tensor) else (tensor, *others)
            output_of(layer, Inputs({**inputs.tensors, name: changed}, inputs.options))

    def add(self, call: Call, layer: Layer, dtype: str | None) -> None:
        """Record the output dtype of the call, whose first tensor has the actual `dtype`."""
        runs_in = layer.runs_in
        if runs_in is not None:
            self._dtypes[call.name] = runs_in
        elif dtype is not None and layer.keeps_dtype:
            self._dtypes[call.name] = dtype

    def first(self, call: Call, inputs: Inputs) -> str | None:
        """The actual dtype of the first tensor, if it is not floating point. Tensors that are
        declared as strings were already checked.
        """
        refs = call.refs()
        given = next(iter(inputs.tensors.values()), None)
        if not refs or not given:
            return None
        tensor = given if isinstance(given, Tensor) else given[0]
        running = self._dtypes.get(refs[0].producer) if self._dtypes else None
        if running is not None:
            return running
        return None if is_float(tensor.dtype) or tensor.dtype == "string" else tensor.dtype
