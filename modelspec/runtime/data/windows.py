"""Windows over the rows of a source: which rows each example takes. Nothing is copied: a window is
the place of its first row in the order of the series, and batches gather the rows.
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
"""The kind of arrays that say which rows lack a value of an input, or of a target."""


@dataclass(frozen=True)
class Windows:
    """The windows of a source, in the order of their last rows."""

    window: Window
    series: Series
    starts: Positions
    """The place of the first row of each in the order of the series."""
    with_targets: bool = True
    """Whether the rows of the targets belong to them."""

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def input_steps(self) -> Positions:
        """How many places after the first row the rows of an input are: [length]."""
        return np.arange(self.window.length, dtype=np.int64) * self.window.sampling

    @property
    def target_steps(self) -> Positions:
        """The same of a target: [horizon], or one for `horizon: 0`."""
        first = self.window.first_target
        return np.arange(first, first + max(self.window.horizon, 1), dtype=np.int64)

    @property
    def last_rows(self) -> Positions:
        """The row of the source that is the last of each window: [windows]."""
        if not len(self):  # a window may be longer than 64 bits count
            return np.zeros(0, np.int64)
        return self.series.rows[self.starts + self.window.last]

    def rows_of(self, kind: str, chosen: Positions) -> Positions:
        """The rows that some windows take for their `inputs` or `targets`, each once and
        ascending.
        """
        steps = self.input_steps if kind == "inputs" else self.target_steps
        used = np.zeros(len(self.series.rows), bool)
        for step in steps:
            used[self.starts[chosen] + step] = True
        return np.sort(self.series.rows[used])

    def by_series(self, chosen: Positions) -> dict[str, int]:
        """How many of some windows each series has, by its name; empty where all rows are one."""
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
    """Every window that lies in one segment and holds no row that lacks a value.

    The first window of a segment begins with its first row, and the others `stride` rows after each
    other. With `from_end` the last one ends with its last row, and the others are counted from
    there. `lacking` are the rows that lack a value, [rows] of `bool`, by `inputs` and `targets`.
    """
    places = np.arange(len(series.rows), dtype=np.int64)
    # A span past the last row is longer than any series, and may be past 64 bits.
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
    """Which windows hold no row that lacks a value."""
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
    """For each place, how many of the places `apart`, 2 `apart`, ... before it are marked."""
    padded = np.zeros(-(-len(marks) // apart) * apart, np.int64)
    padded[: len(marks)] = marks
    sums = np.cumsum(padded.reshape(-1, apart), axis=0).ravel()
    return np.concatenate([np.zeros(apart, np.int64), sums])
