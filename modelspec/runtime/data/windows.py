"""Windows over the rows of a source: which rows are in each example. Nothing is copied: a window is
the position of its first row in the order of the series, and batches gather the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from modelspec.compiler.spec.data_window import Window

from .series import Series
from .split import Positions
from .table import Array

LACKING = "lacking"
"""The kind of arrays that mark the rows with a missing value in an input, or in a target."""


@dataclass(frozen=True)
class Windows:
    """The windows of a source, in the order of their last rows."""

    window: Window
    series: Series
    starts: Positions
    """The position of each window's first row in the order of the series."""
    with_targets: bool = True
    """Whether the rows of the targets belong to them."""

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def input_steps(self) -> Positions:
        """The offsets of the rows of an input from the first row: [length]."""
        return np.arange(self.window.length, dtype=np.int64) * self.window.sampling

    @property
    def target_steps(self) -> Positions:
        """The same for a target: [horizon], or one for `horizon: 0`."""
        first = self.window.first_target
        return np.arange(first, first + max(self.window.horizon, 1), dtype=np.int64)

    @property
    def last_rows(self) -> Positions:
        """The row of the source that is the last of each window: [windows]."""
        if not len(self):  # the length of a window may exceed 64 bits
            return np.zeros(0, np.int64)
        return self.series.rows[self.starts + self.window.last]

    def rows_of(self, kind: str, chosen: Positions) -> Positions:
        """The rows that some windows use for their `inputs` or `targets`, each once and
        ascending.
        """
        steps = self.input_steps if kind == "inputs" else self.target_steps
        used = np.zeros(len(self.series.rows), bool)
        for step in steps:
            used[self.starts[chosen] + step] = True
        return np.sort(self.series.rows[used])

    def by_series(self, chosen: Positions) -> dict[str, int]:
        """The number of the given windows per series, by name; empty if all rows are one series."""
        counts = np.bincount(
            self.series.group[self.starts[chosen]], minlength=len(self.series.labels)
        )
        return dict(zip(self.series.labels, counts.tolist(), strict=False))


def windows_of(
    window: Window,
    series: Series,
    lacking: Mapping[str, Array],
    *,
    with_targets: bool,
    from_end: bool,
) -> Windows:
    """Every window inside one segment without rows that have a missing value.

    The first window of a segment starts at its first row, and each further window `stride` rows
    later. With `from_end` the last window ends at its last row, and the others are counted from
    there. `lacking` are the rows with a missing value, [rows] of `bool`, by `inputs` and `targets`.
    """
    places = np.arange(len(series.rows), dtype=np.int64)
    # A span past the last row exceeds any series, and may exceed 64 bits.
    span = min(window.span(with_targets=with_targets), len(places) + 1)
    last = places + span - 1
    apart = series.ends - last if from_end else places - series.begins
    inside = (last <= series.ends) & (apart % window.stride == 0)
    found = Windows(window, series, places[inside], with_targets)
    if not len(found):
        return found
    kept = _complete(found, "inputs", lacking)
    if with_targets:
        kept &= _complete(found, "targets", lacking)
    starts = found.starts[kept]
    order = np.argsort(series.rows[starts + window.last], kind="stable")
    return replace(found, starts=starts[order])


def _complete(windows: Windows, kind: str, lacking: Mapping[str, Array]) -> Array:
    """Which windows contain no row with a missing value."""
    marks = lacking.get(kind)
    if marks is None or not marks.any():
        return np.ones(len(windows), bool)
    steps = windows.input_steps if kind == "inputs" else windows.target_steps
    apart = int(steps[1] - steps[0]) if len(steps) > 1 else 1
    sums = _running(marks[windows.series.rows], apart)
    before, after = windows.starts + steps[0], windows.starts + steps[-1] + apart
    complete: Array = sums[after] == sums[before]
    return complete


def _running(marks: Array, apart: int) -> Positions:
    """For each position, how many of the positions `apart`, 2 `apart`, ... before it are marked."""
    padded = np.zeros(-(-len(marks) // apart) * apart, np.int64)
    padded[: len(marks)] = marks
    sums = np.cumsum(padded.reshape(-1, apart), axis=0).ravel()
    return np.concatenate([np.zeros(apart, np.int64), sums])
