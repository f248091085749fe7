"""What a feature takes of its columns: text or numbers, and which numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.transform_layers import takes_whole
from modelspec.core.dtypes import is_integer

from .adapted_state import State
from .columns import Binding, Bound, Key
from .conform import PRECISION
from .fit_targets import LABELS
from .spec_facts import typed_graph
from .table import Table
from .targets import loss_of

_CLASSES = (
    "write classes as whole numbers from 0, or look words up: "
    "`transform: [StringLookup: {num_oov_indices: 0}]`"
)


class Exact(NamedTuple):
    """The floating-point dtype that numbers come to the model in, which must hold whole ones."""

    dtype: str
    subject: str
    """What has it, as a message names it."""
    all_whole: bool = False
    """Whether all numbers are meant as whole ones, however they are written."""

    @property
    def bits(self) -> int:
        return PRECISION[self.dtype]


class Wanted(NamedTuple):
    """What a feature is for."""

    subject: str
    """As a message names it."""
    text: bool | None = False
    """Text rather than numbers; None: either."""
    help: str | None = None
    """What to do about a column of text."""
    whole: str | None = None
    """What takes whole numbers only, where something does."""
    exact: Exact | None = None
    """Where numbers are not changed on their way to the model, the floats that they become."""
    stacked_as: str | None = None
    """The dtype of whole numbers that columns side by side have together."""
    dates: bool = False
    """Whether texts are dates and times."""


def wanted_of(
    key: Key, bound: Bound, table: Table, compiled: Compiled, state: State | None
) -> Wanted:
    """What the model, or the first layer of a transform, takes of a feature."""
    kind, name = key
    layers = bound.chain.layers if bound.chain else ()
    text = takes_text(key, bound, table, compiled, state)
    whole = f"`{layers[0].kind()}`" if takes_whole(layers) else None
    if bound.dtype == "int64":
        whole = whole or "`dtype: int64`"
    exact = None if text else _exact(key, bound, layers, compiled)
    stacked_as = None if text else _stacked_as(key, layers, compiled)
    dates = _reads_dates(layers)
    if kind == "inputs":
        other = layers[0].number_counterpart if text and layers else None
        help = f"look numbers up with `{other}`" if other else None
        return Wanted(f"input `{name}`", text, help, whole, exact, stacked_as, dates)
    help = (
        "leave `transform` out, or use `IntegerLookup`, where classes are numbers already"
        if text
        else _CLASSES
    )
    return Wanted(f"the target of `{name}`", text, help, whole, exact, stacked_as, dates)


def _reads_dates(layers: Iterable[Layer]) -> bool:
    """Whether the first layer that changes values takes dates."""
    return next((one.reads_dates for one in layers if one.keeps_values != "all"), False)


def takes_text(
    key: Key, bound: Bound, table: Table, compiled: Compiled, state: State | None
) -> bool | None:
    """Whether a feature is text, for a run what it was when the run learned; None where either may
    be.
    """
    known = state.features.get(key) if state is not None else None
    if known is not None and known.text is not None:
        return known.text
    kind, name = key
    tensor = typed_graph(compiled).inputs.get(name) if kind == "inputs" else None
    dtype = tensor.dtype if tensor else None
    text = bound.written.takes_text(dtype) if bound.written is not None else dtype == "string"
    if text is None and table.as_written and known is None:
        return bound.chain is not None and not _unchanged(bound.chain.layers)
    return text


def text_columns(
    binding: Binding, table: Table, compiled: Compiled, state: State | None
) -> frozenset[str]:
    """The columns that a feature takes as their cells are written."""
    if not table.as_written:
        return frozenset()
    return frozenset(
        name
        for key, bound in binding.features.items()
        if bound.separator is not None
        or bound.number_format is not None
        or takes_text(key, bound, table, compiled, state)
        for name in bound.names
    )


def _unchanged(layers: Iterable[Layer]) -> bool:
    """Whether values come out of a transform as they go in."""
    return all(layer.keeps_values == "all" for layer in layers)


def _exact(key: Key, bound: Bound, layers: tuple[Layer, ...], compiled: Compiled) -> Exact | None:
    kind, name = key
    if not _unchanged(layers):
        return None
    if bound.dtype == "float64":  # whole numbers are meant as any others then
        return Exact("float64", "`dtype: float64`")
    if kind == "targets":
        loss = loss_of(compiled.training, name)
        if loss is None or getattr(loss, "targets", "any") in LABELS:
            return None
        return Exact("float32", f"the target of `{name}`", bound.dtype == "int64")
    dtype = typed_graph(compiled).inputs[name].dtype
    if dtype not in PRECISION:
        return None
    return Exact(dtype, f"input `{name}`", bound.dtype == "int64")


def _stacked_as(key: Key, layers: tuple[Layer, ...], compiled: Compiled) -> str | None:
    kind, name = key
    if takes_whole(layers):
        return "int64"
    if kind != "inputs" or not _unchanged(layers):
        return None
    dtype = typed_graph(compiled).inputs[name].dtype
    return dtype if is_integer(dtype) else None
