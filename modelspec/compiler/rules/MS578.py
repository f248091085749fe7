"""A replacement of missing dates that is not a date."""

from __future__ import annotations

from ..spec.feature import POLICIES
from ..spec.times import read_time
from .case import Case
from .data_chains import features, takes_dates


def check(case: Case) -> None:
    """Check every input and target of dates."""
    if case.data is None:
        return
    for key, feature in features(case.data):
        value = feature.missing
        if not takes_dates(feature) or value in POLICIES or not isinstance(value, str):
            continue
        if read_time(value.strip()) is None:
            case.report.error(
                "MS578",
                f'a feature of dates cannot have "{value}" in place of missing values',
                case.data.spans.get(("missing", *key)) or case.data.spans.get(key),
                help="write a date such as 2026-01-31, `most_frequent` or `drop`",
            )
