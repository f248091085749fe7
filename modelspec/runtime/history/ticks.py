"""The positions and labels of the ticks of an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

LARGEST: Final = 1e100
"""Numbers further from 0 are drawn here: the size of an axis has to be finite."""
_NEAR: Final = 1e-12
"""Numbers with a smaller relative difference are drawn as equal."""


def nice_ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """At most `most` multiples of 1, 2 or 5 times a power of ten, whose first and last enclose
    `low` and `high`.
    """
    low, high = (max(-LARGEST, min(one, LARGEST)) for one in (low, high))
    size = max(abs(low), abs(high))
    if not high - low > max(_NEAR * size, 1 / LARGEST):
        spread = size if size > 1 / LARGEST else 1.0
        low, high = low - spread / 2, high + spread / 2
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power * one for one in (1, 2, 5, 10, 20, 50)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            break
    return tuple(
        round(at * step, 12 - math.floor(math.log10(step))) for at in range(first, last + 1)
    )


def whole_ticks(first: int, last: int, most: int = 8) -> tuple[float, ...]:
    """Integers from `first` to `last`: both, and multiples of one step between them."""
    for step in (one * 10**power for power in range(12) for one in (1, 2, 5)):
        inner = list(range(-(-first // step) * step, last + 1, step))
        if len(inner) <= most - 2 or (step == 1 and len(inner) <= most):
            break
    apart = 0.6 * step
    kept = [float(at) for at in inner if at - first >= apart and last - at >= apart]
    return tuple(dict.fromkeys((float(first), *kept, float(last))))


def y_ticks(finite: Sequence[float], logarithmic: bool) -> tuple[float, ...]:
    """On the scale of the chart: for a logarithmic one, powers of ten between two others."""
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if not logarithmic:
        return nice_ticks(low, high)
    first, last = _around(low, up=False), _around(high, up=True)
    inner = range(math.floor(first) + 1, math.ceil(last))
    step = max(1, -(-len(inner) // 5))
    return (first, *(float(at) for at in inner if at % step == 0), last)


def _around(value: float, *, up: bool) -> float:
    """The logarithm of the nearest 1, 2 or 5 times a power of ten, above or below."""
    power = math.floor(math.log10(value))
    near = [math.log10(one) + power for one in (1, 2, 5, 10)]
    exact = math.log10(value)
    if up:
        return next(one for one in near if one >= exact - 1e-12)
    return next(one for one in reversed(near) if one <= exact + 1e-12)


def tick_text(value: float) -> str:
    """`12,000`, `0.25`, `2e-05`: without floating-point noise."""
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-4:
        return f"{value:.3g}"
    return f"{value:,.10f}".rstrip("0").rstrip(".")


def labels(ticks: Sequence[float], logarithmic: bool = False) -> list[dict[str, Any]]:
    texts = [tick_text(10.0**one if logarithmic else one) for one in ticks]
    digits = 0 if logarithmic else max(len(text.partition(".")[2]) for text in texts)
    if digits and not any("e" in text for text in texts):
        texts = [f"{one:,.{digits}f}" for one in ticks]
    return [{"value": one, "label": text} for one, text in zip(ticks, texts, strict=True)]
