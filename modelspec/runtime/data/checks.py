"""What else training would pass over in silence: numbers that an Embedding has no vector for, too
few examples.
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
    """A table of vectors that the values of an input are looked up in."""

    layer: str
    size: int
    span: Span


def lookups(typed: TypedGraph, sources: Mapping[str, str] | None = None) -> dict[str, list[Lookup]]:
    """The `Embedding` layers that each input is looked up in, sub-models included; by the input's
    name.

    `sources` are the inputs of `typed` by the outer input that feeds them; by default their own
    names.
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
    """What a call looks the inputs up in that feed its arguments."""
    if call.inside is not None:
        return lookups(call.inside, {name: fed[name] for name in call.inside.inputs if name in fed})
    lookup = _lookup(call)
    return {source: [lookup]} if lookup is not None else {}


def _keeps_all(call: TypedCall) -> bool:
    """Whether the values that it takes are all that it gives."""
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
    """MS617: numbers outside an Embedding's table; Keras fails on them in training, and makes up a
    vector after it.

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
            help=f"give it `input_dim: {int(most) + 1}`" if least >= 0 else "indices count from 0",
        )


def check_count(count: int, batch_size: int, span: Span | None, findings: Findings) -> None:
    """MS619: fewer examples than one step takes."""
    if count < batch_size:
        examples = "there is 1 example" if count == 1 else f"there are {count} examples"
        findings.warning(
            "MS619",
            f"{examples} to train on, fewer than one batch of {batch_size}",
            span,
            help=f"set `batch_size` to at most {count}",
        )
