"""Numbers in the format of a column: `$1,234.50`, `12%`, `(1,234)`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from modelspec.compiler.spec.number_format import NumberFormat

from .cells import Numbers, numbers_of
from .table import Array, Table

_SIGN = ("+", "-", "\u2212")
_STRIPPED = ("$", "€", "£", "¥", "USD", "EUR", "GBP", "CHF")
"""Common prefixes and suffixes of numbers."""
_THOUSANDS = (",", ".", " ", "\u00a0", "\u202f", "\u2009", "'", "\u2019")
_NOT_A_NUMBER = "_"
"""No number contains it, so it marks other strings."""


@dataclass(frozen=True)
class WrittenNumbers:
    """Parses the cells of a column in the number format of its feature."""

    format: NumberFormat
    table: Table

    def numbers(self, texts: Array) -> Numbers:
        """Cells of any shape as numbers; the source defines which are missing."""
        missing = self.table.numbers(texts).missing.ravel()
        cells = [str(cell).strip() for cell in texts.flat]
        found = numbers_of(
            [
                None if lacks else self.plain(cell) or _NOT_A_NUMBER
                for cell, lacks in zip(cells, missing, strict=True)
            ]
        )
        return Numbers(*(one.reshape(texts.shape) for one in found))

    def plain(self, cell: str) -> str | None:
        """A cell in Python's number format; None if it does not have the column's format."""
        text, negative = self._without_parentheses(cell.strip())
        sign, text = _signed(text)
        for part in self.format.strip:
            text = _without(text, part)
        if not sign:
            sign, text = _signed(text)
        if self.format.percent:
            text = _without(text, "%")
        for part in self.format.strip:  # `$5%` and `5 USD %`
            text = _without(text, part)
        if (negative and sign) or not self._pattern.fullmatch(text):
            return None
        if self._thousands:
            text = text.replace(self._thousands, "")
        text = text.replace(self._decimal, ".")
        if self.format.percent:
            text = str(Decimal(text).scaleb(-2))
        return f"{'-' if negative or sign in _SIGN[1:] else ''}{text}"

    def _without_parentheses(self, text: str) -> tuple[str, bool]:
        """The number in parentheses, and whether there are any; a prefix such as `$` may precede
        them.
        """
        if not self.format.accounting:
            return text, False
        outside = text
        for part in self.format.strip:
            outside = _without(outside, part)
        if self.format.percent:
            outside = _without(outside, "%")
        if outside.startswith("(") and outside.endswith(")"):
            return outside[1:-1].strip(), True
        return text, False

    @property
    def _decimal(self) -> str:
        return self.format.decimal or self.table.decimal

    @property
    def _thousands(self) -> str | None:
        mark = self.format.thousands or self.table.thousands
        return None if mark == self._decimal else mark

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        mark, point = self._thousands, re.escape(self._decimal)
        groups = rf"|[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+" if mark else ""
        whole = rf"(?:[0-9]+{groups})"
        return re.compile(rf"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _signed(text: str) -> tuple[str, str]:
    """The sign of a string, and the rest."""
    if text.startswith(_SIGN):
        return text[0], text[1:].strip()
    return "", text


def _without(text: str, part: str) -> str:
    """A string without a prefix or suffix."""
    if text.startswith(part):
        return text[len(part) :].strip()
    return text[: -len(part)].strip() if text.endswith(part) else text


# What to suggest ----------------------------------------------------------------------------------


class Suggested(NamedTuple):
    """A `number` setting that parses some cells."""

    text: str
    """The setting as written in a spec."""
    of_source: bool
    """Whether a source setting could do the same for all its columns."""
    percent: bool
    """Whether it divides every number of the column by 100."""


def number_setting(cells: Sequence[str], table: Table, said: Mapping[str, Any]) -> Suggested | None:
    """The `number` setting that parses all of some cells; None if there is none. `said` is the
    current setting of the feature.
    """
    for more in _candidates(cells):
        settings = {**said, **more}
        if (
            not more
            or settings == said
            or settings.get("thousands") == settings.get("decimal", ".")
        ):
            continue
        reader = WrittenNumbers(NumberFormat(**settings), table)
        if all(reader.plain(cell) is not None for cell in cells):
            text = f"number: {{{', '.join(map(_written, settings.items()))}}}"
            of_source = not said and settings.keys() <= {"thousands", "decimal"}
            return Suggested(text, of_source, bool(more.get("percent")) and not said)
    return None


def _candidates(cells: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Settings that might fit, shorter ones first."""
    signs = [sign for sign in _STRIPPED if any(sign in cell for cell in cells)]
    strip = {"strip": signs[0] if len(signs) == 1 else tuple(signs)} if signs else {}
    percent = {"percent": True} if any("%" in cell for cell in cells) else {}
    accounting = {"accounting": True} if any("(" in cell for cell in cells) else {}
    marks = [mark for mark in _THOUSANDS if any(mark in cell for cell in cells)]
    # Groups of three digits are thousands, whatever else they could be.
    pairs = [(None, None), *((mark, None) for mark in marks), *((mark, ",") for mark in marks)]
    for mark, decimal in (*pairs, (None, ",")):
        if mark == (decimal or "."):
            continue
        thousands = {"thousands": mark} if mark else {}
        point = {"decimal": decimal} if decimal else {}
        yield {**thousands, **point, **strip, **percent, **accounting}


def _written(setting: tuple[str, Any]) -> str:
    name, value = setting
    if value is True:
        return f"{name}: true"
    if isinstance(value, tuple):
        return f"{name}: [{', '.join(map(_quoted, value))}]"
    return f"{name}: {_quoted(value)}"


def _quoted(text: str) -> str:
    return '"' + "".join(c if c.isascii() or c in "€£¥" else f"\\u{ord(c):04x}" for c in text) + '"'


def read_numbers(format: NumberFormat | None, table: Table, texts: Array) -> Numbers:
    """Cells as numbers: in the feature's format, otherwise in the source's."""
    if format is None:
        return table.numbers(texts)
    return WrittenNumbers(format, table).numbers(np.asarray(texts, object))
