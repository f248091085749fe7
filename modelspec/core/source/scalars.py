"""Plain YAML scalars by the 1.2 core schema, and the ones that probably mean something else.

Source: YAML 1.2.2, section 10.3.2 (tag resolution of the core schema).
"""

from __future__ import annotations

import math
import re
from typing import Final

from ..diagnostics import Fault
from . import budgets
from .reader import quoted

Primitive = str | int | float | bool | None

WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
"""Plain scalars that are not strings."""
_FIRST = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"(?P<infinite>[-+]?\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_BINARY = re.compile(r"[-+]?0[bB][01]+")
_OTHER_BASE = re.compile(r"[-+]?0[oOxX][0-9a-fA-F]+")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_LONGEST = 66
"""Characters of a 64-bit integer in base 2, with sign; a longer string is not converted."""


def resolve(text: str) -> tuple[Primitive, Fault | None]:
    """The value of a plain scalar, and what is wrong with it.

    A faulty one gets the value that was most likely meant, so that one fault is not reported again
    as another.
    """
    if text in WORDS:
        return WORDS[text], None
    if text[0] not in _FIRST:
        return text, None
    if _INTEGER.fullmatch(text):
        if _LEADING_ZERO.fullmatch(text):
            return _leading_zero(text)
        return integer(text, 10)
    if _BASED.fullmatch(text):
        return integer(text, 0)
    if _FLOAT.fullmatch(text):
        return real(text)
    special = _SPECIAL.fullmatch(text)
    if special:
        return (
            math.copysign(math.inf, -1.0 if text[0] == "-" else 1.0)
            if special["infinite"]
            else math.nan
        ), None
    return _misleading(text)


def integer(text: str, base: int) -> tuple[int, Fault | None]:
    """An integer of at most 64 bits; the length is checked before the conversion."""
    value = int(text, base) if len(text) <= _LONGEST else None
    if value is not None and budgets.SMALLEST_INTEGER <= value <= budgets.LARGEST_INTEGER:
        return value, None
    return 1, Fault(
        "MS109",
        f"the integer {quoted(text)} does not fit into 64 bits",
        notes=(f"integers range from {budgets.SMALLEST_INTEGER} to {budgets.LARGEST_INTEGER}",),
        help="write it as a float (`1e20`), or in quotes if it is a string",
    )


def real(text: str) -> tuple[float, Fault | None]:
    """A finite float; `1e400` is larger than any float."""
    value = float(text)
    if math.isfinite(value):
        return value, None
    return 1.0, Fault(
        "MS109",
        f"the number {quoted(text)} is larger than any float",
        notes=("the largest float is about 1.8e308",),
        help="write a smaller number",
    )


def hint(text: str) -> str | None:
    """For a plain string where another type was expected: what was probably meant.

    YAML 1.1 reads `yes` as true and `12:30` as 750, Python writes `None`, and without a space
    after the colon a key and its value are one string. All of these are strings here, which is an
    error only where a boolean, a number or a mapping is required.
    """
    lowered = text.lower()
    if lowered in ("yes", "on", "y"):
        return f"{quoted(text)} is a string in YAML 1.2; write `true`"
    if lowered in ("no", "off", "n"):
        return f"{quoted(text)} is a string in YAML 1.2; write `false`"
    if text == "None":
        return "`None` is a string in YAML; write `null`"
    if lowered in ("inf", "+inf", "-inf", "infinity", "-infinity", "nan"):
        sign = "-" if text.startswith("-") else ""
        return (
            f"{quoted(text)} is a string in YAML; write"
            f" `{sign}{'.nan' if lowered == 'nan' else '.inf'}`"
        )
    if re.fullmatch(r"[0-9]+(?::[0-5]?[0-9])+", text):
        return f"{quoted(text)} is a string in YAML 1.2; write the number itself"
    colon = re.fullmatch(r"([A-Za-z_]\w*):([^\s:/\\].*)", text)
    if colon:
        return f"a space is missing after the colon: `{colon[1]}: {shortened_value(colon[2])}`"
    return None


def shortened_value(text: str) -> str:
    return quoted(text)[1:-1]


def _leading_zero(text: str) -> tuple[Primitive, Fault | None]:
    sign = "-" if text[0] == "-" else ""
    digits = text.lstrip("+-").lstrip("0") or "0"
    value, fault = integer(sign + digits, 10)
    if fault:
        return value, fault
    octal = (
        f", `{sign}0o{digits}` for the octal number"
        if re.fullmatch("[0-7]+", digits) and digits != "0"
        else ""
    )
    return value, Fault(
        "MS112",
        f"{quoted(text)} is the number {value} in YAML 1.2; leading zeros have no meaning",
        help=f'write `{value}` for the number{octal}, or `"{shortened_value(text)}"` for a string',
        suggestion=str(value),
    )


def _misleading(text: str) -> tuple[Primitive, Fault | None]:
    """A string that looks like a number, with a warning; any other string unchanged."""
    bare = (
        text.replace("_", "")
        if "_" in text and re.fullmatch(r"[-+]?[0-9][0-9a-zA-Z_.+-]*", text)
        else text
    )
    if _THOUSANDS.fullmatch(bare):
        bare = bare.replace(",", "")
    meant = (
        _number(bare)
        if bare != text or _BINARY.fullmatch(text) or _OTHER_BASE.fullmatch(text)
        else None
    )
    if meant is None:
        return text, None
    return meant, Fault(
        "MS112",
        f"{quoted(text)} looks like a number, but is a string in YAML 1.2",
        help=f'write `{meant}` for the number, or `"{shortened_value(text)}"` for a string',
        suggestion=str(meant),
    )


def _number(text: str) -> int | float | None:
    """What Python or an older YAML would read, where that is a number that fits."""
    if len(text) > _LONGEST:
        return None
    if _BINARY.fullmatch(text) or _OTHER_BASE.fullmatch(text):
        base = {"b": 2, "o": 8, "x": 16}[text.lower().lstrip("+-")[1]]
        try:
            value, fault = integer(text, base)
        except ValueError:  # `0o99`: digits that the base does not have
            return None
    elif _INTEGER.fullmatch(text):
        value, fault = integer(text, 10)
    elif _FLOAT.fullmatch(text):
        number, fault = real(text)
        return None if fault else number
    else:
        return None
    return None if fault else value
