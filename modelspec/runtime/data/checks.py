"""Further errors that training would ignore silently: indices outside an Embedding, too few
examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.graph import Ref
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.core.diagnostics import Span

from .columns import Bound
from .conform import number
from .errors import Findings, places
from .table import Array, Table


class Lookup(NamedTuple):
    """An `Embedding` that looks up the values of an input."""

    layer: str
    size: int
    span: Span


def lookups(typed: TypedGraph, sources: Mapping[str, str] | None = None) -> dict[str, list[Lookup]]:
    """The `Embedding` layers that look up each input, including those in sub-models; by the name of
    the input.

    `sources` maps each input of `typed` to the outer input that feeds it; by default to itself.
    """
    origin = dict(sources if sources is not None else {name: name for name in typed.inputs})
    found: dict[str, list[Lookup]] = {}
    for call in typed.layers:
        fed = {name: origin[ref.producer] for name, ref in _single(call) if ref.producer in origin}
        if not fed:
            continue
        source = next(iter(fed.values()))
        if _keeps_all(call):
            origin[call.name] = source
        for name, items in _in_call(call, fed, source).items():
            found.setdefault(name, []).extend(items)
    return found


def _in_call(call: TypedCall, fed: Mapping[str, str], source: str) -> dict[str, list[Lookup]]:
    """The `Embedding` layers of a call, by the input that they look up."""
    if call.inside is not None:
        return lookups(call.inside, {name: fed[name] for name in call.inside.inputs if name in fed})
    lookup = _lookup(call)
    return {source: [lookup]} if lookup is not None else {}


def _keeps_all(call: TypedCall) -> bool:
    """Whether its output contains only values of its input."""
    return isinstance(call.call.callee, Layer) and call.call.callee.keeps_values == "all"


def _lookup(call: TypedCall) -> Lookup | None:
    if not isinstance(call.call.callee, Layer):
        return None
    size = call.call.callee.looks_up(call.call.use.options)
    return Lookup(call.name, size, call.call.use.kind_span) if size is not None else None


def _single(call: TypedCall) -> Iterator[tuple[str, Ref]]:
    for name, item in (call.call.inputs or {}).items():
        if isinstance(item, Ref):
            yield name, item


def check_lookups(
    values: Array,
    name: str,
    found: list[Lookup],
    bound: Bound,
    table: Table,
    findings: Findings,
    rows: Array,
) -> None:
    """MS617: indices outside an Embedding; Keras fails on them in training, and returns arbitrary
    vectors in predictions.

    `rows` are the places of the examples in their source.
    """
    for lookup in found:
        bad = (values < 0) | (values >= lookup.size)
        if not bad.any():
            continue
        where = [tuple(int(i) for i in index) for index in np.argwhere(bad)[:10]]
        shown = [bound.place(table, (int(rows[index[0]]), *index[1:])) for index in where]
        least, most = values.min(), values.max()
        findings.error(
            "MS617",
            f"input `{name}` is {number(values[where[0]])} at {shown[0]}, but `{lookup.layer}` has"
            f" vectors for 0 to {lookup.size - 1}",
            lookup.span,
            notes=places(shown, int(np.count_nonzero(bad))),
            help=f"set its `input_dim: {int(most) + 1}`" if least >= 0 else "indices start at 0",
        )


def check_count(count: int, batch_size: int, span: Span | None, findings: Findings) -> None:
    """MS619: fewer examples than one batch."""
    if count < batch_size:
        examples = "1 example" if count == 1 else f"{count} examples"
        findings.warning(
            "MS619",
            f"{examples} to train on, fewer than one batch of {batch_size}",
            span,
            help=f"set `batch_size` to at most {count}",
        )
