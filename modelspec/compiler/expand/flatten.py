"""Items to a flat list of layers: every entry gets what it takes and, where something refers to it,
its name.
"""

from __future__ import annotations

from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.diagnostics.derived import derive
from modelspec.core.registry import snake_case
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from ..spec.layer_names import check_name
from .block_arguments import force
from .flat_entry import Bases, Record
from .flat_layers import Ends, FlatList, Place
from .items import Branches, Call, From, Gone, Item, Lost, Made, Opaque, Repeat, Use
from .naming import LOST, Names, Target, Tensor, Unknown, has_rounds, variants
from .references import NOTHING, References
from .values import Values, silenced


class Writer:
    """Writes the layers of one model. `start` is the tensor that the first entry takes."""

    def __init__(
        self,
        values: Values,
        shared: frozenset[str],
        start: str | None,
        inputs: dict[str, Span | None],
    ) -> None:
        self.values = values
        self.notebook = values.notebook
        self.shared = shared
        self.names = Names(self.notebook)
        for name, span in inputs.items():
            self.names.define(name, Tensor(name), span)
        self.current: Target = Tensor(start) if start else LOST
        self.label: str | None = None
        """The name that the last tensor answers to."""
        self.flat = FlatList(start)
        self.references = References(self.notebook, self.flat.refer)

    def write(self, items: list[Item]) -> tuple[Node, ...]:
        """The flat list."""
        self.names.expect(items)
        self.references.strict = has_rounds(items)
        place = Place(self.names)
        for item in items:
            self.current = self._item(item, place, self.current)
        if self.references.strict:
            self.flat.name_all()
        return self.flat.nodes()

    def end_at(self, name: str) -> tuple[Node, ...] | None:
        """The flat list, written already, up to a tensor and without what that does not need; None
        where nothing has the name.
        """
        target = self.names.table.get(name) or Tensor(name)
        end = target.text.partition(".")[0] if isinstance(target, Tensor) else None
        if end not in self.flat.by_name:
            return None
        self.flat.end_at(end)
        self.current, self.label = target, name
        return self.flat.nodes()

    # Items ----------------------------------------------------------------------------------------

    def _items(self, items: list[Item], place: Place, current: Target) -> Target:
        for item in items:
            current = self._item(item, place, current)
        return current

    def _item(self, item: Item, place: Place, current: Target) -> Target:
        """Write what an item comes to; the tensor that the next one takes."""
        match item:
            case Call():
                return self._call(item, place, current, None)
            case Use():
                return self._use(item, place, current, None)
            case Made():
                return self._made(item, place, current)
            case Repeat():
                return self._repeat(item, place, current)
            case Branches():
                return self._branches(item, place, current)
            case From():
                return self.references.source(
                    self.values.node(item.source, item.scope), place.names
                )
            case Gone():
                for name, span in item.names:
                    for variant in variants(name, place.suffixes):
                        place.names.leave_out(variant, span)
                return current
            case Lost():
                return self._lost(item, place)
            case Opaque():
                return self._opaque(item)

    def _repeat(self, item: Repeat, place: Place, current: Target) -> Target:
        bases = place.bases or Bases(len(item.rounds))
        start = bases.at
        for number, one in enumerate(item.rounds, 1):
            bases.at = start
            inside = Place(place.names, (*place.suffixes, f"_{number}"), bases)
            current = self._items(one, inside, current)
        return current

    def _call(self, call: Call, place: Place, current: Target, ends: Ends | None) -> Target:
        """One layer; `ends` are the tensors that it takes where they are neither written nor the
        chain's.
        """
        scope = call.scope
        span = scope.frame.place(call.span)
        body, source = self._taken(call, place.names, current)
        if ends is not None:
            source = Entry(
                ends.span,
                Sequence(tuple(self._end(end, ends.span) for end in ends.tensors), ends.span),
            )
        elif source is None:
            source = self._chain(current, span)
        base = call.name or self._default(
            snake_case(call.kind) if call.kind not in self.shared else call.kind, place
        )
        record = Record(call.kind, span, body, source, "", call.name_span, call.name is not None)
        return self._add(record, base, place, call.name_span or span)

    def _made(self, item: Made, place: Place, current: Target) -> Target:
        """The call of a sub-model that nothing else calls: it has the name of the call."""
        call = item.call
        span = call.scope.frame.place(call.span)
        body, source = self._taken(call, place.names, current)
        if source is None:
            source = self._chain(current, span)
        if isinstance(body, Mapping) and not body.entries:
            body = None
        base = call.name or self._default(item.base, place, self.shared)
        record = Record(call.kind, span, body, source, "", call.name_span)
        tensor = self._add(record, base, place, call.name_span or span)
        record.kind = record.name
        key_span = record.name_span or span
        if record.name in self.shared:
            self.notebook.report(
                Fault(
                    "MS304",
                    f"`{record.name}` is defined twice: it names something shared as well",
                    help="rename one of the two",
                ),
                key_span,
            )
        else:
            self.flat.made.setdefault(record.name, Entry(key_span, item.node))
        return tensor

    def _taken(self, call: Call, names: Names, current: Target) -> tuple[Node | None, Entry | None]:
        """The settings of an entry, and what its `from` refers to."""
        body, scope = call.body, call.scope
        if not isinstance(body, Mapping):
            return (None if body is None else self.values.node(body, scope)), None
        own = (
            ("from", "when", "repeat") if call.name is None else ("name", "from", "when", "repeat")
        )
        settings = self.values.mapping(body, scope, leave_out=own)
        written = body.entries.get("from")
        if written is None:
            return settings, None
        sources = self.values.node(written.value, scope)
        if not call.again:
            sources = self.references.rewrite(sources, names)
        elif isinstance(sources, Scalar):
            return settings, None
        else:
            sources = self._with_first(
                sources, self.references.one(current, sources.span, f"`{call.kind}`"), names
            )
        return settings, Entry(scope.frame.place(written.key_span), sources)

    def _with_first(
        self, sources: Sequence | Mapping, first: Tensor | Unknown, names: Names
    ) -> Node:
        """A `from` whose first tensor is that of the round before."""
        if isinstance(sources, Sequence):
            rest = tuple(self.references.rewrite(item, names) for item in sources.items[1:])
            return Sequence((self._end(first, sources.span), *rest), sources.span)
        entries = {
            key: Entry(
                entry.key_span,
                (
                    self.references.rewrite(entry.value, names)
                    if position
                    else self._end(first, entry.value.span)
                ),
            )
            for position, (key, entry) in enumerate(sources.entries.items())
        }
        return Mapping(entries, sources.span)

    def _chain(self, current: Target, span: Span) -> Entry | None:
        """What an entry takes that does not say so: nothing to write where it is the entry before
        it.
        """
        if isinstance(current, Tensor) and current.text == self.flat.last:
            return None
        target = self.references.one(current, span, "the next entry")
        if isinstance(target, Unknown):
            silent = derive(span, silent=True)
            return Entry(silent, Scalar(NOTHING, silent))
        self.flat.refer(target.text)
        return Entry(span, Scalar(target.text, span))

    def _default(self, base: str, place: Place, taken: frozenset[str] = frozenset()) -> str:
        rounds, known = place.bases.rounds if place.bases else 0, self.flat.by_name

        def make() -> str:
            return place.names.default(
                base or "layer", rounds, {*known, *taken} if taken else known
            )

        return place.bases.next(make) if place.bases else make()

    def _add(self, record: Record, base: str, place: Place, span: Span) -> Tensor:
        names = place.names
        record.name = names.prefix + variants(base, place.suffixes)[-1]
        self.flat.add(record, record.name)
        tensor = Tensor(record.name)
        if not self._define(base, tensor, place, span):
            record.name_span = derive(span, silent=True)
        return tensor

    def _define(self, base: str, target: Target, place: Place, span: Span) -> bool:
        """Let a tensor answer to its name, and to those without the numbers of the rounds that it
        is in.

        Whether nothing else has one of them, which is told.
        """
        owner = place.bases if place.suffixes else None
        new = [
            place.names.define(variant, target, span, owner)
            for variant in variants(base, place.suffixes)
        ]
        if place.names is self.names:
            self.label = base
        return all(new)

    # Entries in error -----------------------------------------------------------------------------

    def _lost(self, item: Lost, place: Place) -> Target:
        """Something has to stand there, so that what follows is not taken for wrong."""
        self.references.lenient = True
        silent = derive(item.span, silent=True)
        source = Entry(silent, Scalar(NOTHING, silent))
        base = item.name or self._default(item.kind, place)
        return self._add(
            Record(item.kind, silent, None, source, "", silent, True), base, place, item.span
        )

    def _opaque(self, item: Opaque) -> Target:
        node = self.values.node(item.node, item.scope)
        named = node.entries.get("name") if isinstance(node, Mapping) else None
        if named and isinstance(named.value, Scalar) and isinstance(named.value.value, str):
            self.names.define(named.value.value, LOST, named.value.span)
        self.references.lenient = True
        self.flat.add(Record("", node.span, whole=node), NOTHING)
        return Tensor(NOTHING)

    # Blocks ---------------------------------------------------------------------------------------

    def _use(self, use: Use, place: Place, current: Target, ends: Ends | None) -> Target:
        """All that a use of a block comes to; it answers to the use's name."""
        call, inline = use.call, use.block.inline
        span = call.name_span or call.scope.frame.place(call.span)
        name = call.name if call.name and self._may_be(call.name, span, place) else None
        base = name or ("" if inline else self._default(_base(use), place))
        prefix = None if inline else variants(base, place.suffixes)[-1]
        inputs = self._inputs(use, place.names, current, ends)
        inner = place.names.inside(use.block.name, prefix, inputs, use.block.span)
        inner.expect(use.items)
        inside = Place(inner, place.suffixes, place.bases) if inline else Place(inner)
        result = self._items(use.items, inside, inner.table[use.block.inputs[0]])
        force(use.arguments)
        if use.block.outputs is not None:
            result = self.references.outputs(self.values.node(use.block.outputs, use.scope), inner)
        if base:
            self._define(base, result, place, span)
        elif place.names is self.names:
            self.label = result.text if isinstance(result, Tensor) else call.kind
        return result

    def _may_be(self, name: str, span: Span, place: Place) -> bool:
        """Whether a use may have a name: its entries are called by it, and would clash with those
        of another use.
        """
        report = Collector()
        if not check_name(name, span, report):
            self.notebook.found.extend(report.diagnostics)
            return False
        return place.names.is_new(variants(name, place.suffixes)[-1], span)

    def _inputs(
        self, use: Use, names: Names, current: Target, ends: Ends | None
    ) -> dict[str, Target]:
        """What each input of a block is at one use."""
        call, block = use.call, use.block
        span = call.scope.frame.place(call.span)
        if ends is not None:
            return self.references.in_order(ends.tensors, block, ends.span)
        if isinstance(call.body, Mapping) and (written := call.body.entries.get("from")):
            found = self.references.inputs(
                self.values.node(written.value, call.scope), block, names
            )
            if call.again:
                found[block.inputs[0]] = self.references.one(current, span, f"block `{block.name}`")
            return found
        if len(block.inputs) == 1:
            return {block.inputs[0]: self.references.one(current, span, f"block `{block.name}`")}
        return self.references.in_order((), block, span)

    # Branches -------------------------------------------------------------------------------------

    def _branches(self, item: Branches, place: Place, current: Target) -> Target:
        """Chains from one tensor, and the layer that joins them."""
        span = item.scope.frame.place(item.span)
        if item.source is not None and not item.again:
            current = self.references.source(self.values.node(item.source, item.scope), place.names)
        start = self.references.one(current, span, "every branch")
        found = [
            self.references.one(self._items(branch, place, start), span, "`join`")
            for branch in item.branches
        ]
        ends = Ends(tuple(found), span)
        if isinstance(item.join, Use):
            return self._use(item.join, place, LOST, ends)
        return self._call(item.join, place, LOST, ends)

    def _end(self, end: Tensor | Unknown, span: Span) -> Scalar:
        if isinstance(end, Unknown):
            return silenced(Scalar(NOTHING, span))
        self.flat.refer(end.text)
        return Scalar(end.text, span)


def _base(use: Use) -> str:
    """What a use without a name is called: by its block, that of the library as Keras would call a
    layer.
    """
    return snake_case(use.call.kind) if use.block.span.source.shipped else use.call.kind
