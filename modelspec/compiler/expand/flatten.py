"""Items to a flat list of layers: every entry gets what it takes and, where something refers to it,
its name.
"""

from __future__ import annotations

from modelspec.core.diagnostics import Fault, Span
from modelspec.core.diagnostics.derived import derive
from modelspec.core.registry import snake_case
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from ..graph.symbols import TensorName
from ..spec.layer_names import check_name
from ..spec.wrapped_models import HELD, wrapping
from .block_arguments import force
from .flat_entry import FlatEntry, RoundNames
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
from .tensor_scope import UNRESOLVED, Target, Tensor, TensorScope, Unresolved, has_rounds, variants
from .values import Values, silenced


class Flattener:
    """Writes the layers of one model. `start` is the tensor that the first entry takes."""

    def __init__(
        self,
        values: Values,
        shared: frozenset[str],
        start: str | None,
        inputs: dict[str, Span | None],
    ) -> None:
        self.values = values
        self.collector = values.collector
        self.shared = shared
        self.scope = TensorScope(self.collector)
        for name, span in inputs.items():
            self.scope.define(name, Tensor(name), span)
        self.current: Target = Tensor(start) if start else UNRESOLVED
        """What the next entry takes where it does not say so."""
        self.label: str | None = None
        """The name by which the current tensor is known."""
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
        """The flat list, written already, up to a tensor and without what that does not need; None
        where nothing has the name.
        """
        target = self.scope.symbols.get(name) or Tensor(name)
        end = TensorName.parse(target.text).producer if isinstance(target, Tensor) else None
        if end not in self.flat.by_name:
            return None
        self.flat.end_at(end)
        self.current, self.label = target, name
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
        """Write the entries of an item; the tensor that the next one takes."""
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
        """The same for entries that give no layer: left out, or in error."""
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
        names = place.round_names or RoundNames(len(item.rounds))
        start = names.position
        for number, one in enumerate(item.rounds, 1):
            names.position = start
            inside = Place(place.scope, (*place.suffixes, f"_{number}"), names)
            current = self._items(one, inside, current)
        return current

    # Layers ---------------------------------------------------------------------------------------

    def _call(self, call: Call, place: Place, current: Target, ends: Ends | None) -> Target:
        """One layer; `ends` are the tensors that it takes where it joins branches."""
        span = call.scope.frame.place(call.span)
        body, source = self._settings(call, place.scope, current)
        if ends is not None:
            tensors = tuple(self._tensor(end, ends.span) for end in ends.tensors)
            source = Entry(ends.span, Sequence(tensors, ends.span))
        elif source is None:
            source = self._implicit_source(current, span)
        base = call.kind if call.kind in self.shared else snake_case(call.kind)
        name = call.name or self._automatic_name(base, place)
        entry = FlatEntry(call.kind, span, body, source, "", call.name_span, call.name is not None)
        return self._add(entry, name, place, call.name_span or span)

    def _library_use(self, item: LibraryUse, place: Place, current: Target) -> Target:
        """The call of a sub-model that nothing else calls: it has the name of the call."""
        call = item.call
        span = call.scope.frame.place(call.span)
        body, source = self._settings(call, place.scope, current)
        if source is None:
            source = self._implicit_source(current, span)
        if isinstance(body, Mapping) and not body.entries:
            body = None
        name = call.name or self._automatic_name(item.base, place, self.shared)
        entry = FlatEntry(call.kind, span, body, source, "", call.name_span)
        tensor = self._add(entry, name, place, call.name_span or span)
        if item.around:
            held = wrapping(item.around, Scalar(entry.name, span))
            beside = body.entries if isinstance(body, Mapping) else {}
            entry.body = Mapping({HELD: Entry(span, held), **beside}, span)
        else:
            entry.kind = entry.name
        self._share(entry.name, item.node, entry.name_span or span)
        return tensor

    def _share(self, name: str, model: Mapping, span: Span) -> None:
        """Make a sub-model of the library part of `shared`; MS304 where that has the name."""
        if name not in self.shared:
            self.flat.made.setdefault(name, Entry(span, model))
            return
        self.collector.report(
            Fault(
                "MS304",
                f"`{name}` is defined twice: it names something shared as well",
                help="rename one of the two",
            ),
            span,
        )

    def _settings(
        self, call: Call, scope: TensorScope, current: Target
    ) -> tuple[Node | None, Entry | None]:
        """The settings of an entry, and what its `from` refers to."""
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
        """A `from` whose first tensor is that of the round before."""
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
        """The `from` of an entry without one: nothing to write where it takes the entry before
        it.
        """
        if isinstance(current, Tensor) and current.text == self.flat.last:
            return None
        target = self.references.single(current, span, "the next entry")
        if isinstance(target, Unresolved):
            silent = derive(span, silent=True)
            return Entry(silent, Scalar(NO_TENSOR, silent))
        self.flat.refer(target.text)
        return Entry(span, _taken(Scalar(target.text, target.selected or span), span))

    def _tensor(self, tensor: Tensor | Unresolved, span: Span) -> Scalar:
        """A tensor as a `from` has it."""
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

        return names.next(make) if names else make()

    def _add(self, entry: FlatEntry, name: str, place: Place, span: Span) -> Tensor:
        entry.name = place.scope.prefix + variants(name, place.suffixes)[-1]
        self.flat.add(entry, entry.name)
        tensor = Tensor(entry.name)
        if not self._define(name, tensor, place, span):
            entry.name_span = derive(span, silent=True)
        return tensor

    def _define(self, name: str, target: Target, place: Place, span: Span) -> bool:
        """Define the name of a tensor, and those without the numbers of the rounds that it is in.

        Whether nothing else has one of them, which is reported.
        """
        loop = place.round_names if place.suffixes else None
        new = [
            place.scope.define(variant, target, span, loop)
            for variant in variants(name, place.suffixes)
        ]
        if place.scope is self.scope:
            self.label = name
        return all(new)

    # Entries in error -----------------------------------------------------------------------------

    def _erroneous(self, item: Erroneous, place: Place) -> Target:
        """An entry in its place, so that what follows is not taken for wrong."""
        self.references.has_errors = True
        silent = derive(item.span, silent=True)
        source = Entry(silent, Scalar(NO_TENSOR, silent))
        name = item.name or self._automatic_name(item.kind, place)
        entry = FlatEntry(item.kind, silent, None, source, "", silent, True)
        return self._add(entry, name, place, item.span)

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
        """All entries of one use of a block; its result has the use's name."""
        call = use.call
        span = call.name_span or call.scope.frame.place(call.span)
        name = self._block_name(use, place, span)
        result = self._block_entries(
            use, name, place, self._inputs(use, place.scope, current, ends)
        )
        if name:
            self._define(name, result, place, span)
        elif place.scope is self.scope:
            self.label = result.text if isinstance(result, Tensor) else call.kind
        return result

    def _block_name(self, use: BlockUse, place: Place, span: Span) -> str | None:
        """What the use is called; None for one without a name of an `inline` block."""
        call = use.call
        if call.name and self._may_be(call.name, span, place):
            return call.name
        return None if use.block.inline else self._automatic_name(_automatic_base(use), place)

    def _block_entries(
        self, use: BlockUse, name: str | None, place: Place, inputs: dict[str, Target]
    ) -> Target:
        block = use.block
        prefix = None if block.inline else variants(name or "", place.suffixes)[-1]
        scope = place.scope.inside(block.name, prefix, inputs, block.span)
        scope.expect(use.items)
        inside = Place(scope, place.suffixes, place.round_names) if block.inline else Place(scope)
        result = self._items(use.items, inside, inputs[block.inputs[0]])
        force(use.arguments)
        if block.outputs is None:
            return result
        return self.references.outputs(self.values.node(block.outputs, use.scope), scope)

    def _may_be(self, name: str, span: Span, place: Place) -> bool:
        """Whether a use may have a name: its entries are called by it, and would clash with those
        of another use.
        """
        if not check_name(name, span, self.collector):
            return False
        return place.scope.check_new(variants(name, place.suffixes)[-1], span)

    def _inputs(
        self, use: BlockUse, scope: TensorScope, current: Target, ends: Ends | None
    ) -> dict[str, Target]:
        """What each input of a block is at one use."""
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
        """Chains from one tensor, and the layer that joins them."""
        span = item.scope.frame.place(item.span)
        if item.source is not None and not item.is_later_round:
            current = self.references.source(self.values.node(item.source, item.scope), place.scope)
        start = self.references.single(current, span, "every branch")
        found = [
            self.references.single(self._items(branch, place, start), span, "`join`")
            for branch in item.branches
        ]
        ends = Ends(tuple(found), span)
        if isinstance(item.join, BlockUse):
            return self._block_use(item.join, place, UNRESOLVED, ends)
        return self._call(item.join, place, UNRESOLVED, ends)


def _taken(sources: Node, span: Span) -> Node:
    """A `from` at `span` whose one tensor is selected elsewhere: at the use of the block."""
    if not isinstance(sources, Scalar) or sources.span == span:
        return sources
    return Sequence((sources,), span)


def _automatic_base(use: BlockUse) -> str:
    """What a use without a name is called: by its block, that of the library as Keras would call a
    layer.
    """
    kind = use.call.kind
    return snake_case(kind) if use.block.span.source.shipped else kind
