"""The values that an expression of the text has in the expanded spec."""

from __future__ import annotations

import json
from collections.abc import Iterator

from modelspec.compiler.expand.expand_document import read_vars
from modelspec.compiler.expand.limits import Spent
from modelspec.compiler.expand.values import Values
from modelspec.core.diagnostics import Collector, Span
from modelspec.core.diagnostics.derived import causes_of, is_silent, origin_of
from modelspec.core.source import Mapping, Node, Scalar, Sequence, Value, plain
from modelspec.core.source.scalar_text import yaml_number, yaml_text

from .analysis import Analysis
from .tree_places import Written

_LONGEST = 200


def values_of(analysis: Analysis, written: Scalar) -> list[str]:
    """The different values of an expression, in the order of its uses, as they would be written."""
    place = origin_of(written.span)
    root = analysis.compiled.file.document.root if analysis.compiled is not None else None
    found = () if root is None else map(plain, _at(root, place))
    return list(dict.fromkeys(map(as_written, found)))


def _at(root: Node, place: Span) -> Iterator[Node]:
    """The nodes that an expression became. A mapping at its place is the long form of a layer that
    is written as its kind and the expression.
    """
    stack = [root]
    while stack:
        node = stack.pop()
        is_here = not is_silent(node.span) and _same(origin_of(node.span), place)
        if _replaces(node.span, place) or (is_here and not isinstance(node, Mapping)):
            yield node
        elif isinstance(node, Mapping):
            stack.extend(entry.value for entry in reversed(node.entries.values()))
        elif isinstance(node, Sequence):
            stack.extend(reversed(node.items))


def _replaces(span: Span, place: Span) -> bool:
    """Whether the name at a place is replaced by a value."""
    return any(
        one.step == "replacement" and _same(origin_of(one.span), place) for one in causes_of(span)
    )


def _same(one: Span, other: Span) -> bool:
    return (one.start, one.end) == (other.start, other.end) and one.file == other.file


def variable(analysis: Analysis, name: str) -> tuple[str, Span] | None:
    """The value of a name in `vars`, as it would be written, and its place."""
    root = analysis.document.root if analysis.document is not None else None
    if root is None:
        return None
    scope = read_vars(root, Values(Collector(), Spent(), None, analysis.context))
    binding = scope.find(name)
    if binding is None or binding.node is None or not binding.whole:
        return None
    return as_written(binding.value), origin_of(binding.node.span)


def as_written(value: Value) -> str:
    """A value as in a spec, on one line."""
    if isinstance(value, str):
        text = yaml_text(value)
    elif isinstance(value, float):
        text = yaml_number(value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def is_variable(written: Written, root: Mapping) -> bool:
    """Whether a key is the name of a variable."""
    return written.key is not None and len(written.path) == 2 and written.path[0] == "vars"
