"""What drawing a model asks of layers and tensors: examples that fit, what a call gives, how types
are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.calls import output_of
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.settings import Context, Faults
from modelspec.core.shapes import Tensor, known, product

from .oracle.case import Case, case_of, layer_class

MOST_NUMBERS = 4096
"""In one example of a tensor (unknown sizes as 8), so that a graph is quick to build."""
MOST_AXES = 6
HALF = ("float16", "bfloat16")
"""Policies that are not drawn: a CPU has no kernel for some initializers (`Orthogonal`) in them."""
AXES_OF_WEIGHTS = ("input_axes", "output_axes")
"""Settings of initializers that are not drawn: they fit weights of some numbers of axes only."""
LEFT_OUT = ("MelSpectrogram", "Pipeline")
"""Layers of which Keras says other sizes or dtypes than they give, and refuses what follows from
those.
"""
LAYERS_OF_ANY_MODEL = {
    "Dense",
    "Embedding",
    "Flatten",
    "Reshape",
    "Add",
    "Concatenate",
    "Multiply",
    "Dropout",
    "LSTM",
    "GRU",
    "Bidirectional",
    "TimeDistributed",
    "Conv1D",
    "Conv2D",
    "MaxPooling2D",
    "BatchNormalization",
    "LayerNormalization",
    "GlobalAveragePooling1D",
    "MultiHeadAttention",
}


class Typed(NamedTuple):
    """A tensor that an entry may take: how it is written, and its type."""

    text: str
    type: Tensor


Given: TypeAlias = dict[str, Typed | tuple[Typed, ...]]
"""Tensors by call argument."""


@cache
def examples(rank: int, floats: bool) -> tuple[Case, ...]:
    """Calls whose first tensor has the rank and the kind of dtype; those of the usual layers come
    more often.
    """
    found: list[Case] = []
    for kind in sorted(LAYERS.kinds()):
        if layer_class(kind).alone or layer_class(kind).not_in_models or kind in LEFT_OUT:
            continue
        for case in (case_of(layer_class(kind), example) for example in layer_class(kind).examples):
            first = case.tensors[0]
            if (first.rank, is_float(first.dtype)) == (rank, floats):
                found += [case] * (3 if LAYERS_OF_ANY_MODEL & {kind} else 1)
    return tuple(found) or (case_of(layer_class("Identity"), layer_class("Identity").examples[0]),)


def takes(
    kind: str, settings: dict[str, Any], given: Given, options: Mapping[str, Any], context: Context
) -> tuple[tuple[Tensor, ...], tuple[str, ...], int] | None:
    """Outputs, their names and the number of weights' entries; None where the layer does not take
    the tensors.
    """
    tensors = {
        name: value.type if isinstance(value, Typed) else tuple(t.type for t in value)
        for name, value in given.items()
    }
    inputs = Inputs(tensors, options)
    try:
        layer: Layer = layer_class(kind).build(settings, context)
        output = output_of(layer, inputs)
        weights = layer.weights(inputs)
        layer.multiply_adds(inputs)
    except (Fault, Faults):
        return None
    outputs = (output,) if isinstance(output, Tensor) else output
    sizes = [known(product(weight.shape)) for weight in weights]
    return outputs, layer.output_names(inputs), sum(size or 0 for size in sizes)


def is_small(tensor: Tensor) -> bool:
    sizes = [size if isinstance(size, int) else 8 for size in tensor.shape[1:]]
    return tensor.rank <= MOST_AXES and (known(product(sizes)) or 0) <= MOST_NUMBERS


def buildable(value: Any) -> Any:
    """The settings without those that depend on the machine or on a weight's axes, also in nested
    layers.
    """
    if isinstance(value, dict):
        return {
            key: buildable(item)
            for key, item in value.items()
            if key not in AXES_OF_WEIGHTS and not (key == "dtype" and item in HALF)
        }
    return value


def declared(thing: Any) -> list[tuple[int, str]]:
    """Rank and dtype of the inputs that a shared model declares; none of a layer, or of a list of
    layers.
    """
    inputs = thing.get("inputs", {}) if isinstance(thing, dict) else {}
    return [(len(one["shape"]) + 1, one["dtype"]) for one in inputs.values()]


def as_input(tensor: Tensor) -> dict[str, Any]:
    """The long form of an input of the type; a size that is computed from a name is just
    unknown.
    """
    shape = [
        size if isinstance(size, int) or (size or "").isidentifier() else None
        for size in tensor.shape[1:]
    ]
    batch = {} if tensor.shape[0] is None else {"batch_size": tensor.shape[0]}
    return {"shape": shape, "dtype": tensor.dtype, **batch}


def follows(entry: Any) -> bool:
    """Whether the entry takes what stands before it."""
    return isinstance(entry, str) or "from" not in next(iter(entry.values()))


def taken_by(entries: list[Any]) -> set[str]:
    """Every tensor that an entry names."""
    found: set[str] = set()
    for entry in entries:
        body = next(iter(entry.values())) if isinstance(entry, dict) else {}
        source = body.get("from", []) if isinstance(body, dict) else []
        for item in source.values() if isinstance(source, dict) else [source]:
            found |= {item} if isinstance(item, str) else set(item)
    return found
