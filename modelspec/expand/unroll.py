"""Lists of layers to items: `when` decided, `repeat` and `for` run, blocks entered.

Only what decides how many entries there are is worked out here. Settings wait until an entry is written (`write`), so
that a spec which asks for too many is refused before it costs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ..diagnostics import Fault, Span, nearest
from ..diagnostics.derived import Cause
from ..layers import LAYERS
from ..settings import describe
from ..source import Entry, Mapping, Node, Scalar, Sequence, plain
from . import limits
from .arguments import bind
from .blocks import Block
from .count import Counter
from .items import Branches, Call, From, Gone, Item, Lost, Opaque, Repeat, Use
from .limits import TooMuch, too_deep, too_many_layers, too_many_visits
from .names import RESERVED, check_variable
from .scope import Binding, Scope
from .values import Values, in_error

WORDS: Final = ("for", "index", "repeat", "when", "do", "else", "branches", "join")
"""Keys of an entry that is no call itself."""
_OF_BRANCHES: Final = ("branches", "join", "from", "name", "when", "repeat")
_OF_LISTS: Final = ("for", "index", "repeat", "when", "do", "else", "from")


class Unroller:
    """Runs the loops of one spec."""

    def __init__(self, values: Values, blocks: dict[str, Block | None], globals: Scope) -> None:
        self.values = values
        self.notebook = values.notebook
        self.spent = values.spent
        self.blocks = blocks
        self.globals = globals
        self._counter = Counter(blocks)
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
            raise TooMuch(too_many_layers() if self.spent.layers + layers > limits.LAYERS else too_many_visits(), span)

    def items(self, node: Node, scope: Scope, level: int = 1) -> list[Item]:
        """The entries of a list. What is no list is passed on as it is."""
        if isinstance(node, Scalar) and isinstance(node.value, str) and "$" in node.value and not scope.final:
            node, scope = self.values.node(node, scope), scope.finished()
        if not isinstance(node, Sequence):
            return [Lost(node.span) if in_error(node) else Opaque(node, scope)]
        if level > limits.LEVELS:
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

    # Calls -----------------------------------------------------------------------------------------------------------

    def _call(self, kind: str, span: Span, body: Node | None, scope: Scope, level: int, found: list[Item]) -> None:
        inside = scope
        if isinstance(body, Scalar) and isinstance(body.value, str) and "$" in body.value and not scope.final:
            body, inside = self.values.node(body, scope), scope.finished()
            if in_error(body):
                found.append(Lost(span, kind))
                return
        words = body.entries if isinstance(body, Mapping) else {}
        name, name_span = self._name(words.get("name"), inside)
        lost = Lost(span, kind, name)
        if when := words.get("when"):
            kept = self._kept(when, inside)
            if not kept:
                names = [(name, name_span or span)] if name else []
                found.append(lost if kept is None else Gone(names, when.value.span))
                return
        call = Call(kind, span, body, inside, name, name_span)
        if repeat := words.get("repeat"):
            self._repeat(repeat, inside, lost, found,
                         lambda scope, again: self._once(replace(call, scope=scope, again=again), level))
        else:
            found.extend(self._once(call, level))

    def _once(self, call: Call, level: int) -> list[Item]:
        """One call: a layer, or all that a block holds."""
        if call.kind not in self.blocks:
            self.spent.layer(call.span)
            return [Lost(call.span, call.kind, call.name)] if self._meant_block(call) else [call]
        block = self.blocks[call.kind]
        if block is None:
            return [Lost(call.span, call.kind, call.name)]
        cause = Cause(f"in block `{block.name}`, used here", call.span)
        arguments: dict[str, Binding] = {}
        inner = Scope(arguments, self.globals, call.scope.frame.within(cause))
        if not bind(call, block, self.values, inner, arguments):
            return [Lost(call.span, call.kind, call.name)]
        return [Use(call, block, inner, arguments, self.items(block.layers, inner, level + 1))]

    def _meant_block(self, call: Call) -> bool:
        """Whether a kind that nothing has was most likely meant to be a block, which is told."""
        kind = call.kind
        if not self.blocks or kind in LAYERS or kind in LAYERS.refused or kind in self.shared:
            return False
        near = nearest(kind, (*self.blocks, *self.shared, *LAYERS.names()))
        if near not in self.blocks:
            return False
        self.notebook.report(Fault("MS301", f"unknown layer `{kind}`", help=f"did you mean `{near}`?", suggestion=near),
                             call.scope.frame.place(call.span))
        return True

    def _name(self, entry: Entry | None, scope: Scope) -> tuple[str | None, Span | None]:
        if entry is None:
            return None, None
        node = self.values.node(entry.value, scope)
        if isinstance(node, Scalar) and isinstance(node.value, str) and not in_error(node):
            return node.value, node.span
        return None, None

    # Words -----------------------------------------------------------------------------------------------------------

    def _kept(self, when: Entry, scope: Scope) -> bool | None:
        """What `when` says; None, which is told, where that is not known."""
        node = self.values.node(when.value, scope)
        if in_error(node):
            return None
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.notebook.report(Fault("MS204", f"`when` must be `true` or `false`, found {describe(plain(node))}",
                                   help="compare: `$(stride != 1)`"), node.span)
        return None

    def _repeat(
        self, repeat: Entry, scope: Scope, lost: Lost, found: list[Item], make: Callable[[Scope, bool], list[Item]]
    ) -> None:
        """So many rounds of what `make` gives; it hears whether a round is one after the first."""
        times = self._times(repeat, scope)
        if times is None:
            found.append(lost)
            return
        if times == 0:
            found.append(Gone([(lost.name, lost.span)] if lost.name else [], repeat.value.span))
            return
        rounds: list[list[Item]] = []
        for number in range(1, times + 1):
            self.spent.visit(repeat.key_span)
            layers, visits = self.spent.layers, self.spent.visits
            rounds.append(make(scope.within(Cause(f"in round {number} of {times}", repeat.key_span)), number > 1))
            if number == 1:  # all rounds are alike
                self._afford((self.spent.layers - layers) * (times - 1), (self.spent.visits - visits) * (times - 1),
                             scope.frame.place(repeat.value.span))
        found.append(Repeat(rounds))

    def _times(self, repeat: Entry, scope: Scope) -> int | None:
        node = self.values.node(repeat.value, scope)
        value = plain(node)
        if in_error(node):
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.notebook.report(Fault("MS204", f"`repeat` must be a whole number, found {describe(value)}"), node.span)
            return None
        if value < 0:
            self.notebook.report(Fault("MS205", f"`repeat` must be at least 0, found {describe(value)}"), node.span)
            return None
        return value

    # Entries that hold lists -----------------------------------------------------------------------------------------

    def _group(self, node: Mapping, scope: Scope, level: int, found: list[Item]) -> None:
        words = node.entries
        allowed = _OF_BRANCHES if "branches" in words else _OF_LISTS
        if fault := _misplaced(node, allowed):
            self._malformed(*fault, found, node)
            return
        if "branches" in words:
            self._branches_entry(node, scope, level, found)
            return
        kept = self._kept(words["when"], scope) if "when" in words else True
        if kept is None:
            found.append(Lost(node.span))
        elif not kept:
            found.append(Gone(list(_names(words["do"].value)), words["when"].value.span))
            if "else" in words:
                found.extend(self._list(words["else"], scope, level))
        else:
            if "else" in words:
                found.append(Gone(list(_names(words["else"].value)), words["else"].key_span))
            self._kept_group(node, scope, level, found)

    def _kept_group(self, node: Mapping, scope: Scope, level: int, found: list[Item]) -> None:
        words = node.entries
        if "from" in words:
            found.append(From(words["from"].value, scope))
        if "for" in words:
            self._for(node, scope, level, found)
        elif "repeat" in words:
            self._repeat(words["repeat"], scope, Lost(node.span), found,
                         lambda inner, _: self._list(words["do"], inner, level))
        else:
            found.extend(self._list(words["do"], scope, level))

    def _malformed(self, fault: Fault, span: Span, found: list[Item], node: Mapping) -> None:
        self.notebook.report(fault, span)
        found.append(Lost(node.span))

    def _list(self, entry: Entry, scope: Scope, level: int) -> list[Item]:
        """The entries below `do`, `else` or a branch."""
        node = entry.value
        if isinstance(node, Scalar) and isinstance(node.value, str) and "$" in node.value and not scope.final:
            node, scope = self.values.node(node, scope), scope.finished()
        if isinstance(node, Sequence):
            return self.items(node, scope, level + 1)
        if not in_error(node):
            self.notebook.report(Fault("MS204", f"a list of layers must stand here, found {describe(plain(node))}",
                                       help="begin every layer with `- `, or write `[...]` around them"),
                                 scope.frame.place(node.span))
        return [Lost(node.span)]

    def _for(self, node: Mapping, scope: Scope, level: int, found: list[Item]) -> None:
        loop = self._loop(node, scope)
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
                names[index] = Binding(index, None, Scalar(position, node.entries["index"].value.span, True), told=True)
            said = f" and `{index}` is `{position}`" if index else ""
            cause = Cause(f"in the loop, where `{variable}` is {describe(plain(item))}{said}", item.span)
            found.extend(self._list(node.entries["do"], scope.within(cause, names), level))
            if position == 0 and alike:
                rest = len(values.items) - 1
                self._afford((self.spent.layers - layers) * rest, (self.spent.visits - visits) * rest, values.span)

    def _loop(self, node: Mapping, scope: Scope) -> tuple[str, str | None, Sequence] | None:
        """The variable of a `for`, that of its position, and the values."""
        head, position = node.entries["for"].value, node.entries.get("index")
        if not isinstance(head, Mapping) or len(head.entries) != 1:
            fault = Fault("MS207", f"`for` takes one name with a list of values, found {describe(plain(head))}",
                          help="e.g. `for: {width: [64, 32]}`; nest loops for several names")
            self.notebook.report(fault, scope.frame.place(head.span))
            return None
        variable, entry = next(iter(head.entries.items()))
        right = check_variable(variable, scope.frame.place(entry.key_span), self.notebook)
        index = plain(position.value) if position else None
        if position and not isinstance(index, str):
            fault = Fault("MS204", f"`index` must be a name, found {describe(index)}", help="e.g. `index: i`")
            self.notebook.report(fault, scope.frame.place(position.value.span))
            right = False
        elif position and isinstance(index, str):
            right = check_variable(index, scope.frame.place(position.value.span), self.notebook) and right
        values = self.values.node(entry.value, scope)
        if not isinstance(values, Sequence):
            if not in_error(values):
                fault = Fault("MS204", f"`for` must have a list of values, found {describe(plain(values))}",
                              help="e.g. `$(range(3))` for 0, 1, 2")
                self.notebook.report(fault, values.span)
            return None
        return (variable, index if isinstance(index, str) else None, values) if right else None

    # Branches --------------------------------------------------------------------------------------------------------

    def _branches_entry(self, node: Mapping, scope: Scope, level: int, found: list[Item]) -> None:
        words = node.entries
        name, _ = self._name(words.get("name"), scope)
        lost = Lost(node.span, name=name)
        kept = self._kept(words["when"], scope) if "when" in words else True
        if not kept:
            names = list(_names(Sequence((node,), node.span)))
            found.append(lost if kept is None else Gone(names, words["when"].value.span))
        elif repeat := words.get("repeat"):
            self._repeat(repeat, scope, lost, found,
                         lambda inner, again: [self._branches(node, inner, level, lost, again)])
        else:
            found.append(self._branches(node, scope, level, lost, False))

    def _branches(self, node: Mapping, scope: Scope, level: int, lost: Lost, again: bool) -> Item:
        words = node.entries
        several = words["branches"].value
        if not isinstance(several, Sequence) or not several.items:
            self.notebook.report(Fault("MS204", f"`branches` must be a list of lists, found {describe(plain(several))}",
                                       help="e.g. `branches: [[{Dense: 8}], []]`"), scope.frame.place(several.span))
            return lost
        branches = [self._list(Entry(item.span, item), scope, level) for item in several.items]
        join = self._join(node, scope, level, lost)
        if join is None:
            return lost
        source = words.get("from")
        return Branches(words["branches"].key_span, source.value if source else None, scope, branches, join, again)

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
            fault = Fault("MS208", "`join` takes the branches, so it has no `from`", help="remove `from`")
        elif isinstance(join, Lost):
            return None
        else:
            fault = Fault("MS207", "`join` is one layer that takes a list", help="e.g. `join: Add`")
        self.notebook.report(fault, scope.frame.place(written.span))
        return None


def _misplaced(node: Mapping, allowed: tuple[str, ...]) -> tuple[Fault, Span] | None:
    """What is wrong with the keys of an entry that holds lists."""
    words = node.entries
    if other := next((key for key in words if key not in allowed), None):
        if other in WORDS:
            return Fault("MS207", f"`{other}` cannot stand beside `{_chief(node)}`"), words[other].key_span
        word = _chief(node)
        if other in RESERVED:
            return Fault("MS207", f"`{other}` cannot stand beside `{word}`",
                         help="write it at the layers themselves"), words[other].key_span
        near = nearest(other, [key for key in allowed if key not in words])
        if near:
            return Fault("MS207", f"`{other}` cannot stand beside `{word}`", help=f"did you mean `{near}`?",
                         suggestion=near), words[other].key_span
        return Fault("MS207", f"`{word}` stands beside `{other}`, not among its settings",
                     help=f"indent it further, or write `- {other}: {{..., {word}: ...}}`"), words[word].key_span
    if "branches" in words:
        return None
    if "for" in words and "repeat" in words:
        return Fault("MS207", "`for` and `repeat` stand in one entry", help="put one below the other's `do`"), words[
            "repeat"].key_span
    for word, of in (("index", "for"), ("else", "when")):
        if word in words and of not in words:
            return Fault("MS207", f"`{word}` needs a `{of}` beside it"), words[word].key_span
    if "do" not in words:
        return Fault("MS207", f"`{_chief(node)}` needs `do`, the list of layers that it is about",
                     help="add `do: [...]`"), words[_chief(node)].key_span
    if not any(word in words for word in ("for", "repeat", "when")):
        return Fault("MS207", "`do` needs `for`, `repeat` or `when` beside it"), words["do"].key_span
    return None


def _chief(node: Mapping) -> str:
    """The word that says what an entry is."""
    return next(word for word in ("branches", *WORDS) if word in node.entries)


def _names(node: Node) -> Iterator[tuple[str, Span]]:
    """The names that a list of layers writes out, those of the lists inside it counted."""
    if not isinstance(node, Sequence):
        return
    for item in node.items:
        if isinstance(item, Sequence):
            yield from _names(item)
        if not isinstance(item, Mapping):
            continue
        for key, entry in item.entries.items():
            if key in ("do", "else", "branches"):
                yield from _names(entry.value)
            elif isinstance(entry.value, Mapping) and (name := entry.value.entries.get("name")):
                value = plain(name.value)
                if isinstance(value, str) and "$" not in value:
                    yield value, name.value.span


