"""Writes strings and numbers as YAML that versions 1.2 and 1.1 read the same way."""

from __future__ import annotations

import re
from typing import Final

_BARE = re.compile(r"[A-Za-z_](?:[\w./ -]*\w)?", re.ASCII)
"""Strings that YAML 1.2 and 1.1 read as strings without quotes, except the words below."""
_NAME = re.compile(r"\$[A-Za-z_][\w.]*|\w*\$\([\w .*+/()]+\)\w*", re.ASCII)
"""`$name` and `$(...)` that also need no quotes."""
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_SPACED = re.compile(r"  |-$|\s-")
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def yaml_text(value: str) -> str:
    """A string on one line, in double quotes where it needs them."""
    if _NAME.fullmatch(value):
        return value
    if _BARE.fullmatch(value) and value.lower() not in _WORDS and not _SPACED.search(value):
        return value
    return f'"{"".join(map(_escaped, value))}"'


def yaml_number(value: float) -> str:
    """A float with a decimal point: without one, YAML 1.1 reads `1e-05` as a string."""
    text = repr(value)
    if "e" in text:
        digits, _, exponent = text.partition("e")
        sign = exponent if exponent[0] in "+-" else f"+{exponent}"
        return f"{digits if '.' in digits else f'{digits}.0'}e{sign}"
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )
