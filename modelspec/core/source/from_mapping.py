"""Writes a Python mapping as text (YAML as a person would write it, or JSON), so that errors in it
have a place to show.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..diagnostics import Fault
from . import budgets
from .reader import quoted, too_deep, too_many_nodes
from .scalar_text import yaml_text

Misfit = tuple[Fault, int, int]

_DASH: Final = "- "
_BRACED: Final = 4
"""The most keys of a mapping in braces."""
_KEY_CHARACTERS: Final = 250
"""The most characters of a key: each may need four, and YAML allows 1,024 on one line."""

_ESCAPED = re.compile(
    "[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_HALF = re.compile("[\ud800-\udfff]")
_PRINTABLE_BITS: Final = (
    1024  # of an integer; longer ones are past the limit anyway, and costly to print
)


def render(value: object) -> tuple[str, list[Misfit], bool]:
    """The JSON text of a value, the faults of what JSON cannot hold, and whether the value was
    written completely.
    """
    writer = _Writer()
    try:
        writer.value(value, 1)
    except Fault:  # noted where it was found; it only ends the writing
        return "".join(writer.parts), writer.misfits, False
    return "".join(writer.parts) + "\n", writer.misfits, True


def render_yaml(value: Mapping[Any, Any]) -> tuple[str, list[Misfit], bool] | None:
    """The same as YAML in blocks; None where YAML cannot hold it and JSON can: a key longer than
    YAML allows, half a character.
    """
    writer = _BlockWriter()
    whole = True
    try:
        writer.value(value, 1)
    except Fault:
        whole = False
    text = "".join(writer.parts)
    if writer.only_json:
        return None
    return f"{text}\n", writer.misfits, whole


class _Writer:
    """The text so far, in parts. A value that JSON cannot hold is reported, and its nearest
    representation is written.
    """

    colon = ": "

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.nodes = 0
        self.misfits: list[Misfit] = []

    def write(self, text: str, fault: Fault | None = None) -> None:
        self.parts.append(text)
        self.length += len(text)
        if fault is not None:
            self.misfits.append((fault, self.length - len(text), self.length))

    def stop(self, fault: Fault) -> None:
        """Stops writing: records the fault and raises it."""
        self.write("...", fault)
        raise fault

    def value(self, value: object, level: int) -> None:
        self.nodes += 1
        if self.nodes > budgets.NODES:
            self.stop(too_many_nodes())
        value = _python(value)
        if isinstance(value, str):
            self.write(self.text(value))
        elif isinstance(value, (Mapping, Sequence)) and not isinstance(value, (bytes, bytearray)):
            self.collection(value, level)
        else:
            self.write(*_scalar(value))

    def collection(self, value: Mapping[Any, Any] | Sequence[Any], level: int) -> None:
        if level > budgets.LEVELS:
            self.stop(too_deep())
        if not value:
            self.write("{}" if isinstance(value, Mapping) else "[]")
        elif isinstance(value, Mapping):
            self.mapping(value, level)
        elif all(isinstance(item, (str, int, float)) for item in value):
            self.inline(value, level)
        else:
            self.lines(value, level)

    def mapping(self, value: Mapping[Any, Any], level: int) -> None:
        before = "{"
        for key, item in value.items():
            self.write(f"{before}\n{'  ' * level}")
            self.key(key)
            self.value(item, level + 1)
            before = ","
        self.write(f"\n{'  ' * (level - 1)}}}")

    def inline(self, value: Sequence[Any], level: int) -> None:
        before = "["
        for item in value:
            self.write(before)
            self.value(item, level + 1)
            before = ", "
        self.write("]")

    def lines(self, value: Sequence[Any], level: int) -> None:
        before = "["
        for item in value:
            self.write(f"{before}\n{'  ' * level}")
            self.value(item, level + 1)
            before = ","
        self.write(f"\n{'  ' * (level - 1)}]")

    def key(self, key: object) -> None:
        self.nodes += 1
        if isinstance(key, str):
            self.write(self.text(key))
        elif _is_integer(key):  # as JSON has it: `class_weight={0: 1.0}`
            self.write(_string(str(key)))
        else:
            found = quoted(str(key))
            message = f"a key must be a string or an integer, {found} is a `{type(key).__name__}`"
            self.write(_string(str(key)), Fault("MS107", message, help="make it a str"))
        self.write(self.colon)

    def text(self, text: str) -> str:
        """How a string is written."""
        return _string(text)


class _BlockWriter(_Writer):
    """Writes YAML: mappings and lists below one another, short ones of plain values in braces and
    brackets.
    """

    colon = ":"

    def __init__(self) -> None:
        super().__init__()
        self.only_json = False

    def write(self, text: str, fault: Fault | None = None) -> None:
        """Write a part; a value on the line of its key follows a space."""
        if self.parts and self.parts[-1] == self.colon and not text.startswith("\n"):
            super().write(" ")
        super().write(text, fault)

    def mapping(self, value: Mapping[Any, Any], level: int) -> None:
        if self.parts and self.parts[-1] == self.colon and _fits_braces(value):
            self.braces(value, level)
            return
        for key, item in value.items():
            self.start_line(level)
            self.key(key)
            self.value(item, level + 1)

    def lines(self, value: Sequence[Any], level: int) -> None:
        for item in value:
            self.start_line(level)
            self.write(_DASH)
            self.value(item, level + 1)

    def start_line(self, level: int) -> None:
        """A line for a key or a dash. The first one of an item follows the dash of the item."""
        if self.parts and self.parts[-1] != _DASH:
            self.write(f"\n{'  ' * (level - 1)}")

    def braces(self, value: Mapping[Any, Any], level: int) -> None:
        before = "{"
        for key, item in value.items():
            self.write(before)
            self.key(key)
            self.value(item, level + 1)
            before = ", "
        self.write("}")

    def key(self, key: object) -> None:
        self.only_json |= len(str(key)) > _KEY_CHARACTERS
        super().key(key)

    def text(self, text: str) -> str:
        self.only_json |= _HALF.search(text) is not None
        return yaml_text(text)


def _fits_braces(value: Mapping[Any, Any]) -> bool:
    """Whether a mapping is short, and holds only plain values and names as keys."""
    return len(value) <= _BRACED and all(
        isinstance(key, str) and isinstance(item, (str, int, float, type(None)))
        for key, item in value.items()
    )


def plain_copy(value: object) -> Any:
    """A copy of a value that can be written: keys as strings, NumPy values and paths as plain
    values. What cannot be written stays the same object.
    """
    value = _python(value)
    if isinstance(value, Mapping):
        return {str(key): plain_copy(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return [plain_copy(item) for item in value]
    return value


def _is_integer(key: object) -> bool:
    """Whether a key is an integer of Python or NumPy; `True` is not."""
    return hasattr(key, "__index__") and not isinstance(key, bool)


def _python(value: Any) -> object:
    """NumPy scalars and arrays as Python values, paths as strings. Does not import NumPy."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (str, int, float, type(None), Mapping, Sequence)) and not hasattr(
        value, "tolist"
    ):
        return value
    if hasattr(value, "tolist") and getattr(value, "size", 1) <= budgets.NODES:
        return value.tolist()
    return value


def _scalar(value: object) -> tuple[str, Fault | None]:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value], None
    if isinstance(value, int):
        if value.bit_length() <= _PRINTABLE_BITS:
            return int.__repr__(value), None
        message = f"an integer of {value.bit_length():,} bits does not fit into 64"
        return "1", Fault("MS109", message, help="use a smaller one")
    if isinstance(value, float):
        if math.isfinite(value):
            return float.__repr__(value), None
        message = f"`{float.__repr__(value)}` is not a finite number"
        return "1.0", Fault("MS109", message, help="use a finite number, or None")
    kind = type(value).__name__
    fix = "use a str, an int, a float, a bool, None, a list or a dict"
    return "null", Fault("MS204", f"a spec cannot contain a value of type `{kind}`", help=fix)


def _string(text: str) -> str:
    """The JSON string, readable, with escapes for characters that a file may not contain."""
    return _ESCAPED.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )
