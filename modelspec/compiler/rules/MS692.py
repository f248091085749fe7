"""A layer that crosses columns, in a feature with a single one."""

from __future__ import annotations

from ..spec.data_section import transform_of
from ..spec.known_columns import is_open
from .case import Case
from .data_chains import features


def check(case: Case) -> None:
    """Check every feature whose first layer crosses columns. Where the type of the values is known,
    the layer checks it.
    """
    if case.data is None:
        return
    for _, feature in features(case.data):
        chain = transform_of(feature)
        use = chain.uses[0] if chain is not None and chain.uses else None
        if use is None or use.layer is None or not use.layer.crosses_columns:
            continue
        if len(feature.names) > 1 or is_open(feature) or feature.takes_text(None) is not None:
            continue
        case.report.error(
            "MS692",
            f"`{use.kind}` crosses two or more columns, but its feature has one",
            use.kind_span,
            help="name them in the feature: `columns: [a, b]`; use `Hashing` for one column",
        )
