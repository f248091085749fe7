"""Layers of a `transform` that use earlier rows: lagged values and rolling means."""

from collections import Counter
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field, model_validator

from modelspec.core.settings import refuse
from modelspec.core.shapes import Size, Tensor

from .layer import Example, Inputs, Layer, need_rank
from .setting_types import Count
from .windows import numbers


class PastStep(NamedTuple):
    """How one value of a row follows from it and earlier rows."""

    what: str
    """`lag`: the value this many rows earlier; `mean`: the mean of this many rows, ending with the
    row itself.
    """
    rows: int

    def named(self, column: str) -> str:
        """The name of the computed column in messages and files."""
        return f"{column} {self.what} {self.rows}"


class PastRows(Layer):
    """A layer that computes columns from earlier rows of the same group, before any other layer."""

    prepares_data = True
    keras_module: ClassVar[str] = ""
    not_in_models: ClassVar[str | None] = (
        "it uses earlier rows, which are only available in a `transform`"
    )

    @property
    def past_steps(self) -> tuple[PastStep, ...]:
        """The columns computed from one column, in order."""
        raise NotImplementedError

    @property
    def reads_present(self) -> bool:
        """Whether the row itself contributes to its result."""
        raise NotImplementedError

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        need_rank(self, x, 2)
        columns: Size = x.shape[1]
        return self.result(
            (x.shape[0], columns * len(self.past_steps) if isinstance(columns, int) else None)
        )


class Lags(PastRows):
    """Values of earlier rows, as columns: `Lags: [1, 7]` gives the value one row and 7 rows
    earlier.

    ```yaml
    transform: [{Lags: [1, 7]}, Normalization]
    ```

    Takes (batch, columns), gives (batch, lags * columns): all columns at the first lag, then all at
    the second, like concatenated `shift`s of pandas; 0 is the row itself. Earlier rows are those of
    the same group in the order of `data.window`; without a window, or without its `by` and `order`,
    those of the file. Rows with too few earlier rows have a missing value there, which `missing`
    handles. In a split with a window, a part does not use rows of the part before it.
    """

    rows: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    """The lags in rows; each number adds a column, and 0 is the row itself."""

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
    """The rolling mean: `RollingMean: 24` is the mean of the row and the 23 rows before it.

    ```yaml
    transform: [{RollingMean: 24}, Normalization]
    ```

    Takes (batch, columns), gives the same shape, like `rolling(24).mean()` of pandas. The rows are
    those of the same group in the order of `data.window`; without a window, or without its `by` and
    `order`, those of the file. Rows with too few earlier rows, or with a missing value among them,
    have a missing mean, which `missing` handles. In a split with a window, a part does not use rows
    of the part before it.
    """

    rows: Count
    """The number of rows in the mean, including the row itself."""

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
