"""The positive one of two labels: the second, whose probability a single unit predicts."""

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
    """The vocabulary of a lookup, with the label last that the spec calls positive. A `fixed`
    vocabulary keeps its order. Raises `DataError` (MS554) if it is not one of two labels.
    """
    label, tokens = bound.positive, known.get("vocabulary")
    if label is None or tokens is None or not isinstance(layer, Lookup):
        return known
    found = next((token for token in tokens if same_label(token, label)), None)
    fault: Fault | None = None
    if len(tokens) != 2 or layer.special:
        shown = ", ".join(f"`{token}`" for token in tokens[:5])
        more = ", ..." if len(tokens) > 5 else ""
        unknown = " and an index for unknown labels" if layer.num_oov_indices else ""
        fault = Fault(
            "MS554",
            f"`positive` requires exactly two labels, but `{bound.names[0]}` has {len(tokens)} in"
            " the"
            f" training split{unknown}: {shown}{more}",
            help="set `num_oov_indices: 0` in the lookup"
            if len(tokens) == 2
            else "remove `positive`",
        )
    elif found is None:
        near = nearest(str(label), [str(token) for token in tokens])
        fault = Fault(
            "MS554",
            f"`positive: {label}` is not a label of `{bound.names[0]}`, which has `{tokens[0]}` and"
            f" `{tokens[1]}`",
            help=f"did you mean `{near or tokens[1]}`?",
        )
    elif fixed and found != tokens[-1]:
        fault = Fault(
            "MS554",
            f"`positive: {label}` is the first of the two tokens in the vocabulary file, but the"
            " second token is the positive one",
            help="swap them in the file, or remove `positive`",
        )
    if fault is not None:
        raise DataError([fault.at(bound.span)])
    others = tuple(token for token in tokens if token != found)
    return known if fixed else {**known, "vocabulary": (*others, found)}


def positive_label(layers: tuple[Layer, ...]) -> Any:
    """The second of the two labels of a target; None if it does not have two."""
    known = labels(layers)
    return known[1] if known is not None and len(known) == 2 else None
