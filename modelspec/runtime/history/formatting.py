"""Numbers and times for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

_BARS = "▁▂▃▄▅▆▇█"


def number(value: float) -> str:
    """Four decimal places, or scientific notation if these would not show enough."""
    return f"{value:.4f}" if value == 0 or 0.001 <= abs(value) < 1e6 else f"{value:.3e}"


def brief(value: float) -> str:
    """Four digits, `1,408` and `0.0123`; scientific notation if these would not show enough."""
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def duration(seconds: float) -> str:
    """`1.5 s`, `2:05`, `1:02:05`; `?` for a number that is not finite."""
    if not math.isfinite(seconds):
        return "?"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(time: datetime) -> str:
    """`2026-11-21 12:02:49 UTC`, for a time in UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def size(count: float) -> str:
    """Bytes: `812 bytes`, `55.1 kB`, `1.2 GB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count:.0f} bytes"


def for_json(value: Any) -> Any:
    """Plain values without the numbers that JSON lacks: NaN and infinity become null."""
    if isinstance(value, Mapping):
        return {str(key): for_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [for_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def sparkline(
    values: Sequence[float], width: int = 24, span: tuple[float, float] | None = None
) -> str:
    """A curve in one line, a bar for each of at most `width` intervals of equal length (their
    mean). `span` are the numbers of the lowest and the highest bar, by default those of the curve.

    Non-finite numbers have a `!`.
    """
    cells = min(width, len(values))
    stretches = [
        values[at * len(values) // cells : (at + 1) * len(values) // cells] for at in range(cells)
    ]
    means = [
        math.fsum(one) / len(one) if all(map(math.isfinite, one)) else math.nan for one in stretches
    ]
    known = [mean for mean in means if math.isfinite(mean)]
    low, high = span or (min(known, default=0.0), max(known, default=0.0))
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        _BARS[round((mean - low) * scale)] if math.isfinite(mean) else "!" for mean in means
    )
