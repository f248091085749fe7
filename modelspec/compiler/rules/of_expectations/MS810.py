"""An expectation of the model that does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from modelspec.core.diagnostics import Note, listed
from modelspec.core.shapes import PENDING

from ...infer.static_numbers import StaticNumber, static_number
from ...spec.expect_section import BYTES, STATIC, Expectation
from ..case import Case
from ..expected_quantities import is_possible, sound
from ..layer_patterns import complete

if TYPE_CHECKING:
    from ...spec.comparison import Comparison

_NOUNS: Final = {
    "parameters": "parameters",
    "trainable_parameters": "trainable parameters",
    "multiply_adds": "multiply-adds",
}


def check(case: Case) -> None:
    """Check every limit of a quantity that is known without a run, if all layers are known."""
    if case.typed is None or not complete(case.typed):
        return
    for expectation, quantity in case.expected:
        if quantity is None or expectation.key not in STATIC:
            continue
        limits = [
            one
            for one in sound(expectation, quantity)
            if not one.of_baseline and is_possible(one, quantity)
        ]
        if not limits:
            continue
        found = static_number(expectation.key, case.typed, case.training, case.stages)
        if isinstance(found.value, int):
            for one in limits:
                if not one.holds(found.value, one.number):
                    _report(case, expectation, one, found, found.value)
        elif found.value != PENDING and not _is_in_error(case):
            _report_unknown(case, expectation, limits[0], found)


def _is_in_error(case: Case) -> bool:
    """Whether the memory of training is unknown because `training` has errors."""
    return case.training is not None and case.training.choices is None


def _report(
    case: Case, expectation: Expectation, one: Comparison, found: StaticNumber, value: int
) -> None:
    key = expectation.key
    case.report.error(
        "MS810",
        f"the model has {_shown(key, value)}, expected `{one.text}`"
        if key not in BYTES
        else f"training takes {_shown(key, value)} of memory, expected `{one.text}`",
        one.span,
        notes=[
            Note(f"`{layer.name}` has {_shown(key, count)}", layer.call.use.kind_span)
            for layer, count in found.largest
        ],
        help=_help(key, one, [layer.name for layer, _ in found.largest]),
    )


def _help(key: str, one: Comparison, largest: list[str]) -> str:
    if one.is_lower or one.operator == "==":
        return "change the model or the expectation"
    smaller = f"make {listed(largest)} smaller" if largest else "make the model smaller"
    batch = ", take a smaller `batch_size`" if key == "memory" else ""
    return f"{smaller}{batch}, or raise the limit"


def _report_unknown(
    case: Case, expectation: Expectation, one: Comparison, found: StaticNumber
) -> None:
    why = found.reason or (f"its value is `{found.value}`" if found.value else "a size is unknown")
    case.report.error(
        "MS810",
        f"`{expectation.key}` is not known: {why}",
        one.span,
        help="declare the inputs with fixed sizes, or remove the expectation",
    )


def _shown(key: str, value: int) -> str:
    """`250,122 parameters`, `8.1 MB`."""
    if key in BYTES:
        for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
            if value >= scale:
                return f"{value / scale:.4g} {unit}"
        return f"{value} bytes"
    return f"{value:,} {_NOUNS[key]}"
