"""A split that is drawn at random, and windows over time."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from ..spec.data_window import drawn_at_random
from .case import Case

_HELP = {
    "stratify": "cut by time: leave `stratify` out",
    "group": "cut by time: leave `group` out, or name the parts in a column, `{column: part}`",
    "seed": "leave `seed` out: with a window, shares are cut in the order of the rows",
    "folds": "name the column that they follow, e.g. `{folds: 5, order: time}`",
}


def check(case: Case) -> None:
    """A window beside a split that puts rows of one time into several parts."""
    data = case.data
    if data is None or data.window is None or data.split is None:
        return
    key = drawn_at_random(data.split)
    if key is None:
        return
    span = data.spans.get(("split", key)) or data.spans.get(("split",)) or data.span
    case.report.error(
        "MS570",
        f"`{key}` draws the parts at random, but windows need parts of consecutive rows",
        span,
        notes=[Note("the window", data.spans.get(("window",)))],
        help=_HELP[key],
    )
