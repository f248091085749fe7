"""Parses sizes in bytes: `24GB`, `512 MB`, `80G`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

import click

_SIZE: Final = re.compile(
    r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([kMGT]?)(i?)(?:B|bytes)?\s*", re.IGNORECASE
)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def byte_size(ctx: click.Context, param: click.Parameter, given: str | None) -> int | None:
    """The bytes of a size with an optional unit (powers of 1,000). Raises `click.BadParameter` for
    any other string.
    """
    if given is None:
        return None
    match = _SIZE.fullmatch(given)
    if match is None:
        raise click.BadParameter(f"`{given}` is not a size, e.g. `24GB` or `512MB`", ctx, param)
    number, power = Decimal(match[1]), _POWERS[match[2].lower()]
    if match[3]:
        size = number * 1024**power / 10**9
        raise click.BadParameter(
            f"units are powers of 1,000: instead of `{given}` write `{size:.3f}GB`", ctx, param
        )
    found = int(number * 1000**power)
    if not found:
        raise click.BadParameter(f"`{given}` must be at least one byte", ctx, param)
    return found
