"""What stands between the columns of a source and the model, and between the model and the numbers
of the targets' columns.
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
"""Factor and summand."""


@dataclass(frozen=True)
class Feature:
    """How one model input is made of raw ones."""

    given: tuple[str, ...]
    fills: tuple[Any, ...]
    """For each raw input: what takes the place of a missing value; None for nothing."""
    stacked: bool
    lowers: bool
    """Whether texts are brought to lower case."""
    pad: Pad | None
    length: int | None
    """How long `pad` makes sequences."""
    first: Tensor
    """What the first step takes."""
    steps: tuple[Step, ...]
    kept: tuple[Any, ...]
    """Keras layers whose tables a SavedModel holds."""
    wanted: Tensor
    """What the model takes."""
    free: tuple[int, ...]
    """The axes of an example, from 0, that may have any size."""
    words: tuple[str, ...] = ()
    """What is done, in the words of the spec: `pad` to 8, `missing`, `Normalization`."""
    alone: bool = False
    """Whether a step takes one example at a time."""
    fixed: bool = False
    """Whether a size that `predict` takes as it comes is fixed."""
    outside: tuple[str, ...] = ()
    """What no export does, in the words of the spec: `number`, or all that makes an input which an
    export takes as the model does.
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
    """From raw inputs to those of the model, and from its outputs to the numbers of the targets'
    columns.
    """

    raw: Mapping[str, RawInput]
    features: Mapping[str, Feature]
    """By model input."""
    scales: Mapping[str, Scale]
    """By output: factor and summand that undo the transform of its target."""
    precision: str = "float64"
    """What the numbers of the targets' columns are computed in."""

    @property
    def empty(self) -> bool:
        """Whether rows reach the model as they are, and predictions come out as they are."""
        return not self.scales and not any(one.words for one in self.features.values())

    @property
    def has_text(self) -> bool:
        return any(one.dtype == "string" for one in self.raw.values())

    @property
    def alone(self) -> str | None:
        """A model input whose preparation takes one example at a time, where there is one."""
        return next((name for name, one in self.features.items() if one.alone), None)

    def as_given(self, raw: Mapping[str, Array]) -> dict[str, Array]:
        """Raw inputs with what is done to texts before all else already done."""
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
        """What `as_given` does, in the words of the spec."""
        features = self.features.values()
        lowers = any(one.lowers for one in features)
        fills = any(isinstance(fill, str) for one in features for fill in one.fills)
        return (*(("`lowercase`",) if lowers else ()), *(("`missing`",) if fills else ()))

    def values(self, columns: Mapping[str, Array], table: Table) -> dict[str, Array]:
        """The raw inputs of rows of a table."""
        return {name: one.of(columns, table) for name, one in self.raw.items()}

    def inputs(self, raw: Mapping[str, Any], on_text: OnText | None = None) -> dict[str, Any]:
        """The model's inputs. Without `on_text`, texts are taken as they are."""
        return {name: feature(raw, on_text) for name, feature in self.features.items()}

    def outputs(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs in the numbers of their columns."""
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
    """Factor and summand, by output, that take predictions back to the numbers of the target's
    column; an output whose way back is no such pair is not among them.
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
