"""What `check` says of layers that get a sparse tensor, against TensorFlow: every layer that a model
may have by itself, in training.
"""

from __future__ import annotations

from typing import Any

import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.core.shapes import Tensor

from .oracle.case import case_of, layer_class
from .tools.checks_off import without_checks_of_dtypes
from .training_draws import ALONE
from .training_steps import BATCH

pytestmark = pytest.mark.tensorflow

OF_NO_USE = ("CategoryEncoding", "MaxNumBoundingBoxes", "Pipeline", "ReversibleEmbedding")
"""Layers that TensorFlow may compute of a sparse tensor, which gives them nothing that they are for:
`check` refuses all of it.
"""


@pytest.mark.parametrize("kind", ALONE)
def test_a_sparse_tensor_is_refused_where_tensorflow_takes_none(kind: str) -> None:
    for place in range(len(layer_class(kind).examples)):
        spec = sparse_spec(kind, place)
        if spec is None:
            continue
        errors = {one.code for one in compile_spec(spec).diagnostics if one.severity == "error"}
        if errors <= {"MS415"} and (not errors or kind not in OF_NO_USE):
            assert computes(spec) == (not errors), spec


def sparse_spec(kind: str, place: int) -> dict[str, Any] | None:
    """An example of a layer of which the first tensors are sparse; None where none can be like them."""
    case = case_of(layer_class(kind), layer_class(kind).examples[place])
    inputs: dict[str, Any] = {}
    encodings: list[Any] = []
    source: dict[str, Any] = {}
    for argument, given in case.inputs.items():
        names = []
        for x in (given,) if isinstance(given, Tensor) else given:
            name = f"x{len(inputs)}"
            inputs[name] = {"shape": list(x.shape[1:]), "dtype": x.dtype}
            if not source:
                size = x.shape[-1] if x.rank > 1 else None
                if not isinstance(size, int) or x.dtype == "string":
                    return None
                inputs[name] = {"shape": list(x.shape[1:-1]) or [2], "dtype": "int32"}
                encodings.append(_encoding(x.rank, size, name))
                name = f"sparse_{name}"
            names.append(name)
        source[argument] = names[0] if isinstance(given, Tensor) else names
    call = {"call": case.options} if case.options else {}
    layer = {kind: {**case.settings, "from": source, "name": "drawn", **call}}
    return {
        "model": {"inputs": inputs, "layers": [*encodings, layer, "Flatten", {"Dense": 2}]},
        "training": {"loss": "mse"},
    }


def _encoding(rank: int, size: int, name: str) -> Any:
    """A layer that makes a sparse tensor of the rank."""
    common = {"sparse": True, "from": name, "name": f"sparse_{name}"}
    if rank == 2:
        return {"Hashing": {"num_bins": size, "output_mode": "multi_hot", **common}}
    return {"CategoryEncoding": {"num_tokens": size, "output_mode": "one_hot", **common}}


def computes(spec: dict[str, Any]) -> bool:
    """Whether Keras computes the model in training."""
    import tensorflow as tf

    from modelspec.runtime.backend import build

    with without_checks_of_dtypes():
        compiled: Any = compile_spec(spec).value
    data = {
        one.name: tf.ones((BATCH, *(size or 1 for size in one.shape)), one.dtype)
        for one in compiled.graph.graph.inputs
    }
    taken = data if len(data) > 1 else next(iter(data.values()))
    try:
        model = build(compiled)
        tf.function(lambda: model(taken, training=True), autograph=False)()
    except Exception:  # noqa: BLE001  # Keras raises whatever the layer does
        return False
    return True
