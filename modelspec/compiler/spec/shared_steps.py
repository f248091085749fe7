"""A wrapper around a shared layer, or around a list of layers: `TimeDistributed: judge`,
`TimeDistributed: [{Dense: 8}, ReLU]`.

If a wrapper treats a chain of layers as it treats each of them, the chain is read as a chain of
wrapped layers, and the entry as a call of it. A wrapper around a shared model is kept as written
(`wrapped_models.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Checked, Collector, Span
from modelspec.core.diagnostics.derived import derive
from modelspec.core.records import NamedTuple
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
from .model_section import is_layer
from .wrapped_models import is_model_wrapper

_OF_CALLS = ("name", *RESERVED)
_LAYER = "layer"


class _Wrapped(NamedTuple):
    """An entry that wraps a shared layer or model, or a list of layers."""

    wrapper: str
    span: Span
    held: Scalar | Sequence
    """The shared name, or the list."""
    settings: dict[str, Entry]
    """The other keys of the entry."""

    @property
    def name(self) -> str | None:
        """The shared name."""
        return str(self.held.value) if isinstance(self.held, Scalar) else None


def with_shared_steps(document: Document) -> Checked[Document]:
    """The document without wrappers around shared layers or models; unchanged if there are none.

    A wrapper around something that it cannot wrap is reported (MS209), and causes no further
    errors.
    """
    model = document.root.entries.get("model")
    if model is None or not isinstance(model.value, Mapping):
        return Checked(document)
    layers, shared = model.value.entries.get("layers"), model.value.entries.get("shared")
    if layers is None or not isinstance(layers.value, Sequence):
        return Checked(document)
    definitions = shared.value if shared is not None else None
    known = definitions if isinstance(definitions, Mapping) else Mapping({}, layers.value.span)
    wrapped = [_wrapped(item, known) for item in layers.value.items]
    if not any(wrapped):
        return Checked(document)
    reader = _Reader(layers.value, known, [one for one in wrapped if one], Collector())
    items = [
        one
        for item, of_item in zip(layers.value.items, wrapped, strict=True)
        for one in ((item,) if of_item is None else reader.calls(of_item))
    ]
    entries = {
        **model.value.entries,
        "layers": Entry(layers.key_span, Sequence(tuple(items), layers.value.span)),
    }
    if shared is not None and known is definitions:
        entries["shared"] = Entry(shared.key_span, reader.definitions())
    whole = Entry(model.key_span, Mapping(entries, model.value.span))
    root = Mapping({**document.root.entries, "model": whole}, document.root.span)
    return Checked(document.with_root(root), reader.report.diagnostics)


def _wrapped(item: Node, shared: Mapping) -> _Wrapped | None:
    if not isinstance(item, Mapping) or len(item.entries) != 1:
        return None
    kind, entry = next(iter(item.entries.items()))
    found = LAYERS.find(kind)
    if found is None or found.primary() != _LAYER:
        return None
    body = entry.value
    settings: dict[str, Entry] = {}
    if isinstance(body, Mapping):
        settings = {key: one for key, one in body.entries.items() if key != _LAYER}
        inner = body.entries.get(_LAYER)
        body = inner.value if inner is not None else body
    is_shared = isinstance(body, Scalar) and body.value in shared.entries
    if not isinstance(body, (Scalar, Sequence)) or not (is_shared or isinstance(body, Sequence)):
        return None
    definition = shared.entries.get(str(body.value)) if isinstance(body, Scalar) else None
    if definition is not None and is_model_wrapper(kind) and _is_model(definition.value):
        return None
    return _Wrapped(kind, entry.key_span, body, settings)


def _is_model(definition: Node) -> bool:
    return isinstance(definition, Sequence) or (
        isinstance(definition, Mapping) and not is_layer(definition)
    )


class _Reader:
    """Rewrites the wrapped definition, if that is possible layer by layer."""

    def __init__(
        self, layers: Sequence, shared: Mapping, wrapped: list[_Wrapped], report: Collector
    ) -> None:
        self.report = report
        self.shared = shared
        self._own = frozenset(_called(layers, shared))
        self._chains: dict[str, Node | None] = {}
        for one in wrapped:
            name = one.name
            if name is not None and name not in self._chains:
                self._chains[name] = self._chain(one, shared.entries[name].value)

    def calls(self, one: _Wrapped) -> tuple[Node, ...]:
        """The entry as a call of a shared layer, or as a chain of wrapped layers."""
        return (self._call(one),) if one.name is not None else self._chain_of_list(one)

    def _chain_of_list(self, one: _Wrapped) -> tuple[Node, ...]:
        """The layers of a list, each wrapped: the first takes the tensors of the entry, the last
        has its name.
        """
        assert isinstance(one.held, Sequence)
        wrapper, strange = LAYERS.find(one.wrapper), set(one.settings) - set(_OF_CALLS)
        if not getattr(wrapper, "wraps_each_layer", False) or not one.held.items:
            return (self._silent(one, self._refuse(one, "a list of layers", one.held.span)),)
        if strange:
            key = sorted(strange)[0]
            span = one.settings[key].key_span
            return (self._silent(one, self._refuse(one, f"`{key}` beside a list", span)),)
        made = [self._layer(one, item) for item in one.held.items]
        if any(item is None for item in made):
            return (self._silent(one, None),)
        first, last = {"from": one.settings.get("from")}, {"name": one.settings.get("name")}
        call = {"call": one.settings.get("call")}
        ends = [{**call, **({} if at else first)} for at in range(len(made))]
        ends[-1] |= last
        return tuple(
            _with(item, {key: entry for key, entry in more.items() if entry is not None})
            for item, more in zip(made, ends, strict=True)
            if item is not None
        )

    def _silent(self, one: _Wrapped, _refused: Node | None) -> Node:
        """An invalid entry, which others may name."""
        silent = derive(one.span, silent=True)
        settings = {key: entry for key, entry in one.settings.items() if key in _OF_CALLS}
        return Mapping({one.wrapper: Entry(silent, Mapping(settings, silent))}, silent)

    def _call(self, one: _Wrapped) -> Node:
        """The entry as a call of the shared definition."""
        assert isinstance(one.held, Scalar) and one.name is not None
        strange = next((key for key in one.settings if key not in _OF_CALLS), None)
        if strange is not None and self._chains[one.name] is not None:
            span = one.settings[strange].key_span
            self._refuse(one, f"`{strange}` beside a shared name", span)
        if strange is not None or self._chains[one.name] is None:
            return self._silent(one, None)
        if not one.settings:
            return Scalar(one.name, one.held.span)
        body = Mapping(one.settings, one.held.span)
        return Mapping({one.name: Entry(one.held.span, body)}, one.held.span)

    def definitions(self) -> Mapping:
        """The shared definitions, with wrapped layers where an entry wraps them."""
        entries = {
            name: Entry(entry.key_span, self._chains.get(name) or entry.value)
            for name, entry in self.shared.entries.items()
        }
        return Mapping(entries, self.shared.span)

    def _chain(self, one: _Wrapped, definition: Node) -> Node | None:
        """A shared layer, wrapped; None, with a report, if that is impossible."""
        name, span = one.name, one.held.span
        wrapper = LAYERS.find(one.wrapper)
        if not getattr(wrapper, "wraps_each_layer", False):
            return self._refuse(one, f"shared `{name}`", span)
        if name in self._own:
            return self._refuse(one, f"calls of `{name}` with and without it", span)
        return self._layer(one, definition)

    def _layer(self, one: _Wrapped, item: Node) -> Node | None:
        """One layer, wrapped; None if it is not a layer of a chain. A malformed entry is kept."""
        body = next(iter(item.entries.values())).value if isinstance(item, Mapping) else None
        settings = dict(body.entries) if isinstance(body, Mapping) else {}
        kind = next(iter(item.entries)) if isinstance(item, Mapping) else item
        if kind in self.shared.entries or any(key in settings for key in RESERVED):
            return self._refuse(one, "a model with branches or nested models", one.held.span)
        if makes_mask(str(plain(kind)) if isinstance(kind, Scalar) else str(kind), body, settings):
            return self._refuse(one, "a model that makes masks", one.held.span)
        named = settings.pop("name", None)
        if isinstance(item, Mapping) and named is not None and isinstance(body, Mapping):
            key, entry = next(iter(item.entries.items()))
            inner = Entry(entry.key_span, Mapping(settings, body.span))
            item = Mapping({key: inner}, item.span)
        held = {_LAYER: Entry(item.span, item)} | ({"name": named} if named else {})
        return Mapping({one.wrapper: Entry(item.span, Mapping(held, item.span))}, item.span)

    def _refuse(self, one: _Wrapped, what: str, span: Span) -> Node | None:
        """Reports MS209 and returns None."""
        each = getattr(LAYERS.find(one.wrapper), "wraps_each_layer", False)
        self.report.error(
            "MS209",
            f"`{one.wrapper}` does not support {what} in this version",
            span,
            help=(
                f"write `{one.wrapper}` around each layer, under `shared` or in `layers`"
                if each
                else "write the recurrent layer itself: `Bidirectional: {LSTM: 32}`"
            ),
        )
        return None


def _with(item: Node, more: dict[str, Entry]) -> Node:
    """A wrapped layer with the settings of its call."""
    assert isinstance(item, Mapping)
    ((wrapper, entry),) = item.entries.items()
    assert isinstance(entry.value, Mapping)
    body = Mapping({**entry.value.entries, **more}, entry.value.span)
    return Mapping({wrapper: Entry(entry.key_span, body)}, item.span)


def makes_mask(kind: str, body: Node | None, settings: dict[str, Entry]) -> bool:
    """Whether a layer makes a mask: a chain propagates it inside, wrapped layers do not."""
    found = LAYERS.find(kind)
    if found is None:
        return False
    own: Value = {key: plain(entry.value) for key, entry in settings.items() if key != "name"}
    value = own if isinstance(body, Mapping) else None if body is None else plain(body)
    try:
        layer = found.from_body(value, Context())
    except Faults:
        return False  # its errors are reported where the chain is read
    return isinstance(layer, Layer) and layer.makes_mask({})


def _called(layers: Sequence, shared: Mapping) -> Iterator[str]:
    """The shared names that entries of the model, or of other shared models, call."""
    lists: list[Node] = [layers]
    for entry in shared.entries.values():
        definition = entry.value
        inner = definition.entries.get("layers") if isinstance(definition, Mapping) else None
        lists.append(inner.value if inner is not None else definition)
    for node in lists:
        for item in node.items if isinstance(node, Sequence) else ():
            if isinstance(item, Mapping):
                yield from item.entries
            elif isinstance(item, Scalar) and isinstance(item.value, str):
                yield item.value
