"""The statistics that fit each output: classes, labels, or errors.

Outputs that fit none of them get no statistics: a misleading figure would be worse than none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import Compiled
from modelspec.core.settings import Settings

from ..data.adapted_state import State
from ..data.columns import Bound, binding_of
from ..data.contact_sheet import is_image
from ..data.table import Array
from ..data.target_inverse import has_inverse, inverse
from ..data.targets import loss_of
from ..history.findings import Numbers
from ..history.formatting import brief
from .decisions import decisions, target_layers
from .examine_decided import OneClass, Several
from .examine_numbers import numbers
from .examine_scored import Kind, Pictures, Predicted, Scored, Text, real, shortened

_UNITS: Final = 6
"""Maximum number of target columns with their own charts."""
_STEPS: Final = 4_096
"""Maximum number of values per example that are compared one by one."""


def kind_of(compiled: Compiled, state: State | None, output: str) -> Kind | None:
    """The kind of an output, by its loss; None if it cannot be displayed."""
    loss = loss_of(compiled.training, output)
    bound = binding_of(compiled).targets.get(output)
    if loss is None:
        return None
    decided = decisions(compiled, state).get(output)
    chain = target_layers(compiled, state).get(output, ())
    pictured = Pictures()
    if decided is not None and decided.kind == "several":
        return Several(decided, pictured)
    if decided is not None:
        ignored = getattr(loss, "ignore_class", None)
        return OneClass(decided, _encoding(loss), ignored, pictured)
    if _encoding(loss) not in ("numbers", "any") or not _keeps_scale(loss):
        return None
    return _Numbers(output, chain, bound, compiled.file.seed, pictured)


def _encoding(loss: Settings) -> str:
    return str(getattr(loss, "targets", "any"))


def _keeps_scale(loss: Settings) -> bool:
    """Whether the trained values have the scale of the targets; a direction does not."""
    return not loss.kind().startswith("CosineSimilarity")


@dataclass(frozen=True)
class _Numbers:
    name: str
    chain: tuple[Layer, ...]
    bound: Bound | None
    seed: int
    pictured: Pictures

    def scored(self, found: Predicted) -> Scored | None:
        values, true = found.values, found.targets
        if values.size != true.size or values.ndim == 0 or found.values.dtype.kind not in "fiu":
            return None
        true = true.reshape(values.shape)
        if is_image(values.shape[1:]) and values.ndim == 4:
            return self.pictured.scored(found)
        if np.prod(values.shape[1:]) > _STEPS:
            return None
        true, values = (
            np.asarray(inverse(self.chain, one), np.float64).reshape(len(values), -1)
            for one in (true, values)
        )
        kept = real(found.mask, found.values.shape).reshape(values.shape)
        values = np.where(kept, values, np.nan)
        measured = [
            one
            for name, at in self._units(found.values.shape)
            if (one := numbers(name, true[:, at], values[:, at], self.seed)) is not None
        ]
        return _of_numbers(true, values, tuple(measured)) if measured else None

    def _units(self, shape: tuple[int, ...]) -> list[tuple[str, Any]]:
        """The columns of the target with their positions among the values of an example."""
        names = self.bound.names if self.bound is not None else (self.name,)
        if self.bound is None or not self.bound.stacked or shape[-1] != len(names):
            name = names[0] if len(names) == 1 else self.name
            return [(self._called(name), slice(None))]
        return [
            (self._called(name), slice(at, None, len(names)))
            for at, name in enumerate(names[:_UNITS])
        ]

    def _called(self, name: str) -> str:
        return f"{name}, transformed" if self.chain and not has_inverse(self.chain) else name


def _of_numbers(true: Array, values: Array, measured: tuple[Numbers, ...]) -> Scored:
    errors = np.abs(values - true)
    spread = np.nanstd(true, axis=0)
    with np.errstate(all="ignore"):
        relative = np.nanmean(errors / np.where(spread > 0, spread, 1.0), axis=-1)

    def text(of: Array) -> Text:
        return lambda at: shortened([f"{one:.6g}" for one in of[at]], ", ")

    return Scored(
        relative,
        text(np.where(np.isnan(values), np.nan, true)),
        text(values),
        lambda at: f"off by {brief(float(np.nanmean(errors[at])))}",
        numbers=measured,
    )
