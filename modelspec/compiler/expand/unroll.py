"""Lists of layers to items: `when` decided, `repeat` and `for` run, blocks entered.

Only what decides how many entries there are is worked out here. Settings wait until an entry is
written (`write`), so that a spec which asks for too many is refused before it costs anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
    kept,
    misplaced,
    name_of,
    read_loop,
    times,
    written_names,
)
from .excluded import Unseen
from .items import Branches, Call, From, Gone, Item, Lost, Opaque, Repeat, Use
from .layer_count import Counter
from .limits import TooMuch, too_deep, too_many_layers, too_many_visits
from .scope import Binding, Scope
from .values import Values, in_error


class Unroller:
    """Runs the loops of one spec."""

    def __init__(self, values: Values, blocks: dict[str, Block | None], globals: Scope) -> None:
        self.values = values
        self.notebook = values.notebook
        self.spent = values.spent
        self.blocks = blocks
        self.globals = globals
        self._counter = Counter(blocks)
        self.unseen = Unseen(frozenset(blocks))
        self.shared: frozenset[str] = frozenset()
        """What the entries may call that is shared."""

    def foresee(self, lists: list[Node]) -> None:
        """Raises `TooMuch` where these lists of layers together are plainly too many."""
        layers = visits = 0
        for node in lists:
            count = self._counter.entries(node)
            layers, visits = layers + count.layers, visits + count.visits
            self._afford(layers, visits, node.span)

    def _afford(self, layers: int, visits: int, span: Span) -> None:
        """Raises `TooMuch` where so many more layers and visits are past the budget."""
        if self.spent.layers + layers > limits.LAYERS or self.spent.visits + visits > limits.VISITS:
            raise TooMuch(
                (
                    too_many_layers()
                    if self.spent.layers + layers > limits.LAYERS
                    else too_many_visits()
                ),
                span,
            )

    def items(self, node: Node, scope: Scope, level: int = 1) -> list[Item]:
        """The entries of a list. What is no list is passed on as it is."""
        if (
            isinstance(node, Scalar)
            and isinstance(node.value, str)
            and "$" in node.value
            and not scope.final
        ):
            node, scope = self.values.node(node, scope), scope.finished()
        if not isinstance(node, Sequence):
            return [Lost(node.span) if in_error(node) else Opaque(node, scope)]
        if level > limits.DEPTH:
            raise TooMuch(too_deep(), node.span)
        found: list[Item] = []
        for item in node.items:
            self.entry(item, scope, level, found)
        return found

    def entry(self, node: Node, scope: Scope, level: int, found: list[Item]) -> None:
        """Add what one entry comes to."""
        self.spent.visit(node.span)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if "$" in node.value and not scope.final:
                value = self.values.node(node, scope)
                if in_error(value):
                    found.append(Lost(node.span))
                else:
                    self.entry(value, scope.finished(), level, found)
                return
            self._call(node.value, node.span, None, scope, level, found)
        elif isinstance(node, Mapping) and any(key in WORDS for key in node.entries):
            self._group(node, scope, level, found)
        elif isinstance(node, Mapping) and len(node.entries) == 1:
            kind, entry = next(iter(node.entries.items()))
            self._call(kind, entry.key_span, entry.value, scope, level, found)
        else:
            found.append(Opaque(node, scope))

    # Calls ----------------------------------------------------------------------------------------

    def _call(
        self, kind: str, span: Span, body: Node | None, scope: Scope, level: int, found: list[Item]
    ) -> None:
        inside, written = scope, body
        if (
            isinstance(body, Scalar)
            and isinstance(body.value, str)
            and "$" in body.value
            and not scope.final
        ):
            body, inside = self.values.node(body, scope), scope.finished()
            if in_error(body):
                found.append(Lost(span, kind))
                return
        words = body.entries if isinstance(body, Mapping) else {}
        name, name_span = name_of(words.get("name"), inside, self.values)
        lost = Lost(span, kind, name)
        if when := words.get("when"):
            keep = kept(when, inside, self.values)
            if not keep:
                self.unseen.leave_out(kind, span, written, self.shared)
                names = [(name, name_span or span)] if name else []
                found.append(lost if keep is None else Gone(names, when.value.span))
                return
        call = Call(kind, span, body, inside, name, name_span)
        if repeat := words.get("repeat"):
            self.unseen.leave_out(kind, span, written, self.shared)  # until a round of it stands
            self._repeat(
                repeat,
                inside,
                lost,
                found,
                lambda scope, again: self._once(replace(call, scope=scope, again=again), level),
            )
        else:
            found.extend(self._once(call, level))

    def _once(self, call: Call, level: int) -> list[Item]:
        """One call: a layer, or all that a block holds."""
        self.unseen.stands(call.span)
        if call.kind not in self.blocks:
            if self._is_shipped(call.kind):
                return [self._shipped(call, level)]
            self.spent.layer(call.span)
            return [Lost(call.span, call.kind, call.name)] if self._meant_block(call) else [call]
        return [self._use(call, self.blocks[call.kind], self, level)]

    def _use(self, call: Call, block: Block | None, home: Unroller, level: int) -> Item:
        """A block, entered; `home` knows the names that stand in it."""
        lost = Lost(call.span, call.kind, call.name)
        if block is None:
            return lost
        cause = Cause(f"in {block}, used here", call.span)
        arguments: dict[str, Binding] = {}
        inner = Scope(arguments, home.globals, call.scope.frame.within(cause))
        if not bind(call, block, self.values, inner, arguments):
            return lost
        return Use(call, block, inner, arguments, home.items(block.layers, inner, level + 1))

    def _is_shipped(self, kind: str) -> bool:
        return kind not in LAYERS and kind not in self.shared and is_kind(kind)

    def _shipped(self, call: Call, level: int) -> Item:
        """A kind of the library: a sub-model of its own, or a block."""
        from .library_kinds import load, make

        kind = load(call.kind)
        if kind.model is not None:
            self.spent.layer(call.span)
            return make(kind, call, self.values, level) or Lost(call.span, call.kind, call.name)
        self.notebook.found.extend(kind.faults)
        return self._use(call, kind.block, Unroller(self.values, kind.blocks, Scope({})), level)

    def _meant_block(self, call: Call) -> bool:
        """Whether a kind that nothing has was most likely meant to be a block (or `branches`),
        which is told.
        """
        kind = call.kind
        if kind in LAYERS or kind in LAYERS.refused or kind in self.shared:
            return False
        ours = (*self.blocks, "branches")
        near = nearest(kind, ours)
        if near is None or nearest(kind, (*ours, *self.shared, *LAYERS.names(), *kinds())) != near:
            return False
        self.notebook.report(
            Fault(
                "MS301", f"unknown layer `{kind}`", help=f"did you mean `{near}`?", suggestion=near
            ),
            call.scope.frame.place(call.span),
        )
        return True

    # Words ----------------------------------------------------------------------------------------

    def _repeat(
        self,
        repeat: Entry,
        scope: Scope,
        lost: Lost,
        found: list[Item],
        make: Callable[[Scope, bool], list[Item]],
    ) -> None:
        """So many rounds of what `make` gives; it hears whether a round is one after the first."""
        count = times(repeat, scope, self.values)
        if count is None:
            found.append(lost)
            return
        if count == 0:
            found.append(Gone([(lost.name, lost.span)] if lost.name else [], repeat.value.span))
            return
        rounds: list[list[Item]] = []
        for number in range(1, count + 1):
            self.spent.visit(repeat.key_span)
            layers, visits = self.spent.layers, self.spent.visits
            rounds.append(
                make(
                    scope.within(Cause(f"in round {number} of {count}", repeat.key_span)),
                    number > 1,
                )
            )
            if number == 1:  # all rounds are alike
                self._afford(
                    (self.spent.layers - layers) * (count - 1),
                    (self.spent.visits - visits) * (count - 1),
                    scope.frame.place(repeat.value.span),
                )
        found.append(Repeat(rounds))

    # Entries that hold lists ----------------------------------------------------------------------

    def _group(self, node: Mapping, scope: Scope, level: int, found: list[Item]) -> None:
        words = node.entries
        allowed = OF_BRANCHES if "branches" in words else OF_LISTS
        if fault := misplaced(node, allowed):
            self._malformed(*fault, found, node)
            return
        if "branches" in words:
            self._branches_entry(node, scope, level, found)
            return
        keep = kept(words["when"], scope, self.values) if "when" in words else True
        if keep is None:
            found.append(Lost(node.span))
        elif not keep:
            self.unseen.leave_out_all(words["do"].value, self.shared)
            found.append(Gone(list(written_names(words["do"].value)), words["when"].value.span))
            if "else" in words:
                found.extend(self._list(words["else"], scope, level))
        else:
            if "else" in words:
                self.unseen.leave_out_all(words["else"].value, self.shared)
                found.append(Gone(list(written_names(words["else"].value)), words["else"].key_span))
            self._kept_group(node, scope, level, found)

    def _kept_group(self, node: Mapping, scope: Scope, level: int, found: list[Item]) -> None:
        words = node.entries
        if "from" in words:
            found.append(From(words["from"].value, scope))
        if "for" in words:
            self._for(node, scope, level, found)
        elif "repeat" in words:
            self._repeat(
                words["repeat"],
                scope,
                Lost(node.span),
                found,
                lambda inner, _: self._list(words["do"], inner, level),
            )
        else:
            found.extend(self._list(words["do"], scope, level))

    def _malformed(self, fault: Fault, span: Span, found: list[Item], node: Mapping) -> None:
        self.notebook.report(fault, span)
        found.append(Lost(node.span))

    def _list(self, entry: Entry, scope: Scope, level: int) -> list[Item]:
        """The entries below `do`, `else` or a branch."""
        node = entry.value
        if (
            isinstance(node, Scalar)
            and isinstance(node.value, str)
            and "$" in node.value
            and not scope.final
        ):
            node, scope = self.values.node(node, scope), scope.finished()
        if isinstance(node, Sequence):
            return self.items(node, scope, level + 1)
        if not in_error(node):
            self.notebook.report(
                Fault(
                    "MS204",
                    f"a list of layers must stand here, found {describe(plain(node))}",
                    help="begin every layer with `- `, or write `[...]` around them",
                ),
                scope.frame.place(node.span),
            )
        return [Lost(node.span)]

    def _for(self, node: Mapping, scope: Scope, level: int, found: list[Item]) -> None:
        loop = read_loop(node, scope, self.values)
        if loop is None:
            found.append(Lost(node.span))
            return
        variable, index, values = loop
        alike = not {variable, index} & self._counter.entries(node.entries["do"].value).names
        for position, item in enumerate(values.items):
            self.spent.visit(item.span)
            layers, visits = self.spent.layers, self.spent.visits
            names = {variable: Binding(variable, None, item, told=True)}
            if index:
                names[index] = Binding(
                    index, None, Scalar(position, node.entries["index"].value.span, True), told=True
                )
            said = f" and `{index}` is `{position}`" if index else ""
            cause = Cause(
                f"in the loop, where `{variable}` is {describe(plain(item))}{said}", item.span
            )
            found.extend(self._list(node.entries["do"], scope.within(cause, names), level))
            if position == 0 and alike:
                rest = len(values.items) - 1
                self._afford(
                    (self.spent.layers - layers) * rest,
                    (self.spent.visits - visits) * rest,
                    values.span,
                )

    # Branches -------------------------------------------------------------------------------------

    def _branches_entry(self, node: Mapping, scope: Scope, level: int, found: list[Item]) -> None:
        words = node.entries
        name, _ = name_of(words.get("name"), scope, self.values)
        lost = Lost(node.span, name=name)
        keep = kept(words["when"], scope, self.values) if "when" in words else True
        if not keep:
            self.unseen.leave_out_entry(node, self.shared)
            names = list(written_names(Sequence((node,), node.span)))
            found.append(lost if keep is None else Gone(names, words["when"].value.span))
        elif repeat := words.get("repeat"):
            self._repeat(
                repeat,
                scope,
                lost,
                found,
                lambda inner, again: [self._branches(node, inner, level, lost, again)],
            )
        else:
            found.append(self._branches(node, scope, level, lost, False))

    def _branches(self, node: Mapping, scope: Scope, level: int, lost: Lost, again: bool) -> Item:
        words = node.entries
        several = words["branches"].value
        if not isinstance(several, Sequence) or not several.items:
            self.notebook.report(
                Fault(
                    "MS204",
                    f"`branches` must be a list of lists, found {describe(plain(several))}",
                    help="e.g. `branches: [[{Dense: 8}], []]`",
                ),
                scope.frame.place(several.span),
            )
            return lost
        branches = [self._list(Entry(item.span, item), scope, level) for item in several.items]
        join = self._join(node, scope, level, lost)
        if join is None:
            return lost
        source = words.get("from")
        return Branches(
            words["branches"].key_span,
            source.value if source else None,
            scope,
            branches,
            join,
            again,
        )

    def _join(self, node: Mapping, scope: Scope, level: int, lost: Lost) -> Call | Use | None:
        """The entry that takes the ends of the branches."""
        words = node.entries
        entry = words.get("join")
        written = entry.value if entry else Scalar("Concatenate", words["branches"].key_span)
        found: list[Item] = []
        self.entry(written, scope, level, found)
        join = found[0] if len(found) == 1 else None
        if isinstance(join, (Call, Use)):
            call = join.call if isinstance(join, Use) else join
            if lost.name and not call.name:
                call.name, call.name_span = lost.name, words["name"].value.span
            if not (isinstance(call.body, Mapping) and "from" in call.body.entries):
                return join
            fault = Fault(
                "MS208", "`join` takes the branches, so it has no `from`", help="remove `from`"
            )
        elif isinstance(join, Lost):
            return None
        else:
            fault = Fault("MS207", "`join` is one layer that takes a list", help="e.g. `join: Add`")
        self.notebook.report(fault, scope.frame.place(written.span))
        return None
