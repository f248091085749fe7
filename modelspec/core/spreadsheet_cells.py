"""Cells of csv files that a spreadsheet would run as formulas.

Data may come from strangers, and so may labels and identifiers in predictions. Source: the page
"CSV Injection" of OWASP.
"""

from __future__ import annotations

from typing import Any, Final

_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def inert(value: Any) -> Any:
    """A value for a cell; a string that is a formula gets an apostrophe before it, with which a
    spreadsheet shows it as text. Numbers do not change, also as strings.
    """
    if not isinstance(value, str) or not value.startswith(_STARTS) or _is_number(value):
        return value
    return f"'{value}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()
