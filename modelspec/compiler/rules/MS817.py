"""Slices without a part that is measured after the training."""

from __future__ import annotations

from .case import Case

_MEASURED = ("test", "validation")


def check(case: Case) -> None:
    """Check that the data have a test part or a validation part."""
    data = case.data
    if data is None or not data.slices or data.split_in_error:
        return
    parts = (*data.source_spans, *(data.split.may_have if data.split is not None else ()))
    if not any(part in parts for part in _MEASURED):
        case.report.warning(
            "MS817",
            "slices are measured on the test part and the validation part, but the data have"
            " neither",
            data.spans.get(("slices",)),
            help="add `split: {validation: 0.15, test: 0.15}`, or `test` with its own source",
        )
