"""What a `transform` makes of earlier rows: the values of some rows before, and means over the last
ones.
"""

from collections import Counter
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field, model_validator

from modelspec.core.settings import refuse
from modelspec.core.shapes import Size, Tensor

from .layer import Example, Inputs, Layer, need_rank
from .setting_types import Count
from .windows import numbers


class PastStep(NamedTuple):
    """How one number of a row follows from the rows up to it."""

    what: str
    """`lag`: the number so many rows before; `mean`: the mean of so many rows, of which it is the
    last.
    """
    rows: int

    def named(self, column: str) -> str:
        """What messages and files call the column that is made so."""
        return f"{column} {self.what} {self.rows}"


class PastRows(Layer):
    """A layer that makes columns of earlier rows of the same group, before any other layer."""

    prepares_data = True
    keras_module: ClassVar[str] = ""
    not_in_models: ClassVar[str | None] = "it reads earlier rows, which only a `transform` has"

    @property
    def past_steps(self) -> tuple[PastStep, ...]:
        """What it makes of a column, in order."""
        raise NotImplementedError

    @property
    def reads_present(self) -> bool:
        """Whether a row's own value is in what it makes of the row."""
        raise NotImplementedError

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        need_rank(self, x, 2)
        columns: Size = x.shape[1]
        return self.result(
            (x.shape[0], columns * len(self.past_steps) if isinstance(columns, int) else None)
        )


class Lags(PastRows):
    """The values of earlier rows, as columns: `Lags: [1, 7]` gives the value of the row before and
    of the row 7 rows before.

    ```yaml
    transform: [{Lags: [1, 7]}, Normalization]
    ```

    Takes (batch, columns), gives (batch, lags * columns): all columns at the first lag, then all at
    the second, as joined `shift`s of pandas have them; 0 is the row itself. The rows before are
    those of the same group in the order of `data.window`; without a window, or without its `by` and
    `order`, those of the file. Rows that have too few before them have no value there, and
    `missing` decides what happens to them. In a split with a window, a part does not look into the
    part before it.
    """

    rows: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    """How many rows before; several make several columns."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"rows": (1, 7)}, ((None, 1),), dtype="float64"),
        Example({"rows": (0, 1)}, ((None, 2),), dtype="float64"),
    )

    @model_validator(mode="after")
    def _each_once(self) -> Any:
        twice = next((one for one, count in Counter(self.rows).items() if count > 1), None)
        if twice is not None:
            refuse(f"`Lags` names {twice} twice", "MS205", "rows", help="name each lag once")
        return self

    @property
    def past_steps(self) -> tuple[PastStep, ...]:
        return tuple(PastStep("lag", rows) for rows in self.rows)

    @property
    def reads_present(self) -> bool:
        return 0 in self.rows


class RollingMean(PastRows):
    """The mean over the last rows, the row itself included: `RollingMean: 24` is that of the row
    and the 23 before it.

    ```yaml
    transform: [{RollingMean: 24}, Normalization]
    ```

    Takes (batch, columns), gives the same shape, as `rolling(24).mean()` of pandas does. The rows
    are those of the same group in the order of `data.window`; without a window, or without its `by`
    and `order`, those of the file. Rows that have too few before them, or of which one has no
    value, have no mean, and `missing` decides what happens to them. In a split with a window, a
    part does not look into the part before it.
    """

    rows: Count
    """How many rows, the row itself included."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"rows": 24}, ((None, 1),), dtype="float64"),
        Example({"rows": 3}, ((None, 2),), dtype="float64"),
    )

    @property
    def past_steps(self) -> tuple[PastStep, ...]:
        return (PastStep("mean", self.rows),)

    @property
    def reads_present(self) -> bool:
        return True
