"""The places of examples in the arrays that batches are gathered from, as tensors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .windows import Windows


class Places(NamedTuple):
    """The places that some examples take in the arrays: [examples], or [examples, rows] for
    windows.
    """

    inputs: Any
    targets: Any
    last: Any
    """The place of the example itself, or of the last row of its window: [examples]."""


class WindowPlaces:
    """The rows of windows, as tensors of row numbers."""

    def __init__(self, windows: Windows) -> None:
        import tensorflow as tf

        rows = windows.series.rows
        in_order = bool((rows == np.arange(len(rows))).all())
        self._rows = None if in_order else tf.constant(rows)
        self._starts = tf.constant(windows.starts)
        self._inputs = windows.input_steps
        self._targets = windows.target_steps
        self._single = not windows.window.horizon
        self._last = windows.window.last

    def __call__(self, chosen: Any) -> Places:
        import tensorflow as tf

        starts = tf.gather(self._starts, chosen)
        last = self._row(starts + self._last)
        targets = last if self._single else self._row(starts[:, None] + self._targets)
        return Places(self._row(starts[:, None] + self._inputs), targets, last)

    def _row(self, places: Any) -> Any:
        import tensorflow as tf

        return places if self._rows is None else tf.gather(self._rows, places)
