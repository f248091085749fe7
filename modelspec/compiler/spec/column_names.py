"""Several columns of a feature: names, ranges (`V1..V28` means V1, V2, and so on up to V28),
patterns (`pixel_*`), or all columns but some.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import WrapValidator

from modelspec.core.settings import Unfit

_RANGE = re.compile(r"(.*?)([0-9]+)\.\.(.*?)([0-9]+)", re.DOTALL)
_STAR = re.compile(r"(?<!\\)\*")
_MOST: Final = 10_000
"""The most columns in a range."""
ALL_BUT: Final = "all_but"
"""The key for the columns that a feature leaves out."""


class Selection(tuple[str, ...]):
    """Columns that depend on those of the source: patterns, or all but some. As a tuple it is
    empty, because their names are not known yet.
    """

    entries: tuple[str, ...]
    """Names and patterns, with ranges expanded."""
    all_but: bool
    """Whether these are left out, rather than taken."""

    def __new__(cls, entries: Sequence[str], *, all_but: bool = False) -> Selection:
        made = super().__new__(cls)
        made.entries, made.all_but = tuple(entries), all_but
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[tuple[str, ...]], dict[str, bool]]:
        return (self.entries,), {"all_but": self.all_but}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and (self.entries, self.all_but) == (
            other.entries,
            other.all_but,
        )

    def __hash__(self) -> int:
        return hash((self.entries, self.all_but))

    def __str__(self) -> str:
        if self.all_but:
            return f"{{all_but: [{', '.join(self.entries)}]}}"
        return ", ".join(one for one in self.entries if is_pattern(one))

    def among(self, names: Sequence[str]) -> dict[str, str]:
        """The chosen columns of a source with these columns, in order, and the entry that names
        each. An entry that is the name of a column means this column, also if it contains a `*`.
        """
        if self.all_but:
            without = {name for entry in self.entries for name in matching(entry, names)}
            return {name: ALL_BUT for name in names if name not in without}
        found: dict[str, str] = {}
        for entry in self.entries:
            for name in matching(entry, names) if is_pattern(entry) else (literal(entry),):
                found.setdefault(name, entry)
        return found

    def without_columns(self, names: Sequence[str]) -> Iterator[str]:
        """The patterns, and for `all_but` also the names, that match no column of a source."""
        for entry in dict.fromkeys(self.entries):
            if (self.all_but or is_pattern(entry)) and not matching(entry, names):
                yield entry


def is_pattern(text: str) -> bool:
    """Whether a text names columns by a pattern; `\\*` is a star in the name of a column."""
    return _STAR.search(text) is not None


def literal(text: str) -> str:
    """The name of the column that a text without patterns names."""
    return text.replace("\\*", "*")


def escaped(name: str) -> str:
    """The text that names a column, whatever is in its name."""
    return name.replace("*", "\\*")


def matching(entry: str, names: Sequence[str]) -> list[str]:
    """The columns that a name or a pattern means, in the order of the source."""
    if entry in names or not is_pattern(entry):
        return [name for name in dict.fromkeys((entry, literal(entry))) if name in names][:1]
    parts = (re.escape(literal(part)) for part in _STAR.split(entry))
    pattern = re.compile(".*".join(parts), re.DOTALL)
    return [name for name in names if pattern.fullmatch(name)]


def columns_of(text: str) -> tuple[str, ...]:
    """The columns that a string names: those of a range, or the string itself. Leading zeros are
    kept: `x08..x10` is x08, x09, x10. Raises `Unfit` (MS205) for a range without columns.
    """
    match = _RANGE.fullmatch(text)
    if match is None or match[1] != match[3] or max(map(len, match.group(2, 4))) > len(str(_MOST)):
        return (text,)
    prefix, first, last = match[1], int(match[2]), int(match[4])
    if last < first:
        swapped = f"{prefix}{match[4]}..{prefix}{match[2]}"
        expected = "a range of columns from the lower to the higher number"
        raise Unfit(expected, code="MS205", help=f"write `{swapped}`", suggestion=swapped)
    if last - first >= _MOST:
        raise Unfit(f"a range of at most {_MOST:,} columns", code="MS205")
    width = len(match[2]) if match[2].startswith("0") else 1
    return tuple(f"{prefix}{number:0{width}}" for number in range(first, last + 1))


def _columns(value: Any, check: Callable[[Any], Any]) -> tuple[str, ...]:
    """The names in a list, a range or a pattern; a `Selection` if they depend on the source."""
    if isinstance(value, Selection):
        return value
    if isinstance(value, Mapping):
        return Selection(_left_out(value), all_but=True)
    found: tuple[str, ...] = check(_expanded(value))
    return Selection(found) if any(map(is_pattern, found)) else tuple(map(literal, found))


def _left_out(value: Mapping[Any, Any]) -> tuple[str, ...]:
    """The columns of `{all_but: [...]}`."""
    if set(value) != {ALL_BUT}:
        expected = "a list of columns, a range, a pattern, or `{all_but: [...]}`"
        raise Unfit(expected, help="write e.g. `{all_but: [id, label]}`")
    names = value[ALL_BUT]
    names = (names,) if isinstance(names, str) else names
    if not isinstance(names, (tuple, list)) or not all(isinstance(one, str) for one in names):
        raise Unfit("a list of columns", path=(ALL_BUT,), help="write `[...]`")
    try:
        return tuple(_in_list(names))
    except Unfit as error:
        raise _at(error, (ALL_BUT, *error.path)) from None


def _expanded(value: Any) -> Any:
    """A range, or a list of names and ranges, as names; any other value is returned unchanged."""
    if isinstance(value, str):
        names = columns_of(value)
        if names == (value,) and not is_pattern(value):
            expected = "a list of columns, or a range such as `V1..V28`"
            raise Unfit(expected, help=f"write `[{value}]`")
        return names
    if not isinstance(value, (tuple, list)) or not all(isinstance(one, str) for one in value):
        return value
    return tuple(_in_list(value))


def _in_list(value: Sequence[str]) -> Iterator[str]:
    """The names of a list, with ranges expanded."""
    for index, one in enumerate(value):
        try:
            yield from columns_of(one)
        except Unfit as error:
            raise _at(error, (index,)) from None


def _at(error: Unfit, path: tuple[str | int, ...]) -> Unfit:
    return Unfit(
        error.expected,
        code=error.code,
        help=error.help,
        suggestion=error.suggestion,
        path=path,
    )


Columns = Annotated[
    tuple[str, ...],
    WrapValidator(_columns, json_schema_input_type=str | tuple[str, ...] | dict[str, Any]),
]
"""Several columns, with ranges expanded."""
