"""Quantizes a Keras model: the weights of its dense layers and embeddings in fewer bits."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic, listed

from ..data import RunError
from ..history.formatting import size as size_text
from .adapters import merged
from .inner_names import spec_name


@dataclass(frozen=True)
class Quantized:
    """A quantized copy of a model."""

    model: keras.Model
    mode: str
    layers: tuple[str, ...]
    """The quantized layers, by their paths: `encoder/dense`, `attention/query`."""
    left: tuple[str, ...]
    """The layers with weights that are left as they are."""
    before: int
    """The bytes of the weights before."""
    after: int

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """MS786, if layers with weights are left as they are."""
        if not self.left:
            return ()
        return (Diagnostic("MS786", "warning", self.about_left, None, (), None),)

    @property
    def about_left(self) -> str:
        """A sentence about the layers that are left as they are."""
        return (
            "these layers are not quantized, because Keras does not support"
            f" `{self.mode}` for them: {listed(self.left)}"
        )

    @property
    def sizes(self) -> str:
        """`weights: 1.2 kB in place of 4.4 kB`."""
        return f"weights: {size_text(self.after)} in place of {size_text(self.before)}"


def quantized(
    compiled: Compiled, model: keras.Model, mode: str, *, measured: bool = False
) -> Quantized:
    """A quantized copy of the model of a run, whose adapters are merged first. `measured` adds the
    loss and metrics.

    Raises `RunError` (MS785) if Keras cannot quantize any layer of the model in this mode.
    """
    copy = merged(compiled, model, measured=measured)
    before = _size(copy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns about each layer without weights, too
        try:
            copy.quantize(mode)
        except ValueError as error:
            raise RunError.of("MS785", f"the model cannot be quantized: {error}") from None
    for layer in _composite(copy):
        _keep_inner_policies(layer)
    paths = {False: list[str](), True: list[str]()}
    for path, layer in _with_weights(copy, ""):
        done = layer.quantization_mode == mode
        paths[done].append(path)
    if not paths[True]:
        raise RunError.of(
            "MS785",
            f"no layer of the model can be quantized to `{mode}`",
            help="Keras quantizes `Dense`, `EinsumDense` and the dense layers of attention; with"
            " `int8` and `int4` also embeddings",
        )
    return Quantized(copy, mode, tuple(paths[True]), tuple(paths[False]), before, _size(copy))


def _composite(model: keras.Model) -> Iterator[Any]:
    """The layers, except models, with quantized layers inside."""
    for layer in model._flatten_layers():
        inner = layer._flatten_layers(include_self=False)
        if not isinstance(layer, keras.Model) and any(one.quantization_mode for one in inner):
            yield layer


def _keep_inner_policies(layer: Any) -> None:
    """Adds the policies of the inner layers to the configuration of a layer: Keras creates the
    inner layers of a loaded attention layer without them.
    """
    policies = keras.dtype_policies.DTypePolicyMap(default_policy=layer.dtype_policy.name)
    for one in layer._flatten_layers(include_self=False):
        if one.quantization_mode:
            policies[one.path] = one.dtype_policy
    layer.dtype_policy = policies


def _with_weights(layer: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The innermost layers with weights, by path."""
    for one in layer._flatten_layers(include_self=False, recursive=False):
        name = spec_name(one.name)
        if not isinstance(layer, keras.Model):
            name = re.sub(r"_\d+$", "", name)  # Keras numbers the names inside a layer
        inner = f"{path}/{name}" if path else name
        if list(one._flatten_layers(include_self=False)):
            yield from _with_weights(one, inner)
        elif one.weights:
            yield inner, one


def _size(model: keras.Model) -> int:
    return sum(int(weight.numpy().nbytes) for weight in model.weights)
