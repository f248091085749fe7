"""Control flow in lists of layers: `when`, `repeat` and `for`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelspec.core.diagnostics import Fault, Span, nearest
from modelspec.core.diagnostics.derived import Cause
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from ..spec.layer_names import check_name as may_be_called
from .identifiers import RESERVED, check_variable
from .interpolation import is_expression
from .scope import Binding, Scope
from .values import Values, in_error

WORDS: Final = ("for", "index", "repeat", "when", "do", "else", "branches", "join")
"""Keys of an entry that contains lists of entries, or that is repeated."""
OF_BRANCHES: Final = ("branches", "join", "from", "name", "when", "repeat")
OF_LISTS: Final = ("for", "index", "repeat", "when", "do", "else", "from")


def is_kept(when: Entry, scope: Scope, values: Values) -> bool | None:
    """The value of `when`; None, with a report, if it is unknown."""
    node = values.node(when.value, scope)
    if in_error(node):
        return None
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    values.collector.report(
        Fault(
            "MS204",
            f"`when` must be `true` or `false`, found {describe(plain(node))}",
            help="write a comparison: `$(stride != 1)`",
        ),
        node.span,
    )
    return None


def name_of(entry: Entry | None, scope: Scope, values: Values) -> tuple[str | None, Span | None]:
    """The explicit name of an entry, and its place; no name if the value is not a name."""
    if entry is None:
        return None, None
    node = values.node(entry.value, scope)
    if isinstance(node, Scalar) and isinstance(node.value, str) and not in_error(node):
        return node.value or None, node.span
    return None, None


def check_name(entry: Entry | None, scope: Scope, values: Values) -> None:
    """MS204 or MS306 for an invalid name of an entry that expansion removes (a block, branches): no
    later stage sees it.
    """
    if entry is None:
        return
    node = values.node(entry.value, scope)
    value = plain(node)
    if in_error(node) or (isinstance(value, str) and value):
        return
    if value == "":
        may_be_called(value, node.span, values.collector)
        return
    fault = Fault("MS204", f"a `name` must be a string, found {describe(value)}")
    values.collector.report(fault, node.span)


def times(repeat: Entry, scope: Scope, values: Values) -> int | None:
    node = values.node(repeat.value, scope)
    value = plain(node)
    if in_error(node):
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        values.collector.report(
            Fault("MS204", f"`repeat` must be an integer, found {describe(value)}"), node.span
        )
        return None
    if value < 0:
        values.collector.report(
            Fault("MS205", f"`repeat` must be at least 0, found {describe(value)}"), node.span
        )
        return None
    return value


@dataclass(frozen=True)
class Loop:
    """A `for`: its variable, its index variable, and the values."""

    variable: str
    index: str | None
    index_span: Span | None
    values: Sequence

    @property
    def names(self) -> set[str | None]:
        return {self.variable, self.index}

    def bindings(self, position: int) -> dict[str, Binding]:
        """The values of the loop variables in one round."""
        item = self.values.items[position]
        found = {self.variable: Binding(self.variable, None, item, in_frame=True)}
        if self.index and self.index_span:
            node = Scalar(position, self.index_span, True)
            found[self.index] = Binding(self.index, None, node, in_frame=True)
        return found

    def cause(self, position: int) -> Cause:
        """The cause of the entries of one round."""
        item = self.values.items[position]
        index = f" and `{self.index}` is `{position}`" if self.index else ""
        value = describe(plain(item))
        message = f"in the loop, where `{self.variable}` is {value}{index}"
        return Cause(message, item.span, "loop")


def loop_of(node: Mapping, scope: Scope, values: Values) -> Loop | None:
    """The loop of an entry with `for`; None, with a report, if it is malformed."""
    head, position = node.entries["for"].value, node.entries.get("index")
    if not isinstance(head, Mapping) or len(head.entries) != 1:
        fault = Fault(
            "MS207",
            f"`for` must be one name with a list of values, found {describe(plain(head))}",
            help="e.g. `for: {width: [64, 32]}`; nest loops for several names",
        )
        values.collector.report(fault, scope.frame.place(head.span))
        return None
    variable, entry = next(iter(head.entries.items()))
    is_right = check_variable(variable, scope.frame.place(entry.key_span), values.collector)
    index_span = position.value.span if position else None
    index = plain(position.value) if position else None
    if position and not _check_index(position.value, scope, values):
        is_right = False
    items = _loop_values(entry.value, scope, values)
    if items is None or not is_right:
        return None
    return Loop(variable, index if isinstance(index, str) else None, index_span, items)


def _check_index(node: Node, scope: Scope, values: Values) -> bool:
    """Whether the name in `index` is valid."""
    index, span = plain(node), scope.frame.place(node.span)
    if isinstance(index, str):
        return check_variable(index, span, values.collector)
    fault = Fault(
        "MS204", f"`index` must be a name, found {describe(index)}", help="e.g. `index: i`"
    )
    values.collector.report(fault, span)
    return False


def _loop_values(node: Node, scope: Scope, values: Values) -> Sequence | None:
    items = values.node(node, scope)
    if isinstance(items, Sequence):
        return items
    if not in_error(items):
        fault = Fault(
            "MS204",
            f"`for` must have a list of values, found {describe(plain(items))}",
            help="e.g. `$(range(3))` for 0, 1, 2",
        )
        values.collector.report(fault, items.span)
    return None


def misplaced(node: Mapping, allowed: tuple[str, ...]) -> tuple[Fault, Span] | None:
    """The error in the keys of an entry that contains lists, if any."""
    other = next((key for key in node.entries if key not in allowed), None)
    if other is not None:
        return _foreign_key(node, other, allowed)
    if "branches" in node.entries:
        return None
    return _incomplete(node)


def _foreign_key(node: Mapping, other: str, allowed: tuple[str, ...]) -> tuple[Fault, Span]:
    """A key that such an entry cannot have."""
    words, word = node.entries, _chief(node)
    message = f"`{other}` cannot be used beside `{word}`"
    if other in WORDS:
        return Fault("MS207", message), words[other].key_span
    if other in RESERVED:
        fault = Fault("MS207", message, help="write it at the layers inside")
        return fault, words[other].key_span
    near = nearest(other, [key for key in allowed if key not in words])
    if near:
        fault = Fault("MS207", message, help=f"did you mean `{near}`?", suggestion=near)
        return fault, words[other].key_span
    return (
        Fault(
            "MS207",
            f"`{word}` is beside `{other}`, not among its settings",
            help=f"indent it further, or write `- {other}: {{..., {word}: ...}}`",
        ),
        words[word].key_span,
    )


def _incomplete(node: Mapping) -> tuple[Fault, Span] | None:
    """What is missing from an entry with `do`, or is there twice."""
    words = node.entries
    if "for" in words and "repeat" in words:
        fault = Fault(
            "MS207",
            "an entry has both `for` and `repeat`",
            help="nest one in the `do` of the other",
        )
        return fault, words["repeat"].key_span
    for word, of in (("index", "for"), ("else", "when")):
        if word in words and of not in words:
            return Fault("MS207", f"`{word}` requires a `{of}` beside it"), words[word].key_span
    if "do" not in words:
        chief = _chief(node)
        fault = Fault(
            "MS207",
            f"`{chief}` requires `do`, the list of layers that it applies to",
            help="add `do: [...]`",
        )
        return fault, words[chief].key_span
    if not any(word in words for word in ("for", "repeat", "when")):
        fault = Fault("MS207", "`do` requires `for`, `repeat` or `when` beside it")
        return fault, words["do"].key_span
    return None


def _chief(node: Mapping) -> str:
    """The word that decides what an entry is."""
    return next(word for word in ("branches", *WORDS) if word in node.entries)


def written_names(node: Node) -> Iterator[tuple[str, Span]]:
    """The explicit names in a list of layers, including nested lists."""
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Sequence):
            yield from written_names(item)
        for key, entry in item.entries.items() if isinstance(item, Mapping) else ():
            if key in ("do", "else", "branches"):
                yield from written_names(entry.value)
            elif found := _written_name(entry.value):
                yield found


def _written_name(settings: Node) -> tuple[str, Span] | None:
    """The literal `name` among the settings of an entry."""
    named = settings.entries.get("name") if isinstance(settings, Mapping) else None
    if named is None or not isinstance(named.value, Scalar) or is_expression(named.value):
        return None
    value = named.value.value
    return (value, named.value.span) if isinstance(value, str) else None
