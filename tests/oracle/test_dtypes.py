"""The dtypes that layers declare, against what TensorFlow computes: whatever is accepted runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import pytest

from modelspec.core.dtypes import FLOATS, is_float
from modelspec.core.settings import Context
from modelspec.core.shapes import Tensor

from . import keras_side, our_side
from .case import KINDS, Case, Refusal, case_of, layer_class
from .compare import sizes_to_try

pytestmark = pytest.mark.tensorflow


def in_dtypes(kind: str) -> Iterator[Case]:
    """The first example of a layer with whole numbers, with booleans, and all of it in float64."""
    layer = layer_class(kind)
    usual = case_of(layer, layer.examples[0])
    for dtype in ("int32", "bool", "float64"):
        case = usual.map(lambda t, dtype=dtype: _numbers_as(t, dtype))
        if case == usual:
            continue
        yield replace(case, settings={**case.settings, "dtype": dtype}) if is_float(dtype) else case


def _numbers_as(tensor: Tensor, dtype: str) -> Tensor:
    """Floating-point numbers as others; whole ones, which may be indices, as booleans only."""
    changes = is_float(tensor.dtype) or (dtype == "bool" and "int" in tensor.dtype)
    return tensor._replace(dtype=dtype) if changes else tensor


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_computes_with_every_dtype_that_it_takes(kind: str) -> None:
    """The first example, in three dtypes: what is accepted runs, outside of a graph, and gives
    floating-point numbers where Keras says so, unless the layer keeps the dtype.
    """
    for case in in_dtypes(kind):
        said = our_side.answer(case)
        if not isinstance(said, Refusal):
            ran = keras_side.run(case, sizes_to_try(case)[0])
            assert not isinstance(ran, Refusal), f"{case}\nKeras: {ran}"
            if is_float(said.outputs[0].dtype) and not is_float(case.tensors[0].dtype):
                keeps = layer_class(kind).build(case.settings, Context()).keeps_dtype
                assert is_float(ran[0].dtype) != keeps, f"{case}\nKeras: {ran}"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if layer_class(kind).gpu_kernel_in])
def test_pooling_of_volumes_has_the_kernels_that_are_declared(kind: str) -> None:
    """TensorFlow lists the kernels of every device, also of those that are not there."""
    import tensorflow as tf
    from tensorflow.python.framework import kernels

    name = "AvgPool3D" if "Average" in kind else "MaxPool3D"
    found: dict[str, set[str]] = defaultdict(set)
    for kernel in kernels.get_registered_kernels_for_op(name).kernel:
        for limit in kernel.constraint:
            if limit.name == "T":
                dtypes = {
                    tf.dtypes.as_dtype(dtype).name for dtype in limit.allowed_values.list.type
                }
                found[kernel.device_type] |= dtypes
    layer = layer_class(kind)
    assert set(layer.gpu_kernel_in) == found["GPU"] - found["CPU"]
    assert set(layer.no_kernel_in) == set(FLOATS) - found["GPU"] - found["CPU"]
