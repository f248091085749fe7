"""Reports a misspelt definition once, where it is written: `b-lock:` in `blocks`, where each use of
`block` would be a separate fault otherwise.

Which of two names is misspelt is known only if several places use the one that is not defined, and
none uses the one that is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from modelspec.core.diagnostics import Diagnostic, Fault, Note, Span, nearest
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.source import Mapping as Mapping_
from modelspec.core.source import Node, Scalar, find, walk

from .lost_names import TENSORS, name_of

_VARIABLE: Final = "variable"
_LAYER: Final = "block or shared layer"
_TENSOR: Final = "layer or input"
_NOUNS: Final = {"MS121": _VARIABLE, "MS301": _LAYER, **dict.fromkeys(TENSORS, _TENSOR)}
"""What the unknown name of each fault would be the name of."""
_OF_PATHS: Final = "MS531"
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_MOST_NOTES: Final = 3
_Group: TypeAlias = "tuple[str, str]"


def at_definitions(found: Iterable[Diagnostic], written: Mapping_) -> list[Diagnostic]:
    """The diagnostics, with one in place of those that one misspelt definition causes. `written` is
    the document before its expansion.
    """
    every = _without_paths(list(found))
    groups = _of_several_uses(every)
    if not groups or "extends" in written.entries:  # the other file may use the name
        return every
    unused = {noun: _unused(written, noun) for noun in dict.fromkeys(noun for noun, _ in groups)}
    replaced: dict[int, Diagnostic | None] = {}
    for (noun, name), faults in groups.items():
        near = nearest(name, unused[noun])
        if near is not None:
            place = unused[noun][near]
            there = (one for one in every if _is_at(one, place))  # the misspelt name is invalid
            replaced |= dict.fromkeys(map(id, (*there, *faults)))
            replaced[id(faults[0])] = _misspelt(near, name, place, faults)
    changed = (replaced.get(id(one), one) for one in every)
    return [one for one in changed if one is not None]


def _without_paths(found: list[Diagnostic]) -> list[Diagnostic]:
    """Without the faults of paths to layers of a model whose call is in error: a misspelt call, or
    one of a definition that is misspelt.
    """
    calls = [one for one in found if one.code == "MS301"]
    lost = {name_of(one) for one in calls} | {one.suggestion for one in calls}
    return [
        one for one in found if one.code != _OF_PATHS or name_of(one).partition("/")[0] not in lost
    ]


def _of_several_uses(found: list[Diagnostic]) -> dict[_Group, list[Diagnostic]]:
    """The faults of each unknown name that is used at several places."""
    groups: dict[_Group, list[Diagnostic]] = defaultdict(list)
    for one in found:
        if one.code not in _NOUNS or one.span is None:
            continue
        name = name_of(one)
        if name in one.span.text:  # not made by an expression
            groups[_NOUNS[one.code], name].append(one)
    return {
        key: some
        for key, some in groups.items()
        if len({origin_of(one.span).start for one in some if one.span is not None}) > 1
    }


def _is_at(one: Diagnostic, place: Span) -> bool:
    return one.span is not None and _bare(origin_of(one.span)) == place


def _misspelt(name: str, used: str, span: Span, faults: list[Diagnostic]) -> Diagnostic:
    uses = list(dict.fromkeys(origin_of(one.span) for one in faults if one.span is not None))
    notes = [Note(f"`{used}` is used here", one) for one in uses[:_MOST_NOTES]]
    return Fault(
        faults[0].code,
        f"`{name}` is never used, but `{used}`, which is not defined, is used {len(uses)} times",
        suggestion=used,
        help=f"did you mean `{used}`?",
    ).at(span, tuple(notes))


# Definitions --------------------------------------------------------------------------------------


def _unused(written: Mapping_, noun: str) -> dict[str, Span]:
    """The names that the text contains only once, where they are defined."""
    text = _COMMENT.sub("", written.span.source.text)
    every = ((_bare(span), name) for span, name in _definitions(written, noun))
    return {
        name: span
        for span, name in every
        if span.text == name and "$" not in name and _count(name, text) == 1
    }


def _definitions(written: Mapping_, noun: str) -> Iterator[tuple[Span, str]]:
    if noun == _VARIABLE:
        yield from _keys(find(written, ("vars",)))
        return
    if noun == _LAYER:
        yield from _keys(find(written, ("blocks",)))
    for node in walk(written):
        entries: Mapping[str, object] = node.entries if isinstance(node, Mapping_) else {}
        if noun == _LAYER and "shared" in entries:
            yield from _keys(find(node, ("shared",)))
        elif noun == _TENSOR and "layers" in entries:
            yield from _keys(find(node, ("inputs",)))
        if noun == _TENSOR and isinstance(name := find(node, ("name",)), Scalar):
            yield name.span, str(name.value)


def _keys(node: Node | None) -> Iterator[tuple[Span, str]]:
    if isinstance(node, Mapping_):
        yield from ((entry.key_span, key) for key, entry in node.entries.items())


def _bare(span: Span) -> Span:
    """The place of a name without quotes around it."""
    quoted = span.text[:1] in ("'", '"') and span.end - span.start > 1
    return span._replace(start=span.start + 1, end=span.end - 1) if quoted else span


def _count(name: str, text: str) -> int:
    return len(re.findall(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text))
