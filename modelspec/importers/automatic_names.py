"""Names that nobody gave: a kind's with a number, as every version of Keras counts its layers."""

from __future__ import annotations

import re
from functools import cache

from modelspec.catalog.formula.function_table import FUNCTIONS, SIGNS
from modelspec.catalog.layers import LAYERS
from modelspec.core.registry import snake_case

_OPERATIONS = {*FUNCTIONS, *SIGNS, "get_item", "true_divide", "absolute", "custom_scale_layer"}
"""What Keras counts operations as."""


def is_counted(kind: str, name: str) -> bool:
    """Whether a name is a kind's with a number, in the way of any version of Keras."""
    base = re.sub(r"_\d+$", "", name)
    if kind == "Expression":
        return base in _OPERATIONS or base.startswith("tf_")
    if name == kind or base in (snake_case(kind), kind.lower(), kind):
        return True
    return LAYERS.aliases.get(_old_kinds().get(base, "")) == kind or (
        base == "merge" and kind in LAYERS.modules["merging"]
    )


@cache
def _old_kinds() -> dict[str, str]:
    """Older names of kinds by what Keras 1 and 2 counted them as: `convolution2d`."""
    return {name.lower(): name for name in LAYERS.aliases}
