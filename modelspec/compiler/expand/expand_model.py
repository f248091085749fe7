"""Expands the `model` section: all lists of layers become flat, and references use the names of the
flat list.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import is_kind
from modelspec.core.diagnostics import Fault, Note, Span
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from ..graph import ANY_INPUT
from ..graph.symbols import TensorName
from ..spec.model_inputs import is_one_input
from .blocks import Block
from .flatten import Flattener
from .identifiers import RESERVED
from .items import Call
from .scope import Scope
from .surroundings import Surroundings
from .tensor_scope import Several, Tensor
from .unroll import Instantiate, Unroller
from .values import Values, in_error, silenced


class ModelExpander:
    """Expands the models of one spec. `level` is the number of blocks and models around them."""

    def __init__(
        self,
        values: Values,
        blocks: dict[str, Block | None],
        scope: Scope,
        instantiate: Instantiate,
        level: int = 1,
    ) -> None:
        self.values = values
        self.blocks = blocks
        self.scope = scope
        self.instantiate = instantiate
        self.level = level
        self._unroller = Unroller(values, blocks, scope, instantiate)
        self._definitions: dict[str, Entry] = {}
        """The shared definitions that are expanded so far, of the models around."""
        self._data_format: Entry | None = None
        self._root: Flattener | None = None
        """The layers of the whole model, once they are expanded."""

    def expand(self, node: Node) -> Node:
        """The `model` section."""
        self._unroller.foresee(list(_lists(node)))
        found = self._model(node)
        for block in self.blocks.values():
            if block is not None:  # an unused one
                own = frozenset(block.shared.entries) if block.shared is not None else frozenset()
                self._unroller.excluded.exclude_list(block.layers, self._unroller.shared | own)
        self._unroller.excluded.report(self.values.collector)
        return found

    def _model(self, node: Node, outer: frozenset[str] = frozenset(), *, root: bool = True) -> Node:
        """A model or sub-model. `outer` are the shared names of the models around it."""
        if not isinstance(node, Mapping):
            return self._value(node)
        shared = outer | shared_names(node)
        entries: dict[str, Entry] = {}
        for key, entry in node.entries.items():
            if key == "shared" and isinstance(entry.value, Mapping):
                entries[key] = Entry(entry.key_span, self.shared(entry.value, shared))
            elif key not in ("layers", "outputs"):
                entries[key] = Entry(entry.key_span, self._value(entry.value))
        layers, outputs = node.entries.get("layers"), node.entries.get("outputs")
        if layers is None:
            if outputs is not None:
                entries["outputs"] = Entry(outputs.key_span, self._value(outputs.value))
            return Mapping(entries, node.span)
        declared = declared_inputs(entries.get("inputs"), root)
        flattener = Flattener(self.values, shared, *declared, self._surroundings(entries))
        entries["layers"] = Entry(layers.key_span, self.layers(layers.value, flattener))
        if root:
            self._root = flattener
        written = self.outputs(outputs, flattener, layers.key_span)
        if written is not None:
            entries["outputs"] = written
        return Mapping(with_made(entries, flattener.flat.made, layers.key_span), node.span)

    def flat_names(self, node: Node) -> Node:
        """A `from` outside the model with the names of the flat list; names that the model does not
        have are kept.
        """
        if self._root is None:
            return node
        references, scope = self._root.references, self._root.scope
        if isinstance(node, Sequence):
            return Sequence(tuple(map(self.flat_names, node.items)), node.span)
        if isinstance(node, Mapping):
            entries = {
                key: entry._replace(value=self.flat_names(entry.value))
                for key, entry in node.entries.items()
            }
            return Mapping(entries, node.span)
        is_name = isinstance(node.value, str) and not in_error(node)
        if not is_name or not scope.is_known(TensorName.parse(str(node.value))):
            return node
        return references.rewrite(node, scope)

    def _surroundings(self, entries: dict[str, Entry]) -> Surroundings:
        """What the types of the layers of a model with these keys depend on."""
        if "image_data_format" in entries:
            self._data_format = entries["image_data_format"]
        shared = entries["shared"].value if "shared" in entries else None
        own = shared.entries if isinstance(shared, Mapping) else {}
        return Surroundings(
            entries.get("inputs"),
            {**self._definitions, **own},
            self._data_format,
            self.values.context,
        )

    def _value(self, node: Node) -> Node:
        return self.values.node(node, self.scope)

    def layers(self, node: Node, flattener: Flattener) -> Node:
        """The flat list of the layers of a model."""
        scope = self.scope
        if isinstance(node, Scalar):
            node, scope = self._value(node), scope.finished()
        if not isinstance(node, Sequence):
            return self.values.node(node, scope)  # the spec reader reports that it is not a list
        self._unroller.shared = self._unroller.outside = flattener.shared
        items = self._unroller.items(node, scope, self.level)
        return Sequence(flattener.flatten(items), node.span)

    def outputs(self, entry: Entry | None, flattener: Flattener, span: Span) -> Entry | None:
        """The outputs as written, or the names of the outputs of an expanded last entry."""
        if entry is not None:
            written = self._value(entry.value)
            rewritten = flattener.references.public(written, flattener.scope)
            return Entry(entry.key_span, rewritten)
        target, label = flattener.current, flattener.label
        if label is None:
            return None
        if isinstance(target, Several):
            found = {
                name: Entry(target.span, Scalar(one.text, target.span))
                for name, one in target.outputs.items()
                if isinstance(one, Tensor)
            }
            return Entry(span, Mapping(found, target.span))
        if not isinstance(target, Tensor) or (target.text == flattener.flat.last == label):
            return None
        return Entry(span, Mapping({label: Entry(span, Scalar(target.text, span))}, span))

    # Shared layers and models ---------------------------------------------------------------------

    def within(self, unroller: Unroller) -> ModelExpander:
        """The same for a model inside an entry of the spec: it sees the names of the whole spec."""
        self._unroller.globals, self._unroller.excluded = unroller.globals, unroller.excluded
        return self

    def held(self, name: str, node: Node, visible: frozenset[str]) -> Node:
        """A model inside an entry named `name`, treated as if it were shared."""
        return self._library_model(name, node, visible) or self._definition(node, visible)

    def shared(self, node: Mapping, visible: frozenset[str]) -> Mapping:
        """The `shared` section of a model; `visible` are the names that its layers may call."""
        entries: dict[str, Entry] = {}
        for name, entry in node.entries.items():
            if name in self.blocks:
                self._report_block(name, entry.key_span)
            definition = self._library_model(name, entry.value, visible)
            entries[name] = Entry(
                entry.key_span, definition or self._definition(entry.value, visible)
            )
            self._definitions[name] = entries[name]
        return Mapping(entries, node.span)

    def _report_block(self, name: str, span: Span) -> None:
        block = self.blocks[name]
        self.values.collector.report(
            Fault(
                "MS304",
                f"`{name}` is the name of a block and of a shared layer or model",
                help="rename one of them",
            ),
            span,
            *([Note("the block is defined here", block.span)] if block else []),
        )

    def _definition(self, node: Node, visible: frozenset[str]) -> Node:
        """A list of layers, a model, a layer, or a block that shares one set of weights."""
        if _kind_of(node) in self.blocks:
            node = Sequence((node,), node.span)
        if isinstance(node, Mapping) and "layers" in node.entries:
            return self._model(node, visible, root=False)
        return self._chain(node, visible) if isinstance(node, Sequence) else self._value(node)

    def _chain(self, node: Sequence, visible: frozenset[str]) -> Node:
        """A list of layers: a model if its last tensor has another name, or if it requires
        sub-models.
        """
        flattener = Flattener(self.values, visible, ANY_INPUT, {ANY_INPUT: None})
        layers = self.layers(node, flattener)
        outputs = self.outputs(None, flattener, node.span)
        if flattener.ends_at_last_entry():
            outputs = None
        if outputs is None and not flattener.flat.made:
            return layers
        entries = {"layers": Entry(node.span, layers)}
        if outputs is not None:
            entries["outputs"] = outputs
        return Mapping(with_made(entries, flattener.flat.made, node.span), node.span)

    def _library_model(self, name: str, node: Node, visible: frozenset[str]) -> Node | None:
        """A library model that several entries call; None for anything else."""
        kind = _kind_of(node)
        if kind is None or kind in LAYERS or not is_kind(kind):
            return None
        from .library_kinds import load

        loaded = load(kind)
        if loaded.model is None:
            return self._definition(Sequence((node,), node.span), visible)
        body = next(iter(node.entries.values())) if isinstance(node, Mapping) else None
        span = body.key_span if body else node.span
        settings = body.value if body else None
        if isinstance(settings, Mapping):
            self._refuse_call_settings(name, settings)
        self.values.spent.layer(span)
        call = Call(kind, span, settings, self.scope)
        made = self.instantiate(loaded, call, self.values, self.level)
        return made.node if made else silenced(node)

    def _refuse_call_settings(self, name: str, settings: Mapping) -> None:
        for key, entry in settings.entries.items():
            if key in RESERVED:
                self.values.collector.report(
                    Fault(
                        "MS202",
                        f"`{key}` is a setting of a call, but this is the definition of `{name}`",
                        help=f"write it where `{name}` is called",
                    ),
                    entry.key_span,
                )


def shared_names(model: Mapping) -> frozenset[str]:
    """The names under `shared` of a model."""
    entry = model.entries.get("shared")
    shared = entry.value if entry else None
    return frozenset(shared.entries) if isinstance(shared, Mapping) else frozenset()


def _kind_of(node: Node) -> str | None:
    """The name of an entry: the entry itself, or the name before its settings."""
    if isinstance(node, Mapping):
        return next(iter(node.entries)) if len(node.entries) == 1 else None
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def with_made(entries: dict[str, Entry], made: dict[str, Entry], span: Span) -> dict[str, Entry]:
    """The keys of a model, with the sub-models that its entries created added to `shared`."""
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
    """The lists of layers of a model and of its nested models."""
    if isinstance(node, Sequence):
        yield node
    elif isinstance(node, Mapping):
        if layers := node.entries.get("layers"):
            yield layers.value
        shared = node.entries.get("shared")
        if shared and isinstance(shared.value, Mapping):
            for entry in shared.value.entries.values():
                yield from _lists(entry.value)


def declared_inputs(entry: Entry | None, root: bool) -> tuple[str | None, dict[str, Span | None]]:
    """The tensor that the first layer takes, and all inputs."""
    if entry is None:
        return (None, {}) if root else (ANY_INPUT, {ANY_INPUT: None})
    node = entry.value
    if isinstance(node, Mapping) and not is_one_input(node):
        names: dict[str, Span | None] = {name: one.key_span for name, one in node.entries.items()}
        return next(iter(names), None), names
    return (ANY_INPUT, {ANY_INPUT: entry.key_span}) if not in_error(node) else (None, {})
