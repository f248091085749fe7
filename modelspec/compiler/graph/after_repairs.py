"""Leaves out what follows from a syntax error, after the rest of the text was compiled.

A fault is reported if it would be there whatever is written on the broken lines: faults of single
values elsewhere, of layers that do not depend on these lines, of names that these lines cannot
define, and of pairs of sections of which neither is broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from modelspec.core.diagnostics import Diagnostic, Span
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.diagnostics.repaired import is_unfinished, repairs_of
from modelspec.core.source import Mapping, Node, find, walk

from .lost_names import CODES, lost

Recompile = Callable[[Mapping], Iterable[Diagnostic]]
"""Checks a document without some of its sections."""

_SYNTAX: Final = ("MS101", "MS102", "MS103", "MS105", "MS106", "MS107", "MS110", "MS111")
_MISSING: Final = ("MS203", "MS207", "MS315", "MS208")
"""Something required is not there: it may be on the broken line."""
_MISPLACED: Final = "MS207"
"""A key is beside another that it cannot be beside; the key that allows it may be broken too."""
_OF_ARGUMENTS: Final = ("MS202", "MS203", "MS204", "MS305")
"""The use of a block does not fit its parameters, inputs or outputs."""
_BLOCK: Final = re.compile(r"\bblock `([^`]+)`")
_DEFINING: Final = frozenset(("vars", "blocks", "model"))
"""Sections that define names."""
_OF_NAMES: Final = ("inputs", "outputs", "shared", "parameters", "vars", "blocks")
"""Keys with the names of several tensors, inputs or columns."""
_UNUSED: Final = ("MS307", "MS308", "MS313")
_FIRST_RELATION: Final = "MS423"
"""Codes from this one on are about pairs: training choices, data, expectations, and the model."""


def without_consequences(
    found: Iterable[Diagnostic], written: Mapping, root: Mapping, recompile: Recompile
) -> Iterator[Diagnostic]:
    """The diagnostics that are not about a repaired line, and do not follow from one. `written` is
    the document before its expansion, `root` after it.
    """
    broken, every = _Broken(written, root, recompile), tuple(found)
    elsewhere = tuple(one for one in every if not broken.is_there(one))
    lost_names = broken.lost_names(elsewhere)
    for one in every:
        follows = one in lost_names or broken.explains(one)
        if one.code in _SYNTAX or not follows:
            yield one


class _Broken:
    """The repaired lines of a document."""

    def __init__(self, written: Mapping, root: Mapping, recompile: Recompile) -> None:
        self.written = written
        self.root = root
        self.recompile = recompile
        self.repairs = repairs_of(written.span)
        self.sections = {key for key, entry in written.entries.items() if _touches(entry.span)}
        self._others: set[tuple[object, ...]] | None = None

    def explains(self, one: Diagnostic) -> bool:
        """Whether a diagnostic is a consequence of a repaired line."""
        if one.span is None or self.is_there(one) or one.code in _UNUSED:
            return True
        if one.code in _MISSING and self._lies_around(one.span):
            return True
        if one.code == _MISPLACED and self._is_beside(one.span):
            return True
        if one.code in _OF_ARGUMENTS and (block := _BLOCK.search(one.message)) is not None:
            return self._has_broken_head(block[1])
        return one.code >= _FIRST_RELATION and self._is_relation(one)

    def is_there(self, one: Diagnostic) -> bool:
        """Whether a diagnostic, or a place that it names, is on a repaired line. One in a file of
        the library is: only a use can cause it.
        """
        places = (one.span, *(note.span for note in one.notes))
        return any(
            place is not None and (is_unfinished(place) or place.source.shipped) for place in places
        )

    def _lies_around(self, span: Span) -> bool:
        """Whether the value that lacks something contains a repaired line."""
        place = origin_of(span)
        return any(is_unfinished(node.span) for node in _at(self.written, place))

    def _has_broken_head(self, block: str) -> bool:
        """Whether a repaired line is in the definition of a block, before or after its layers."""
        found = find(self.written, ("blocks", block))
        layers = find(self.written, ("blocks", block, "layers"))
        inside = [one for one in self.repairs if found is not None and _is_in(one, found.span)]
        return any(layers is None or not _is_in(one, layers.span) for one in inside)

    # Names ----------------------------------------------------------------------------------------

    def lost_names(self, found: tuple[Diagnostic, ...]) -> frozenset[Diagnostic]:
        """The faults of names that the repaired lines may define."""
        beside = frozenset(one for one in found if one.code in CODES and self._is_beside(one.span))
        if self.sections and not self.sections & _DEFINING:
            found = tuple(one for one in found if one.code == "MS501")
        words = [some for one in self.repairs if (some := re.findall(r"[\w-]+", one.text))]
        most = len(found) if any(map(_names_several, words)) else len(self.repairs)
        return beside | lost(found, most, [one[-1] for one in words])

    def _is_beside(self, span: Span | None) -> bool:
        """Whether the mapping that contains a place is partly on a repaired line."""
        place = None if span is None else origin_of(span)
        if place is None:
            return False
        around = [
            node
            for node in walk(self.written)
            if isinstance(node, Mapping) and _contains(node.span, place)
        ]
        return bool(around) and "layers" not in around[-1].entries and _touches(around[-1].span)

    # Pairs of sections ----------------------------------------------------------------------------

    def _is_relation(self, one: Diagnostic) -> bool:
        """Whether a fault of two sections, or of a section and the model, involves a broken one."""
        if "model" in self.sections and self._has_broken_ends():
            return True
        others = self.sections - {"model"}
        return bool(others) and _content(one) not in self._without(others)

    def _has_broken_ends(self) -> bool:
        """Whether the inputs or the outputs of the model are on repaired lines."""
        model = self.written.entries["model"].value
        entries = model.entries if isinstance(model, Mapping) else {}
        own = [entry.span for key, entry in entries.items() if key in ("inputs", "outputs")]
        return (
            not entries
            or "layers" not in entries
            or any(map(_touches, own))
            or any(
                _touches(entry.key_span)
                for entry in (self.written.entries["model"], *entries.values())
            )
        )

    def _without(self, sections: set[str]) -> set[tuple[object, ...]]:
        """What is found in the document without some sections."""
        if self._others is None:
            rest = {key: one for key, one in self.root.entries.items() if key not in sections}
            found = self.recompile(Mapping(rest, self.root.span))
            self._others = {_content(one) for one in found}
        return self._others


def _names_several(words: list[str]) -> bool:
    """Whether a line begins with a key of which the value has several names."""
    return any(key.startswith(words[0]) for key in _OF_NAMES)


def _contains(outer: Span, place: Span) -> bool:
    outer = origin_of(outer)
    same = outer.source is place.source
    return same and outer.start <= place.start and place.end <= outer.end


def _is_in(line: Span, span: Span) -> bool:
    """Whether a line of the document is part of a place in it."""
    return span.start <= line.end and line.start <= span.end


def _touches(span: Span) -> bool:
    return is_unfinished(span)


def _content(one: Diagnostic) -> tuple[object, ...]:
    place = None if one.span is None else (one.span.file, one.span.start, one.span.end)
    return one.code, one.message, place


def _at(root: Node, place: Span) -> Iterator[Node]:
    """The values at a place, or after a key at this place."""
    for node in walk(root):
        if origin_of(node.span) == place:
            yield node
        if isinstance(node, Mapping):
            for entry in node.entries.values():
                if origin_of(entry.key_span) == place:
                    yield entry.value
