"""What is known about the key or the value at a place: its manual page, its value, its type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from modelspec.catalog.layers import LAYERS
from modelspec.compiler.expand.interpolation import is_expression
from modelspec.core.diagnostics import Span
from modelspec.core.shapes import Tensor, show_size
from modelspec.core.source import Mapping, Scalar
from modelspec.views.summary.numbers import count, in_units

from .analysis import Analysis
from .expanded_values import as_written, is_variable, values_of, variable
from .hints import parameters, uses_by_place
from .tensors import named_at
from .tree_places import Step, Written, written_at

_CODE: Final = re.compile(r"\bMS\d{3}\b")
_NAME: Final = re.compile(r"[^\W\d]\w*")
_MOST: Final = 6
"""The most values of an expression, or types of a tensor, that are listed."""


class Shown(NamedTuple):
    """A text about a part of the spec."""

    markdown: str
    start: int
    end: int


def hover(analysis: Analysis, offset: int) -> Shown | None:
    """What is known about the text at an offset; None if that is nothing."""
    code = _code_at(analysis, offset)
    if code is not None:
        with analysis.context.plugins.active():
            return (
                Shown("\n\n".join(_pages(code[0])), code[1], code[2]) if _pages(code[0]) else None
            )
    root = analysis.document.root if analysis.document is not None else None
    written = None if root is None else written_at(root, offset)
    if root is None or written is None:
        return None
    with analysis.context.plugins.active():
        parts = list(_parts(analysis, root, written, offset))
    span = written.span
    return Shown("\n\n---\n\n".join(parts), span.start, span.end) if parts else None


def _parts(analysis: Analysis, root: Mapping, written: Written, offset: int) -> Iterator[str]:
    if written.key is None and is_expression(written.node) and isinstance(written.node, Scalar):
        yield from _of_expression(analysis, written.node, offset)
    elif is_variable(written, root):
        found = variable(analysis, str(written.path[1]))
        if found is not None:
            yield f"`{written.path[1]}` is `{found[0]}`"
    yield from _types(analysis, offset)
    yield from _calls(analysis, written)
    if (origin := _origin(analysis, written)) is not None:
        yield origin
    yield from _manual(written)


# Values -------------------------------------------------------------------------------------------


def _of_expression(analysis: Analysis, written: Scalar, offset: int) -> Iterator[str]:
    values = values_of(analysis, written)
    shown = ", ".join(f"`{one}`" for one in values[:_MOST])
    if len(values) > 1:
        more = f" and {len(values) - _MOST:,} more" if len(values) > _MOST else ""
        yield f"`{written.span.text}` is, in the order of its uses, {shown}{more}"
    elif values:
        yield f"`{written.span.text}` is {shown}"
    name = _word_at(analysis.text, offset)
    found = variable(analysis, name) if name else None
    if found is not None:
        value, place = found
        yield f"`{name}` is `{value}`, set in {_place(analysis, place)}"


def _word_at(text: str, offset: int) -> str | None:
    start = offset
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    match = _NAME.match(text, start)
    return match[0] if match and match.end() >= offset else None


def _place(analysis: Analysis, span: Span) -> str:
    return f"line {span.line}" if analysis.is_here(span) else f"`{span.file}`, line {span.line}"


def _origin(analysis: Analysis, written: Written) -> str | None:
    """Where a value of the resolved spec comes from, if that is not only here."""
    compiled = analysis.compiled
    path = _dotted(written.path)
    if compiled is None or path is None or not analysis.checked.ok or written.path[0] in _UNNAMED:
        return None
    from modelspec.views.resolve.origin import Origins, Wayward

    with suppress(Wayward):
        found = Origins(compiled).of(path)
        if len(found.steps) > 1 and not isinstance(found.value, dict):
            lines = [f"`{path}` is `{as_written(found.value)}`:"]
            for step in found.steps:
                place = "" if step.span is None else f" ({_place(analysis, step.span)})"
                lines.append(f"- {step.message}{place}")
            return "\n".join(lines)
    return None


_UNNAMED: Final = ("model", "vars", "blocks", "extends", "sweep")
"""Sections whose values have other paths in the resolved spec, or none."""


def _dotted(path: tuple[Step, ...]) -> str | None:
    if len(path) < 2 or any(not isinstance(one, str) or not one.isidentifier() for one in path):
        return None
    return ".".join(map(str, path))


# Types --------------------------------------------------------------------------------------------


def _types(analysis: Analysis, offset: int) -> Iterator[str]:
    found = named_at(analysis, offset)
    for tensor in found[:_MOST]:
        yield f"`{type_text(tensor)}`"
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST:,} more types"


def type_text(tensor: Tensor) -> str:
    """`[28, 28, 1] float32`."""
    return f"[{', '.join(map(show_size, tensor.shape[1:]))}] {tensor.dtype}"


def _calls(analysis: Analysis, written: Written) -> Iterator[str]:
    """The layers of the entry whose kind is at the place, also those of a use of a block."""
    calls = analysis.calls_by_place.get(written.span.start, [])
    if not calls:
        uses = uses_by_place(analysis).get(written.span.start, {})
        calls = [call for some in uses.values() for call in some]
    lines: list[str] = []
    for call in calls[:_MOST]:
        types = ", ".join(f"`{type_text(tensor)}`" for tensor in call.outputs)
        numbers = [f"{count(parameters(call))} parameters"] if call.weights else []
        numbers += [f"{cost} multiply-adds"] if (cost := in_units(call.multiply_adds)) else []
        lines.append("- " + ", ".join([f"`{call.name}`: {types}", *numbers]))
    if len(calls) > _MOST:
        lines.append(f"- and {len(calls) - _MOST:,} more")
    if lines:
        yield "\n".join(lines)


# Pages of the manual ------------------------------------------------------------------------------


def _manual(written: Written) -> Iterator[str]:
    word = written.word
    if word is None or not word or "$" in word:
        return
    if is_kind_of_layer(written):
        yield from _pages(word, "layer")
        return
    for topic in _topics(written, word):
        pages = _pages(topic)
        if pages:
            yield pages[0]
            return


def is_kind_of_layer(written: Written) -> bool:
    """Whether the place is the kind of an entry of `layers`."""
    path = written.path if written.key is None else written.path[:-1]
    word = written.word
    return word is not None and word in LAYERS and bool(path) and path[0] != "training"


def _topics(written: Written, word: str) -> Iterator[str]:
    """Topics that the place may mean, the most specific first."""
    keys = [str(one) for one in written.path if isinstance(one, str)]
    if written.key is None:
        yield word  # a value: `adam`, `relu`
        return
    yield ".".join(keys)
    if len(keys) > 1:
        yield f"{keys[-2]}.{word}"
    yield word


def _pages(topic: str, noun: str | None = None) -> list[str]:
    from modelspec.views.manual import as_markdown, find

    pages = find(topic)
    chosen = [one for one in pages if one.subtitle == noun] or pages
    return [as_markdown(one, 3) for one in chosen]


def _code_at(analysis: Analysis, offset: int) -> tuple[str, int, int] | None:
    start = analysis.text.rfind("\n", 0, offset) + 1
    end = analysis.text.find("\n", offset)
    for match in _CODE.finditer(analysis.text, start, len(analysis.text) if end < 0 else end):
        if match.start() <= offset <= match.end():
            return match[0], match.start(), match.end()
    return None
