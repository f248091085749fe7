"""What a feature requires of its columns: strings or numbers, and which numbers."""

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
    "write classes as integers from 0, or use a lookup for strings: "
    "`transform: [StringLookup: {num_oov_indices: 0}]`"
)


class Exact(NamedTuple):
    """The floating-point dtype in which numbers enter the model, which must represent integers."""

    dtype: str
    subject: str
    """The subject with this dtype, for messages."""
    all_whole: bool = False
    """Whether all numbers are meant as integers, however they are written."""

    @property
    def bits(self) -> int:
        return PRECISION[self.dtype]


class Wanted(NamedTuple):
    """The requirements of a feature."""

    subject: str
    """Its name in messages."""
    text: bool | None = False
    """Strings rather than numbers; None: either."""
    help: str | None = None
    """The fix for a column of strings."""
    whole: str | None = None
    """The subject that requires integers, if any."""
    exact: Exact | None = None
    """If numbers enter the model unchanged, the dtype that they become."""
    stacked_as: str | None = None
    """The common dtype of integers in columns side by side."""
    dates: bool = False
    """Whether strings are dates and times."""


def wanted_of(
    key: Key, bound: Bound, table: Table, compiled: Compiled, state: State | None
) -> Wanted:
    """The requirements of the model, or of the first layer of a transform, for a feature."""
    kind, name = key
    layers = bound.chain.layers if bound.chain else ()
    text = takes_text(key, bound, table, compiled, state)
    whole = f"`{layers[0].kind()}`" if takes_whole(layers) else None
    if bound.dtype == "int64":
        whole = whole or "`dtype: int64`"
    exact = None if text else _exact(key, bound, layers, compiled)
    stacked_as = None if text else _stacked_as(key, layers, compiled)
    dates = not bound.text_steps and _reads_dates(layers)
    if kind == "inputs":
        other = layers[0].number_counterpart if text and layers else None
        help = f"use `{other}` for numbers" if other else None
        return Wanted(f"input `{name}`", text, help, whole, exact, stacked_as, dates)
    help = (
        "remove `transform`, or use `IntegerLookup` if classes are numbers already"
        if text
        else _CLASSES
    )
    return Wanted(f"the target of `{name}`", text, help, whole, exact, stacked_as, dates)


def _reads_dates(layers: Iterable[Layer]) -> bool:
    """Whether the first layer that changes values requires dates."""
    return next((one.reads_dates for one in layers if one.keeps_values != "all"), False)


def takes_text(
    key: Key, bound: Bound, table: Table, compiled: Compiled, state: State | None
) -> bool | None:
    """Whether a feature is strings; for a run, what it was when the run learned; None if both are
    possible.
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
    """The columns that a feature reads as strings."""
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
    """Whether a transform returns its values unchanged."""
    return all(layer.keeps_values == "all" for layer in layers)


def _exact(key: Key, bound: Bound, layers: tuple[Layer, ...], compiled: Compiled) -> Exact | None:
    kind, name = key
    if not _unchanged(layers):
        return None
    if bound.dtype == "float64":  # integers are treated like other numbers then
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
