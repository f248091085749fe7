"""Columns by their numbers: `V1..V28` means V1, V2, and so on up to V28."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from modelspec.core.settings import Unfit

_RANGE = re.compile(r"(.*?)([0-9]+)\.\.(.*?)([0-9]+)", re.DOTALL)
_MOST: Final = 10_000
"""Columns of a range."""


def columns_of(text: str) -> tuple[str, ...]:
    """The columns that a text names: those of a range, or itself. Numbers keep the zeros that they
    begin with: `x08..x10` is x08, x09, x10. Raises `Unfit` (MS205) for a range without columns.
    """
    match = _RANGE.fullmatch(text)
    if match is None or match[1] != match[3] or max(map(len, match.group(2, 4))) > len(str(_MOST)):
        return (text,)
    prefix, first, last = match[1], int(match[2]), int(match[4])
    if last < first:
        swapped = f"{prefix}{match[4]}..{prefix}{match[2]}"
        expected = "a range of columns from the lower number to the higher one"
        raise Unfit(expected, code="MS205", help=f"write `{swapped}`", suggestion=swapped)
    if last - first >= _MOST:
        raise Unfit(f"a range of at most {_MOST:,} columns", code="MS205")
    width = len(match[2]) if match[2].startswith("0") else 1
    return tuple(f"{prefix}{number:0{width}}" for number in range(first, last + 1))


def _expanded(value: Any) -> Any:
    """A range, or a list of names and ranges, as names; all else is left to be refused."""
    if isinstance(value, str):
        names = columns_of(value)
        if names == (value,):
            expected = "a list of columns, or a range such as `V1..V28`"
            raise Unfit(expected, help=f"write `[{value}]`")
        return names
    if not isinstance(value, (tuple, list)) or not all(isinstance(one, str) for one in value):
        return value
    found: list[str] = []
    for index, one in enumerate(value):
        try:
            found.extend(columns_of(one))
        except Unfit as error:
            raise Unfit(
                error.expected,
                code=error.code,
                help=error.help,
                suggestion=error.suggestion,
                path=(index,),
            ) from None
    return tuple(found)


Columns = Annotated[
    tuple[str, ...], BeforeValidator(_expanded, json_schema_input_type=str | tuple[str, ...])
]
"""Several columns, ranges written out."""
