"""Where a name is defined and used, and the edits that give it another name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from modelspec.core.diagnostics import Edit, Source, Span
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.paths import confined
from modelspec.core.source import Node, Scalar, Sequence, find

from .analysis import Analysis, analyze
from .symbols import Place, Symbol, places

_NAME: Final = re.compile(r"[^\W\d]\w*")
_LAYER_NAME: Final = re.compile(r"[^\W\d][\w-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that some YAML readers take for other values than strings."""


class Refusal(NamedTuple):
    """Why a name is not changed."""

    reason: str


def definition(analysis: Analysis, offset: int) -> list[Span]:
    """Where the name at an offset is defined; the start of the file for a path in `extends`."""
    if (file := _extended_file(analysis, offset)) is not None:
        return [file]
    found = places(analysis)
    here = _at(analysis, found, offset)
    if here is None:
        return []
    defined = [one.span for one in found if one.symbol == here.symbol and one.defines]
    return defined or _automatic(analysis, here.symbol)


def references(analysis: Analysis, offset: int, declaration: bool) -> list[Span]:
    """Where the name at an offset is used, and with `declaration` where it is defined."""
    found = places(analysis)
    here = _at(analysis, found, offset)
    if here is None:
        return []
    same = [one for one in found if one.symbol == here.symbol]
    spans = [one.span for one in same if declaration or not one.defines]
    if declaration and not any(one.defines for one in same):
        spans += _automatic(analysis, here.symbol)
    return spans


def prepare_rename(analysis: Analysis, offset: int) -> Span | None:
    """The name at an offset; None where there is none that can be changed."""
    found = places(analysis)
    here = _at(analysis, found, offset)
    if here is None or not any(one.symbol == here.symbol and one.defines for one in found):
        return None
    return here.span


def rename(analysis: Analysis, offset: int, new: str) -> list[Edit] | Refusal:
    """The edits that replace the name at an offset everywhere.

    The spec is checked with these edits: a name that is written in a way that only the check knows
    (`monitor: val_NAME_loss`) is a reason to refuse.
    """
    found = places(analysis)
    here = _at(analysis, found, offset)
    if here is None:
        return Refusal("this place has no name")
    same = [one for one in found if one.symbol == here.symbol]
    if not any(one.defines for one in same):
        return Refusal(f"`{here.span.text}` is an automatic name; write `name:` at its layer first")
    library = next((one.span.file for one in same if one.span.source.shipped), None)
    if library is not None:
        return Refusal(f"`{here.span.text}` is a name of {library}, which cannot be changed")
    if (refused := _unfit(here.symbol, new, found)) is not None:
        return refused
    edits = [Edit(one.span, new) for one in same]
    if all(analysis.is_here(one.span) for one in edits):
        return _verified(analysis, edits, new)
    return edits


def _at(analysis: Analysis, found: list[Place], offset: int) -> Place | None:
    """The place at an offset, the shortest where several overlap."""
    here = [
        one
        for one in found
        if analysis.is_here(one.span) and one.span.start <= offset <= one.span.end
    ]
    return min(here, key=lambda one: (one.span.end - one.span.start, not one.defines), default=None)


def _automatic(analysis: Analysis, symbol: Symbol) -> list[Span]:
    """The entry of a tensor without an explicit name."""
    if symbol[:2] != ("tensor", "model") or len(symbol) != 3 or analysis.graph is None:
        return []
    call = analysis.graph.by_name.get(str(symbol[2]))
    return [origin_of(call.call.use.kind_span)] if call is not None else []


def _extended_file(analysis: Analysis, offset: int) -> Span | None:
    """The start of the file whose path in `extends` is at an offset."""
    node = find(analysis.document.root, ("extends",)) if analysis.document is not None else None
    written: tuple[Node, ...] = (
        node.items if isinstance(node, Sequence) else (node,) if node else ()
    )
    for one in written:
        if isinstance(one, Scalar) and isinstance(one.value, str) and _covers(one.span, offset):
            return _start_of(one.value, analysis)
    return None


def _covers(span: Span, offset: int) -> bool:
    return span.start <= offset <= span.end


def _start_of(path: str, analysis: Analysis) -> Span | None:
    try:
        found = confined(path, analysis.context)
        if found is None or not found.is_file():
            return None
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name that the system refuses
        return None
    return Span(Source(str(found), ""), 0, 0)


# Other names --------------------------------------------------------------------------------------


def _unfit(symbol: Symbol, new: str, found: list[Place]) -> Refusal | None:
    """Why a name cannot have this meaning."""
    is_value = symbol[0] in ("variable", "parameter", "loop")
    if not (_NAME if is_value else _LAYER_NAME).fullmatch(new):
        allowed = "letters, digits and `_`" if is_value else "letters, digits, `_` and `-`"
        return Refusal(f"`{new[:40]}` is not a valid name: use {allowed}, and begin with a letter")
    if new.lower() in _WORDS:
        return Refusal(f"`{new}` is a word of YAML")
    renamed = (*symbol[:-1], new)
    taken = next((one for one in found if one.symbol == renamed and one.defines), None)
    return Refusal(f"`{new}` is defined in line {taken.span.line}") if taken is not None else None


def _verified(analysis: Analysis, edits: list[Edit], new: str) -> list[Edit] | Refusal:
    """The edits, if the spec has no more errors with them, and the same layers."""
    after = analyze(Path(analysis.name), edited(analysis.text, edits), analysis.lines.unit)
    before = {(one.code, one.message) for one in analysis.diagnostics if one.severity == "error"}
    for one in after.diagnostics:
        known = (one.code, one.message) in before
        if one.severity == "error" and not known and len(_errors(after)) > len(_errors(analysis)):
            place = f" (line {one.line})" if one.line else ""
            return Refusal(f"with the name `{new}` the spec has an error: {one.message}{place}")
    return edits


def _errors(analysis: Analysis) -> list[str]:
    return [one.code for one in analysis.diagnostics if one.severity == "error"]


def edited(text: str, edits: list[Edit]) -> str:
    """The text with the edits applied."""
    for one in sorted(edits, key=lambda one: one.span.start, reverse=True):
        text = text[: one.span.start] + one.text + text[one.span.end :]
    return text
