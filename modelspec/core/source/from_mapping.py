"""A Python mapping as JSON text, so that what is wrong with it has a place that can be shown."""

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

Misfit = tuple[Fault, int, int]

_ESCAPED = re.compile(
    "[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_PRINTABLE_BITS: Final = (
    1024  # of an integer; longer ones are past the limit anyway, and costly to print
)


def render(value: object) -> tuple[str, list[Misfit], bool]:
    """The JSON text of a value, what in it JSON cannot hold and where, and whether all of it was
    written.
    """
    writer = _Writer()
    try:
        writer.value(value, 1)
    except Fault:  # noted where it was found; it only ends the writing
        return "".join(writer.parts), writer.misfits, False
    return "".join(writer.parts) + "\n", writer.misfits, True


class _Writer:
    """The text so far, in parts. A value that JSON cannot hold is written as its nearest, and
    noted.
    """

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
        """Leave off here. Raises `Fault`, once it is noted."""
        self.write("...", fault)
        raise fault

    def value(self, value: object, level: int) -> None:
        self.nodes += 1
        if self.nodes > budgets.NODES:
            self.stop(too_many_nodes())
        value = _python(value)
        if isinstance(value, (str, bytes, bytearray)):
            self.write(*_scalar(value))
        elif isinstance(value, (Mapping, Sequence)):
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
            self.write(_string(key))
        else:
            found = quoted(str(key))
            message = f"a key must be a text, {found} is of type `{type(key).__name__}`"
            self.write(_string(str(key)), Fault("MS107", message, help="make it a str"))
        self.write(": ")


def _python(value: Any) -> object:
    """NumPy's scalars and arrays as Python's own values, paths as text. NumPy itself is not needed
    for that.
    """
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
    if isinstance(value, str):
        return _string(value), None
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
    mended = "use a str, an int, a float, a bool, None, a list or a dict"
    return "null", Fault("MS204", f"a value of type `{kind}` cannot stand in a spec", help=mended)


def _string(text: str) -> str:
    """The JSON string, readable, with an escape for what may not stand in a file as it is."""
    return _ESCAPED.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )
