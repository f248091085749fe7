"""Translates errors of the YAML parser, and moves them to the place of the mistake."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

import yaml

from ..diagnostics import Fault, Note, Source, Span
from . import yaml_faults
from .reader import quoted, shortened, too_deep
from .yaml_brackets import bracket, expression, never_closed
from .yaml_error import Explained, Trouble

_LINES: Final = 100  # how many lines above are searched for a mistake
_LONGEST_KEY: Final = (
    1024  # YAML 1.2.2, section 7.4.2: a key without `?` has at most so many characters
)
_ALIAS_BEFORE = re.compile(r"[*][^\s]+$")


def explain(source: Source, error: yaml.YAMLError, brackets: list[int]) -> Explained:
    """The fault for an error of the parser; the last of `brackets` was open."""
    return explained(trouble_of(source, error, brackets))


def trouble_of(source: Source, error: yaml.YAMLError, brackets: list[int]) -> Trouble:
    """Where the parser stopped; the last of `brackets` was open."""
    problem_mark = getattr(error, "problem_mark", None)
    context_mark = getattr(error, "context_mark", None)
    at = problem_mark.index if problem_mark else 0
    return Trouble(
        source,
        getattr(error, "problem", None) or str(error),
        min(at, len(source.text)),
        getattr(error, "context", None) or "",
        context_mark.index if context_mark else None,
        brackets[-1] if brackets else None,
    )


def explained(trouble: Trouble) -> Explained:
    """The fault for an error of the parser."""
    for rule in _RULES:
        found = rule(trouble)
        if found:
            return found
    return _anything(trouble)


def _nesting(t: Trouble) -> Explained | None:
    """Newer versions of libyaml count levels themselves, while they look ahead for a key."""
    if "nesting depth" not in t.problem:
        return None
    return Explained(too_deep(), t.span(t.at))


def _tab(t: Trouble) -> Explained | None:
    indent = re.compile(r"[ ]*(\t+)").match(t.text, t.line_start)
    if not indent or (indent.end() < t.at and not indent[0].isspace()):
        return None
    if "flow" in t.context or "quoted" in t.context:
        return None
    fault = Fault(
        "MS103",
        "the indentation contains a tab",
        help="indent with spaces; YAML does not allow tabs here",
    )
    return Explained(fault, Span(t.source, *indent.span(1)))


def _missing_space(t: Trouble) -> Explained | None:
    """`units:64` or `-Dense` on this line, on the line above, or where a key was looked for."""
    if not any(one in t.problem for one in ("mapping values", "expected ':'", "expected key")):
        return None
    starts = [t.line_start, _line_above(t)]
    if t.opened is not None and "simple key" in t.context:
        starts = [t.opened]
    for start in starts:
        line = t.text[start : t.source.line_end(start)]
        found = yaml_faults.missing_space(line) if start < t.at else None
        if found:
            colon = start + yaml_faults.colon_of(line)
            return Explained(found, t.span(colon))
        dash = yaml_faults.DASH.match(line)
        if dash and start < t.at:
            return Explained(
                yaml_faults.missing_dash_space(line[dash.end() :]), t.span(start + dash.end() - 1)
            )
    return None


def _line_above(t: Trouble) -> int:
    """The start of the nearest line above that is not empty."""
    start = t.line_start
    for _ in range(_LINES):
        if start == 0:
            break
        start = t.source.line_start(start - 1)
        line = t.source.line_at(start).strip()
        if line and not line.startswith("#"):
            break
    return start


def _colon(t: Trouble) -> Explained | None:
    if "mapping values" not in t.problem:
        return None
    key = t.before.strip()
    start = t.at - len(t.before.lstrip())
    if not key:
        return Explained(yaml_faults.not_text(""), t.span(t.at))
    if len(key) > _LONGEST_KEY:
        return _long_key(t, start)
    if re.search(r":\s", key) or key.startswith(("'", '"')):
        fix = "quote the value if it is a string, or use `{...}` if it is a mapping"
        return Explained(Fault("MS103", "a second `:` in one value", help=fix), t.span(t.at))
    above = _line_above(t)
    line = t.source.line_at(above)
    if above < t.line_start and start - t.line_start > len(line) - len(line.lstrip()):
        fault = Fault(
            "MS103",
            f"{quoted(key)} is indented below {quoted(line.strip())}, which already has a value",
            help="indent both lines alike, or remove the value above",
        )
        return Explained(fault, t.span(start, len(key)))
    return Explained(
        Fault("MS103", "found `:` inside a string", help="quote the string that contains it"),
        t.span(t.at),
    )


def _no_colon(t: Trouble) -> Explained | None:
    if "expected ':'" not in t.problem or t.opened is None:
        return None
    line = t.text[t.opened : t.source.line_end(t.opened)].split(" #")[0].rstrip()
    if len(line) > _LONGEST_KEY:
        return _long_key(t, t.opened)
    return Explained(yaml_faults.missing_colon(line), t.span(t.opened, len(line)))


def _long_key(t: Trouble, start: int) -> Explained:
    fault = Fault(
        "MS103", f"a key has at most {_LONGEST_KEY:,} characters", help="write a shorter key"
    )
    return Explained(fault, t.span(start, 40))


def _no_content(t: Trouble) -> Explained | None:
    if "node content" not in t.problem:
        return None
    if t.ended and t.bracket is not None:
        return never_closed(t, t.bracket)
    if t.ended:
        fix = "write the value, or remove what precedes it"
        return Explained(
            Fault("MS103", "the file ends where a value is expected", help=fix), t.span(t.at)
        )
    if t.found in "]}" and "flow" not in t.context:
        return _stray(t)
    fix = "write the value, or remove the comma"
    fault = Fault("MS103", f"found {quoted(t.found)} where a value is expected", help=fix)
    return Explained(fault, t.span(t.at))


def _stray(t: Trouble) -> Explained:
    return Explained(
        Fault("MS103", f"`{t.found}` closes nothing", help="remove it, or open the bracket"),
        t.span(t.at),
    )


def _quotes(t: Trouble) -> Explained | None:
    if ("quoted scalar" not in t.context and "double-quoted" not in t.context) or t.opened is None:
        return None
    if "end of stream" in t.problem or "document indicator" in t.problem:
        quote = t.text[t.opened : t.opened + 1]
        fault = Fault(
            "MS103", f"`{quote}` is never closed", help=f"close the string with `{quote}`"
        )
        return Explained(fault, t.span(t.opened))
    start = t.at if t.found == "\\" else t.text.rfind("\\", 0, t.at)
    if "Unicode character" in t.problem:
        return Explained(yaml_faults.surrogate(), t.span(start, 6))
    if start < 0:
        return None
    escape = t.text[start : start + 2]
    fault = Fault(
        "MS103",
        f"{quoted(escape)} is not an escape in a string in double quotes",
        help=f"write `\\{escape}` for a backslash, or put the string in single quotes",
    )
    return Explained(fault, t.span(start, 2))


def _token(t: Trouble) -> Explained | None:
    if "cannot start any token" not in t.problem:
        return None
    found = expression(t)  # only within brackets it ends before its `)`
    if found is not None:
        return found
    fault = Fault(
        "MS103", f"a value cannot start with {_named(t.found)}", help="put the value in quotes"
    )
    return Explained(fault, t.span(t.at))


def _named(character: str) -> str:
    names = {"`": "a backtick", "\t": "a tab", "": "the end of the file"}
    return names.get(character, f"`{character}`")


def _dash(t: Trouble) -> Explained | None:
    if "sequence entries are not allowed" not in t.problem:
        return None
    rest = t.text[t.at + 1 : t.source.line_end(t.at)].strip()
    fault = Fault(
        "MS103",
        "a list with dashes cannot start on the line of its key",
        help=f"start it on the next line, or write `[{shortened(rest)}]`",
    )
    return Explained(fault, t.span(t.at))


def _block(t: Trouble) -> Explained | None:
    """A line or a word that does not continue the block that contains it."""
    if not any(f"block {kind}" in t.context for kind in ("mapping", "collection", "sequence")):
        return None
    before = t.before.rstrip()
    if t.found in ("]", "}"):
        return _stray(t)
    if t.found == ":" and not before.strip(" -"):
        return Explained(yaml_faults.not_text(""), t.span(t.at))
    quoted_before = before.endswith(("'", '"'))
    if quoted_before or _ALIAS_BEFORE.search(before):
        what = "the closing quote" if quoted_before else "an alias"
        fix = "quote the whole value; `''` writes a quote in single quotes"
        fault = Fault("MS103", f"text follows {what}", help=fix)
        return Explained(fault, t.span(t.at))
    return None if before.strip(" -") else _indentation(t)


def _indentation(t: Trouble) -> Explained:
    """A line whose indentation matches no line above, or lines of another kind."""
    word = t.text[t.at : t.source.line_end(t.at)].strip()
    fix = "indent it like the lines that it belongs to"
    opened = t.opened if t.opened is not None else 0
    if _column(t, t.at) == _column(t, opened):
        kinds = ("a list entry", "keys") if "mapping" in t.context else ("a key", "list entries")
        fault = Fault("MS103", f"found {kinds[0]} among {kinds[1]}", help=fix)
    else:
        fault = Fault("MS103", f"the indentation of {quoted(word)} matches no line above", help=fix)
    return Explained(
        fault,
        t.span(t.at, len(word)),
        (Note("the block that is open starts here", t.span(opened)),),
    )


def _column(t: Trouble, at: int) -> int:
    return at - t.source.line_start(at)


def _anchor(t: Trouble) -> Explained | None:
    if (
        "scanning an alias" not in t.context and "scanning an anchor" not in t.context
    ) or t.opened is None:
        return None
    sign = t.text[t.opened : t.opened + 1]
    kind = "an alias" if sign == "*" else "an anchor"
    fault = Fault(
        "MS103",
        f"`{sign}` starts {kind}, and no name follows",
        help="put the value in quotes if it is a string",
    )
    return Explained(fault, t.span(t.opened))


def _tag(t: Trouble) -> Explained | None:
    if "tag" not in t.context and "tag" not in t.problem:
        return None
    start = t.opened if t.opened is not None else t.at
    word = re.compile(r"\S*").match(t.text, start)
    text = word[0] if word else "!"
    return Explained(yaml_faults.tag(text), t.span(start, len(text)))


_COMPARISON: Final = re.compile(r"(?<=[:-] )\s*(>=?\s*(?:[\d.$]|baseline\b)[^#]*)")
"""A comparison after a key or a dash."""


def _block_scalar(t: Trouble) -> Explained | None:
    if "block scalar" not in t.context:
        return None
    line_end = t.source.line_end(t.at)
    found = _COMPARISON.search(t.text, t.line_start, line_end)
    if found is not None and found.start(1) < t.at:
        text = found[1].rstrip()
        fault = Fault(
            "MS103",
            "a string that begins with `>` needs quotes",
            help=f"write `{json.dumps(text)}`",
            suggestion=json.dumps(text),
        )
        return Explained(fault, t.span(found.start(1), len(text)))
    fault = Fault(
        "MS103",
        "found text after `|` or `>`",
        help="start the text on the next line, or quote the whole value",
    )
    return Explained(fault, t.span(t.at))


def _directive(t: Trouble) -> Explained | None:
    if "incompatible" in t.problem:
        return Explained(yaml_faults.version(), t.span(t.at, t.source.line_end(t.at) - t.at))
    if t.text[t.line_start : t.line_start + 1] != "%":
        return None
    fault = Fault(
        "MS103",
        "a line that starts with `%` is a directive",
        help="remove it; a comment starts with `#`",
    )
    return Explained(fault, t.span(t.line_start, t.source.line_end(t.at) - t.line_start))


def _document(t: Trouble) -> Explained | None:
    if "document start" not in t.problem:
        return None
    if t.found in ("]", "}"):
        return _stray(t)
    if t.source.line_at(_line_above(t)).startswith("..."):
        return Explained(yaml_faults.second_document(), t.span(t.at))
    fault = Fault(
        "MS103", "found text after the end of the document", help="put all of it into one mapping"
    )
    return Explained(fault, t.span(t.at))


def _anything(t: Trouble) -> Explained:
    found = quoted(t.found) if t.found.strip() else "the end of the file" if t.ended else "a space"
    fault = Fault(
        "MS103", f"{found} is not allowed here", help="put the value in quotes if it is a string"
    )
    return Explained(fault, t.span(t.at))


_RULES: Final[tuple[Callable[[Trouble], Explained | None], ...]] = (
    _nesting,
    _tab,
    _missing_space,
    _colon,
    _no_colon,
    bracket,
    _no_content,
    _quotes,
    _token,
    _dash,
    _block,
    _anchor,
    _tag,
    _block_scalar,
    _directive,
    _document,
)
