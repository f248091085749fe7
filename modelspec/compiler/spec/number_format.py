"""`number` of a feature: how the numbers of a column are written."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import PlainValidator, model_validator

from modelspec.core.settings import Section, Unfit, refuse

_SIGNS = "+-()%"
"""What has a meaning of its own in a number."""


def _strip(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, (tuple, list)) else (value,)
    if not items or not all(isinstance(item, str) and item.strip() for item in items):
        raise Unfit('a text to remove, such as `"$"`, or a list of texts')
    for item in items:
        if item.strip(_SIGNS) != item or any(char.isdigit() for char in item):
            raise Unfit(
                "a text without digits that neither begins nor ends with a sign, `%` or a"
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
    """How the numbers of a column are written, where they are not written as `1234.5`.

    ```yaml
    inputs: {price: {column: price, number: {strip: "$", thousands: ","}}}
    inputs: {share: {column: share, number: {percent: true}}}
    inputs: {profit: {column: profit, number: {thousands: ",", accounting: true}}}
    ```

    A cell that is not written so is an error, which names its row.
    """

    title: ClassVar[str] = "number"

    thousands: ThousandsMark | None = None
    """What separates groups of three digits: with `,` a cell `12,500` is 12500, as is a cell
    without it; `1,25` is an error. By default that of the source.
    """
    decimal: Literal[".", ","] | None = None
    """What precedes the fraction; by default that of the source, else `.`."""
    strip: Strip = ()
    """A text, or several, to remove before or after the number: `$`, `USD`. A cell without it is
    read too.
    """
    percent: bool = False
    """Divides every number by 100: `12.5%` is 0.125, as is `12.5`."""
    accounting: bool = False
    """Whether a number in parentheses is negative: `(1,234)` is -1234."""

    @model_validator(mode="after")
    def _marks_differ(self) -> NumberFormat:
        if self.thousands is not None and self.thousands == self.decimal:
            refuse(
                f"`{self.thousands}` cannot separate groups of digits and precede the fraction",
                "MS208",
                "thousands",
                help="use another mark for one of them",
            )
        return self

    @property
    def changes_nothing(self) -> bool:
        """Whether no setting differs from its default."""
        return self == NumberFormat()
