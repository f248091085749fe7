"""Repairs a line that the parser does not understand: what it lacks is completed, or what it cannot
have is replaced by characters that mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from . import yaml_faults
from .repair_brackets import Repair
from .repair_lines import Lines
from .yaml_error import Trouble

_HEAD: Final = re.compile(r"([ ]*(?:-[ ]+)*)((?:\"[^\"]*\"|'[^']*'|[A-Za-z_][\w.$-]*)?)")
_NOTHING: Final = "_"
"""In place of an entry."""
_NAME: Final = re.compile(r"\bname:[ ]*([A-Za-z_][\w]*)")


class Place:
    """Where the parser stopped, in lines and columns of the text under repair."""

    def __init__(self, trouble: Trouble, lines: Lines, number: int, column: int) -> None:
        self.problem = trouble.problem
        self.context = trouble.context
        self.lines = lines
        self.number = number
        self.column = column
        self.opened: int | None = None
        """The line where what was being read began."""

    @property
    def text(self) -> str:
        return self.lines[self.number]

    @property
    def found(self) -> str:
        return self.text[self.column : self.column + 1]


def repaired_line(place: Place) -> Repair | None:
    """The smallest repair of a line outside of brackets, by the parser's complaint."""
    for rule in _RULES:
        found = rule(place)
        if found is not None:
            return found
    return None


def _tab(place: Place) -> Repair | None:
    indent = re.match(r"[ \t]*", place.text)
    assert indent is not None
    if "\t" not in indent[0]:
        return None
    above = place.lines.before(place.number)
    step = 4 if above is None else max(2, place.lines.indent(above) // max(1, _tabs(indent[0])))
    spaces = indent[0].replace("\t", " " * step)
    if above is not None:
        spaces = " " * _likely_indent(place.lines, place.number, len(spaces))
    return Repair(place.number, spaces + place.text.lstrip(), len(spaces))


def _tabs(text: str) -> int:
    return text.count("\t")


def _space(place: Place) -> Repair | None:
    """`units:64` and `-Dense`, on this line or the one above."""
    for number in (place.number, place.lines.before(place.number)):
        if number is None:
            continue
        text = place.lines[number]
        dash = yaml_faults.DASH.match(text)
        found = yaml_faults.missing_space(text)
        if dash is None and found is None:
            continue
        at = dash.end() if dash is not None else yaml_faults.colon_of(text) + 1
        fault = found or yaml_faults.missing_dash_space(text[at:])
        return Repair(number, f"{text[:at]} {text[at:]}", at, fault=fault)
    return None


def _no_colon(place: Place) -> Repair | None:
    """A key without its colon."""
    if "expected ':'" not in place.problem:
        return None
    number = place.number if place.opened is None else place.opened
    return _with_colon(place.lines, number)


def _with_colon(lines: Lines, number: int) -> Repair | None:
    text = lines[number]
    comment = re.search(r"\s#", text)
    end = len((text[: comment.start()] if comment else text).rstrip())
    if not text[:end].strip(" -") or text[:end].endswith(":"):
        return None
    key = text[:end].strip(" -")
    fault = yaml_faults.missing_colon(key)
    return Repair(number, f"{text[:end]}:{text[end:]}", end, fault=fault)


def _second_colon(place: Place) -> Repair | None:
    """`mapping values are not allowed here`: the colon is the second of its line, or belongs to a
    line that continues a key without a colon.
    """
    if "mapping values" not in place.problem:
        return None
    before = place.text[: place.column]
    if re.search(r":\s", before) or not before.strip(" -"):
        sign = "_" if before.strip(" -") else " "
        return Repair(
            place.number,
            before + sign + place.text[place.column + 1 :],
            len(before.rstrip()) - len(before.rstrip().rpartition(" ")[2]),
        )
    above = place.lines.before(place.number)
    if above is None:
        return None
    if not re.search(r":\s+\S", place.lines[above].lstrip(" -")):
        return _with_colon(place.lines, above)
    indent = _likely_indent(place.lines, place.number, place.lines.indent(place.number))
    return _indented(place.lines, place.number, indent)


def _indentation(place: Place) -> Repair | None:
    """A line whose indentation matches no line above."""
    if "block" not in place.context or place.text[: place.column].strip(" -"):
        return None
    written = place.lines.indent(place.number)
    indent = _likely_indent(place.lines, place.number, written)
    return None if indent == written else _indented(place.lines, place.number, indent)


def _below_nothing(place: Place) -> Repair | None:
    """Lines below an empty line that are indented as if there were a key on it: it is being
    written.
    """
    number, lines = place.number, place.lines
    if number == 0 or lines[number - 1].strip() or not lines.is_entry(number):
        return None
    indent = lines.indent(number)
    above = lines.before(number)
    columns = [0]
    while above is not None:
        head = len(lines[above]) - len(lines[above].lstrip(" -"))
        columns.append(head)
        if head == 0:
            break
        above = lines.before(above)
    column = max((one for one in columns if one < indent), default=None)
    in_block = "block" in place.context + place.problem or "mapping values" in place.problem
    if column is None or not in_block:
        return None
    return Repair(number - 1, " " * column + "_:", 0)


def _indented(lines: Lines, number: int, indent: int) -> Repair:
    text = lines[number].lstrip()
    return Repair(number, " " * indent + text, min(indent, lines.indent(number)))


def _likely_indent(lines: Lines, number: int, written: int) -> int:
    """The indentation of a line above or below of the same kind that is nearest to that of this
    line; of the line above where there is none.
    """
    dashed = lines[number].lstrip().startswith("-")
    found: dict[int, int] = {}
    above, least = lines.before(number), None
    while above is not None and len(found) < 8:
        indent = lines.indent(above)
        if least is None or indent < least:
            least = indent
            if lines[above].lstrip().startswith("-") == dashed:
                found.setdefault(abs(indent - written), indent)
            elif not dashed:  # the keys of an entry with a dash
                column = indent + 2
                found.setdefault(abs(column - written), column)
        above = lines.before(above)
    return found[min(found)] if found else written


def _dash(place: Place) -> Repair | None:
    """`key: - a`"""
    if "sequence entries are not allowed" not in place.problem:
        return None
    return _without(place, " ")


def _sign(place: Place) -> Repair | None:
    """A character that begins nothing: a backtick, a lone `*` or `&`, a bracket that is not
    open.
    """
    if place.found == "%" and not place.text[: place.column].strip():
        return Repair(place.number, "#" + place.text[1:], 0, blank=True)
    lone = "alias" in place.context or "anchor" in place.context
    if lone:
        text = re.sub(r"(^|[ \[{,])[*&](?=[\s,\]}]|$)", r"\1_", place.text)
        return Repair(place.number, text, 0) if text != place.text else None
    if "cannot start any token" in place.problem or place.found in ("]", "}"):
        return _without(place, "_" if place.found in "`@%" else " ")
    return None


def _comma(place: Place) -> Repair | None:
    """Inside of brackets: an entry after a space instead of a comma."""
    if "flow" not in place.context:
        return None
    before = place.text[: place.column].rstrip()
    space = before.rfind(" ") if place.found == ":" else len(before)
    if space <= 0 or before[:space].rstrip()[-1:] in ("", ",", ":", "[", "{"):
        return None
    end = len(before[:space].rstrip())
    return Repair(place.number, place.text[:end] + "," + place.text[end + 1 :], end)


def _without(place: Place, sign: str) -> Repair:
    text = place.text
    return Repair(
        place.number, text[: place.column] + sign + text[place.column + 1 :], place.column
    )


_RULES: Final[tuple[Callable[[Place], Repair | None], ...]] = (
    _tab,
    _below_nothing,
    _space,
    _no_colon,
    _second_colon,
    _dash,
    _sign,
    _comma,
    _indentation,
)


# Without what it contains -------------------------------------------------------------------------


def emptied(lines: Lines, number: int) -> Repair | None:
    """The line with only the kind or key with which it begins, and its name; None if it is so
    already.
    """
    text = lines[number]
    head = _HEAD.match(text)
    assert head is not None
    start = text[: head.end()].rstrip()
    if head[2] in ("", _NOTHING):
        return None
    found = start + ":"
    below = lines.after(number)
    has_body = below is not None and lines.indent(below) > lines.indent(number)
    name = _NAME.search(text)
    if name is not None and not has_body:
        found += f" {{name: {name[1]}}}"
    return None if found == text else Repair(number, found, len(start))


def blanked(lines: Lines, number: int) -> Repair | None:
    """The line without content; None if it has none."""
    text = lines[number]
    if lines.is_empty(number):
        return None
    dash = re.match(r"[ ]*-[ ]", text)
    if dash is not None and text.strip() != f"- {_NOTHING}":
        return Repair(number, f"{dash[0]}{_NOTHING}", len(dash[0]))  # an entry of a list stays one
    return Repair(number, "", 0, blank=True)
