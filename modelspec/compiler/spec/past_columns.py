"""The columns that `Lags` and `RollingMean` derive from those of a feature."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelspec.core.records import NamedTuple

from .data_features import Feature, transform_of

if TYPE_CHECKING:
    from modelspec.catalog.layers.past_rows import PastStep

    from .data_section import DataSection
    from .entries import Use


class PastColumn(NamedTuple):
    """A column that is computed from earlier rows of another column."""

    base: str
    """The name of the column in the source."""
    steps: tuple[PastStep, ...]
    """The layers that compute it, in order."""


def reads_past(feature: Feature) -> bool:
    """Whether a feature uses earlier rows."""
    chain = transform_of(feature)
    return chain is not None and any(one.past_steps for one in chain.layers)


def examples_of_several_rows(data: DataSection) -> tuple[str, ...]:
    """Why an example spans several rows, as phrases; empty if each spans one row."""
    window = data.window
    found = [f"the windows of {window.length} rows"] if window is not None else []
    return (
        *found,
        *(
            f"the earlier rows of `{name}`"
            for name, feature in (data.inputs or {}).items()
            if reads_past(feature)
        ),
    )


def past_columns(feature: Feature) -> dict[str, PastColumn]:
    """The derived columns that a feature reads instead of its own, by name and in order; empty if
    it reads its own.
    """
    chain = transform_of(feature)
    layers = chain.layers if chain is not None else ()
    found = {name: PastColumn(name, ()) for name in feature.names}
    for layer in layers:
        if not layer.past_steps:
            break
        found = {
            step.named(name): PastColumn(one.base, (*one.steps, step))
            for step in layer.past_steps
            for name, one in found.items()
        }
    return found if any(one.steps for one in found.values()) else {}


def _of_past(use: Use) -> bool:
    return use.layer is not None and bool(use.layer.past_steps)


def with_past_columns(feature: Feature) -> Feature:
    """The feature with its derived columns, and without the layers that compute them."""
    columns = tuple(past_columns(feature))
    chain = transform_of(feature)
    if not columns or chain is None:
        return feature
    uses = tuple(use for use in chain.uses if not _of_past(use))
    return feature.model_copy(
        update={
            "column": columns[0] if len(columns) == 1 else None,
            "columns": columns if len(columns) > 1 else None,
            "transform": replace(chain, uses=uses) if uses else None,
        }
    )
