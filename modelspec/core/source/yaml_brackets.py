"""Lists and mappings in brackets that are not closed, lack a comma, or contain an expression with
brackets.
"""

from __future__ import annotations

import re
from typing import Final

from ..diagnostics import Fault, Note
from .reader import quoted, shortened
from .yaml_error import Explained, Trouble
from .yaml_faults import expression_end

_CLOSING: Final = {"[": "]", "{": "}"}
_KEY = re.compile(r"\s+[\w.$-]+")
_LAST_WORD = re.compile(r"[^\s,{}\[\]#]+$")
_ENTRY = re.compile(
    r"[ ]*(?:- |-$|(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\[\]{},:#&*!|>'\"%@`][^:\n]*):(?:\s|$))",
    re.MULTILINE,
)


def bracket(t: Trouble) -> Explained | None:
    """A list or mapping in brackets that is not closed, or lacks a comma."""
    if t.opened is None or "flow" not in t.context:
        return None
    opening = t.text[t.opened : t.opened + 1]
    if opening not in _CLOSING:
        return None
    closing = _CLOSING[opening]
    here = t.source.line_start(t.opened)
    never = t.ended or (
        here < t.line_start and _indent(t, t.line_start) <= _indent(t, here) and _is_entry(t)
    )
    if never:
        return never_closed(t, t.opened)
    found = expression(t)
    if found is not None:
        return found
    missing = _no_comma_above(t) if opening == "{" else None
    if missing is not None:
        return missing
    fix = f"write `{closing}`" if t.found in "]}" else "put a comma between entries"
    fault = Fault(
        "MS103", f"found {quoted(t.found)} where `,` or `{closing}` is expected", help=fix
    )
    return Explained(fault, t.span(t.at), (Note(f"`{opening}` is opened here", t.span(t.opened)),))


def _no_comma_above(t: Trouble) -> Explained | None:
    """A key with which its line begins, where the line above ends without a comma: YAML reads the
    end of that line as the beginning of the key.
    """
    if t.found != ":" or not _KEY.fullmatch(t.before):
        return None
    above = t.text[: t.line_start].rstrip()
    word = _LAST_WORD.search(above)
    if word is None or not word[0].strip():
        return None
    fault = Fault("MS103", f"no `,` after {quoted(word[0])}", help="put a comma between entries")
    return Explained(fault, t.span(word.start(), len(word[0])))


def never_closed(t: Trouble, opened: int) -> Explained:
    closing = _CLOSING[t.text[opened]]
    fault = Fault("MS103", f"`{t.text[opened]}` is never closed", help=f"close it with `{closing}`")
    notes = (
        ()
        if t.ended
        else (Note(f"`{closing}` is expected before this line", t.span(t.line_start)),)
    )
    return Explained(fault, t.span(opened), notes)


def _indent(t: Trouble, start: int) -> int:
    line = t.source.line_at(start)
    return len(line) - len(line.lstrip())


def _is_entry(t: Trouble) -> bool:
    return _ENTRY.match(t.text, t.line_start) is not None


def expression(t: Trouble) -> Explained | None:
    """`$(sizes[0])`, `$sizes[0]` and `${name}` inside brackets, whose brackets YAML reads as a list
    or mapping.
    """
    first = t.at - len(t.before)
    opened = t.before.rfind("$(")
    last = expression_end(t.text, first + opened) if opened >= 0 else None
    if last is not None and last > t.at:
        return _needs_quotes(t, first + opened, t.text[first + opened : last])
    word = re.search(r"[^\s,\[\]{}:]*\$[^\s,\[\]{}]*$", t.before)
    if not word or t.found not in ("[", "{"):
        return None
    start = t.line_start + word.start()
    end = t.text.find(_CLOSING[t.found], t.at)
    whole = t.text[start : end + 1] if end > 0 else t.text[start : t.at + 1]
    if t.found == "{":
        name = whole[2:-1]
        fix = f"write `${shortened(name)}`, or `$(...)` for an expression"
        fault = Fault("MS103", "`${...}` is not a value of this language", help=fix)
        return Explained(fault, t.span(start, len(whole)))
    return _needs_quotes(t, start, whole)


def _needs_quotes(t: Trouble, start: int, whole: str) -> Explained:
    quote = "'" if '"' in whole else '"'
    fault = Fault(
        "MS103",
        f"{quoted(whole)} needs quotes inside brackets",
        help=f"write `{quote}{shortened(whole)}{quote}`",
    )
    return Explained(fault, t.span(start, len(whole)))
