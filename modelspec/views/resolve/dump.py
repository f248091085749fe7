"""Plain values as the text of a spec: YAML with the same meaning in versions 1.2 and 1.1, or JSON.

Short entries are on one line (`- Dense: {units: 64, activation: relu}`), long ones on several
lines. There are no folded strings and no aliases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelspec.core.source.scalar_text import yaml_number, yaml_text

WIDTH: Final = 120
_STEP: Final = 2

_WRAPPED: Final = 2
"""Maximum number of lines of a mapping in braces; a longer one has a line for each key."""

_SECTIONS: Final = ("model", "data", "training", "shared", "inputs", "layers", "callbacks")
"""Keys whose mappings and lists of mappings always have a line for each item."""


def dump(value: Mapping[str, Any]) -> str:
    """A mapping of plain values as YAML, with keys in order and an empty line before every long
    section.
    """
    sections = [list(_mapping({key: item}, 0)) for key, item in value.items()]
    text = [
        ("\n" if number and len(lines) > 1 else "") + "\n".join(lines)
        for number, lines in enumerate(sections)
    ]
    return "\n".join(text) + "\n" if text else "{}\n"


def as_json(value: Any) -> str:
    """A mapping as JSON, in the same layout."""
    return f"{_json(value, 0)}\n"


def scalar(value: Any) -> str:
    """One value as YAML, on one line."""
    return _flow(value)


# YAML ---------------------------------------------------------------------------------------------


def _mapping(value: Mapping[str, Any], indent: int, *, always: bool = False) -> Iterator[str]:
    for key, item in value.items():
        yield from _under(
            f"{' ' * indent}{yaml_text(key)}:", key, item, indent, always=always or key in _SECTIONS
        )


def _under(head: str, key: str, value: Any, indent: int, *, always: bool) -> Iterator[str]:
    """The value of `head` (a key with its colon), on the same line if it fits; `always`: on the
    lines below.
    """
    if isinstance(value, str) and _is_prose(value):
        yield from _prose(head, value, indent)
        return
    below = always and _is_long(value)
    line = f"{head} {_flow(value)}"
    if not below and (len(line) <= WIDTH or not _parts(value)):
        yield line
        return
    if not below and key not in _SECTIONS and isinstance(value, Mapping):
        wrapped = list(_wrapped(head, value)) if len(line) <= _WRAPPED * WIDTH else []
        if wrapped and max(map(len, wrapped)) <= WIDTH:
            yield from wrapped
            return
    yield head
    yield from _below(key, value, indent + _STEP)


def _prose(head: str, value: str, indent: int) -> Iterator[str]:
    """A multi-line string as a literal block."""
    yield f"{head} |" if value.endswith("\n") else f"{head} |-"
    for line in value.rstrip("\n").split("\n"):
        yield f"{' ' * (indent + _STEP)}{line}".rstrip()


def _below(key: str, value: Any, indent: int) -> Iterator[str]:
    """A mapping or list on separate lines."""
    if isinstance(value, Mapping):
        yield from _mapping(value, indent, always=key == "shared")
    elif any(_parts(item) for item in value):
        yield from _sequence(value, indent)
    else:
        yield from _filled([_flow(item) for item in value], indent)


def _sequence(values: Any, indent: int) -> Iterator[str]:
    lead = f"{' ' * indent}- "
    for value in values:
        if (
            isinstance(value, Mapping)
            and len(value) > 1
            and not any(map(_is_long, value.values()))
            and (len(lead) + len(_flow(value)) <= WIDTH)
        ):
            yield lead + _flow(value)
            continue
        if isinstance(value, Mapping) and value:
            inner = _mapping(
                value, indent + _STEP
            )  # `- Dense: {units: 64}` rather than `- {Dense: {units: 64}}`
        elif _parts(value) and len(lead) + len(_flow(value)) > WIDTH:
            inner = _sequence(value, indent + _STEP)
        else:
            yield lead + _flow(value)
            continue
        yield lead + next(inner)[indent + _STEP :]
        yield from inner


def _wrapped(head: str, value: Mapping[str, Any]) -> Iterator[str]:
    """`head: {a: 1,` and the other items below it, as many per line as fit."""
    line = f"{head} {{"
    start = len(line)
    for number, (key, item) in enumerate(value.items()):
        text = f"{yaml_text(key)}: {_flow(item)}" + ("}" if number == len(value) - 1 else ",")
        if len(line) + len(text) > WIDTH and line.strip():
            yield line.rstrip()
            line = " " * start
        line += f"{text} "
    yield line.rstrip()


def _filled(items: list[str], indent: int) -> Iterator[str]:
    """A list of short strings in brackets, as many per line as fit."""
    line = f"{' ' * indent}["
    for number, item in enumerate(items):
        last = number == len(items) - 1
        if len(line) + len(item) + 1 > WIDTH and number:
            yield line.rstrip()
            line = " " * (indent + 1)
        line += item + ("]" if last else ", ")
    yield line


def _is_long(value: Any) -> bool:
    """Whether a value is a mapping, or a list with items other than names and numbers."""
    return _parts(value) and (isinstance(value, Mapping) or any(map(_parts, value)))


def _parts(value: Any) -> bool:
    """Whether a value can be written over several lines."""
    return isinstance(value, (Mapping, list, tuple)) and len(value) > 0


def _is_prose(value: str) -> bool:
    """Whether a string is best written as lines below its key."""
    lines = value.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and bool(lines[0])
        and bool(lines[-1])
        and all((line.isprintable() and line == line.strip()) for line in lines)
    )


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{yaml_text(key)}: {_flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if isinstance(value, str):
        return yaml_text(value)
    if isinstance(value, float):
        return yaml_number(value)
    return "null" if value is None else str(value).lower()


# JSON ---------------------------------------------------------------------------------------------


def _json(value: Any, indent: int) -> str:
    """JSON in lines of at most the width, if the values allow it."""
    line = _json_text(value)
    if not _parts(value) or (indent and indent + len(line) <= WIDTH - _STEP):
        return line
    space = " " * (indent + _STEP)
    if isinstance(value, Mapping):
        parts = [f"{_json_text(key)}: {_json(item, indent + _STEP)}" for key, item in value.items()]
    else:
        parts = [_json(item, indent + _STEP) for item in value]
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    return f"{opening}\n{space}" + f",\n{space}".join(parts) + f"\n{' ' * indent}{closing}"


def _json_text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
