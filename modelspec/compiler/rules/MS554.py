"""A `positive` that is not one of two labels."""

from __future__ import annotations

from modelspec.core.diagnostics import nearest

from ..spec.data_section import Feature, transform_of
from .case import Case
from .data_chains import Key, features


def check(case: Case) -> None:
    """Check every feature with a positive label."""
    if case.data is None:
        return
    for key, feature in features(case.data):
        chain = transform_of(feature)
        in_error = feature.transform is not None and (chain is None or not chain.complete)
        if feature.positive is None or in_error:
            continue
        from modelspec.catalog.layers.lookup import Lookup

        if key[0] == "inputs":
            _report(
                case,
                key,
                "`positive` is supported for targets only",
                "remove `positive` from the input",
            )
            continue
        layers = chain.layers if chain else ()
        lookup = next((one for one in layers if isinstance(one, Lookup) and not one.invert), None)
        if lookup is None:
            _report(
                case,
                key,
                "`positive` requires a target with a lookup",
                "write `transform: [StringLookup: {num_oov_indices: 0}]`, or `IntegerLookup` for"
                " numbers",
            )
        elif lookup.tokens is not None:
            _check_order(case, key, feature, lookup.tokens)


def _check_order(case: Case, key: Key, feature: Feature, tokens: tuple[object, ...]) -> None:
    """Check an explicit vocabulary, which keeps its order."""
    from modelspec.catalog.layers.lookup import same_label

    label = feature.positive
    if len(tokens) == 2 and same_label(tokens[1], label):
        return
    listed = ", ".join(f"`{token}`" for token in tokens[:5])
    if not any(same_label(token, label) for token in tokens):
        near = nearest(str(label), [str(token) for token in tokens])
        help = f"did you mean `{near}`?" if near else "leave `positive` out"
        _report(case, key, f"`positive: {label}` is not in the vocabulary: {listed}", help)
    elif len(tokens) != 2:
        what = f"`positive` requires two labels, but the vocabulary has {len(tokens)}"
        _report(case, key, what, "leave `positive` out")
    else:
        _report(
            case,
            key,
            f"`positive: {label}` is the first of the two tokens of `vocabulary`, but the second"
            " is the positive one",
            f"write `vocabulary: [{tokens[1]}, {tokens[0]}]`, or leave it out",
        )


def _report(case: Case, key: Key, message: str, help: str) -> None:
    assert case.data is not None
    place = case.data.spans.get(("positive", *key)) or case.data.spans.get(key)
    case.report.error("MS554", message, place, help=help)
