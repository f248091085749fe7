"""The parts of expressions and formulas, for their colors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

from modelspec.catalog.formula import Formula
from modelspec.compiler.expand.expression_syntax import Misread
from modelspec.compiler.expand.interpolation import split
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.source import Mapping as MappingNode
from modelspec.core.source import Node, Scalar, Sequence
from modelspec.core.source.offsets import place

from .analysis import Analysis

Kind = Literal["variable", "function", "number", "string", "operator", "keyword", "property"]
KINDS: Final[tuple[Kind, ...]] = (
    *("variable", "function", "number", "string", "operator", "keyword", "property"),
)
_PARTS: Final = re.compile(
    r"(?P<string>'(?:[^'\\]|\\.)*'?|\"(?:[^\"\\]|\\.)*\"?)"
    r"|(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<keyword>\b(?:if|else|and|or|not|in|for|true|false|null|True|False|None)\b)"
    r"|(?P<property>(?<=\.)[^\W\d]\w*)"
    r"|(?P<function>[^\W\d]\w*(?=\s*\())"
    r"|(?P<variable>[^\W\d]\w*)"
    r"|(?P<operator>\*\*|//|[<>=!]=|[-+*/%<>=@])"
)
_LOOKS: Final = re.compile(r"[-+*/<>(]")
"""A string without any of these may be a formula, but has nothing to color."""
_DEEPEST: Final = 12


class Token(NamedTuple):
    """A part of an expression."""

    start: int
    end: int
    kind: Kind


def tokens(analysis: Analysis) -> list[Token]:
    """The parts of all expressions and formulas of a text, in their order."""
    if analysis.document is None:
        return []
    formulas = _Formulas(analysis)
    found: list[Token] = []
    for node in _strings(analysis.document.root):
        text = str(node.value)
        if "$" in text:
            found += _of_expressions(node, text)
        elif _LOOKS.search(text) and text in formulas.texts:
            found += _of_code(node, text, 0)
    return _disjoint(found)


def _disjoint(found: list[Token]) -> list[Token]:
    """In order, without those that overlap the one before (values that are written once and used
    twice).
    """
    kept: list[Token] = []
    for one in sorted(found):
        if one.start < one.end and (not kept or one.start >= kept[-1].end):
            kept.append(one)
    return kept


def _strings(root: Node) -> Iterator[Scalar]:
    """The strings of a tree, keys among them."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Sequence):
            stack.extend(node.items)
        elif isinstance(node, MappingNode):
            for key, entry in node.entries.items():
                if "$" in key:
                    yield Scalar(key, entry.key_span)
                stack.append(entry.value)
        elif isinstance(node.value, str):
            yield node


def _of_expressions(node: Scalar, text: str) -> Iterator[Token]:
    try:
        parts = split(text)
    except Misread:
        return
    for part in parts:
        if part.expression:
            yield from _token(node, part.start - (1 if part.bare else 2), part.start, "operator")
            yield from _of_code(node, part.text, part.start)


def _of_code(node: Scalar, text: str, start: int) -> Iterator[Token]:
    for match in _PARTS.finditer(text):
        kind = next(one for one in KINDS if match.lastgroup == one)
        yield from _token(node, start + match.start(), start + match.end(), kind)


def _token(node: Scalar, start: int, end: int, kind: Kind) -> Iterator[Token]:
    span = origin_of(place(node, start, end))
    if span.end - span.start <= 2 * (end - start) + 8:  # folded text has no places inside
        yield Token(span.start, span.end, kind)


class _Formulas:
    """The texts of the formulas that the compiler found in a spec."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    @cached_property
    def texts(self) -> frozenset[str]:
        compiled = self.analysis.compiled
        if compiled is None:
            return frozenset()
        layers = [call.call.callee for call in self.analysis.calls]
        found: set[str] = set()
        pending: list[tuple[Any, int]] = [(one, 0) for one in layers]
        pending += [(compiled.training, 0), (compiled.file.generation, 0)]
        while pending:
            value, depth = pending.pop()
            if isinstance(value, Formula):
                found.add(value.text)
            elif depth < _DEEPEST:
                pending.extend((one, depth + 1) for one in _inside(value))
        return frozenset(found)


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, (tuple, list)):
        yield from value
    elif type(value).__module__.startswith("modelspec.") and not _is_graph(value):
        yield from getattr(value, "__dict__", {}).values()


def _is_graph(value: Any) -> bool:
    """Whether a value is a graph or a source: neither has formulas of its own."""
    return type(value).__name__ in ("Graph", "TypedGraph", "Source", "Derived", "Context")
