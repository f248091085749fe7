"""An expectation of a quantity that neither the model nor its run has."""

from __future__ import annotations

from dataclasses import replace

from modelspec.core.diagnostics import Span, did_you_mean, listed
from modelspec.core.source import Scalar
from modelspec.core.source.offsets import place

from ...spec.data_slices import could_be
from ...spec.expect_section import Expectation
from ..case import Case
from ..expected_quantities import Expected


def check(case: Case) -> None:
    """Check every key of `expect`, and its slice."""
    seen: set[str] = set()
    for one in case.expected:
        if one.expectation.key in seen:  # with `best` and `last`, a key has two expectations
            continue
        seen.add(one.expectation.key)
        if one.quantity is None and not one.is_absent(case):
            _report(case, one.expectation)
        elif one.expectation.slice is not None:
            _check_slice(case, one)


def _report(case: Case, expectation: Expectation) -> None:
    found = case.quantities
    name = expectation.quantity
    near = found.nearest(expectation)
    if name in found.metrics:
        message = f"`{name}` has no prefix for the part of the data: `train_`, `val_` or `test_`"
    elif expectation.part == "train" and expectation.metric in found.of_original:
        message = (
            f"`{name}` is not logged: metrics in the column's unit exist for the saved model only"
        )
        near = next((f"{one}{expectation.metric}" for one in found.parts if one != "train_"), near)
    else:
        message = f"`{name}` is not a quantity of this spec or its run"
    case.report.error(
        "MS801",
        message,
        _place(expectation, 0, len(name)),
        suggestion=near,
        help=did_you_mean(near, f"available: {listed(_alike(case, expectation))}"),
    )


def _alike(case: Case, expectation: Expectation) -> tuple[str, ...]:
    """The keys of the same part of the data; all keys if the key has no part."""
    found = case.quantities
    return found.by_part.get(expectation.part, ()) if expectation.part else found.keys


def _check_slice(case: Case, expected: Expected) -> None:
    """Check the slice of a key, as far as possible without the data."""
    expectation, label = expected.expectation, expected.expectation.slice
    assert label is not None
    start = len(expectation.quantity) + 1
    if expectation.part in (None, "train"):
        case.report.error(
            "MS801",
            f"`{expectation.quantity}` has no slices: only the test part and the validation part"
            " are measured by slices",
            _place(expectation, start - 1, len(expectation.key)),
            help=f"leave `@{label}` out",
        )
        return
    if case.data is None:
        return
    fault = could_be(case.data.slices, label)
    if fault is not None:
        fault = replace(fault, path=(), part=None)
        case.report.report(fault, _place(expectation, start, len(expectation.key)))


def _place(expectation: Expectation, start: int, end: int) -> Span:
    """The span of some characters of a key."""
    return place(Scalar(expectation.key, expectation.key_span), start, end)
