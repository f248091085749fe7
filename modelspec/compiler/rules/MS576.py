"""`expect: known` of a column without a lookup."""

from __future__ import annotations

from modelspec.core.diagnostics import nearest

from ..spec.data_section import transform_of
from .case import Case
from .data_chains import features


def check(case: Case) -> None:
    """Check every column whose values must be known."""
    if case.data is None or case.data.inputs is None:
        return
    found = [feature for _, feature in features(case.data)]
    names = [name for feature in found for name in feature.names]
    for column, expected in case.data.expect.items():
        if not expected.known:
            continue
        feeding = [feature for feature in found if column in feature.names]
        if any(
            feature.transform is not None and transform_of(feature) is None for feature in feeding
        ):
            continue  # the transform has errors
        chains = [transform_of(feature) for feature in feeding]
        if any(
            chain is not None and chain.layers[:1] and chain.layers[0].knows for chain in chains
        ):
            continue
        near = nearest(column, names) if not feeding else None
        what = "it has no lookup" if feeding else "it feeds no input and no target"
        case.report.error(
            "MS576",
            f"`known` is not supported for `{column}`: {what}",
            case.data.spans.get(("expect", column)),
            help=(
                f"did you mean `{near}`?"
                if near
                else f"start the `transform` of `{column}` with `StringLookup` or `IntegerLookup`,"
                " or leave `known` out"
            ),
        )
