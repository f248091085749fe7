"""Lists of layers to items: `when` decided, `repeat` and `for` run, blocks entered.

Only what decides how many entries there are is worked out here. Settings wait until an entry is
written (`flatten`), so that a spec which asks for too many is refused before it costs anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import is_kind, kinds
from modelspec.core.diagnostics import Fault, Span, nearest
from modelspec.core.diagnostics.derived import Cause
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from . import limits
from .block_arguments import bind
from .blocks import Block
from .control_flow import (
    OF_BRANCHES,
    OF_LISTS,
    WORDS,
    check_name,
    is_kept,
    loop_of,
    misplaced,
    name_of,
    times,
    written_names,
)
from .excluded import ExcludedEntries
from .held_models import held_model, sub_model
from .interpolation import is_expression
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
from .layer_count import LayerCounter
from .limits import TooMuch, too_deep
from .meant_words import Words, with_meant_words
from .scope import Binding, Scope
from .values import Values, in_error

if TYPE_CHECKING:
    from .library_kinds import Kind

N = TypeVar("N", bound="Node | None")

Instantiate: TypeAlias = "Callable[[Kind, Call, Values, int], LibraryUse | None]"
"""Makes the sub-model of a kind of the library, as one entry sets it; None where that is in error.
"""


class _Place(NamedTuple):
    """Where an entry is written: the names in scope, and how many lists and blocks are around."""

    scope: Scope
    level: int

    def with_scope(self, scope: Scope) -> _Place:
        return _Place(scope, self.level)

    def deeper(self) -> _Place:
        return _Place(self.scope, self.level + 1)


class Unroller:
    """Runs the loops of one spec."""

    def __init__(
        self,
        values: Values,
        blocks: dict[str, Block | None],
        globals: Scope,
        instantiate: Instantiate,
    ) -> None:
        self.values = values
        self.collector = values.collector
        self.spent = values.spent
        self.blocks = blocks
        self.globals = globals
        self.instantiate = instantiate
        self._counter = LayerCounter(blocks)
        self.excluded = ExcludedEntries(blocks)
        self.shared: frozenset[str] = frozenset()
        """What the entries may call that is shared."""

    def foresee(self, lists: list[Node]) -> None:
        """Raises `TooMuch` where these lists of layers together are plainly too many."""
        layers = visits = 0
        for node in lists:
            count = self._counter.entries(node)
            layers, visits = layers + count.layers, visits + count.visits
            self.spent.foresee(layers, visits, node.span)

    def items(self, node: Node, scope: Scope, level: int = 1) -> list[Item]:
        """The entries of a list. Anything but a list is passed on as it is."""
        return self._items(node, _Place(scope, level))

    def _items(self, node: Node, place: _Place) -> list[Item]:
        node, place = self._evaluated(node, place)
        if not isinstance(node, Sequence):
            return [Erroneous(node.span) if in_error(node) else NoEntry(node, place.scope)]
        if place.level > limits.DEPTH:
            raise TooMuch(too_deep(), node.span)
        return [found for item in node.items for found in self._entry(item, place)]

    def _evaluated(self, node: N, place: _Place) -> tuple[N | Node, _Place]:
        """The value of an expression, whose parts are finished; any other node as it is."""
        if node is None or not is_expression(node) or place.scope.final:
            return node, place
        return self.values.node(node, place.scope), place.with_scope(place.scope.finished())

    def _entry(self, node: Node, place: _Place) -> list[Item]:
        """The items of one entry."""
        self.spent.visit(node.span)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return self._bare_entry(node, node.value, place)
        if isinstance(node, Mapping) and any(key in WORDS for key in node.entries):
            return self._group(node, place)
        if isinstance(node, Mapping) and len(node.entries) == 1:
            kind, entry = next(iter(node.entries.items()))
            return self._call(kind, entry.key_span, entry.value, place)
        self.excluded.include(node.span)
        return [NoEntry(node, place.scope)]

    def _bare_entry(self, node: Scalar, kind: str, place: _Place) -> list[Item]:
        """An entry that is a name alone, or an expression."""
        if not is_expression(node) or place.scope.final:
            return self._call(kind, node.span, None, place)
        value, inside = self._evaluated(node, place)
        return [Erroneous(node.span)] if in_error(value) else self._entry(value, inside)

    # Calls ----------------------------------------------------------------------------------------

    def _call(self, kind: str, span: Span, written: Node | None, place: _Place) -> list[Item]:
        body, place = self._evaluated(written, place)
        if body is not None and body is not written and in_error(body):
            return [Erroneous(span, kind)]
        body = self._with_meant_words(kind, body, place.scope)
        words = body.entries if isinstance(body, Mapping) else {}
        name, name_span = name_of(words.get("name"), place.scope, self.values)
        erroneous = Erroneous(span, kind, name)
        if when := words.get("when"):
            keep = is_kept(when, place.scope, self.values)
            if not keep:
                self.excluded.exclude(kind, span, written, self.shared)
                left_out = _left_out(name, name_span or span, when)
                return [erroneous if keep is None else left_out]
        call = Call(kind, span, body, place.scope, name, name_span)
        repeat = words.get("repeat")
        if repeat is None:
            return [self._once(call, place.level)]

        def round_of(inside: _Place, is_later: bool) -> list[Item]:
            one = replace(call, scope=inside.scope, is_later_round=is_later)
            return [self._once(one, place.level)]

        self.excluded.exclude(kind, span, written, self.shared)  # until a round includes it
        return self._repeat(repeat, place, erroneous, round_of)

    def _with_meant_words(self, kind: str, body: Node | None, scope: Scope) -> Node | None:
        """The body of an entry with misspelt words (`nmae`) as they were meant."""
        block = self.blocks.get(kind)
        if block is None and self._is_shipped(kind):
            from .library_kinds import load

            block = load(kind).block
        shared = kind in self.shared
        if block is None and not shared and kind not in LAYERS:
            return body
        return with_meant_words(body, Words(kind, block, shared), self.collector, scope.frame)

    def _once(self, call: Call, level: int) -> Item:
        """One call: a layer, or all that a block holds."""
        self.excluded.include(call.span)
        if call.kind in self.blocks:
            return self._block_use(call, self.blocks[call.kind], self, level)
        if self._is_shipped(call.kind):
            return self._shipped(call, level)
        self.spent.layer(call.span)
        if (held := held_model(call, self)) is not None:
            return sub_model(call, held, self, level)
        if self._is_misspelt_block(call):
            return Erroneous(call.span, call.kind, call.name)
        return call

    def _block_use(self, call: Call, block: Block | None, home: Unroller, level: int) -> Item:
        """A block, entered; `home` knows the names that are used in it."""
        erroneous = Erroneous(call.span, call.kind, call.name)
        if block is None:
            return erroneous
        if isinstance(call.body, Mapping):
            check_name(call.body.entries.get("name"), call.scope, self.values)
        cause = Cause(f"in {block}, used here", call.span)
        arguments: dict[str, Binding] = {}
        inner = Scope(arguments, home.globals, call.scope.frame.within(cause))
        if not bind(call, block, self.values, inner, arguments):
            return erroneous
        return BlockUse(call, block, inner, arguments, home.items(block.layers, inner, level + 1))

    def _is_shipped(self, kind: str) -> bool:
        return kind not in LAYERS and kind not in self.shared and is_kind(kind)

    def _shipped(self, call: Call, level: int) -> Item:
        """A kind of the library: a sub-model of its own, or a block."""
        from .library_kinds import load

        kind = load(call.kind)
        if kind.model is not None:
            self.spent.layer(call.span)
            found = self.instantiate(kind, call, self.values, level)
            return found or Erroneous(call.span, call.kind, call.name)
        self.collector.extend(kind.faults)
        home = Unroller(self.values, kind.blocks, Scope({}), self.instantiate)
        return self._block_use(call, kind.block, home, level)

    def _is_misspelt_block(self, call: Call) -> bool:
        """Whether a kind that nothing has was most likely meant to be a block (or `branches`),
        which is reported.
        """
        kind = call.kind
        if kind in LAYERS or kind in LAYERS.refused or kind in self.shared:
            return False
        ours = (*self.blocks, "branches")
        near = nearest(kind, ours)
        if near is None or nearest(kind, (*ours, *self.shared, *LAYERS.names(), *kinds())) != near:
            return False
        self.collector.report(
            Fault(
                "MS301", f"unknown layer `{kind}`", help=f"did you mean `{near}`?", suggestion=near
            ),
            call.scope.frame.place(call.span),
        )
        return True

    # Loops ----------------------------------------------------------------------------------------

    def _repeat(
        self,
        repeat: Entry,
        place: _Place,
        erroneous: Erroneous,
        make: Callable[[_Place, bool], list[Item]],
    ) -> list[Item]:
        """So many rounds of what `make` gives, which gets whether a round is one after the
        first.
        """
        scope = place.scope
        count = times(repeat, scope, self.values)
        if count is None:
            return [erroneous]
        if count == 0:
            return [_left_out(erroneous.name, erroneous.span, repeat)]
        rounds: list[list[Item]] = []
        for number in range(1, count + 1):
            self.spent.visit(repeat.key_span)
            before = self.spent.layers, self.spent.visits
            inside = scope.within(Cause(f"in round {number} of {count}", repeat.key_span))
            rounds.append(make(place.with_scope(inside), number > 1))
            if number == 1:  # all rounds are alike
                self._foresee_rounds(before, count - 1, scope.frame.place(repeat.value.span))
        return [Repeat(rounds)]

    def _foresee_rounds(self, before: tuple[int, int], rounds: int, span: Span) -> None:
        """Raises `TooMuch` where so many more rounds like the one since `before` are too many."""
        layers, visits = before
        self.spent.foresee(
            (self.spent.layers - layers) * rounds, (self.spent.visits - visits) * rounds, span
        )

    def _for(self, node: Mapping, place: _Place) -> list[Item]:
        body = node.entries["do"]
        loop = loop_of(node, place.scope, self.values)
        if loop is None or not loop.values.items:
            self.excluded.exclude_list(body.value, self.shared)
        if loop is None:
            return [Erroneous(node.span)]
        alike = not loop.names & self._counter.entries(body.value).names
        found: list[Item] = []
        for position, item in enumerate(loop.values.items):
            self.spent.visit(item.span)
            before = self.spent.layers, self.spent.visits
            inside = place.scope.within(loop.cause(position), loop.bindings(position))
            found.extend(self._list(body, place.with_scope(inside)))
            if position == 0 and alike:
                self._foresee_rounds(before, len(loop.values.items) - 1, loop.values.span)
        return found

    # Entries that hold lists ----------------------------------------------------------------------

    def _group(self, node: Mapping, place: _Place) -> list[Item]:
        words = node.entries
        if found := misplaced(node, OF_BRANCHES if "branches" in words else OF_LISTS):
            return self._misplaced(node, *found, place)
        if "branches" in words:
            return self._branches_entry(node, place)
        keep = is_kept(words["when"], place.scope, self.values) if "when" in words else True
        if keep is None:
            return [Erroneous(node.span)]
        if not keep:
            left_out = self._leave_out(words["do"], words["when"].value.span)
            return [left_out, *(self._list(words["else"], place) if "else" in words else ())]
        if "else" in words:
            left_out = self._leave_out(words["else"], words["else"].key_span)
            return [left_out, *self._kept_group(node, place)]
        return self._kept_group(node, place)

    def _misplaced(self, node: Mapping, fault: Fault, span: Span, place: _Place) -> list[Item]:
        """An entry with a key that it cannot have: where one is misspelt, as it was meant."""
        self.collector.report(fault, span)
        near = fault.suggestion
        if near is None:
            return [Erroneous(node.span)]
        entries = {
            near if entry.key_span == span else key: entry for key, entry in node.entries.items()
        }
        return self._group(Mapping(entries, node.span), place)

    def _leave_out(self, entry: Entry, span: Span) -> Excluded:
        """A list of entries that are not part of the model."""
        self.excluded.exclude_list(entry.value, self.shared)
        return Excluded(list(written_names(entry.value)), span)

    def _kept_group(self, node: Mapping, place: _Place) -> list[Item]:
        words = node.entries
        found: list[Item] = []
        if "from" in words:
            found.append(Source(words["from"].value, place.scope))
        if "for" in words:
            return found + self._for(node, place)
        if "repeat" not in words:
            return found + self._list(words["do"], place)
        return found + self._repeat(
            words["repeat"],
            place,
            Erroneous(node.span),
            lambda inside, _: self._list(words["do"], inside),
        )

    def _list(self, entry: Entry, place: _Place) -> list[Item]:
        """The entries below `do`, `else` or a branch."""
        node, inside = self._evaluated(entry.value, place)
        if isinstance(node, Sequence):
            return self._items(node, inside.deeper())
        if not in_error(node):
            self.collector.report(
                Fault(
                    "MS204",
                    f"a list of layers must stand here, found {describe(plain(node))}",
                    help="begin every layer with `- `, or write `[...]` around them",
                ),
                place.scope.frame.place(node.span),
            )
        return [Erroneous(node.span)]

    # Branches -------------------------------------------------------------------------------------

    def _branches_entry(self, node: Mapping, place: _Place) -> list[Item]:
        words = node.entries
        name, _ = name_of(words.get("name"), place.scope, self.values)
        check_name(words.get("name"), place.scope, self.values)
        erroneous = Erroneous(node.span, name=name)
        keep = is_kept(words["when"], place.scope, self.values) if "when" in words else True
        if not keep:
            self.excluded.exclude_entry(node, self.shared)
            names = list(written_names(Sequence((node,), node.span)))
            return [erroneous if keep is None else Excluded(names, words["when"].value.span)]
        if repeat := words.get("repeat"):
            return self._repeat(
                repeat,
                place,
                erroneous,
                lambda inside, is_later: [self._branches(node, inside, erroneous, is_later)],
            )
        return [self._branches(node, place, erroneous, False)]

    def _branches(
        self, node: Mapping, place: _Place, erroneous: Erroneous, is_later_round: bool
    ) -> Item:
        words = node.entries
        several = words["branches"].value
        if not isinstance(several, Sequence) or not several.items:
            self.collector.report(
                Fault(
                    "MS204",
                    f"`branches` must be a list of lists, found {describe(plain(several))}",
                    help="e.g. `branches: [[{Dense: 8}], []]`",
                ),
                place.scope.frame.place(several.span),
            )
            return erroneous
        branches = [self._list(Entry(item.span, item), place) for item in several.items]
        join = self._join(node, place, erroneous.name)
        if join is None:
            return erroneous
        source = words["from"].value if "from" in words else None
        span = words["branches"].key_span
        return Branches(span, source, place.scope, branches, join, is_later_round)

    def _join(self, node: Mapping, place: _Place, name: str | None) -> Call | BlockUse | None:
        """The entry that takes the ends of the branches."""
        words = node.entries
        default = Scalar("Concatenate", words["branches"].key_span)
        written = words["join"].value if "join" in words else default
        found = self._entry(written, place)
        join = found[0] if len(found) == 1 else None
        if isinstance(join, Erroneous):
            return None
        if not isinstance(join, (Call, BlockUse)):
            fault = Fault("MS207", "`join` is one layer that takes a list", help="e.g. `join: Add`")
            self.collector.report(fault, place.scope.frame.place(written.span))
            return None
        call = join.call if isinstance(join, BlockUse) else join
        if name and not call.name:
            call.name, call.name_span = name, words["name"].value.span
        if not (isinstance(call.body, Mapping) and "from" in call.body.entries):
            return join
        fault = Fault(
            "MS208", "`join` takes the branches, so it has no `from`", help="remove `from`"
        )
        self.collector.report(fault, place.scope.frame.place(written.span))
        return None


def _left_out(name: str | None, span: Span, reason: Entry) -> Excluded:
    """An entry that a `when` or a `repeat` leaves out."""
    return Excluded([(name, span)] if name else [], reason.value.span)
