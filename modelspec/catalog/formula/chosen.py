"""A constant of a function that is one of several words."""

from __future__ import annotations

from modelspec.core.diagnostics import Fault, listed, nearest

from .elementwise import Arguments


def check_choice(
    call: Arguments, name: str, words: tuple[str, ...], *, optional: bool = False
) -> str | None:
    """The word of a parameter. Raises MS143 for any other."""
    found: str | None = call.settings[name]
    if found in words or (optional and found is None):
        return found
    near = nearest(found or "", words)
    shown = None if found is None else repr(found[:40])
    allowed = listed([f"'{word}'" for word in words], "or")
    raise Fault(
        "MS143",
        f"`{name}` of `{call.function}` must be {allowed}, found {shown}",
        (name,),
        help=f"did you mean '{near}'?" if near else None,
    )
