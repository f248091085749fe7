"""Names in the scope of an expression, and the uses that make a piece of a file part of
the spec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

from modelspec.core.diagnostics import Span
from modelspec.core.diagnostics.derived import Cause, Derived, is_silent
from modelspec.core.settings import describe
from modelspec.core.source import Mapping as MappingNode
from modelspec.core.source import Node, Sequence, Value, plain


class Frame:
    """The uses that make a piece of a file part of the spec, the nearest first."""

    def __init__(self, causes: tuple[Cause, ...] = ()) -> None:
        self.causes = causes
        self._sources: dict[int, Derived] = {}

    def within(self, cause: Cause) -> Frame:
        """The frame inside one more use."""
        return Frame((cause, *self.causes))

    def place(self, span: Span) -> Span:
        """The span of a piece as used here; a span that already has causes is kept."""
        source = span.source
        if not self.causes or isinstance(source, Derived):
            return span
        derived = self._sources.get(id(source))
        if derived is None:
            derived = self._sources[id(source)] = Derived(
                source.name, source.text, source, self.causes, folder=source.folder
            )
        return Span(derived, span.start, span.end)

    def place_after(self, span: Span, causes: tuple[Cause, ...]) -> Span:
        """The same, for a value computed from others: `causes` are the places of those."""
        if not causes or isinstance(span.source, Derived):
            return self.place(span)
        source = span.source
        way = (*causes, *self.causes)
        derived = Derived(source.name, source.text, source, way, folder=source.folder)
        return Span(derived, span.start, span.end)


class Binding:
    """The value of a name. It is evaluated when it is first used, and once.

    `make` returns the value, or None if it is invalid, which it reports.
    """

    __slots__ = (
        "_busy",
        "_cause",
        "_count",
        "_levels",
        "_make",
        "_node",
        "_plain",
        "_whole",
        "in_frame",
        "name",
    )

    def __init__(
        self,
        name: str,
        make: Callable[[], Node | None] | None,
        node: Node | None = None,
        *,
        in_frame: bool = False,
    ) -> None:
        self.name = name
        self.in_frame = in_frame
        """Whether the frame already states the value, as a loop does."""
        self._make = make
        self._node = node
        self._busy = False
        self._plain: Value = None
        self._levels = self._count = -1
        self._whole = True
        self._cause: Cause | None = None

    @property
    def node(self) -> Node | None:
        """The value; None if it is invalid, or depends on itself."""
        if self._make is not None and not self._busy:
            self._busy = True
            self._node = self._make()
            self._make, self._busy = None, False
        return self._node

    @property
    def value(self) -> Value:
        """The value in Python's own types."""
        node = self.node
        if self._plain is None and node is not None:
            self._plain = plain(node)
        return self._plain

    @property
    def levels(self) -> int:
        """The nesting depth of mappings and lists in it."""
        self._measure()
        return self._levels

    @property
    def count(self) -> int:
        """The number of keys and values in it."""
        self._measure()
        return self._count

    @property
    def whole(self) -> bool:
        """Whether no part of it is invalid."""
        self._measure()
        return self._whole

    def _measure(self) -> None:
        if self._levels < 0 and self.node is not None:
            self._levels, self._count, self._whole = measure(self.node)

    @property
    def cause(self) -> Cause | None:
        """The note for a value computed from this one."""
        if self._cause is None and self.node is not None and not self.in_frame:
            self._cause = Cause(f"`{self.name}` is {describe(self.value)}", self.node.span)
        return self._cause


def measure(node: Node) -> tuple[int, int, bool]:
    """The nesting depth of a node (0 for a scalar), its number of keys and values, and whether no
    part of it is invalid.
    """
    if isinstance(node, Sequence):
        found = [measure(item) for item in node.items]
    elif isinstance(node, MappingNode):
        found = [measure(entry.value) for entry in node.entries.values()]
    else:
        return 0, 1, not is_silent(node.span)
    levels = 1 + max((levels for levels, _, _ in found), default=0)
    return levels, 1 + sum(count for _, count, _ in found), all(whole for _, _, whole in found)


_NOTHING: Final[Mapping[str, Span]] = {}


class Scope:
    """The names that expressions may use at one place, and the frame of that place."""

    __slots__ = ("_known", "final", "frame", "later", "names", "parent")
    frame: Frame

    def __init__(
        self,
        names: Mapping[str, Binding],
        parent: Scope | None = None,
        frame: Frame | None = None,
        *,
        final: bool = False,
        later: Mapping[str, Span] = _NOTHING,
    ) -> None:
        self.names = names
        self.parent = parent
        self.frame = frame or (parent.frame if parent else Frame())
        self.final = final
        """Whether the values here are already evaluated: a `$` in one is a dollar sign."""
        self.later = later
        """Names that are defined after this place."""
        self._known: tuple[tuple[int, ...], list[str]] | None = None

    def find(self, name: str) -> Binding | None:
        """The innermost binding of a name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def known(self) -> list[str]:
        """Every name in scope, the innermost first; recomputed if names were added."""
        sizes = tuple(len(one.names) for one in self._outwards())
        if self._known is None or self._known[0] != sizes:
            every = chain.from_iterable(one.names for one in self._outwards())
            self._known = sizes, list(dict.fromkeys(every))
        return self._known[1]

    def is_later(self, name: str) -> Span | None:
        """The definition of a name that cannot be used yet."""
        return next((scope.later[name] for scope in self._outwards() if name in scope.later), None)

    def _outwards(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def within(self, cause: Cause, names: Mapping[str, Binding] | None = None) -> Scope:
        """The scope inside one more use, with additional names."""
        return Scope(names or {}, self, self.frame.within(cause), final=self.final)

    def finished(self) -> Scope:
        """The same place, for values that are already evaluated."""
        return self if self.final else Scope({}, self, self.frame, final=True)
