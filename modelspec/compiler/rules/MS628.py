"""A `missing` that does not match the values of the column."""

from __future__ import annotations

from typing import Any

from modelspec.core.diagnostics import Span, nearest

from ..spec.data_features import POLICIES
from .case import Case
from .data_chains import features, is_text, takes_dates


def check(case: Case) -> None:
    """Check every input and target."""
    if case.data is None:
        return
    for key, feature in features(case.data):
        place = case.data.spans.get(("missing", *key)) or case.data.spans.get(key)
        text = is_text(case.typed, key, feature)
        if text and takes_dates(feature):
            _check_dates(case, feature.missing, place)
        elif text:
            _check_text(case, feature.missing, place)
        elif text is False:
            _check_numbers(case, feature.missing, place)


def _check_dates(case: Case, value: Any, place: Span | None) -> None:
    """Check dates; a string that is not a date is reported by MS578."""
    if isinstance(value, str) and value not in ("mean", "median"):
        return
    message = f"a feature of dates cannot have the number {value} in place of missing values"
    if isinstance(value, str):
        message = f"`{value}` is not defined for dates"
    help = "use `most_frequent`, `drop`, or a date such as `2026-01-31`"
    case.report.error("MS628", message, place, help=help)


def _check_text(case: Case, value: Any, place: Span | None) -> None:
    if value in ("mean", "median"):
        case.report.error(
            "MS628",
            f"`{value}` is not defined for text",
            place,
            help=(
                "use `most_frequent`, or a separate string for missing values, e.g. `missing:"
                " unknown`"
            ),
        )
    elif not isinstance(value, str):
        case.report.error(
            "MS628",
            f"a feature of strings cannot have the number {value} in place of missing values",
            place,
            suggestion=f'"{value}"',
            help=f'write `"{value}"` in quotes',
        )


def _check_numbers(case: Case, value: Any, place: Span | None) -> None:
    if not isinstance(value, str) or value in POLICIES:
        return
    near = nearest(value, POLICIES)
    case.report.error(
        "MS628",
        f'a feature of numbers cannot have the string "{value}" in place of missing values',
        place,
        suggestion=near,
        help=(
            f"did you mean `{near}`?"
            if near
            else "give a number, or one of " + ", ".join(f"`{one}`" for one in POLICIES)
        ),
    )
