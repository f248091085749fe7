"""A commented spec as text: keys and values, each with the reason for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, NamedTuple

from modelspec.core.source.scalar_text import yaml_number, yaml_text

WIDTH = 100
"""The longest line, in characters; long names of columns may exceed it."""
_STEP = 2
_ITEM = "- "


class Written(str):
    """A value that is written as it is: an expression such as `$(1 / 255)`, or part of a spec."""

    __slots__ = ()


class Entry(NamedTuple):
    """A key with its value, or an item of a list, the reason for it, and the entries below it."""

    text: str
    reason: str = ""
    below: tuple[Entry, ...] = ()


def keyed(key: str, value: Any, reason: str = "") -> Entry:
    """`key: value` on one line; a long list continues on further lines."""
    return _after(f"{literal(key)}:", value, reason)


def item(value: Any, reason: str = "") -> Entry:
    """`- value`, a layer for example."""
    text = literal(value)
    if isinstance(value, Mapping) and len(value) == 1:
        text = text[1:-1]  # `- Dense: 64` rather than `- {Dense: 64}`
    return Entry(f"{_ITEM}{text}", reason)


def layer(kind: str, settings: Mapping[str, Any]) -> Entry:
    """A layer, with a setting on each line if it is long."""
    whole = item({kind: settings})
    if len(whole.text) <= WIDTH - 3 * _STEP:
        return whole
    return Entry(f"{_ITEM}{kind}:", "", tuple(keyed(key, one) for key, one in settings.items()))


def group(key: str, below: Iterable[Entry], reason: str = "") -> Entry:
    """`key:` with entries below it."""
    return Entry(f"{literal(key)}:", reason, tuple(below))


def section(key: str, below: Iterable[Entry]) -> str:
    """A section of a spec as text."""
    return "\n".join(_lines(group(key, below), 0)) + "\n"


def comment(text: str, indent: int = 0) -> str:
    """Lines of a comment."""
    lead = f"{' ' * indent}# "
    lines = wrap(_printable(text), WIDTH - len(lead), break_long_words=False)
    return "\n".join(f"{lead}{line}" for line in lines or [""])


def literal(value: Any) -> str:
    """A plain value as YAML on one line, in which `$` begins no expression."""
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, Mapping):
        inside = (f"{literal(key)}: {literal(one)}" for key, one in value.items())
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, str):
        return yaml_text(value.replace("$", "$$"))
    if isinstance(value, float):
        return yaml_number(value)
    return "null" if value is None else str(value).lower()


def _printable(text: str) -> str:
    """A comment on one line: names of columns may contain anything."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))


def _after(head: str, value: Any, reason: str) -> Entry:
    line = f"{head} {literal(value)}"
    if len(line) <= WIDTH - 3 * _STEP or not isinstance(value, (list, tuple)):
        return Entry(line, reason)
    return Entry(head, reason, tuple(Entry(one) for one in _filled([literal(v) for v in value])))


def _filled(items: Sequence[str]) -> Iterator[str]:
    """A list of strings in brackets, as many per line as fit."""
    line = "["
    for number, one in enumerate(items):
        if number and len(line) + len(one) > WIDTH - 5 * _STEP:
            yield line.rstrip()
            line = " "
        line += one + ("]" if number == len(items) - 1 else ", ")
    yield line


def _lines(entry: Entry, indent: int) -> Iterator[str]:
    line = f"{' ' * indent}{entry.text}"
    reason = _printable(entry.reason)
    if not reason:
        yield line
    elif len(line) + len(reason) + 4 <= WIDTH:
        yield f"{line}  # {reason}"
    else:
        yield comment(reason, indent)
        yield line
    below = indent + _STEP + (len(_ITEM) if entry.text.startswith(_ITEM) else 0)
    for one in entry.below:
        yield from _lines(one, below)
