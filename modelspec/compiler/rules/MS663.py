"""Columns by a pattern, while the columns of the source are not known."""

from __future__ import annotations

from ..spec.known_columns import is_open
from .case import Case
from .data_chains import features


def check(case: Case) -> None:
    """Note every feature whose columns depend on a source that cannot be read here."""
    if case.data is None or case.data.columns is None or case.data.columns.names is not None:
        return
    reason = case.data.columns.reason
    for key, feature in features(case.data):
        if is_open(feature):
            place = case.data.spans.get(("columns", *key), case.data.spans.get(key))
            case.report.note(
                "MS663",
                f"the columns of `{feature.columns}` are not checked: {reason}",
                place,
                help="`modelspec check --data` reads them, as training does",
            )
