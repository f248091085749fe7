"""`number` of a feature: how the numbers of a column are written."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import PlainValidator, model_validator

from modelspec.core.settings import Section, Unfit, refuse

_SIGNS = "+-()%"
"""Characters that have a meaning in a number."""


def _strip(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, (tuple, list)) else (value,)
    if not items or not all(isinstance(item, str) and item.strip() for item in items):
        raise Unfit('a string to remove, such as `"$"`, or a list of strings')
    for item in items:
        if item.strip(_SIGNS) != item or any(char.isdigit() for char in item):
            raise Unfit(
                "a string without digits that does not begin or end with a sign, `%` or a"
                " parenthesis",
                code="MS205",
                help="`percent: true` reads `5%`, `accounting: true` reads `(5)`",
            )
    return tuple(item.strip() for item in items)


Strip = Annotated[Any, PlainValidator(_strip, json_schema_input_type=str | list[str])]


def _mark(value: Any) -> str:
    if isinstance(value, str) and len(value) == 1 and not value.isalnum() and value not in _SIGNS:
        return value
    raise Unfit("one character other than a letter, a digit or a sign, such as `,` or a space")


ThousandsMark = Annotated[str, PlainValidator(_mark, json_schema_input_type=str)]


class NumberFormat(Section):
    """How the numbers of a column are written, if not as `1234.5`.
    ```yaml
    inputs: {price: {column: price, number: {strip: "$", thousands: ","}}}
    inputs: {share: {column: share, number: {percent: true}}}
    inputs: {profit: {column: profit, number: {thousands: ",", accounting: true}}}
    ```

    A cell in any other format is an error, which reports the row.
    """

    title: ClassVar[str] = "number"

    thousands: ThousandsMark | None = None
    """The separator of groups of three digits: with `,` the cells `12,500` and `12500` are both
    12500; `1,25` is an error. By default that of the source.
    """
    decimal: Literal[".", ","] | None = None
    """The decimal separator; by default that of the source, otherwise `.`."""
    strip: Strip = ()
    """A string, or several, to remove before or after the number: `$`, `USD`. Cells without it are
    also accepted.
    """
    percent: bool = False
    """Divides every number by 100: both `12.5%` and `12.5` are read as 0.125."""
    accounting: bool = False
    """Whether a number in parentheses is negative: `(1,234)` is -1234."""

    @model_validator(mode="after")
    def _marks_differ(self) -> NumberFormat:
        if self.thousands is not None and self.thousands == self.decimal:
            refuse(
                f"`{self.thousands}` cannot be both the thousands and the decimal separator",
                "MS208",
                "thousands",
                help="use a different character for one of them",
            )
        return self

    @property
    def changes_nothing(self) -> bool:
        """Whether all settings have their defaults."""
        return self == NumberFormat()
