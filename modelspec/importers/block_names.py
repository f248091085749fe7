"""Names in repeated sequences of layers: their common part, and the name of a block."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .anti_unification import prefix_of
from .layer_tree import Node, statements_of


def name_by_prefixes(prefixes: Sequence[str | None]) -> str:
    """The common part of the names of a block's uses; empty if they have no names."""
    given = [one for one in prefixes if one is not None]
    if prefixes[0] is None or prefixes[-1] is None:
        return ""
    common = "".join(sign for sign in prefix_of(given) or "" if not sign.isdigit())
    return re.sub("_+", "_", common).strip("_- ") or _common_end(given)


def _common_end(names: Sequence[str]) -> str:
    """The common suffix of names after their last `_`: `se` of `block1a_se` and `block2b_se`."""
    ends = {name.rpartition("_")[2] for name in names}
    end = next(iter(ends))
    return end if len(ends) == 1 and end.isalpha() and len(end) > 1 else ""


def name_by_kinds(kinds: Sequence[str], branched: bool) -> str:
    """The name of a block of such layers."""
    if "Add" in kinds:
        return "residual"
    if branched:
        joins = (("Concatenate", "mixed"), ("Multiply", "gated"))
        return next((name for kind, name in joins if kind in kinds), "branched")
    ending = "bn" if "BatchNormalization" in kinds else "block"
    for start in ("Separable", "Depthwise", "Conv", "Dense"):
        if any(kind.startswith(start) for kind in kinds):
            return f"{start.lower()}_{ending}"
    return "block"


def split_names(nodes: Sequence[Node]) -> tuple[str | None, tuple[str | None, ...]] | None:
    """The common prefix of the names in a sequence of nodes, and the rest of each name; None
    without a common prefix.
    """
    names = [one.name for node in nodes for one in statements_of(node)]
    given = [name for name in names if name is not None]
    if not given:
        return None, tuple(names)
    prefix = prefix_of(given)
    if prefix is None:
        return None
    return prefix, tuple(name if name is None else name[len(prefix) + 1 :] for name in names)
