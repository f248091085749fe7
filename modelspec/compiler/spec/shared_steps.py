"""A wrapper around something shared: `TimeDistributed: encoder`.

Where a wrapper does to a chain of layers what it does to each of them, the shared chain is read as
a chain of wrapped layers, and the entry as a call of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Checked, Collector, Span
from modelspec.core.diagnostics.derived import derive
from modelspec.core.settings import Context, Faults
from modelspec.core.source import (
    Document,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Value,
    plain,
)

from .entries import RESERVED

_OF_CALLS = ("name", *RESERVED)
_LAYER = "layer"


class _Wrapped(NamedTuple):
    """An entry that wraps something shared."""

    wrapper: str
    span: Span
    shared: Scalar
    settings: dict[str, Entry]
    """What stands beside the shared name."""


def with_shared_steps(document: Document) -> Checked[Document]:
    """The document without wrappers around something shared; itself where there are none.

    What a wrapper cannot be around is reported (MS209), and its entry stays silent.
    """
    model = document.root.entries.get("model")
    if model is None or not isinstance(model.value, Mapping):
        return Checked(document)
    layers, shared = model.value.entries.get("layers"), model.value.entries.get("shared")
    if layers is None or shared is None:
        return Checked(document)
    if not isinstance(layers.value, Sequence) or not isinstance(shared.value, Mapping):
        return Checked(document)
    wrapped = [_wrapped(item, shared.value) for item in layers.value.items]
    if not any(wrapped):
        return Checked(document)
    reader = _Reader(layers.value, shared.value, [one for one in wrapped if one], Collector())
    items = tuple(
        item if one is None else reader.call(one)
        for item, one in zip(layers.value.items, wrapped, strict=True)
    )
    entries = {
        **model.value.entries,
        "shared": Entry(shared.key_span, reader.things()),
        "layers": Entry(layers.key_span, Sequence(items, layers.value.span)),
    }
    whole = Entry(model.key_span, Mapping(entries, model.value.span))
    root = Mapping({**document.root.entries, "model": whole}, document.root.span)
    return Checked(Document(root), reader.report.diagnostics)


def _wrapped(item: Node, shared: Mapping) -> _Wrapped | None:
    if not isinstance(item, Mapping) or len(item.entries) != 1:
        return None
    kind, entry = next(iter(item.entries.items()))
    body = entry.value
    settings: dict[str, Entry] = {}
    if isinstance(body, Mapping):
        settings = {key: one for key, one in body.entries.items() if key != _LAYER}
        inner = body.entries.get(_LAYER)
        body = inner.value if inner is not None else body
    if not isinstance(body, Scalar) or body.value not in shared.entries:
        return None
    found = LAYERS.find(kind)
    if found is None or found.primary() != _LAYER:
        return None
    return _Wrapped(kind, entry.key_span, body, settings)


class _Reader:
    """Rewrites what is wrapped, where that can be said layer by layer."""

    def __init__(
        self, layers: Sequence, shared: Mapping, wrapped: list[_Wrapped], report: Collector
    ) -> None:
        self.report = report
        self.shared = shared
        self._own = frozenset(_called(layers, shared))
        self._chains: dict[str, Node | None] = {}
        for one in wrapped:
            name = str(one.shared.value)
            if name not in self._chains:
                self._chains[name] = self._chain(one, shared.entries[name].value)

    def call(self, one: _Wrapped) -> Node:
        """The entry as a call of what is shared."""
        strange = next((key for key in one.settings if key not in _OF_CALLS), None)
        if strange is not None and self._chains[str(one.shared.value)] is not None:
            span = one.settings[strange].key_span
            self._refuse(one, f"`{strange}` beside something shared", span)
        if strange is not None or self._chains[str(one.shared.value)] is None:
            silent = derive(one.span, silent=True)
            settings = {key: entry for key, entry in one.settings.items() if key in _OF_CALLS}
            return Mapping({one.wrapper: Entry(silent, Mapping(settings, silent))}, silent)
        name = str(one.shared.value)
        if not one.settings:
            return Scalar(name, one.shared.span)
        body = Mapping(one.settings, one.shared.span)
        return Mapping({name: Entry(one.shared.span, body)}, one.shared.span)

    def things(self) -> Mapping:
        """What is shared, the chains that are wrapped as chains of wrapped layers."""
        entries = {
            name: Entry(entry.key_span, self._chains.get(name) or entry.value)
            for name, entry in self.shared.entries.items()
        }
        return Mapping(entries, self.shared.span)

    def _chain(self, one: _Wrapped, thing: Node) -> Node | None:
        """Something shared with its layers wrapped; None, with a report, where that is not the
        same.
        """
        name, span = one.shared.value, one.shared.span
        wrapper = LAYERS.find(one.wrapper)
        if not getattr(wrapper, "wraps_each_layer", False):
            return self._refuse(one, "something shared", span)
        if name in self._own:
            return self._refuse(one, f"`{name}`, which is called on its own as well", span)
        if isinstance(thing, Mapping) and "layers" not in thing.entries:
            return self._layer(one, thing)
        model = thing if isinstance(thing, Mapping) else Mapping({}, thing.span)
        layers = model.entries["layers"].value if model.entries else thing
        strange = [key for key in model.entries if key not in ("layers", "trainable")]
        if strange or not isinstance(layers, Sequence):
            what = f" with `{strange[0]}`" if strange else ""
            return self._refuse(one, f"a shared model{what}", span)
        items = [self._layer(one, item) for item in layers.items]
        if any(item is None for item in items):
            return None
        chain = Sequence(tuple(item for item in items if item is not None), layers.span)
        if not model.entries:
            return chain
        whole = Entry(model.entries["layers"].key_span, chain)
        return Mapping({**model.entries, "layers": whole}, model.span)

    def _layer(self, one: _Wrapped, item: Node) -> Node | None:
        """One layer, wrapped; None where it is no layer of a chain. What has no form stays."""
        body = next(iter(item.entries.values())).value if isinstance(item, Mapping) else None
        settings = dict(body.entries) if isinstance(body, Mapping) else {}
        kind = next(iter(item.entries)) if isinstance(item, Mapping) else item
        if kind in self.shared.entries or any(key in settings for key in RESERVED):
            return self._refuse(one, "a shared model that is no plain chain", one.shared.span)
        if _makes_mask(str(plain(kind)) if isinstance(kind, Scalar) else str(kind), body, settings):
            return self._refuse(one, "a shared model that makes masks", one.shared.span)
        named = settings.pop("name", None)
        if isinstance(item, Mapping) and named is not None and isinstance(body, Mapping):
            key, entry = next(iter(item.entries.items()))
            inner = Entry(entry.key_span, Mapping(settings, body.span))
            item = Mapping({key: inner}, item.span)
        held = {_LAYER: Entry(item.span, item)} | ({"name": named} if named else {})
        return Mapping({one.wrapper: Entry(item.span, Mapping(held, item.span))}, item.span)

    def _refuse(self, one: _Wrapped, what: str, span: Span) -> Node | None:
        """MS209; there is nothing in its place."""
        self.report.error(
            "MS209",
            f"this version has no {what} inside `{one.wrapper}`",
            span,
            help=f"write `{one.wrapper}` around each layer, under `shared` or in `layers`",
        )
        return None


def _makes_mask(kind: str, body: Node | None, settings: dict[str, Entry]) -> bool:
    """Whether a layer makes a mask: a chain hands it on inside, wrapped layers do not."""
    found = LAYERS.find(kind)
    if found is None:
        return False
    own: Value = {key: plain(entry.value) for key, entry in settings.items() if key != "name"}
    value = own if isinstance(body, Mapping) else None if body is None else plain(body)
    try:
        layer = found.read(value, Context())
    except Faults:
        return False  # its faults are reported where the chain is read
    return isinstance(layer, Layer) and layer.makes_mask({})


def _called(layers: Sequence, shared: Mapping) -> Iterator[str]:
    """The shared names that entries of the model, or of other shared things, call."""
    lists: list[Node] = [layers]
    for entry in shared.entries.values():
        thing = entry.value
        inner = thing.entries.get("layers") if isinstance(thing, Mapping) else None
        lists.append(inner.value if inner is not None else thing)
    for node in lists:
        for item in node.items if isinstance(node, Sequence) else ():
            if isinstance(item, Mapping):
                yield from item.entries
            elif isinstance(item, Scalar) and isinstance(item.value, str):
                yield item.value
