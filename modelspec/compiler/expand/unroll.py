"""Converts lists of layers to items: `when` is decided, `repeat` and `for` are run, blocks are
expanded.

Only expressions that affect the number of entries are evaluated here. Settings are evaluated when
an entry is written (`flatten`), so that a spec with too many entries is refused early.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import is_kind, is_text_of, kinds
from modelspec.core.diagnostics import Fault, Span, nearest
from modelspec.core.diagnostics.derived import Cause
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from . import limits
from .block_arguments import bind
from .block_shared import inside
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
from .unroll_branches import OF_JOINED, Chains, as_branches, is_joined
from .values import Values, in_error

if TYPE_CHECKING:
    from .library_kinds import Kind

N = TypeVar("N", bound="Node | None")

Instantiate: TypeAlias = "Callable[[Kind, Call, Values, int], LibraryUse | None]"
"""Makes the sub-model of a library kind, as one entry sets it; None if the entry is invalid."""


class Place(NamedTuple):
    """The place of an entry: the names in scope, and the number of lists and blocks around it."""

    scope: Scope
    level: int

    def with_scope(self, scope: Scope) -> Place:
        return Place(scope, self.level)

    def deeper(self) -> Place:
        return Place(self.scope, self.level + 1)


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
        """The shared names that the entries may call."""
        self.outside: frozenset[str] = frozenset()
        """Those that a block may call besides its own."""

    def foresee(self, lists: list[Node]) -> None:
        """Raises `TooMuch` if these lists of layers together certainly exceed the limit."""
        layers = visits = 0
        for node in lists:
            count = self._counter.entries(node)
            layers, visits = layers + count.layers, visits + count.visits
            self.spent.foresee(layers, visits, node.span)

    def items(self, node: Node, scope: Scope, level: int = 1) -> list[Item]:
        """The entries of a list. Other values are returned unchanged."""
        return self._items(node, Place(scope, level))

    def _items(self, node: Node, place: Place) -> list[Item]:
        node, place = self._evaluated(node, place)
        if not isinstance(node, Sequence):
            return [Erroneous(node.span) if in_error(node) else NoEntry(node, place.scope)]
        if place.level > limits.DEPTH:
            raise TooMuch(too_deep(), node.span)
        return [found for item in node.items for found in self._entry(item, place)]

    def _evaluated(self, node: N, place: Place) -> tuple[N | Node, Place]:
        """The value of an expression, with all parts evaluated; any other node unchanged."""
        if node is None or not is_expression(node) or place.scope.final:
            return node, place
        return self.values.node(node, place.scope), place.with_scope(place.scope.finished())

    def _entry(self, node: Node, place: Place) -> list[Item]:
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

    def _bare_entry(self, node: Scalar, kind: str, place: Place) -> list[Item]:
        """An entry that is a bare name or an expression."""
        if not is_expression(node) or place.scope.final:
            return self._call(kind, node.span, None, place)
        value, inside = self._evaluated(node, place)
        return [Erroneous(node.span)] if in_error(value) else self._entry(value, inside)

    # Calls ----------------------------------------------------------------------------------------

    def _call(self, kind: str, span: Span, written: Node | None, place: Place) -> list[Item]:
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

        def round_of(inside: Place, is_later: bool) -> list[Item]:
            one = replace(call, scope=inside.scope, is_later_round=is_later)
            return [self._once(one, place.level)]

        self.excluded.exclude(kind, span, written, self.shared)  # until a round includes it
        return self._repeat(repeat, place, erroneous, round_of)

    def _with_meant_words(self, kind: str, body: Node | None, scope: Scope) -> Node | None:
        """The body of an entry with misspelled words (`nmae`) corrected."""
        block = self.blocks.get(kind)
        if block is None and self._is_shipped(kind):
            from .library_kinds import load

            block = load(kind).block
        shared = kind in self.shared
        if block is None and not shared and kind not in LAYERS:
            return body
        return with_meant_words(body, Words(kind, block, shared), self.collector, scope.frame)

    def _once(self, call: Call, level: int) -> Item:
        """One call: of a layer, or of a block with all its entries."""
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
        """An expanded block; `home` is the scope for names that are used in it."""
        erroneous = Erroneous(call.span, call.kind, call.name)
        if block is None:
            return erroneous
        if isinstance(call.body, Mapping):
            check_name(call.body.entries.get("name"), call.scope, self.values)
        cause = block.cause(call.span)
        arguments: dict[str, Binding] = {}
        sizes: dict[str, Binding] = {}
        frame = call.scope.frame.within(cause)
        around = Scope(sizes, home.globals, frame) if block.sized else home.globals
        inner = Scope(arguments, around, frame)
        if not bind(call, block, self.values, inner, arguments):
            return erroneous
        if block.shared is None and not block.sized and home.shared is home.outside:
            items = home.items(block.layers, inner, level + 1)
            return BlockUse(call, block, inner, arguments, items)
        expand = partial(inside, block, home, inner, level)
        if any(home.globals.find(name) is None for name in block.sized):
            return BlockUse(call, block, inner, arguments, [], sizes=sizes, expand=expand)
        return BlockUse(call, block, inner, arguments, *expand())

    def _is_shipped(self, kind: str) -> bool:
        return kind not in LAYERS and kind not in self.shared and is_kind(kind)

    def _shipped(self, call: Call, level: int) -> Item:
        """A library kind: its own sub-model, or a block."""
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
        """Whether an unknown kind was most likely meant to be a block (or `branches`), which is
        reported.
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
        place: Place,
        erroneous: Erroneous,
        make: Callable[[Place, bool], list[Item]],
    ) -> list[Item]:
        """So many rounds of the result of `make`, whose argument is whether a round is not the
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
            inside = scope.within(Cause(f"in round {number} of {count}", repeat.key_span, "loop"))
            rounds.append(make(place.with_scope(inside), number > 1))
            if number == 1:  # all rounds are identical
                self._foresee_rounds(before, count - 1, scope.frame.place(repeat.value.span))
        return [Repeat(rounds)]

    def _foresee_rounds(self, before: tuple[int, int], rounds: int, span: Span) -> None:
        """Raises `TooMuch` if so many more rounds like the one since `before` exceed the limit."""
        layers, visits = before
        self.spent.foresee(
            (self.spent.layers - layers) * rounds, (self.spent.visits - visits) * rounds, span
        )

    def _for(self, node: Mapping, place: Place) -> list[Item]:
        body = node.entries["do"]
        loop = loop_of(node, place.scope, self.values)
        if loop is None or not loop.values.items:
            self.excluded.exclude_list(body.value, self.shared)
        if loop is None:
            return [Erroneous(node.span)]
        if not loop.values.items:
            return []
        alike = not loop.names & self._counter.entries(body.value).names
        rounds: list[list[Item]] = []
        for position, item in enumerate(loop.values.items):
            self.spent.visit(item.span)
            before = self.spent.layers, self.spent.visits
            inside = place.scope.within(loop.cause(position), loop.bindings(position))
            rounds.append(self.listed(body, place.with_scope(inside)))
            if position == 0 and alike:
                self._foresee_rounds(before, len(loop.values.items) - 1, loop.values.span)
        if is_text_of(node.span.source):
            return [item for one in rounds for item in one]  # named and counted as Keras does
        return [Repeat(rounds, is_for=True)]

    # Entries that contain lists -------------------------------------------------------------------

    def _group(self, node: Mapping, place: Place) -> list[Item]:
        words = node.entries
        joined = is_joined(node)
        allowed = OF_JOINED if joined else OF_BRANCHES if "branches" in words else OF_LISTS
        if found := misplaced(node, allowed):
            return self._misplaced(node, *found, place)
        if joined or "branches" in words:
            return self._branches_entry(as_branches(node) if joined else node, place)
        keep = is_kept(words["when"], place.scope, self.values) if "when" in words else True
        if keep is None:
            return [Erroneous(node.span)]
        if not keep:
            left_out = self.leave_out(words["do"], words["when"].value.span)
            return [left_out, *(self.listed(words["else"], place) if "else" in words else ())]
        if "else" in words:
            left_out = self.leave_out(words["else"], words["else"].key_span)
            return [left_out, *self._kept_group(node, place)]
        return self._kept_group(node, place)

    def _misplaced(self, node: Mapping, fault: Fault, span: Span, place: Place) -> list[Item]:
        """An entry with an invalid key: if the key is misspelled, the entry with the key
        corrected.
        """
        self.collector.report(fault, span)
        near = fault.suggestion
        if near is None:
            return [Erroneous(node.span)]
        entries = {
            near if entry.key_span == span else key: entry for key, entry in node.entries.items()
        }
        return self._group(Mapping(entries, node.span), place)

    def leave_out(self, entry: Entry, span: Span) -> Excluded:
        """A list of entries that are not part of the model."""
        self.excluded.exclude_list(entry.value, self.shared)
        return Excluded(list(written_names(entry.value)), span)

    def _kept_group(self, node: Mapping, place: Place) -> list[Item]:
        words = node.entries
        found: list[Item] = []
        if "from" in words:
            found.append(Source(words["from"].value, place.scope))
        if "for" not in words and "repeat" not in words:
            return found + self.listed(words["do"], place)
        return found + self.loop(node, place)

    def loop(self, node: Mapping, place: Place) -> list[Item]:
        """The rounds of an entry with `for` or `repeat`, and `do`."""
        words = node.entries
        if "for" in words:
            return self._for(node, place)
        return self._repeat(
            words["repeat"],
            place,
            Erroneous(node.span),
            lambda inside, _: self.listed(words["do"], inside),
        )

    def listed(self, entry: Entry, place: Place) -> list[Item]:
        """The entries below `do`, `else` or a branch."""
        node, inside = self._evaluated(entry.value, place)
        if isinstance(node, Sequence):
            return self._items(node, inside.deeper())
        if not in_error(node):
            self.collector.report(
                Fault(
                    "MS204",
                    f"expected a list of layers, found {describe(plain(node))}",
                    help="begin every layer with `- `, or write `[...]` around them",
                ),
                place.scope.frame.place(node.span),
            )
        return [Erroneous(node.span)]

    # Branches -------------------------------------------------------------------------------------

    def _branches_entry(self, node: Mapping, place: Place) -> list[Item]:
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
        self, node: Mapping, place: Place, erroneous: Erroneous, is_later_round: bool
    ) -> Item:
        words = node.entries
        chains = Chains(self, place)
        if not chains.read(words["branches"].value):
            return erroneous
        join = self._join(node, place, erroneous.name)
        if join is None:
            return erroneous
        source = words["from"].value if "from" in words else None
        span = words["branches"].key_span
        return Branches(
            span, source, place.scope, chains.found, join, is_later_round, chains.excluded
        )

    def _join(self, node: Mapping, place: Place, name: str | None) -> Call | BlockUse | None:
        """The entry that joins the ends of the branches."""
        words = node.entries
        default = Scalar("Concatenate", words["branches"].key_span)
        written = words["join"].value if "join" in words else default
        found = self._entry(written, place)
        join = found[0] if len(found) == 1 else None
        if isinstance(join, Erroneous):
            return None
        if not isinstance(join, (Call, BlockUse)):
            fault = Fault(
                "MS207", "`join` must be a layer that takes a list", help="e.g. `join: Add`"
            )
            self.collector.report(fault, place.scope.frame.place(written.span))
            return None
        call = join.call if isinstance(join, BlockUse) else join
        if name and not call.name:
            call.name, call.name_span = name, words["name"].value.span
        if not (isinstance(call.body, Mapping) and "from" in call.body.entries):
            return join
        fault = Fault(
            "MS208", "`join` takes the branches, so it cannot have `from`", help="remove `from`"
        )
        self.collector.report(fault, place.scope.frame.place(written.span))
        return None


def _left_out(name: str | None, span: Span, reason: Entry) -> Excluded:
    """An entry that a `when` or a `repeat` leaves out."""
    return Excluded([(name, span)] if name else [], reason.value.span)
