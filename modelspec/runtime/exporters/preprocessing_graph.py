"""The steps between the columns of a source and the model, and between the model and the units of
the targets' columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.spec.data_section import Pad
from modelspec.core.shapes import Tensor

from ..data.letter_case import lowered
from ..data.table import Array, Table
from ..data.target_inverse import has_inverse, inverse
from .graph_steps import OnText, Step, filled, padded, typed
from .raw_inputs import RawInput

Scale = tuple[Array, Array]
"""Factor and offset."""


@dataclass(frozen=True)
class Feature:
    """How one model input is made from raw ones."""

    given: tuple[str, ...]
    fills: tuple[Any, ...]
    """For each raw input: the replacement for a missing value; None without one."""
    stacked: bool
    lowers: bool
    """Whether strings are converted to lower case."""
    pad: Pad | None
    length: int | None
    """The length to which `pad` brings sequences."""
    first: Tensor
    """The input of the first step."""
    steps: tuple[Step, ...]
    kept: tuple[Any, ...]
    """Keras layers with tables that a SavedModel contains."""
    wanted: Tensor
    """The input of the model."""
    free: tuple[int, ...]
    """The axes of an example, from 0, of any size."""
    words: tuple[str, ...] = ()
    """The steps, in the words of the spec: `pad` to 8, `missing`, `Normalization`."""
    alone: bool = False
    """Whether a step runs one example at a time."""
    fixed: bool = False
    """Whether a size that is variable in `predict` is fixed."""
    outside: tuple[str, ...] = ()
    """The steps that no export supports, in the words of the spec: `number`, or all steps of an
    input that an export takes in the form of the model.
    """

    @property
    def fills_any(self) -> bool:
        return any(fill is not None for fill in self.fills)

    def __call__(self, raw: Mapping[str, Any], on_text: OnText | None) -> Any:
        found = [raw[name] for name in self.given]
        if self.lowers and on_text is not None:
            found = [on_text.lowered(x) for x in found]
        if self.pad is not None and self.length is not None:
            found = [padded(x, self.pad, self.length) for x in found]
        found = [filled(x, fill, on_text) for x, fill in zip(found, self.fills, strict=True)]
        x = ops.stack(found, axis=-1) if self.stacked else found[0]
        if self.steps:
            x = typed(x, self.first)
            for step in self.steps:
                x = step(x)
        return typed(x, self.wanted)


@dataclass(frozen=True)
class Preparing:
    """From raw inputs to the inputs of the model, and from its outputs to the units of the targets'
    columns.
    """

    raw: Mapping[str, RawInput]
    features: Mapping[str, Feature]
    """By model input."""
    scales: Mapping[str, Scale]
    """By output: factor and offset that invert the transform of its target."""
    precision: str = "float64"
    """The dtype in which the numbers of the targets' columns are computed."""

    @property
    def empty(self) -> bool:
        """Whether rows and predictions pass unchanged."""
        return not self.scales and not any(one.words for one in self.features.values())

    @property
    def has_text(self) -> bool:
        return any(one.dtype == "string" for one in self.raw.values())

    @property
    def alone(self) -> str | None:
        """A model input whose preparation runs one example at a time, if there is one."""
        return next((name for name, one in self.features.items() if one.alone), None)

    def as_given(self, raw: Mapping[str, Array]) -> dict[str, Array]:
        """Raw inputs after the steps on strings, which come first."""
        found = dict(raw)
        for feature in self.features.values():
            for name, fill in zip(feature.given, feature.fills, strict=True):
                if feature.lowers:
                    found[name] = lowered(found[name])
                if isinstance(fill, str):
                    found[name] = np.where(found[name] == "", fill, found[name]).astype(object)
        return found

    @property
    def on_text(self) -> tuple[str, ...]:
        """The steps of `as_given`, in the words of the spec."""
        features = self.features.values()
        lowers = any(one.lowers for one in features)
        fills = any(isinstance(fill, str) for one in features for fill in one.fills)
        return (*(("`lowercase`",) if lowers else ()), *(("`missing`",) if fills else ()))

    def values(self, columns: Mapping[str, Array], table: Table) -> dict[str, Array]:
        """The raw inputs of rows of a table."""
        return {name: one.of(columns, table) for name, one in self.raw.items()}

    def inputs(self, raw: Mapping[str, Any], on_text: OnText | None = None) -> dict[str, Any]:
        """The model's inputs. Without `on_text`, strings are unchanged."""
        return {name: feature(raw, on_text) for name, feature in self.features.items()}

    def outputs(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs in the units of their columns."""
        return {name: self._unscaled(name, values) for name, values in found.items()}

    def _unscaled(self, name: str, values: Any) -> Any:
        if name not in self.scales:
            return values
        factor, summand = (np.asarray(one, self.precision) for one in self.scales[name])
        return ops.add(ops.multiply(ops.cast(values, self.precision), factor), summand)


# Targets ------------------------------------------------------------------------------------------


def scales(
    outputs: Iterable[str], layers: Mapping[str, tuple[Layer, ...]], classes: Iterable[str]
) -> dict[str, Scale]:
    """Factor and offset, by output, that convert predictions to the units of the target's column;
    outputs with another conversion are left out.
    """
    found: dict[str, Scale] = {}
    for name in outputs:
        chain = layers.get(name, ())
        if name in classes or not has_inverse(chain):
            continue
        at = [np.asarray(inverse(chain, np.full((), x)), np.float64) for x in (0.0, 1.0, 2.0, -3.0)]
        summand, factor = at[0], at[1] - at[0]
        if all(np.allclose(summand + x * factor, y) for x, y in ((2.0, at[2]), (-3.0, at[3]))):
            found[name] = (factor, summand)
    return found
