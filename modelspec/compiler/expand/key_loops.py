"""Loops in mappings: `inputs: {for: {c: $columns}, do: {$c: [1]}}` writes the keys of `do` once for
each value, beside the other keys of the mapping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from modelspec.core.diagnostics import Fault, Note
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, plain

from .control_flow import loop_of
from .interpolation import is_expression
from .scope import Scope

if TYPE_CHECKING:
    from .values import Values

_WORDS: Final = ("for", "index", "do")
_EXAMPLE: Final = "e.g. `{for: {c: $columns}, do: {$c: {shape: [1]}}}`"


def is_loop(node: Mapping) -> bool:
    """Whether a mapping contains a loop that writes keys."""
    return "for" in node.entries and "do" in node.entries


def written_keys(
    node: Mapping, scope: Scope, values: Values, level: int, *, env: bool = False
) -> Mapping:
    """The mapping with the keys that its loop writes, at the place of the loop."""
    writer = _Writer(values, level, env)
    writer.mapping(node, scope)
    return Mapping(writer.entries, scope.frame.place(node.span))


class _Writer:
    """Collects the keys of one mapping."""

    def __init__(self, values: Values, level: int, env: bool) -> None:
        self.values = values
        self.level = level
        self.env = env
        self.entries: dict[str, Entry] = {}

    def mapping(self, node: Mapping, scope: Scope, *, in_loop: bool = False) -> None:
        """Add the keys of a mapping; only those in a loop may be expressions."""
        looping = is_loop(node)
        for key, entry in node.entries.items():
            if looping and key in _WORDS:
                if key == "for":
                    self._loop(node, scope)
                continue
            written = Entry(scope.frame.place(entry.key_span), entry.value)
            found = self._key(key, written, scope) if in_loop else (key, written)
            if found is not None:
                self._add(*found, scope)

    def _loop(self, node: Mapping, scope: Scope) -> None:
        loop = loop_of(node, scope, self.values)
        if loop is None:
            return
        body = node.entries["do"].value
        self.values.spent.foresee(0, len(loop.values.items), loop.values.span)
        for position, item in enumerate(loop.values.items):
            self.values.spent.visit(item.span)
            inside = scope.within(loop.cause(position), loop.bindings(position))
            self._body(body, inside)

    def _body(self, body: Node, scope: Scope) -> None:
        if isinstance(body, Mapping):
            self.mapping(body, scope, in_loop=True)
            return
        fault = Fault(
            "MS204",
            f"`do` in a mapping must be a mapping of keys to values, found {describe(plain(body))}",
            help=_EXAMPLE,
        )
        self.values.collector.report(fault, scope.frame.place(body.span))

    def _key(self, key: str, entry: Entry, scope: Scope) -> tuple[str, Entry] | None:
        """A key in a round; None, with a report, if it has no value."""
        written = Scalar(key, entry.key_span)
        if not is_expression(written):
            return key, entry
        found = self.values.node(written, scope)
        if isinstance(found, Scalar) and isinstance(found.value, str):
            return found.value, Entry(found.span, entry.value)
        if _is_wrong(found):
            return None
        fault = Fault(
            "MS204",
            f"a key must be a string, found {describe(plain(found))}",
            help=f'write `"$(str({key.lstrip("$").strip("()")}))"`',
        )
        self.values.collector.report(fault, found.span)
        return None

    def _add(self, key: str, entry: Entry, scope: Scope) -> None:
        before = self.entries.get(key)
        if before is None:
            value = self.values.node(entry.value, scope, self.level + 1, env=self.env)
            self.entries[key] = Entry(entry.key_span, value)
            return
        fault = Fault(
            "MS304",
            f"the key `{key}` is written twice",
            help="use the loop variable in the key, and name each value once",
        )
        self.values.collector.report(
            fault, entry.key_span, Note("first written here", before.key_span)
        )


def _is_wrong(node: Node) -> bool:
    from .values import in_error

    return in_error(node)
