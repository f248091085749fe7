"""The words of an entry that say whether, how often, and for which values it stands: `when`,
`repeat`, `for`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelspec.core.diagnostics import Fault, Span, nearest
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .identifiers import RESERVED, check_variable
from .scope import Scope
from .values import Values, in_error

WORDS: Final = ("for", "index", "repeat", "when", "do", "else", "branches", "join")
"""Keys of an entry that is no call itself."""
OF_BRANCHES: Final = ("branches", "join", "from", "name", "when", "repeat")
OF_LISTS: Final = ("for", "index", "repeat", "when", "do", "else", "from")


def kept(when: Entry, scope: Scope, values: Values) -> bool | None:
    """What `when` says; None, which is told, where that is not known."""
    node = values.node(when.value, scope)
    if in_error(node):
        return None
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    values.notebook.report(
        Fault(
            "MS204",
            f"`when` must be `true` or `false`, found {describe(plain(node))}",
            help="compare: `$(stride != 1)`",
        ),
        node.span,
    )
    return None


def name_of(entry: Entry | None, scope: Scope, values: Values) -> tuple[str | None, Span | None]:
    """The name that an entry writes out, and where; neither where it is none."""
    if entry is None:
        return None, None
    node = values.node(entry.value, scope)
    if isinstance(node, Scalar) and isinstance(node.value, str) and not in_error(node):
        return node.value, node.span
    return None, None


def times(repeat: Entry, scope: Scope, values: Values) -> int | None:
    node = values.node(repeat.value, scope)
    value = plain(node)
    if in_error(node):
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        values.notebook.report(
            Fault("MS204", f"`repeat` must be a whole number, found {describe(value)}"), node.span
        )
        return None
    if value < 0:
        values.notebook.report(
            Fault("MS205", f"`repeat` must be at least 0, found {describe(value)}"), node.span
        )
        return None
    return value


def read_loop(
    node: Mapping, scope: Scope, values: Values
) -> tuple[str, str | None, Sequence] | None:
    """The variable of a `for`, that of its position, and the values."""
    head, position = node.entries["for"].value, node.entries.get("index")
    if not isinstance(head, Mapping) or len(head.entries) != 1:
        fault = Fault(
            "MS207",
            f"`for` takes one name with a list of values, found {describe(plain(head))}",
            help="e.g. `for: {width: [64, 32]}`; nest loops for several names",
        )
        values.notebook.report(fault, scope.frame.place(head.span))
        return None
    variable, entry = next(iter(head.entries.items()))
    right = check_variable(variable, scope.frame.place(entry.key_span), values.notebook)
    index = plain(position.value) if position else None
    if position and not isinstance(index, str):
        fault = Fault(
            "MS204", f"`index` must be a name, found {describe(index)}", help="e.g. `index: i`"
        )
        values.notebook.report(fault, scope.frame.place(position.value.span))
        right = False
    elif position and isinstance(index, str):
        right = (
            check_variable(index, scope.frame.place(position.value.span), values.notebook) and right
        )
    items = values.node(entry.value, scope)
    if not isinstance(items, Sequence):
        if not in_error(items):
            fault = Fault(
                "MS204",
                f"`for` must have a list of values, found {describe(plain(items))}",
                help="e.g. `$(range(3))` for 0, 1, 2",
            )
            values.notebook.report(fault, items.span)
        return None
    return (variable, index if isinstance(index, str) else None, items) if right else None


def misplaced(node: Mapping, allowed: tuple[str, ...]) -> tuple[Fault, Span] | None:
    """What is wrong with the keys of an entry that holds lists."""
    words = node.entries
    if other := next((key for key in words if key not in allowed), None):
        if other in WORDS:
            return (
                Fault("MS207", f"`{other}` cannot stand beside `{_chief(node)}`"),
                words[other].key_span,
            )
        word = _chief(node)
        if other in RESERVED:
            return (
                Fault(
                    "MS207",
                    f"`{other}` cannot stand beside `{word}`",
                    help="write it at the layers themselves",
                ),
                words[other].key_span,
            )
        near = nearest(other, [key for key in allowed if key not in words])
        if near:
            return (
                Fault(
                    "MS207",
                    f"`{other}` cannot stand beside `{word}`",
                    help=f"did you mean `{near}`?",
                    suggestion=near,
                ),
                words[other].key_span,
            )
        return (
            Fault(
                "MS207",
                f"`{word}` stands beside `{other}`, not among its settings",
                help=f"indent it further, or write `- {other}: {{..., {word}: ...}}`",
            ),
            words[word].key_span,
        )
    if "branches" in words:
        return None
    if "for" in words and "repeat" in words:
        return (
            Fault(
                "MS207",
                "`for` and `repeat` stand in one entry",
                help="put one below the other's `do`",
            ),
            words["repeat"].key_span,
        )
    for word, of in (("index", "for"), ("else", "when")):
        if word in words and of not in words:
            return Fault("MS207", f"`{word}` needs a `{of}` beside it"), words[word].key_span
    if "do" not in words:
        return (
            Fault(
                "MS207",
                f"`{_chief(node)}` needs `do`, the list of layers that it is about",
                help="add `do: [...]`",
            ),
            words[_chief(node)].key_span,
        )
    if not any(word in words for word in ("for", "repeat", "when")):
        return (
            Fault("MS207", "`do` needs `for`, `repeat` or `when` beside it"),
            words["do"].key_span,
        )
    return None


def _chief(node: Mapping) -> str:
    """The word that says what an entry is."""
    return next(word for word in ("branches", *WORDS) if word in node.entries)


def written_names(node: Node) -> Iterator[tuple[str, Span]]:
    """The names that a list of layers writes out, those of the lists inside it counted."""
    if not isinstance(node, Sequence):
        return
    for item in node.items:
        if isinstance(item, Sequence):
            yield from written_names(item)
        if not isinstance(item, Mapping):
            continue
        for key, entry in item.entries.items():
            if key in ("do", "else", "branches"):
                yield from written_names(entry.value)
            elif isinstance(entry.value, Mapping) and (name := entry.value.entries.get("name")):
                value = plain(name.value)
                if isinstance(value, str) and "$" not in value:
                    yield value, name.value.span
