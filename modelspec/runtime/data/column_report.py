"""What was found in a column, as diagnostics."""

from __future__ import annotations

import numpy as np

from .column_check import ColumnCheck, Found, decoded
from .errors import Findings, places
from .wanted import Exact

_MARKS = frozenset(
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
"""What else is seen to be written where there is no value, in lower case."""


def report(check: ColumnCheck, findings: Findings, *, drop: bool = True) -> None:
    """What is wrong. Without `drop` a missing value is a fault though the policy would leave
    its example out.
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
            f"{title} holds numbers ({check.dtype}), but {check.wanted.subject} takes text",
            check.span,
            help=check.wanted.help,
        )
    elif check.kind == "c":
        findings.error(
            "MS609",
            f"{title} holds complex numbers, of which {check.wanted.subject} would lose a part",
            check.span,
            help="save the real and the imaginary part as arrays of their own",
        )
    else:
        what = "text" if check.kind in ("U", "S") else f"`{check.dtype}` values"
        first = ""
        if check.text_cells.count:
            place = _shown(check, check.text_cells)[0]
            first = f": {_quoted(decoded(check.text_cells.value))} at {place}"
        findings.error(
            "MS609",
            f"{title} holds {what}, but {check.wanted.subject} takes numbers{first}",
            check.span,
            help="save it as an array of numbers" if check.kind in ("U", "S") else None,
        )


def _shown(check: ColumnCheck, found: Found) -> list[str]:
    return [check.table.place(check.name, index) for index in found.first]


def _report_text(check: ColumnCheck, findings: Findings) -> bool:
    """MS609 for cells that are no numbers; whether what else is wrong is worth telling."""
    shown, count = _shown(check, check.text_cells), check.text_cells.count
    few = count <= check.rows // 2
    share = "all" if count == check.rows else f"{count:,}"
    cell = str(check.text_cells.value)
    findings.error(
        "MS609",
        f"`{check.name}` holds text, but {check.wanted.subject} takes numbers: {_quoted(cell)} at"
        f" {shown[0]}",
        check.span,
        notes=(places(shown, count) if few else (f"{share} of its {check.rows:,} cells are text",)),
        help=check.number_help([str(one) for one in check.text_cells.values])
        or _mark_help(check, cell)
        or check.wanted.help
        or (
            f"leave `{check.name}` out, write it as numbers, or look it up with"
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
    """What to do about a cell that seems to stand for no value."""
    if cell.strip().lower() not in _MARKS or not check.table.marks:
        return None
    return (
        "where it stands for no value, say so: `csv: {path: ..., missing_values:"
        f" [{_quoted(cell.strip())}]}}`"
    )


def _report_missing(check: ColumnCheck, findings: Findings) -> None:
    if not check.lacking.count:
        return
    shown = _shown(check, check.lacking)
    help = (
        "fill it in, or remove the row; or say what to do: `missing: drop`"
        if check.text
        else "fill it in, or remove the row; or say what to do: `missing: mean`, `drop`, ..."
    )
    if check.bound is not None and check.bound.past is not None:
        help = "the first rows have no earlier ones: `missing: drop` leaves them out"
    if check.policy == "drop":
        help = "every row gets a prediction: fill it in, or remove the row"
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
        f"`{check.name}` is {check.lost.value} at {shown[0]}, so large a whole number that"
        " floating point, which the column is read as, would change it",
        check.span,
        notes=places(shown, check.lost.count),
        help=(
            "whole numbers of up to 64 bits stay exact in a column in which no value is missing"
            " and none has a fraction; or take the cells as text: `dtype: string`"
        ),
    )


def _report_inexact(check: ColumnCheck, findings: Findings) -> None:
    exact = check.wanted.exact
    if not check.inexact.count or exact is None:
        return
    shown, value = _shown(check, check.inexact), int(check.inexact.value)
    findings.error(
        "MS621",
        f"`{check.name}` is {value} at {shown[0]}, a whole number that `{exact.dtype}` of"
        f" {exact.subject} does not hold",
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
        f"{check.wanted.whole} takes whole numbers",
        check.span,
        notes=places(shown, check.fractions.count),
        help="use `Discretization` to make categories of numbers",
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
        help="training on it would turn the weights into NaN: mend or remove the example",
    )


def _exact_help(exact: Exact) -> str:
    if exact.dtype == "float64":
        return "leave digits out, or take the numbers as text or into an input of `int64`"
    scale = "scale the numbers, e.g. `transform: [Normalization]`"
    rounded = "where they may be rounded, write `dtype: float64` in the feature"
    if exact.subject.startswith("input"):
        return f"give the input `dtype: float64`, or {scale}; {rounded}"
    return f"{scale}; {rounded}"


def _quoted(cell: str) -> str:
    return f'"{cell if len(cell) <= 40 else cell[:37] + "..."}"'
