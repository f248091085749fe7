"""The output type of a layer call: its shape rule, and the declared dtype support."""

from collections.abc import Iterator

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor

from .common import need_float, need_no_booleans
from .layer import Inputs, Layer, Outputs


def output_of(layer: Layer, inputs: Inputs) -> Outputs:
    """The type of the call's result. Raises MS404 if TensorFlow does not support the dtypes, and
    whatever the shape rule raises.
    """
    outputs = layer.output(inputs)
    if layer.takes == "floats":
        need_float(layer, *_computed_with(inputs))
    elif layer.takes == "numbers":
        need_no_booleans(layer, *_computed_with(inputs))
    _need_kernel(layer, inputs)
    return outputs


def _need_kernel(layer: Layer, inputs: Inputs) -> None:
    if not layer.no_kernel_in:
        return
    if layer.compute_dtype in layer.no_kernel_in:
        setting = layer.no_kernel_because
        cause = f" with these `{setting}`" if setting else ""
        written = setting or ("dtype" if "dtype" in layer.model_fields_set else None)
        raise Fault(
            "MS404",
            f"TensorFlow does not support `{layer.kind()}`{cause} in {layer.compute_dtype}",
            (written,) if written else (),
            help="give the layer `dtype: float32`",
        )
    for x in _computed_with(inputs):
        if x.dtype in layer.no_kernel_in and not is_float(x.dtype):
            raise Fault(
                "MS404",
                f"TensorFlow does not support `{layer.kind()}` for {x.dtype}: {x}",
                help="give the input another dtype, e.g. `float32` or `int32`",
            )


def _computed_with(inputs: Inputs) -> Iterator[Tensor]:
    """The tensors of a call other than masks."""
    for name, value in inputs.tensors.items():
        if name != "mask" and not name.endswith("_mask"):
            yield from (value,) if isinstance(value, Tensor) else value
