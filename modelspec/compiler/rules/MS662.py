"""A `dtype` of a feature that the model does not take."""

from __future__ import annotations

from ..spec.data_section import Feature
from .case import Case
from .data_chains import Key, features


def check(case: Case) -> None:
    """Check every input and target with a `dtype` and without a transform, which may change it."""
    if case.data is None:
        return
    for key, feature in features(case.data):
        if feature.dtype is not None and feature.transform is None:
            _check(case, key, feature)


def _check(case: Case, key: Key, feature: Feature) -> None:
    kind, name = key
    text = feature.dtype == "string"
    place = case.data.spans.get(("dtype", *key)) if case.data else None
    if kind == "targets":
        if text:
            case.report.error(
                "MS662",
                f"the target of `{name}` is text, but a loss takes numbers",
                place,
                help="look up the labels: `transform: [StringLookup: {num_oov_indices: 0}]`",
            )
        return
    wanted = case.typed.inputs.get(name) if case.typed else None
    if wanted is None or text == (wanted.dtype == "string"):
        return
    if text:
        found, help = "text", "look up the strings, e.g. `transform: [StringLookup]`"
    else:
        found, help = "numbers", f"leave `dtype: {feature.dtype}` out"
    case.report.error(
        "MS662",
        f"the feature of input `{name}` is {found}, but the input takes `{wanted.dtype}`",
        place,
        help=f"{help}, or give the input another `dtype`",
    )
