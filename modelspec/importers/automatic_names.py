"""Automatic names, as every version of Keras numbers its layers."""

from __future__ import annotations

from functools import cache

from modelspec.catalog.formula.function_table import FUNCTIONS, SIGNS
from modelspec.catalog.layers import LAYERS
from modelspec.core.automatic_names import unnumbered
from modelspec.core.registry import snake_case

_OPERATIONS = {*FUNCTIONS, *SIGNS, "get_item", "true_divide", "absolute", "custom_scale_layer"}
"""The names that Keras derives operation names from."""


def is_automatic(kind: str, name: str) -> bool:
    """Whether some version of Keras generates this name for a layer of a kind."""
    base = unnumbered(name)
    if kind == "Expression":
        return base in _OPERATIONS or base.startswith("tf_")
    if name == kind or base in (snake_case(kind), kind.lower(), kind):
        return True
    return LAYERS.aliases.get(_old_kinds().get(base, "")) == kind or (
        base == "merge" and kind in LAYERS.modules["merging"]
    )


@cache
def _old_kinds() -> dict[str, str]:
    """Older names of kinds, as Keras 1 and 2 used them for layer names: `convolution2d`."""
    return {name.lower(): name for name in LAYERS.aliases}
