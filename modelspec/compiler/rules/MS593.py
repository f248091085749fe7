"""A setting of an optimizer that is lost by rounding to the dtype of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelspec.catalog.components.optimizer import Gradient, Outcome
from modelspec.core.dtypes import rounded
from modelspec.core.source import locate

from .case import Case

_WHAT: dict[Outcome, str] = {
    "fails": "weights become NaN or infinite in the first step",
    "stops": "training changes no weight",
}


def check(case: Case) -> None:
    """Report each setting of each optimizer once, with the first weight whose dtype loses it."""
    seen: set[tuple[int, str]] = set()
    looked_at: set[tuple[int, str]] = set()
    for one, optimizer in case.optimized:
        kind = (id(optimizer), one.weight.dtype)
        if kind in looked_at:
            continue
        looked_at.add(kind)
        for setting, to, outcome in _rounded(optimizer, one.weight.dtype):
            if (id(optimizer), setting) not in seen:
                seen.add((id(optimizer), setting))
                _report(case, optimizer, setting, to, outcome, one.weight.dtype)


def _rounded(optimizer: Gradient, dtype: str) -> Iterator[tuple[str, int, Outcome]]:
    """The settings that the dtype rounds to 1 or 0 with an effect on training."""
    every: tuple[tuple[int, Mapping[str, Outcome]], ...] = (
        (1, optimizer.rounded_to_one),
        (0, optimizer.rounded_to_zero),
    )
    for to, outcomes in every:
        for setting, outcome in outcomes.items():
            value: float = getattr(optimizer, setting)
            if value != to and rounded(value, dtype) == to:
                yield setting, to, outcome


def _report(
    case: Case, optimizer: Gradient, setting: str, to: int, outcome: Outcome, dtype: str
) -> None:
    assert case.fitting is not None
    node = case.fitting.node
    place = locate(node, ("optimizer", optimizer.kind(), setting)) or locate(node, ("optimizer",))
    report = case.report.error if outcome == "fails" else case.report.warning
    report(
        "MS593",
        f"`{setting}: {getattr(optimizer, setting)}` of `{optimizer.kind()}` is {to} in {dtype}:"
        f" {_WHAT[outcome]}",
        place or case.fitting.span,
        help=f"keep the weights in float32, e.g. with `precision: mixed_{dtype}`, or"
        f" {'lower' if to else 'raise'} `{setting}`",
    )
