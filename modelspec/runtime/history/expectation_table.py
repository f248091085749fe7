"""Expectations in words: a row for each, unmet ones first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelspec.compiler.spec.expect_section import BYTES, COUNTS
from modelspec.core.text_table import text_table

from .formatting import number, size

HEADER: Final = ("expectation", "expected", "measured", "margin", "")


def expectations_table(expectations: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of decisions from `metrics.json`."""
    return text_table(HEADER, list(rows(expectations)), left=(0, 1, 4))


def rows(expectations: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """The cells of the table."""
    for key, one in sorted(expectations.items(), key=lambda each: _order(each[1])):
        yield (
            key,
            expected(key, one),
            shown(key, one.get("measured")),
            _margin(key, one.get("margin")),
            verdict(one),
        )


def expected(key: str, one: Mapping[str, Any]) -> str:
    """The expectation, with the number of the baseline if it depends on that."""
    text, base = str(one.get("expected", "")), one.get("baseline")
    return f"{text} (baseline {shown(key, base)})" if base is not None else text


def verdict(one: Mapping[str, Any]) -> str:
    """`met`, or the problem in a few words."""
    holds, why = one.get("holds"), one.get("why")
    if holds is True:
        return "met"
    words = "not decided" if holds is None else "not met"
    if holds is False and one.get("severity") == "warning":
        words = "not met (warning)"
    return f"{words}: {why}" if why else words


def _order(one: Mapping[str, Any]) -> int:
    holds = one.get("holds")
    return 2 if holds is True else 1 if holds is None or one.get("severity") == "warning" else 0


def _margin(key: str, value: object) -> str:
    text = shown(key, value)
    return f"+{text}" if text and not text.startswith("-") else text


def shown(key: str, value: object) -> str:
    """A number for people: with its unit if its key has one."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return ""
    sign, value = "-" * (value < 0), abs(value)
    if key in BYTES:
        return f"{sign}{size(value)}"
    if key in COUNTS:
        return f"{sign}{value:,.0f}"
    return f"{sign}{value:.1f} s" if key == "seconds" else f"{sign}{number(value)}"
