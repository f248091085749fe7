"""The labels of the units of an output whose target may have several labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup

from .adapted_state import tokens


def unit_labels(layers: Sequence[Layer]) -> tuple[Any, ...] | None:
    """The label of each unit, in order, of a target with this transform, which has nothing left to
    learn; None if the units are not labels.
    """
    changing = [layer for layer in layers if layer.keeps_values != "all"]
    if len(changing) != 1 or not isinstance(changing[0], Lookup) or changing[0].mode != "multi_hot":
        return None
    return tokens(changing[0])
