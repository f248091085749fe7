"""Converts items to a flat list of layers: every entry gets its `from` and, if something refers to
it, its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.diagnostics.derived import derive
from modelspec.core.registry import snake_case
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from ..graph.symbols import TensorName
from ..spec.layer_names import check_name
from ..spec.wrapped_models import HELD, wrapping
from .block_arguments import force
from .block_shared import renamed
from .flat_entry import FlatEntry
from .flat_layers import Ends, FlatList, Place
from .items import (
    BlockUse,
    Branches,
    Call,
    Erroneous,
    Excluded,
    Item,
    LibraryUse,
    NoEntry,
    Repeat,
    Source,
)
from .references import NO_TENSOR, References
from .scope import Binding
from .tensor_scope import UNRESOLVED, Target, Tensor, TensorScope, Unresolved, has_rounds, variants
from .unknown_size import shape_node, unknown_size
from .values import Values, silenced

if TYPE_CHECKING:
    from .input_shapes import InputShapes
    from .surroundings import Surroundings


class Flattener:
    """Writes the layers of one model. `start` is the tensor that the first entry takes."""

    def __init__(
        self,
        values: Values,
        shared: frozenset[str],
        start: str | None,
        inputs: dict[str, Span | None],
        around: Surroundings | None = None,
    ) -> None:
        self.values = values
        self.collector = values.collector
        self.shared = shared
        self.around = around
        self._shapes: InputShapes | None = None
        """The types of tensors, once a block asks for one."""
        self.scope = TensorScope(self.collector)
        for name, span in inputs.items():
            self.scope.define(name, Tensor(name), span)
        self.current: Target = Tensor(start) if start else UNRESOLVED
        """The tensor that the next entry takes by default."""
        self.label: str | None = None
        """The name of the current tensor."""
        self.flat = FlatList(start)
        self.references = References(self.collector, self.flat.refer)

    def flatten(self, items: list[Item]) -> tuple[Node, ...]:
        """The flat list."""
        self.scope.expect(items)
        self.references.knows_all = has_rounds(items)
        self.current = self._items(items, Place(self.scope), self.current)
        if self.references.knows_all:
            self.flat.name_all()
        return self.flat.nodes()

    def end_at(self, name: str) -> tuple[Node, ...] | None:
        """The flat list, already written, up to a tensor and without unnecessary entries; None if
        no entry has the name.
        """
        target = self.named(name)
        if target is None:
            return None
        self.flat.end_at(TensorName.parse(target.text).producer)
        self.current, self.label = target, name
        return self.flat.nodes()

    def named(self, name: str) -> Tensor | None:
        """The tensor of a name, also of a name of the flat list; None if no entry has the name."""
        target = self.scope.symbols.get(name) or Tensor(name)
        end = TensorName.parse(target.text).producer if isinstance(target, Tensor) else None
        return target if isinstance(target, Tensor) and end in self.flat.by_name else None

    def end_at_all(self, tensors: Iterable[Tensor]) -> tuple[Node, ...]:
        """The flat list, already written, without the entries that these tensors do not require."""
        producers = [TensorName.parse(one.text).producer for one in tensors]
        self.flat.end_at(*producers)
        for one in producers:
            self.flat.refer(one)
        return self.flat.nodes()

    def ends_at_last_entry(self) -> bool:
        """Whether the current tensor is that of the last entry."""
        return isinstance(self.current, Tensor) and self.current.text == self.flat.last

    # Items ----------------------------------------------------------------------------------------

    def _items(self, items: list[Item], place: Place, current: Target) -> Target:
        for item in items:
            current = self._item(item, place, current)
        return current

    def _item(self, item: Item, place: Place, current: Target) -> Target:
        """Write the entries of an item; returns the tensor that the next one takes."""
        match item:
            case Call():
                return self._call(item, place, current, None)
            case BlockUse():
                return self._block_use(item, place, current, None)
            case LibraryUse():
                return self._library_use(item, place, current)
            case Repeat():
                return self._repeat(item, place, current)
            case Branches():
                return self._branches(item, place, current)
            case Source():
                return self.references.source(self.values.node(item.node, item.scope), place.scope)
            case _:
                return self._without_layers(item, place, current)

    def _without_layers(
        self, item: Excluded | Erroneous | NoEntry, place: Place, current: Target
    ) -> Target:
        """The same for entries without a layer: left out, or invalid."""
        match item:
            case Excluded():
                for name, span in item.names:
                    for variant in variants(name, place.suffixes):
                        place.scope.exclude(variant, span)
                return current
            case Erroneous():
                return self._erroneous(item, place)
            case NoEntry():
                return self._no_entry(item)

    def _repeat(self, item: Repeat, place: Place, current: Target) -> Target:
        for one, inside in place.rounds(item):
            current = self._items(one, inside, current)
        return current

    # Layers ---------------------------------------------------------------------------------------

    def _call(self, call: Call, place: Place, current: Target, ends: Ends | None) -> Target:
        """One layer; `ends` are the tensors that it takes if it joins branches."""
        span = call.scope.frame.place(call.span)
        body, source = self._settings(call, place.scope, current)
        if ends is not None:
            tensors = tuple(self._tensor(end, ends.span) for end in ends.tensors)
            source = Entry(ends.span, Sequence(tensors, ends.span))
        elif source is None and not _takes_no_tensor(call.kind, self.shared):
            source = self._implicit_source(current, span)
        shared = place.scope.shared
        own = call.kind in self.shared or call.kind in shared
        base = call.kind if own else snake_case(call.kind)
        name = call.name or self._automatic_name(base, place)
        if shared and body is not None:
            held = renamed(Mapping({call.kind: Entry(span, body)}, span), shared)
            body = next(iter(held.entries.values())).value if isinstance(held, Mapping) else body
        kind = shared.get(call.kind, call.kind)
        entry = FlatEntry(kind, span, body, source, "", call.name_span, call.name is not None)
        suffixes = place.unnamed if call.name is None else place.suffixes
        return self._add(entry, name, place, call.name_span or span, suffixes)

    def _library_use(self, item: LibraryUse, place: Place, current: Target) -> Target:
        """The call of a sub-model that is called only here: it has the name of the call."""
        call = item.call
        span = call.scope.frame.place(call.span)
        body, source = self._settings(call, place.scope, current)
        if source is None:
            source = self._implicit_source(current, span)
        if isinstance(body, Mapping) and not body.entries:
            body = None
        name = call.name or self._automatic_name(item.base, place, self.shared)
        entry = FlatEntry(call.kind, span, body, source, "", call.name_span)
        suffixes = place.unnamed if call.name is None else place.suffixes
        tensor = self._add(entry, name, place, call.name_span or span, suffixes)
        if item.around:
            held = wrapping(item.around, Scalar(entry.name, span))
            beside = body.entries if isinstance(body, Mapping) else {}
            entry.body = Mapping({HELD: Entry(span, held), **beside}, span)
        else:
            entry.kind = entry.name
        self._share(entry.name, item.node, entry.name_span or span)
        return tensor

    def _share_all(self, shared: Mapping, scope: TensorScope, *, is_inline: bool) -> None:
        """Add the shared definitions of one use of a block to those of the model."""
        for name in shared.entries:
            made, number = scope.prefix + name, 0
            while is_inline and (made in self.shared or made in self.flat.made):
                number += 1
                made = f"{scope.prefix}{name}_{number}"
            scope.shared[name] = made
        for name, entry in shared.entries.items():
            definition = renamed(entry.value, scope.shared)
            self._share(scope.shared[name], definition, entry.key_span)

    def _share(self, name: str, model: Node, span: Span) -> None:
        """Add a sub-model or layer to `shared`; MS304 if the name is taken."""
        if name not in self.shared:
            self.flat.made.setdefault(name, Entry(span, model))
            return
        self.collector.report(
            Fault(
                "MS304",
                f"`{name}` is defined twice: it is also a shared name",
                help="rename one of them",
            ),
            span,
        )

    def _settings(
        self, call: Call, scope: TensorScope, current: Target
    ) -> tuple[Node | None, Entry | None]:
        """The settings of an entry, and the tensors of its `from`."""
        body = call.body
        if not isinstance(body, Mapping):
            return (None if body is None else self.values.node(body, call.scope)), None
        own = (
            ("from", "when", "repeat") if call.name is None else ("name", "from", "when", "repeat")
        )
        settings = self.values.mapping(body, call.scope, leave_out=own)
        written = body.entries.get("from")
        if written is None:
            return settings, None
        sources = self.values.node(written.value, call.scope)
        if not call.is_later_round:
            sources = _taken(self.references.rewrite(sources, scope), sources.span)
        elif isinstance(sources, Scalar):
            return settings, None
        else:
            first = self.references.single(current, sources.span, f"`{call.kind}`")
            sources = self._with_first(sources, first, scope)
        return settings, Entry(call.scope.frame.place(written.key_span), sources)

    def _with_first(
        self, sources: Sequence | Mapping, first: Tensor | Unresolved, scope: TensorScope
    ) -> Node:
        """A `from` whose first tensor is that of the previous round."""
        rewrite = self.references.rewrite
        if isinstance(sources, Sequence):
            rest = tuple(rewrite(item, scope) for item in sources.items[1:])
            return Sequence((self._tensor(first, sources.span), *rest), sources.span)
        entries: dict[str, Entry] = {}
        for key, entry in sources.entries.items():
            is_first = not entries
            value = (
                self._tensor(first, entry.value.span) if is_first else rewrite(entry.value, scope)
            )
            entries[key] = Entry(entry.key_span, value)
        return Mapping(entries, sources.span)

    def _implicit_source(self, current: Target, span: Span) -> Entry | None:
        """The `from` of an entry without one: omitted if it takes the entry before it."""
        if isinstance(current, Tensor) and current.text == self.flat.last:
            return None
        target = self.references.single(current, span, "the next entry")
        if isinstance(target, Unresolved):
            silent = derive(span, silent=True)
            return Entry(silent, Scalar(NO_TENSOR, silent))
        self.flat.refer(target.text)
        return Entry(span, _taken(Scalar(target.text, target.selected or span), span))

    def _tensor(self, tensor: Tensor | Unresolved, span: Span) -> Scalar:
        """A tensor as written in a `from`."""
        if isinstance(tensor, Unresolved):
            return silenced(Scalar(NO_TENSOR, span))
        self.flat.refer(tensor.text)
        return Scalar(tensor.text, tensor.selected or span)

    # Names ----------------------------------------------------------------------------------------

    def _automatic_name(self, base: str, place: Place, taken: frozenset[str] = frozenset()) -> str:
        names, known = place.round_names, self.flat.by_name
        rounds = names.rounds if names else 0

        def make() -> str:
            unavailable = {*known, *taken} if taken else known
            return place.scope.automatic_name(base, rounds, unavailable)

        return names.next(base, make) if names else make()

    def _add(
        self, entry: FlatEntry, name: str, place: Place, span: Span, suffixes: tuple[str, ...]
    ) -> Tensor:
        entry.name = place.scope.prefix + variants(name, suffixes)[-1]
        self.flat.add(entry, entry.name)
        tensor = Tensor(entry.name)
        if not self._define(name, tensor, place, span, suffixes):
            entry.name_span = derive(span, silent=True)
        return tensor

    def _define(
        self, name: str, target: Target, place: Place, span: Span, suffixes: tuple[str, ...]
    ) -> bool:
        """Define the name of a tensor, and its forms without the numbers of the rounds around it.

        Returns whether the names are unique; a duplicate is reported.
        """
        loop = place.round_names if suffixes else None
        new = [
            place.scope.define(variant, target, span, loop) for variant in variants(name, suffixes)
        ]
        if place.scope is self.scope:
            self.label = name
        return all(new)

    # Invalid entries ------------------------------------------------------------------------------

    def _erroneous(self, item: Erroneous, place: Place) -> Target:
        """A placeholder for an entry, so that later entries cause no further errors."""
        self.references.has_errors = True
        silent = derive(item.span, silent=True)
        source = Entry(silent, Scalar(NO_TENSOR, silent))
        name = item.name or self._automatic_name(item.kind, place)
        entry = FlatEntry(item.kind, silent, None, source, "", silent, True)
        suffixes = place.unnamed if item.name is None else place.suffixes
        return self._add(entry, name, place, item.span, suffixes)

    def _no_entry(self, item: NoEntry) -> Target:
        node = self.values.node(item.node, item.scope)
        named = node.entries.get("name") if isinstance(node, Mapping) else None
        if named and isinstance(named.value, Scalar) and isinstance(named.value.value, str):
            self.scope.define(named.value.value, UNRESOLVED, named.value.span)
        self.references.has_errors = True
        self.flat.add(FlatEntry("", node.span, whole=node), NO_TENSOR)
        return Tensor(NO_TENSOR)

    # Blocks ---------------------------------------------------------------------------------------

    def _block_use(self, use: BlockUse, place: Place, current: Target, ends: Ends | None) -> Target:
        """All entries of one use of a block; its result has the name of the use."""
        call = use.call
        span = call.name_span or call.scope.frame.place(call.span)
        name, suffixes = self._block_name(use, place, span)
        names = variants(name, suffixes) if name is not None else []
        prefix = None if use.block.inline else names[-1]
        inputs = self._inputs(use, place.scope, current, ends)
        if use.expand is not None:
            self._use_sizes(use, inputs)
            use.items, use.shared = use.expand()
        scope = place.scope.inside(use.block.name, prefix, inputs, use.block.span)
        if use.shared is not None:
            self._share_all(use.shared, scope, is_inline=use.block.inline)
        result = self._block_entries(use, scope, place, inputs)
        place.scope.contain(scope, names)
        if name:
            self._define(name, result, place, span, suffixes)
        elif place.scope is self.scope:
            self.label = result.text if isinstance(result, Tensor) else call.kind
        return result

    def _use_sizes(self, use: BlockUse, inputs: dict[str, Target]) -> None:
        """Define the names of the inputs of a block whose sizes its expressions use."""
        for name in use.block.sized:
            make = partial(self._input_of, use, inputs[name])
            use.sizes[name] = Binding(name, make, in_frame=True)

    def _input_of(self, use: BlockUse, target: Target) -> Node | None:
        """An input of a block as a value of expressions; None if it is invalid. If its shape is
        unknown because of an error before it, only that error is reported.
        """
        if not isinstance(target, Tensor):
            return None
        span, shape = use.call.scope.frame.place(use.call.span), None
        if self._shapes is None and self.around is not None:
            from .input_shapes import InputShapes

            self._shapes = InputShapes(self.around)
        if self._shapes is not None:
            shape = self._shapes.shape(target.text, self.flat.entries, self.flat.made)
        if shape is None and self._shapes is not None and self._shapes.has_errors:
            self.collector.report(unknown_size("input.shape"), derive(span, silent=True))
            return None
        return Mapping({"shape": Entry(span, shape_node(shape, span))}, span)

    def _block_name(
        self, use: BlockUse, place: Place, span: Span
    ) -> tuple[str | None, tuple[str, ...]]:
        """The name of the use, and the numbers of its rounds; no name for an unnamed use of an
        `inline` block.
        """
        call = use.call
        if call.name and self._may_be(call.name, span, place):
            return call.name, place.suffixes
        if use.block.inline:
            return None, place.unnamed
        return self._automatic_name(_automatic_base(use), place), place.unnamed

    def _block_entries(
        self, use: BlockUse, scope: TensorScope, place: Place, inputs: dict[str, Target]
    ) -> Target:
        block = use.block
        scope.expect(use.items)
        inside = place._replace(scope=scope) if block.inline else Place(scope)
        result = self._items(use.items, inside, inputs[block.inputs[0]])
        force(use.arguments)
        if block.outputs is None:
            return result
        return self.references.outputs(self.values.node(block.outputs, use.scope), scope)

    def _may_be(self, name: str, span: Span, place: Place) -> bool:
        """Whether a use may have this name: its entries have the name as a prefix, and could
        conflict with those of another use.
        """
        if not check_name(name, span, self.collector):
            return False
        return place.scope.check_new(variants(name, place.suffixes)[-1], span)

    def _inputs(
        self, use: BlockUse, scope: TensorScope, current: Target, ends: Ends | None
    ) -> dict[str, Target]:
        """The tensor of each input of a block at one use."""
        call, block = use.call, use.block
        span = call.scope.frame.place(call.span)
        taker = f"block `{block.name}`"
        if ends is not None:
            return self.references.in_order(ends.tensors, block, ends.span)
        if isinstance(call.body, Mapping) and (written := call.body.entries.get("from")):
            sources = self.values.node(written.value, call.scope)
            found = self.references.inputs(sources, block, scope)
            if call.is_later_round:
                found[block.inputs[0]] = self.references.single(current, span, taker)
            return found
        if len(block.inputs) == 1:
            return {block.inputs[0]: self.references.single(current, span, taker)}
        return self.references.in_order((), block, span)

    # Branches -------------------------------------------------------------------------------------

    def _branches(self, item: Branches, place: Place, current: Target) -> Target:
        """Chains that start at one tensor, and the layer that joins them."""
        span = item.scope.frame.place(item.span)
        if item.source is not None and not item.is_later_round:
            current = self.references.source(self.values.node(item.source, item.scope), place.scope)
        start = self.references.single(current, span, "every branch")
        self._items([*item.excluded], place, start)
        found = [
            self._items(chain, inside, start)
            for branch in item.branches
            for chain, inside in (
                place.rounds(branch) if isinstance(branch, Repeat) else ((branch, place),)
            )
        ]
        ends = Ends(tuple(self.references.single(one, span, "`join`") for one in found), span)
        if isinstance(item.join, BlockUse):
            return self._block_use(item.join, place, UNRESOLVED, ends)
        return self._call(item.join, place, UNRESOLVED, ends)


def _takes_no_tensor(kind: str, shared: frozenset[str]) -> bool:
    """Whether an entry is a layer without an input."""
    layer = None if kind in shared else LAYERS.find(kind)
    return bool(getattr(layer, "takes_no_tensor", False))


def _taken(sources: Node, span: Span) -> Node:
    """A `from` at `span` whose single tensor is selected elsewhere: at the use of the block."""
    if not isinstance(sources, Scalar) or sources.span == span:
        return sources
    return Sequence((sources,), span)


def _automatic_base(use: BlockUse) -> str:
    """The default name of a use: from the name of its block, for one of the library as Keras would
    name a layer.
    """
    kind = use.call.kind
    return snake_case(kind) if use.block.span.source.shipped else kind
