"""Diagnostics for the findings in a column."""

from __future__ import annotations

import numpy as np

from .column_check import ColumnCheck, Found, decoded
from .errors import Findings, places
from .wanted import Exact

MARKS = frozenset(
    {
        "?",
        "-",
        "--",
        "---",
        ".",
        "*",
        "x",
        "missing",
        "unknown",
        "undefined",
        "nil",
        "(null)",
        "\\n",
        "#value!",
        "#ref!",
        "#div/0!",
        "not available",
    }
)
"""Other common marks for a missing value, in lower case."""


def report(check: ColumnCheck, findings: Findings, *, drop: bool = True) -> None:
    """Reports every error. Without `drop`, a missing value is an error even where the policy drops
    its example.
    """
    if check.kind is None:
        return
    title = f"`{check.name}` of {check.table.name}"
    if not check.takes(check.kind):
        _report_kind(check, title, findings)
        return
    if check.text_cells.count and not _report_text(check, findings):
        return
    _report_no_dates(check, findings)
    if check.lost.count:
        _report_lost(check, findings)
    else:
        _report_inexact(check, findings)
    if check.policy == "error" or (check.policy == "drop" and not drop):
        _report_missing(check, findings)
    for found in (check.nan, check.infinite):
        _report_not_finite(check, found, findings)
    _report_fractions(check, findings)


def _report_kind(check: ColumnCheck, title: str, findings: Findings) -> None:
    if check.text:
        findings.error(
            "MS609",
            f"{title} contains numbers ({check.dtype}), but {check.wanted.subject} takes strings",
            check.span,
            help=check.wanted.help,
        )
    elif check.kind == "c":
        findings.error(
            "MS609",
            f"{title} contains complex numbers, but {check.wanted.subject} takes real numbers",
            check.span,
            help="save the real and the imaginary part as separate arrays",
        )
    else:
        what = "strings" if check.kind in ("U", "S") else f"`{check.dtype}` values"
        first = ""
        if check.text_cells.count:
            place = _shown(check, check.text_cells)[0]
            first = f": {_quoted(decoded(check.text_cells.value))} at {place}"
        findings.error(
            "MS609",
            f"{title} contains {what}, but {check.wanted.subject} takes numbers{first}",
            check.span,
            help="save it as an array of numbers" if check.kind in ("U", "S") else None,
        )


def _shown(check: ColumnCheck, found: Found) -> list[str]:
    return [check.table.place(check.name, index) for index in found.first]


def _report_text(check: ColumnCheck, findings: Findings) -> bool:
    """MS609 for cells that are not numbers; returns whether to report other errors too."""
    shown, count = _shown(check, check.text_cells), check.text_cells.count
    few = count <= check.rows // 2
    share = "all" if count == check.rows else f"{count:,}"
    note = f"{share} of its {check.rows:,} cells are not numbers"
    cell = str(check.text_cells.value)
    findings.error(
        "MS609",
        f"`{check.name}` contains strings, but {check.wanted.subject} takes numbers:"
        f" {_quoted(cell)} at {shown[0]}",
        check.span,
        notes=places(shown, count) if few else (note,),
        help=check.number_help([str(one) for one in check.text_cells.values])
        or _mark_help(check, cell)
        or check.wanted.help
        or (
            f"remove `{check.name}`, write it as numbers, or convert it with"
            " `transform: [StringLookup]`"
        ),
    )
    return few


def _report_no_dates(check: ColumnCheck, findings: Findings) -> None:
    found = check.no_dates
    if not found.count:
        return
    shown = _shown(check, found)
    findings.error(
        "MS670",
        f"`{check.name}` is {_quoted(str(found.value))} at {shown[0]}, which is not a date",
        check.span,
        notes=places(shown, found.count),
        help="write dates as 2026-01-31, and times as 2026-01-31T12:00:00 or"
        " 2026-01-31 12:00:00+02:00",
    )


def _mark_help(check: ColumnCheck, cell: str) -> str | None:
    """How to fix a cell that seems to mark a missing value."""
    if cell.strip().lower() not in MARKS or not check.table.marks:
        return None
    return (
        "if it marks a missing value, declare it: `csv: {path: ..., missing_values:"
        f" [{_quoted(cell.strip())}]}}`"
    )


def _report_missing(check: ColumnCheck, findings: Findings) -> None:
    if not check.lacking.count:
        return
    shown = _shown(check, check.lacking)
    help = (
        "fill it in, remove the row, or set `missing: drop`"
        if check.text
        else "fill it in, remove the row, or set `missing: mean`, `drop`, ..."
    )
    if check.bound is not None and check.bound.past is not None:
        help = "the first rows have no earlier rows: `missing: drop` drops them"
    if check.policy == "drop":
        help = "every row requires a prediction: fill it in, or remove the row"
    findings.error(
        "MS608",
        f"`{check.name}` has no value at {shown[0]}",
        check.span,
        notes=places(shown, check.lacking.count),
        help=help,
    )


def _report_lost(check: ColumnCheck, findings: Findings) -> None:
    shown = _shown(check, check.lost)
    findings.error(
        "MS653",
        f"`{check.name}` is {check.lost.value} at {shown[0]}, an integer that floating"
        " point cannot represent exactly, but the column is read as floating point",
        check.span,
        notes=places(shown, check.lost.count),
        help=(
            "integers of up to 64 bits stay exact in a column without missing values or fractions;"
            " or read the cells as text: `dtype: string`"
        ),
    )


def _report_inexact(check: ColumnCheck, findings: Findings) -> None:
    exact = check.wanted.exact
    if not check.inexact.count or exact is None:
        return
    shown, value = _shown(check, check.inexact), int(check.inexact.value)
    findings.error(
        "MS621",
        f"`{check.name}` is {value} at {shown[0]}, an integer that `{exact.dtype}` of"
        f" {exact.subject} cannot represent exactly",
        check.span,
        notes=places(shown, check.inexact.count),
        help=_exact_help(exact),
    )


def _report_fractions(check: ColumnCheck, findings: Findings) -> None:
    if not check.fractions.count:
        return
    shown = _shown(check, check.fractions)
    findings.error(
        "MS621",
        f"`{check.name}` is {check.fractions.value:g} at {shown[0]}, but "
        f"{check.wanted.whole} takes integers",
        check.span,
        notes=places(shown, check.fractions.count),
        help="use `Discretization` to turn numbers into categories",
    )


def _report_not_finite(check: ColumnCheck, found: Found, findings: Findings) -> None:
    if not found.count:
        return
    value = found.value
    what = "NaN" if np.isnan(value) else "infinity" if value > 0 else "minus infinity"
    shown = _shown(check, found)
    findings.error(
        "MS613",
        f"`{check.name}` is {what} at {shown[0]}",
        check.span,
        notes=places(shown, found.count),
        help="training on it would turn the weights into NaN: correct or remove the example",
    )


def _exact_help(exact: Exact) -> str:
    if exact.dtype == "float64":
        return "remove digits, read the numbers as text, or use an input of `int64`"
    scale = "scale the numbers, e.g. `transform: [Normalization]`"
    rounded = "if they may be rounded, set `dtype: float64` in the feature"
    if exact.subject.startswith("input"):
        return f"set `dtype: float64` on the input, or {scale}; {rounded}"
    return f"{scale}; {rounded}"


def _quoted(cell: str) -> str:
    return f'"{cell if len(cell) <= 40 else cell[:37] + "..."}"'
