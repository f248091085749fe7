"""Texts and numbers as YAML writes them, so that readers of version 1.2 and of 1.1 understand them
alike.
"""

from __future__ import annotations

import re
from typing import Final

_BARE = re.compile(r"[A-Za-z_](?:[\w./ -]*\w)?", re.ASCII)
"""Texts that YAML 1.2 and 1.1 read as text without quotes, but for the words below."""
_NAME = re.compile(r"\$[A-Za-z_][\w.]*|\w*\$\([\w .*+/()]+\)\w*", re.ASCII)
"""`$name` and `$(...)` that need no quotes either."""
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_SPACED = re.compile(r"  |-$|\s-")
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def yaml_text(value: str) -> str:
    """A text on one line, in double quotes where it needs them."""
    if _NAME.fullmatch(value):
        return value
    if _BARE.fullmatch(value) and value.lower() not in _WORDS and not _SPACED.search(value):
        return value
    return f'"{"".join(map(_escaped, value))}"'


def yaml_number(value: float) -> str:
    """A float with a point in it: without one, YAML 1.1 takes `1e-05` for a text."""
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
