"""Border values of a mask that are not one of its classes."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Span
from modelspec.core.dtypes import is_integer
from modelspec.core.shapes import Size

from ..spec.augment_section import Joint
from .case import Case


def check(case: Case) -> None:
    """Check the value that each varied mask gets at its borders."""
    if case.typed is None or case.data is None:
        return
    for chain in case.data.augment.values():
        if not isinstance(chain, Joint):
            continue
        for value, what, span in _borders(chain):
            for name in chain.on:
                if wanted := _misfit(value, name, case):
                    case.report.error(
                        "MS583",
                        f"{what} sets the border of `{name}` to {value:g}, but it takes {wanted}",
                        span,
                        help=_help(chain),
                    )


def _borders(chain: Joint) -> Iterator[tuple[float, str, Span | None]]:
    """The border value, the setting that it comes from, and its place."""
    if chain.fill is not None:
        yield chain.fill, "`fill`", chain.fill_span
        return
    for use in chain.uses:
        value = use.layer.border() if use.layer is not None and use.layer.moves_values else None
        if value:  # with 0, the border gets the class of the background
            yield value, f"`fill_value` of `{use.kind}`", use.kind_span


def _misfit(value: float, name: str, case: Case) -> str | None:
    """The values that a tensor accepts instead; None if it accepts the value."""
    assert case.typed is not None
    tensor = case.typed.inputs.get(name)
    if tensor is not None and is_integer(tensor.dtype):
        return _outside(value, tensor.dtype)
    for one in case.trained:
        if one.head.output == name:
            ignored = getattr(one.settings, "ignore_class", None)
            last = getattr(one.settings, "axis", -1) == -1
            return _wanted(value, one.settings.targets, one.head.units if last else None, ignored)
    return None


def _outside(value: float, dtype: str) -> str | None:
    """The range of an integer dtype; None if it contains the value."""
    bits = int(dtype.lstrip("uint")) - (not dtype.startswith("u"))
    low, high = 0 if dtype.startswith("u") else -(2**bits), 2**bits - 1
    return None if low <= value <= high and value == int(value) else f"{low} to {high}"


def _wanted(value: float, targets: str, units: Size, ignored: int | None) -> str | None:
    if targets == "indices" and isinstance(units, int):
        if value == ignored or (0 <= value < units and value == int(value)):
            return None
        also = f", or {ignored}, which the loss ignores" if ignored is not None else ""
        return f"the classes 0 to {units - 1}{also}"
    if targets == "binary" and value not in (0, 1):
        return "0 and 1"
    if targets == "one_hot" and value:
        return "a fraction for each class, which is 0 at a border"
    return None


def _help(chain: Joint) -> str:
    if chain.fill is None:
        return "set the class of the border of a mask, e.g. `fill: 0`"
    return "use a class, or set `ignore_class` of the loss to this value"
