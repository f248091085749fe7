"""A random split with windows over time."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from ..spec.data_window import drawn_at_random
from .case import Case

_HELP = {
    "stratify": "cut by time: leave `stratify` out",
    "group": "cut by time: leave `group` out, or assign the parts by a column, `{column: part}`",
    "seed": "leave `seed` out: with a window, the split follows the order of the rows",
    "folds": "set `order` to the column that sorts the rows, e.g. `{folds: 5, order: time}`",
}


def check(case: Case) -> None:
    """Report a window with a split that assigns consecutive rows to several parts."""
    data = case.data
    if data is None or data.window is None or data.split is None:
        return
    key = drawn_at_random(data.split)
    if key is None:
        return
    span = data.spans.get(("split", key)) or data.spans.get(("split",)) or data.span
    case.report.error(
        "MS570",
        f"`{key}` implies a random split, but windows require parts of consecutive rows",
        span,
        notes=[Note("the window", data.spans.get(("window",)))],
        help=_HELP[key],
    )
