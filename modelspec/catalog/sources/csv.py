"""`csv`: tables in text files."""

import codecs
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from modelspec.core.paths import ProjectPaths
from modelspec.core.settings import Unfit, refuse
from modelspec.core.source import Value

from .common.source import Source


def _text_encoding(value: object) -> str:
    """A name of an encoding of text that Python knows."""
    if isinstance(value, str):
        try:
            found = codecs.lookup(value)
        except (LookupError, ValueError):  # ValueError: a NUL in the name
            found = None
        if found is not None and getattr(found, "_is_text_encoding", True):
            return value
    raise Unfit("the name of an encoding, such as `utf-8`, `latin-1`, `cp1252` or `utf-16`")


_NO_MARKS = ('"', "\n", "\r", "\0")
"""What has a meaning of its own in every file."""
Mark = Annotated[str, Field(min_length=1, max_length=1)]
Encoding = Annotated[str, PlainValidator(_text_encoding, json_schema_input_type=str)]


class csv(Source):
    """A table in a text file, one row a line; the first line names the columns.

    ```yaml
    source: {csv: {path: measures.tsv, missing_values: ["", "-999"]}}
    source: {csv: {path: prices.csv, decimal: ",", thousands: ".", encoding: cp1252, comment: "#"}}
    ```

    Files are UTF-8 unless `encoding` names another encoding, plain or compressed (`.gz`). Cells
    that hold the delimiter, a quote or a line break stand in quotes (`"`), and a quote in them is
    doubled. The delimiter is found where it is one of `,`, `;`, tab and `|` and only one of them
    makes a table; otherwise `delimiter` must say it. Several files (`path: [a.csv, b.csv]`,
    `path: part-*.csv`) have the same columns.

    What a column is follows from the feature that it feeds. A `transform` that begins with
    `StringLookup`, `TextVectorization` or `Hashing` takes the cells as they are written: `007` and
    `7` are two categories. Every other feature takes numbers, unless its `dtype` says otherwise
    (`{column: code, dtype: string}`). Whole numbers stay exact, up to 64 bits.
    """

    endings: ClassVar = (".csv", ".tsv", ".txt")
    one_value_cells: ClassVar = True

    path: ProjectPaths
    delimiter: Mark | None = None
    header: tuple[str, ...] | None = None
    """Names of the columns, for a file whose first line is an example already."""
    decimal: Literal[".", ","] = "."
    """What stands before the fraction in a number: with `,` a cell `1,5` is one and a half, and
    `1.5` is no number.
    """
    thousands: Mark | None = None
    """What stands between groups of three digits: with `,` a cell `12,500` is 12500, as is a cell
    without it; `1,25` is no number.
    """
    encoding: Encoding = "utf-8"
    """How the text is stored, by the name that Python gives the encoding: `latin-1`, `cp1252`,
    `utf-16`, ...
    """
    comment: Mark | None = None
    """What begins a comment: it and the rest of its line are left out, unless it stands in quotes.
    """
    missing_values: tuple[str, ...] | None = None
    """Cells that stand for no value, beside the empty cell. By default, in columns of numbers
    alone: `NA`, `N/A`, `#N/A`, `NaN`, `null`, `None`, in any case.
    """

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.delimiter in _NO_MARKS:
            refuse("a quote or a line break cannot separate cells", "MS205", "delimiter")
        if self.delimiter is not None and self.delimiter == self.decimal:
            refuse(
                f"`{self.delimiter}` cannot separate cells and stand in numbers", "MS208", "decimal"
            )
        self._check_thousands()
        self._check_comment()
        return self

    def _check_thousands(self) -> None:
        mark = self.thousands
        if mark is None:
            return
        if mark in (*_NO_MARKS, *"+-") or mark.isalnum():
            refuse(f"`{mark}` cannot stand between groups of digits", "MS205", "thousands")
        if mark == self.decimal:
            other = "," if mark == "." else "."
            refuse(
                f"`{mark}` cannot stand between groups of digits and before the fraction",
                "MS208",
                "thousands",
                help=f'write `decimal: "{other}"`, or leave `thousands` out',
            )

    def _check_comment(self) -> None:
        mark = self.comment
        if mark in _NO_MARKS:
            refuse("a quote or a line break cannot begin a comment", "MS205", "comment")
        for name in ("delimiter", "decimal", "thousands"):
            if mark is not None and mark == getattr(self, name):
                refuse(f"`{mark}` cannot be the `{name}` and begin a comment", "MS208", "comment")

    @classmethod
    def settings_for(cls, path: str) -> Value:
        tabs = path.removesuffix(".gz").lower().endswith(".tsv")
        return {"path": path, "delimiter": "\t"} if tabs else path
