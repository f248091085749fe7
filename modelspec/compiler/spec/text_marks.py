"""Marks around whole texts in a feature that contains lists of strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Collector

from .transform_layers import Chain

if TYPE_CHECKING:
    from .feature import Feature


def check_marks(chain: Chain, feature: Feature, report: Collector) -> None:
    """Report a layer that marks whole texts where the cells are lists."""
    key = "separator" if feature.separator is not None else "pad"
    if feature.separator is None and feature.pad is None:
        return
    for use in chain.uses:
        if use.layer is not None and use.layer.text_step and use.layer.text_marks:
            report.error(
                "MS208",
                f"`{use.kind}` marks whole texts, but with `{key}` a cell is a list of strings",
                use.kind_span,
                help=f"leave out `{use.kind}`, or use a column of texts without `{key}`",
            )
