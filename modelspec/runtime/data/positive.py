"""The positive one of two labels: the second, which a single unit is the probability of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup, same_label
from modelspec.core.diagnostics import Fault, nearest

from .adapted_state import labels
from .columns import Bound
from .errors import DataError


def with_positive_last(
    layer: Layer, known: Mapping[str, Any], bound: Bound, *, fixed: bool = False
) -> Mapping[str, Any]:
    """The vocabulary of a lookup with the label last that the spec calls positive. The order of one
    that is `fixed` stays. Raises `DataError` (MS554) where it is none of two labels.
    """
    label, tokens = bound.positive, known.get("vocabulary")
    if label is None or tokens is None or not isinstance(layer, Lookup):
        return known
    found = next((token for token in tokens if same_label(token, label)), None)
    fault: Fault | None = None
    if len(tokens) != 2 or layer.special:
        shown = ", ".join(f"`{token}`" for token in tokens[:5])
        more = ", ..." if len(tokens) > 5 else ""
        unknown = " and a place for unknown ones" if layer.num_oov_indices else ""
        fault = Fault(
            "MS554",
            f"`positive` is one of two labels, but `{bound.names[0]}` has {len(tokens)} in the"
            f" training split{unknown}: {shown}{more}",
            help="write `num_oov_indices: 0` behind the lookup"
            if len(tokens) == 2
            else "leave `positive` out",
        )
    elif found is None:
        near = nearest(str(label), [str(token) for token in tokens])
        fault = Fault(
            "MS554",
            f"`positive: {label}` is no label of `{bound.names[0]}`, which has `{tokens[0]}` and"
            f" `{tokens[1]}`",
            help=f"did you mean `{near or tokens[1]}`?",
        )
    elif fixed and found != tokens[-1]:
        fault = Fault(
            "MS554",
            f"`positive: {label}` is the first of the two tokens of the vocabulary's file, and the"
            " second is the positive one",
            help="change their order in the file, or leave `positive` out",
        )
    if fault is not None:
        raise DataError([fault.at(bound.span)])
    others = tuple(token for token in tokens if token != found)
    return known if fixed else {**known, "vocabulary": (*others, found)}


def positive_label(layers: tuple[Layer, ...]) -> Any:
    """The second of the two labels of a target; None where it has not two."""
    known = labels(layers)
    return known[1] if known is not None and len(known) == 2 else None
