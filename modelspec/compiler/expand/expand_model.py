"""The `model` section, expanded: every list of layers flat, every reference in terms of the flat
list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import is_kind
from modelspec.core.diagnostics import Fault, Note, Span, listed, nearest
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, mentions, plain

from ..graph import ANY_INPUT
from .blocks import Block
from .flatten import Writer
from .identifiers import RESERVED
from .items import Call
from .naming import Several, Tensor
from .scope import Scope
from .unroll import Unroller
from .values import Values, in_error, silenced

if TYPE_CHECKING:
    from .library_kinds import Kind


class Models:
    """Expands the models of one spec."""

    def __init__(
        self, values: Values, blocks: dict[str, Block | None], scope: Scope, level: int = 1
    ) -> None:
        self.values = values
        self.blocks = blocks
        self.scope = scope
        self.level = level
        self.unroller = Unroller(values, blocks, scope)

    def expand(self, node: Node) -> Node:
        """The `model` section."""
        self.unroller.foresee(list(_lists(node)))
        found = self.model(node)
        self.unroller.unseen.report(self.values.notebook)
        return found

    def model(self, node: Node, outer: frozenset[str] = frozenset(), *, root: bool = True) -> Node:
        """A model or sub-model. `outer` are the shared names of the models around it."""
        if not isinstance(node, Mapping):
            return self.values.node(node, self.scope)
        shared = outer | self._shared_names(node)
        entries: dict[str, Entry] = {}
        for key, entry in node.entries.items():
            if key == "shared" and isinstance(entry.value, Mapping):
                entries[key] = Entry(entry.key_span, self._shared(entry.value, shared))
            elif key not in ("layers", "outputs"):
                entries[key] = Entry(entry.key_span, self.values.node(entry.value, self.scope))
        layers = node.entries.get("layers")
        if layers is None:
            if outputs := node.entries.get("outputs"):
                entries["outputs"] = Entry(
                    outputs.key_span, self.values.node(outputs.value, self.scope)
                )
            return Mapping(entries, node.span)
        start, inputs = _inputs(entries.get("inputs"), root)
        writer = Writer(self.values, shared, start, inputs)
        entries["layers"] = Entry(layers.key_span, self._layers(layers.value, writer))
        outputs = self._outputs(node.entries.get("outputs"), writer, layers.key_span)
        if outputs is not None:
            entries["outputs"] = outputs
        return Mapping(_with_made(entries, writer.flat.made, layers.key_span), node.span)

    def imported(
        self, kind: Kind, inputs: Entry | None, open_input: str | None, until: Entry | None
    ) -> Mapping:
        """The model of a kind of the library as a sub-model; `open_input` is one that it does not
        declare, `until` names the layer at which it is to end.
        """
        node = kind.model
        assert node is not None
        shared = self._shared_names(node)
        entries: dict[str, Entry] = {}
        if things := node.entries.get("shared"):
            assert isinstance(things.value, Mapping)
            entries["shared"] = Entry(things.key_span, self._shared(things.value, shared))
        if inputs is not None:
            entries["inputs"] = inputs
        writer = Writer(self.values, shared, *_inputs(entries.get("inputs"), False))
        if open_input is not None:
            writer.names.define(open_input, Tensor(ANY_INPUT), None)
        layers = node.entries["layers"]
        found = self._layers(layers.value, writer)
        outputs = node.entries.get("outputs")
        if until is not None:
            found, outputs = self._until(kind, until.value, writer, found), None
        entries["layers"] = Entry(layers.key_span, found)
        if (written := self._outputs(outputs, writer, layers.key_span)) is not None:
            entries["outputs"] = written
        called = {
            name: one
            for name, one in _shared_of(entries).items()
            if until is None or mentions(found, {name})
        }
        if "shared" in entries:
            entries["shared"] = Entry(entries["shared"].key_span, Mapping(called, node.span))
        return Mapping(
            _with_made(entries, writer.flat.made, layers.key_span),
            self.scope.frame.place(node.span),
        )

    def _until(self, kind: Kind, until: Node, writer: Writer, layers: Node) -> Node:
        """The layers up to one of them; all of them, and a fault, where there is none of the
        name.
        """
        name = plain(until)
        if not isinstance(name, str):
            self.values.notebook.report(
                Fault(
                    "MS204",
                    f"`until` of `{kind.name}` must be the name of a layer in it, "
                    f"found {describe(name)}",
                ),
                until.span,
            )
            return layers
        found = writer.end_at(name)
        if found is not None:
            return Sequence(found, layers.span)
        known = list(writer.flat.by_name)
        near = nearest(name, known)
        shown = listed([*known[:4], *known[-4:]] if len(known) > 8 else known)
        self.values.notebook.report(
            Fault(
                "MS302",
                f"`{kind.name}` has no layer `{name}`",
                suggestion=near,
                help=f"did you mean `{near}`?" if near else f"among its layers are {shown}",
            ),
            until.span,
        )
        return layers

    def _shared_names(self, node: Mapping) -> frozenset[str]:
        entry = node.entries.get("shared")
        return (
            frozenset(entry.value.entries)
            if entry and isinstance(entry.value, Mapping)
            else frozenset()
        )

    def _layers(self, node: Node, writer: Writer) -> Node:
        scope = self.scope
        if isinstance(node, Scalar):
            node, scope = self.values.node(node, scope), scope.finished()
        if not isinstance(node, Sequence):
            return self.values.node(node, scope)  # no list of layers, which reading the spec says
        self.unroller.shared = writer.shared
        return Sequence(writer.write(self.unroller.items(node, scope, self.level)), node.span)

    def _outputs(self, entry: Entry | None, writer: Writer, span: Span) -> Entry | None:
        """The outputs as written, or those that an expanded last entry is known by."""
        if entry is not None:
            written = self.values.node(entry.value, self.scope)
            return Entry(entry.key_span, writer.references.public(written, writer.names))
        target, label = writer.current, writer.label
        if label is None:
            return None
        if isinstance(target, Several):
            found = {
                name: Entry(target.span, Scalar(one.text, target.span))
                for name, one in target.outputs.items()
                if isinstance(one, Tensor)
            }
            return Entry(span, Mapping(found, target.span))
        if not isinstance(target, Tensor) or (target.text == writer.flat.last == label):
            return None
        return Entry(span, Mapping({label: Entry(span, Scalar(target.text, span))}, span))

    # Shared things --------------------------------------------------------------------------------

    def _shared(self, node: Mapping, shared: frozenset[str]) -> Mapping:
        entries: dict[str, Entry] = {}
        for name, entry in node.entries.items():
            if name in self.blocks:
                block = self.blocks[name]
                self.values.notebook.report(
                    Fault(
                        "MS304",
                        f"`{name}` is a block as well as something shared",
                        help="rename one of the two",
                    ),
                    entry.key_span,
                    *([Note("the block is defined here", block.span)] if block else []),
                )
            thing = self._shipped(name, entry.value, shared) or self._thing(entry.value, shared)
            entries[name] = Entry(entry.key_span, thing)
        return Mapping(entries, node.span)

    def _thing(self, node: Node, shared: frozenset[str]) -> Node:
        """A list of layers, a model, a layer, or a block that is to have one set of weights."""
        if self._is_block(node):
            node = Sequence((node,), node.span)
        if isinstance(node, Mapping) and "layers" in node.entries:
            return self.model(node, shared, root=False)
        if not isinstance(node, Sequence):
            return self.values.node(node, self.scope)
        writer = Writer(self.values, shared, ANY_INPUT, {ANY_INPUT: None})
        layers = self._layers(node, writer)
        outputs = self._outputs(None, writer, node.span)
        plainly = outputs is None or (
            isinstance(writer.current, Tensor) and writer.current.text == writer.flat.last
        )
        if plainly and not writer.flat.made:
            return layers
        entries = {"layers": Entry(node.span, layers)}
        if outputs is not None and not plainly:
            entries["outputs"] = outputs
        return Mapping(_with_made(entries, writer.flat.made, node.span), node.span)

    def _shipped(self, name: str, node: Node, shared: frozenset[str]) -> Node | None:
        """A model of the library that several entries are to call; None where the node is none."""
        kind = _kind_of(node)
        if kind is None or kind in LAYERS or not is_kind(kind):
            return None
        from .library_kinds import load, make

        loaded = load(kind)
        if loaded.model is None:
            return self._thing(Sequence((node,), node.span), shared)
        body = next(iter(node.entries.values())) if isinstance(node, Mapping) else None
        span = body.key_span if body else node.span
        for key, entry in (
            body.value.entries.items() if body and isinstance(body.value, Mapping) else ()
        ):
            if key in RESERVED:
                self.values.notebook.report(
                    Fault(
                        "MS202",
                        f"`{key}` is a setting of a call, and `{name}` is not called here",
                        help=f"write it where `{name}` is called",
                    ),
                    entry.key_span,
                )
        self.values.spent.layer(span)
        made = make(
            loaded,
            Call(kind, span, body.value if body else None, self.scope),
            self.values,
            self.level,
        )
        return made.node if made else silenced(node)

    def _is_block(self, node: Node) -> bool:
        return _kind_of(node) in self.blocks


def _kind_of(node: Node) -> str | None:
    """The name of an entry that is one, or one with settings."""
    if isinstance(node, Mapping):
        return next(iter(node.entries)) if len(node.entries) == 1 else None
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _shared_of(entries: dict[str, Entry]) -> dict[str, Entry]:
    entry = entries.get("shared")
    return entry.value.entries if entry and isinstance(entry.value, Mapping) else {}


def _with_made(entries: dict[str, Entry], made: dict[str, Entry], span: Span) -> dict[str, Entry]:
    """The keys of a model, with sub-models that its entries made among what is shared."""
    if not made or ("shared" in entries and not isinstance(entries["shared"].value, Mapping)):
        return entries
    key_span, value = entries.get("shared") or Entry(span, Mapping({}, span))
    assert isinstance(value, Mapping)
    found: dict[str, Entry] = {}
    for key, entry in entries.items():
        if key == "layers":
            found["shared"] = Entry(key_span, Mapping({**value.entries, **made}, value.span))
        if key != "shared":
            found[key] = entry
    return found


def _lists(node: Node) -> Iterator[Node]:
    """The lists of layers of a model and of those inside it."""
    if isinstance(node, Sequence):
        yield node
    elif isinstance(node, Mapping):
        if layers := node.entries.get("layers"):
            yield layers.value
        shared = node.entries.get("shared")
        if shared and isinstance(shared.value, Mapping):
            for entry in shared.value.entries.values():
                yield from _lists(entry.value)


def _inputs(entry: Entry | None, root: bool) -> tuple[str | None, dict[str, Span | None]]:
    """The tensor that the first layer takes, and all inputs."""
    if entry is None:
        return (None, {}) if root else (ANY_INPUT, {ANY_INPUT: None})
    node = entry.value
    if isinstance(node, Mapping) and "shape" not in node.entries:
        names: dict[str, Span | None] = {name: one.key_span for name, one in node.entries.items()}
        return next(iter(names), None), names
    return (ANY_INPUT, {ANY_INPUT: entry.key_span}) if not in_error(node) else (None, {})
