"""Layers of a transform that a script computes with NumPy, in float64: Keras rounds their numbers
to float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelspec.catalog.layers.categories import Discretization
from modelspec.catalog.layers.expression import Expression
from modelspec.catalog.layers.image import Rescaling
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.catalog.layers.standardize import Normalization
from modelspec.core.shapes import Tensor
from modelspec.runtime.data.float_layers import EPSILON, broadcast_over, kept_axes

from .formula_code import tensors_code
from .python_code import INDENT, WIDTH, Code, call, literal, statement

Constant = Callable[[str, Code], str]
"""Takes a description of a number and its code; returns the name of a constant of the script."""


@dataclass(frozen=True)
class Steps:
    """Writes lines that change a variable. `constant` adds numbers to the script."""

    variable: str
    constant: Constant

    def lines(self, layer: Layer, given: Tensor) -> list[str] | None:
        """The code of a layer for a variable of this type; None for a layer that Keras computes."""
        if isinstance(layer, Normalization):
            return self._normalization(layer, given.rank)
        if isinstance(layer, Rescaling):
            scale, offset = (self._numbers(one, name) for one, name in
                             ((layer.scale, "scale"), (layer.offset, "offset")))  # fmt: skip
            return self._changed(f"* {scale}", f"+ {offset}")
        if isinstance(layer, Expression):
            return self._formula(layer, given)
        return self._bins(layer, given) if isinstance(layer, Discretization) else None

    def _normalization(self, layer: Normalization, rank: int) -> list[str]:
        axes = kept_axes(layer, rank)
        mean, variance = (broadcast_over(one, axes, rank) for one in (layer.mean, layer.variance))
        deviation = np.maximum(np.sqrt(variance), EPSILON)
        last = not axes or axes == [rank - 1]  # then no axes of size 1 are needed
        center, spread = (
            self._numbers(one.reshape(-1) if last and one.ndim else one, name)
            for one, name in ((mean, "mean"), (deviation, "deviation"))
        )
        if layer.invert:
            return self._changed(f"* {spread}", f"+ {center}")
        return self._changed(f"- {center}", f"/ {spread}", brackets=True)

    def _changed(self, first: str, then: str, *, brackets: bool = False) -> list[str]:
        name = self.variable
        inner = f"{name} {first}"
        flat = f"{INDENT}{name} = {f'({inner})' if brackets else inner} {then}"
        if len(flat) <= WIDTH:
            return [flat]
        return [f"{INDENT}{name} = {inner}", f"{INDENT}{name} = {name} {then}"]

    def _numbers(self, value: Any, what: str) -> str:
        """A single number unchanged, several as a constant."""
        values = np.asarray(value, np.float64)
        if values.ndim == 0:
            shown = repr(values.item())
            return f"({shown})" if shown.startswith("-") else shown
        return self.constant(f"{self.variable}_{what}", call("np.array", literal(values.tolist())))

    def _formula(self, layer: Expression, given: Tensor) -> list[str]:
        """Keras operations, which also take arrays."""
        (argument,) = layer.arguments
        names = {argument.name: self.variable}
        for name, value in (layer.learned or {}).items():
            names[name] = self._numbers(value, name)
        dtypes = layer.inferred(Inputs({argument.name: given})).dtypes
        code = tensors_code(layer.formula.root, names, dtypes)
        return [
            *statement(f"{self.variable} = ", code),
            f"{INDENT}{self.variable} = np.asarray({self.variable})",
        ]

    def _bins(self, layer: Discretization, given: Tensor) -> list[str]:
        edges = self._numbers(layer.bin_boundaries, "edges")
        name, bins = self.variable, len(layer.bin_boundaries or ()) + 1
        lines = [f"{INDENT}{name} = np.digitize({name}, {edges})"]
        if layer.output_mode == "int":
            return lines
        alone = layer.output_mode == "one_hot" and given.rank > 1 and given.shape[-1] == 1
        lines.append(f"{INDENT}{name} = np.eye({bins})[{name}{'[..., 0]' if alone else ''}]")
        over = {"multi_hot": "max", "count": "sum"}.get(layer.output_mode)
        return lines if over is None else [*lines, f"{INDENT}{name} = {name}.{over}(axis=1)"]
