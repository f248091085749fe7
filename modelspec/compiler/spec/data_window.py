"""`data.window` as written: examples of consecutive rows."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from modelspec.catalog.layers.setting_types import Count
from modelspec.core.diagnostics import Collector, Fault, Path, Span
from modelspec.core.sections import read_section
from modelspec.core.settings import Context, Section
from modelspec.core.shapes import PENDING, Shape, Size, Tensor, may_equal
from modelspec.core.source import Mapping, locate

from .data_split import Split

Rows = Annotated[int, Field(ge=0)]


class Window(Section):
    """Examples of consecutive rows: a series is divided into windows, and a model learns to predict
    the following rows, or the target of the last row.
    ```yaml
    window: {length: 48, horizon: 12, by: station, order: time}
    window: {length: 30, stride: 30}
    window: {length: 24, horizon: 1, gap: 6, sampling: 2, order: time}
    ```
    """

    title: ClassVar[str] = "window"
    columns: ClassVar[tuple[str, ...]] = ("by", "order")
    """Keys that name a column."""

    length: Count
    """How many rows an input has: `column: x` gives `[length]`, `columns: [x, y]` gives `[length,
    2]`.
    """
    horizon: Rows = 0
    """How many consecutive rows a target has, after the window: `[horizon]`, or `[horizon, n]` for
    n columns. With 0 the target is that of the last row of the window, without a time axis.
    """
    stride: Count = 1
    """The number of rows between the starts of two windows."""
    sampling: Count = 1
    """Which rows of a window are used: with 2, every second one. The rows of a target are not
    sampled.
    """
    gap: Rows = 0
    """The number of rows between the last row of a window and the first row of its target."""
    by: str | None = None
    """A column whose equal values form one series; no window spans two series."""
    order: str | None = None
    """A column of times, or numbers, that orders the rows of a series; by default the order of the
    file, which also decides between equal values.
    """

    @model_validator(mode="after")
    def _gap_has_a_target(self) -> Window:
        if self.gap and not self.horizon:
            raise Fault(
                "MS208",
                "`gap` is the distance from a window to its target, but with `horizon: 0` the"
                " target is that of the last row of the window",
                ("gap",),
                at_key=True,
                help="remove `gap`, or set `horizon` to at least 1",
            )
        return self

    @property
    def last(self) -> int:
        """The offset of the last row of a window from its first row."""
        return (self.length - 1) * self.sampling

    @property
    def first_target(self) -> int:
        """The offset of the first row of the target from the first row of the window."""
        return self.last + 1 + self.gap if self.horizon else self.last

    def span(self, *, with_targets: bool) -> int:
        """How many consecutive rows an example spans."""
        if not (with_targets and self.horizon):
            return self.last + 1
        return self.first_target + self.horizon

    # Types ----------------------------------------------------------------------------------------

    def input_row(self, shape: Shape) -> Shape | None:
        """The shape of one row of an input (neither has a batch axis); None if its first axis is
        not that of the window.
        """
        return _row(shape, self.length)

    def target_row(self, shape: Shape) -> Shape | None:
        """The shape of one row of the target of an output; None if its first axis is not the
        horizon.
        """
        return _row(shape, self.horizon) if self.horizon else shape

    def with_steps(self, shape: Shape, row: Shape) -> Shape:
        """The shape of an input with the sizes of its rows; all three have the batch axis first."""
        if len(shape) < 2:
            return row
        first = self.length if shape[1] == PENDING else shape[1]
        return (shape[0], first, *row[1:])

    def of_rows(self, row: Shape) -> Shape:
        """The shape of an input that has rows of this shape."""
        return (self.length, *row)


def _row(shape: Shape, steps: int) -> Shape | None:
    return shape[1:] if shape and _is(shape[0], steps) else None


def _is(size: Size, steps: int) -> bool:
    return size == PENDING or may_equal(size, steps)


def input_row(tensor: Tensor, window: Window | None) -> Tensor:
    """The type of one row of a model input; without a window, of one example."""
    if window is None:
        return tensor
    row = window.input_row(tensor.shape[1:])
    return Tensor((tensor.shape[0], *(tensor.shape[2:] if row is None else row)), tensor.dtype)


def has_rows(window: Window | None) -> bool:
    """Whether targets span several rows, with a time axis."""
    return window is not None and window.horizon > 0


def target_row(tensor: Tensor, window: Window | None) -> Tensor:
    """The type of one row of an output; without a window, of one example."""
    if not has_rows(window):
        return tensor
    return Tensor((tensor.shape[0], *tensor.shape[2:]), tensor.dtype)


# Reading ------------------------------------------------------------------------------------------


def read_window(
    node: Mapping, places: dict[Path, Span], context: Context, report: Collector
) -> tuple[Window | None, bool]:
    """The `window` of a `data` section, and whether one is given that could not be read."""
    entry = node.entries.get("window")
    if entry is None:
        return None, False
    places[("window",)] = entry.key_span
    for key in Window.model_fields:
        if span := locate(entry.value, (key,)):
            places[("window", key)] = span
    if split := node.entries.get("split"):
        places[("split",)] = split.key_span
        for key in ("seed", "folds"):
            if span := locate(split.value, (key,), key=True):
                places[("split", key)] = span
    found = read_section(Window, entry.value, entry.key_span, context, report)
    return found, found is None


def drawn_at_random(split: Split) -> str | None:
    """The key that makes a split random; None for a split that keeps rows in order, or whose parts
    a column names.
    """
    for key in ("stratify", "group"):
        if getattr(split, key) is not None:
            return key
    if split.by is not None:
        return None
    return next((key for key in ("folds", "seed") if getattr(split, key) is not None), None)


def shares_in_order(split: Split) -> bool:
    """Whether the split is by share, which with a window follows the order of the rows."""
    return split.by_share and split.stratify is None and split.group is None
