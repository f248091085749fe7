"""Date and time features in a `transform`: their parts, as numbers."""

from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

from pydantic import Field, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import Tensor

from .layer import Example, Inputs, Layer

Part = Literal[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "day_of_year",
    "weekday",
    "hour",
    "minute",
    "second",
]


class Cycle(NamedTuple):
    """The smallest value of a part, and its period."""

    first: int
    period: int


CYCLES: Final[dict[str, Cycle]] = {
    "quarter": Cycle(1, 4),
    "month": Cycle(1, 12),
    "week": Cycle(1, 53),
    "day": Cycle(1, 31),
    "day_of_year": Cycle(1, 366),
    "weekday": Cycle(0, 7),
    "hour": Cycle(0, 24),
    "minute": Cycle(0, 60),
    "second": Cycle(0, 60),
}
"""By part; a year has no period."""


class DateParts(Layer):
    """The parts of a date or a time, as numbers.

    ```yaml
    transform: [{DateParts: [month, weekday, hour]}]
    transform: [{DateParts: {parts: [month, hour], cyclic: true}}]
    transform: [{DateParts: [weekday]}, {CategoryEncoding: {num_tokens: 7, output_mode: one_hot}}]
    ```

    Takes strings such as `2026-01-31`, `2026-01-31 12:00` or `2026-01-31T12:00:00+02:00`, and the
    times of a Parquet or Arrow column; gives (batch, parts), integers in the order of `parts`. With
    `cyclic` each part is a sine and a cosine, so that December is next to January: (batch, 2 *
    parts), the sine and cosine of the first part, then of the second. Several columns form one
    vector. The parts are those of the written time, in its own UTC offset; a date without a time
    has hour 0.

    | part | values | period of `cyclic` |
    |---|---|---|
    | `year` | 1 to 9999 | none |
    | `quarter` | 1 to 4 | 4 |
    | `month` | 1 to 12 | 12 |
    | `week` | 1 to 53, of ISO 8601 | 53 |
    | `day` | 1 to 31, of the month | 31 |
    | `day_of_year` | 1 to 366 | 366 |
    | `weekday` | 0 (Monday) to 6 | 7 |
    | `hour` | 0 to 23 | 24 |
    | `minute`, `second` | 0 to 59 | 60 |
    """

    prepares_data = True
    reads_dates = True
    keras_module: ClassVar[str] = ""
    not_in_models: ClassVar[str | None] = (
        "it takes dates as strings, which are only available in a `transform`"
    )

    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    """The parts to extract, in this order: `year`, `quarter`, `month`, `week`, `day`,
    `day_of_year`, `weekday`, `hour`, `minute` or `second`.
    """
    cyclic: bool = False
    """Whether to encode each part as sine and cosine of its position in its period; not with
    `year`.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"parts": ("month", "weekday", "hour")}, ((None,),), "string"),
        Example({"parts": ("month", "hour"), "cyclic": True}, ((None, 1),), "string"),
    )

    @model_validator(mode="after")
    def _parts_agree(self) -> Any:
        twice = next((one for one in self.parts if self.parts.count(one) > 1), None)
        if twice is not None:
            refuse(
                f"`DateParts` names `{twice}` twice", "MS205", "parts", help="name each part once"
            )
        if self.cyclic and "year" in self.parts:
            refuse(
                "`year` has no period, so `cyclic` cannot encode it",
                "MS208",
                "parts",
                help="leave out `year`, or encode it in a separate feature without `cyclic`",
            )
        return self

    def column_types(self) -> tuple[str, ...]:
        return ("string",)

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        if x.dtype != "string":
            raise Fault(
                "MS404",
                f"`DateParts` takes dates as strings, found {x}",
                help="put it first in the `transform` of a column of dates",
            )
        count = len(self.parts) * (2 if self.cyclic else 1)
        *before, last = x.shape if x.rank > 1 else (*x.shape, 1)
        size = last * count if isinstance(last, int) else None
        return Tensor((*before, size), self.compute_dtype if self.cyclic else "int64")
