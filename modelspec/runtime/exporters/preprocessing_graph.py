"""What stands between the columns of a source and the model, as Keras layers and operations on
tensors.

The same few lines run on the symbolic tensors of a functional model, and inside a TensorFlow
function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from keras import ops

from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import Shape, Tensor

from ..data.adapt import Pipeline
from ..data.adapted_state import has_inverse, inverse
from ..data.cells import ready
from ..data.table import Array
from .samples import Samples

WIDE = 64
"""A vector of more columns than this is one input, not one for each."""
FillText = Callable[[Any, str], Any]


@dataclass(frozen=True)
class RawInput:
    """One input of a served model: a column, or the columns of a wide vector in their order."""

    name: str
    shape: tuple[int, ...]
    """Without the batch axis."""
    dtype: str
    values: Array = field(repr=False)
    """Of the samples: NaN where a number is missing, `""` where a text is."""


@dataclass(frozen=True)
class Feature:
    """How one model input is made of raw ones."""

    given: tuple[str, ...]
    fills: tuple[Any, ...]
    """For each raw input: what takes the place of a missing value; None for nothing."""
    stacked: bool
    first: Tensor
    """What the first layer takes."""
    layers: tuple[Any, ...]
    """Keras layers."""
    wanted: Tensor
    """What the model takes."""

    def __call__(self, raw: Mapping[str, Any], fill_text: FillText | None) -> Any:
        found = [
            _filled(raw[name], fill, fill_text)
            for name, fill in zip(self.given, self.fills, strict=True)
        ]
        x = ops.stack(found, axis=-1) if self.stacked else found[0]
        if self.layers:
            x = _as(x, self.first)
            for layer in self.layers:
                x = layer(x)
        return _as(x, self.wanted)


@dataclass(frozen=True)
class Preparing:
    """From raw inputs to those of the model, and from its outputs to the numbers of the targets'
    columns.
    """

    raw: Mapping[str, RawInput]
    features: Mapping[str, Feature]
    """By model input."""
    scales: Mapping[str, tuple[float, float]]
    """By output: factor and summand that undo the transform of its target."""

    @property
    def empty(self) -> bool:
        """Whether rows reach the model as they are, and predictions come out as they are."""
        return not self.scales and not any(
            one.layers or any(fill is not None for fill in one.fills)
            for one in self.features.values()
        )

    @property
    def has_text(self) -> bool:
        return any(one.dtype == "string" for one in self.raw.values())

    @property
    def fills_text(self) -> bool:
        return any(isinstance(fill, str) for one in self.features.values() for fill in one.fills)

    def inputs(self, raw: Mapping[str, Any], fill_text: FillText | None = None) -> dict[str, Any]:
        """The model's inputs. Without `fill_text`, texts are taken as they are."""
        return {name: feature(raw, fill_text) for name, feature in self.features.items()}

    def outputs(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs in the numbers of their columns."""
        return {
            name: (
                values * self.scales[name][0] + self.scales[name][1]
                if name in self.scales
                else values
            )
            for name, values in found.items()
        }


def preparing(
    samples: Samples, types: Mapping[str, Tensor], scales: Mapping[str, tuple[float, float]]
) -> Preparing:
    """How the raw inputs of a served model become those of the model; `types` are the latter's."""
    naming = _Naming()
    features: dict[str, Feature] = {}
    for name, pipe in samples.pipelines.items():
        features[name] = _feature(name, pipe, types[name], samples, naming)
    return Preparing(naming.raw, features, scales)


def _feature(
    name: str, pipe: Pipeline, wanted: Tensor, samples: Samples, naming: _Naming
) -> Feature:
    seen, fill = pipe.feature, pipe.state.fill
    columns: dict[str, Array] = {}
    for column in seen.bound.names:
        values = seen.flat(column, samples.columns[column], 0, pipe.state.length)
        columns[column] = ready(values, seen.text).values
    layers = tuple(pipe.runner.layers) if pipe.runner is not None else ()
    plain = _plain_dtype(pipe, wanted)
    if seen.bound.stacked and len(columns) > WIDE and not seen.text:
        given, fills = _wide(name, columns, fill, plain, naming)
        return Feature((given,), (fills,), False, pipe.given, layers, wanted)
    return Feature(
        tuple(
            naming.add(column, values, _raw_dtype(seen.text, column in fill, plain), (column, name))
            for column, values in columns.items()
        ),
        tuple(fill.get(column) for column in columns),
        seen.bound.stacked,
        pipe.given,
        layers,
        wanted,
    )


def _plain_dtype(pipe: Pipeline, wanted: Tensor) -> str:
    """Of a column of numbers that none of is missing."""
    if pipe.layers:
        return pipe.given.dtype
    return "float32" if wanted.dtype.endswith("float16") else wanted.dtype


def _raw_dtype(is_text: bool, has_gaps: bool, plain: str) -> str:
    if is_text:
        return "string"
    return "float32" if has_gaps else plain  # only floats have NaN


def _wide(
    name: str, columns: Mapping[str, Array], fill: Mapping[str, Any], plain: str, naming: _Naming
) -> tuple[str, Array | None]:
    """Many columns as one raw input, and what takes the place of missing values in each."""
    values = np.stack(list(columns.values()), axis=-1)
    given = naming.add(name, values, _raw_dtype(False, bool(fill), plain), (name,))
    if not fill:
        return given, None
    return given, np.array([fill.get(column, np.nan) for column in columns], np.float32)


class _Naming:
    """Raw inputs under names that every format takes."""

    def __init__(self) -> None:
        self.raw: dict[str, RawInput] = {}

    def add(self, column: str, values: Array, dtype: str, words: Iterable[str]) -> str:
        cast = values.astype(object) if dtype == "string" else values.astype(np.dtype(dtype))
        name = identifier(column)
        known = self.raw.get(name)
        if (
            known is not None
            and (known.shape, known.dtype) == (cast.shape[1:], dtype)
            and _equal(known.values, cast)
        ):
            return name  # the same column feeds two inputs
        if known is not None:
            name = identifier("_".join(words))
        while name in self.raw:
            name += "_"
        self.raw[name] = RawInput(name, cast.shape[1:], dtype, cast)
        return name


def _equal(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def identifier(text: str) -> str:
    """A name as an identifier of ASCII letters, digits and `_`."""
    found = re.sub(r"[^0-9A-Za-z_]", "_", text) or "_"
    return f"x{found}" if found[0].isdecimal() or found[0] == "_" else found


def scales(
    outputs: Iterable[str], layers: Mapping[str, tuple[Layer, ...]], classes: Iterable[str]
) -> dict[str, tuple[float, float]]:
    """Factor and summand, by output, that take predictions back to the numbers of the target's
    column.

    An output whose numbers each have their own is left as the model gives it.
    """
    found: dict[str, tuple[float, float]] = {}
    for name in outputs:
        chain = layers.get(name, ())
        if name in classes or not has_inverse(chain):
            continue
        summand = np.asarray(inverse(chain, np.zeros((), np.float64)), np.float64)
        factor = np.asarray(inverse(chain, np.ones((), np.float64)), np.float64) - summand
        if summand.size == 1:
            found[name] = (float(factor.item()), float(summand.item()))
    return found


def _filled(x: Any, fill: Any, fill_text: FillText | None) -> Any:
    if fill is None:
        return x
    if isinstance(fill, str):
        return fill_text(x, fill) if fill_text is not None else x
    # A number of Python's becomes a constant of the graph; a tensor would be captured, which
    # converters do not follow.
    return ops.where(ops.isnan(x), fill if isinstance(fill, np.ndarray) else float(fill), x)


def _as(x: Any, wanted: Tensor) -> Any:
    """With the shape and dtype that comes next."""
    sizes: Shape = wanted.shape[1:]
    known = tuple(size for size in sizes if isinstance(size, int))
    if len(known) == len(sizes) and tuple(x.shape[1:]) != known:
        x = ops.reshape(x, (-1, *known))
    return (
        x if wanted.dtype == "string" or str(x.dtype) == wanted.dtype else ops.cast(x, wanted.dtype)
    )
