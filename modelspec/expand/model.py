"""The `model` section, expanded: every list of layers flat, every reference in terms of the flat list."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import Fault, Note, Span
from ..graph import ANY_INPUT
from ..source import Entry, Mapping, Node, Scalar, Sequence
from .blocks import Block
from .naming import Several, Tensor
from .scope import Scope
from .unroll import Unroller
from .values import Values, in_error
from .write import Writer


class Models:
    """Expands the models of one spec."""

    def __init__(self, values: Values, blocks: dict[str, Block | None], scope: Scope) -> None:
        self.values = values
        self.blocks = blocks
        self.scope = scope
        self.unroller = Unroller(values, blocks, scope)

    def expand(self, node: Node) -> Node:
        """The `model` section."""
        self.unroller.foresee(list(_lists(node)))
        return self.model(node)

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
                entries["outputs"] = Entry(outputs.key_span, self.values.node(outputs.value, self.scope))
            return Mapping(entries, node.span)
        start, inputs = _inputs(entries.get("inputs"), root)
        writer = Writer(self.values, shared, start, inputs)
        entries["layers"] = Entry(layers.key_span, self._layers(layers.value, writer))
        outputs = self._outputs(node.entries.get("outputs"), writer, layers.key_span)
        if outputs is not None:
            entries["outputs"] = outputs
        return Mapping(entries, node.span)

    def _shared_names(self, node: Mapping) -> frozenset[str]:
        entry = node.entries.get("shared")
        return frozenset(entry.value.entries) if entry and isinstance(entry.value, Mapping) else frozenset()

    def _layers(self, node: Node, writer: Writer) -> Node:
        scope = self.scope
        if isinstance(node, Scalar):
            node, scope = self.values.node(node, scope), scope.finished()
        if not isinstance(node, Sequence):
            return self.values.node(node, scope)  # no list of layers, which reading the spec says
        self.unroller.shared = writer.shared
        return Sequence(writer.write(self.unroller.items(node, scope)), node.span)

    def _outputs(self, entry: Entry | None, writer: Writer, span: Span) -> Entry | None:
        """The outputs as written, or those that an expanded last entry is known by."""
        if entry is not None:
            written = self.values.node(entry.value, self.scope)
            return Entry(entry.key_span, writer.references.public(written, writer.names))
        target, label = writer.current, writer.label
        if label is None:
            return None
        if isinstance(target, Several):
            found = {name: Entry(target.span, Scalar(one.text, target.span)) for name, one in target.outputs.items()
                     if isinstance(one, Tensor)}
            return Entry(span, Mapping(found, target.span))
        if not isinstance(target, Tensor) or (target.text == writer.last == label):
            return None
        return Entry(span, Mapping({label: Entry(span, Scalar(target.text, span))}, span))

    # Shared things ---------------------------------------------------------------------------------------------------

    def _shared(self, node: Mapping, shared: frozenset[str]) -> Mapping:
        entries: dict[str, Entry] = {}
        for name, entry in node.entries.items():
            if name in self.blocks:
                block = self.blocks[name]
                self.values.notebook.report(
                    Fault("MS304", f"`{name}` is a block as well as something shared", help="rename one of the two"),
                    entry.key_span, *([Note("the block is defined here", block.span)] if block else []))
            entries[name] = Entry(entry.key_span, self._thing(entry.value, shared))
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
        if outputs is None or (isinstance(writer.current, Tensor) and writer.current.text == writer.last):
            return layers
        return Mapping({"layers": Entry(node.span, layers), "outputs": outputs}, node.span)

    def _is_block(self, node: Node) -> bool:
        if isinstance(node, Mapping):
            return len(node.entries) == 1 and next(iter(node.entries)) in self.blocks
        return isinstance(node, Scalar) and node.value in self.blocks


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
