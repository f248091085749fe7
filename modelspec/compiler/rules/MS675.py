"""Marks around a text that the next layer does not keep as tokens."""

from __future__ import annotations

from ..spec.data_section import transform_of
from ..spec.entries import Use
from .case import Case
from .data_chains import features


def check(case: Case) -> None:
    """Check every feature with marks before a layer that splits texts."""
    if case.data is None:
        return
    for _, feature in features(case.data):
        steps, chain = feature.text_steps, transform_of(feature)
        following = chain.uses[0] if chain is not None and chain.uses else None
        for use in steps.uses if steps is not None and following is not None else ():
            assert following is not None
            _check(case, use, following)


def _check(case: Case, use: Use, following: Use) -> None:
    layer = following.layer
    if use.layer is None or layer is None:
        return
    lost = [one for one in use.layer.text_marks if not layer.keeps_mark(one)]
    if lost:
        case.report.warning(
            "MS675",
            f"`{following.kind}` does not keep `{lost[0]}` of `{use.kind}` as one token of its own",
            use.kind_span,
            help=layer.mark_help(lost[0]),
        )
