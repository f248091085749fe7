"""`csv`: tables in text files."""

import codecs
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from modelspec.core.paths import ProjectPaths
from modelspec.core.settings import Unfit, refuse
from modelspec.core.source import Value

from .common.source import Source


def _text_encoding(value: object) -> str:
    """The name of a text encoding of Python."""
    if isinstance(value, str):
        try:
            found = codecs.lookup(value)
        except (LookupError, ValueError):  # ValueError: a NUL in the name
            found = None
        if found is not None and getattr(found, "_is_text_encoding", True):
            return value
    raise Unfit("the name of an encoding, such as `utf-8`, `latin-1`, `cp1252` or `utf-16`")


_NO_MARKS = ('"', "\n", "\r", "\0")
"""Characters with a special meaning in every file."""
Mark = Annotated[str, Field(min_length=1, max_length=1)]
Encoding = Annotated[str, PlainValidator(_text_encoding, json_schema_input_type=str)]


class csv(Source):
    """A table in a text file with one row per line; the first line contains the column names.

    ```yaml
    source: {csv: {path: measures.tsv, missing_values: ["", "-999"]}}
    source: {csv: {path: prices.csv, decimal: ",", thousands: ".", encoding: cp1252, comment: "#"}}
    ```

    Files are UTF-8 unless `encoding` names another encoding, plain or compressed (`.gz`). Cells
    that contain the delimiter, a quote or a line break are quoted (`"`), and quotes in them are
    doubled. The delimiter is detected if it is one of `,`, `;`, tab and `|` and only one of them
    gives a table; otherwise set `delimiter`. Several files (`path: [a.csv, b.csv]`, `path:
    part-*.csv`) must have the same columns.

    The type of a column follows from the feature that uses it. A `transform` that begins with
    `StringLookup`, `TextVectorization` or `Hashing` takes the cells as written: `007` and `7` are
    two categories. Every other feature takes numbers, unless it sets `dtype` (`{column: code,
    dtype: string}`). Integers stay exact, up to 64 bits.
    """

    endings: ClassVar = (".csv", ".tsv", ".txt")
    one_value_cells: ClassVar = True
    has_named_columns: ClassVar = True

    path: ProjectPaths
    delimiter: Mark | None = None
    header: tuple[str, ...] | None = None
    """The names of the columns, for a file without a header line."""
    decimal: Literal[".", ","] = "."
    """The decimal separator: with `,` the cell `1,5` is 1.5, and `1.5` is not a number."""
    thousands: Mark | None = None
    """The thousands separator: with `,` the cell `12,500` is 12500, as `12500` is, and `1,25` is
    not a number.
    """
    encoding: Encoding = "utf-8"
    """The text encoding, by its Python name: `latin-1`, `cp1252`, `utf-16`, ..."""
    comment: Mark | None = None
    """The start of a comment, which is ignored up to the end of the line, except in quotes."""
    missing_values: tuple[str, ...] | None = None
    """The cells that are missing values, in addition to the empty cell. By default, in columns of
    numbers only: `NA`, `N/A`, `#N/A`, `NaN`, `null`, `None`, in any case.
    """

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.delimiter in _NO_MARKS:
            refuse("a quote or a line break cannot separate cells", "MS205", "delimiter")
        if self.delimiter is not None and self.delimiter == self.decimal:
            refuse(
                f"`{self.delimiter}` cannot be both the delimiter and the decimal separator",
                "MS208",
                "decimal",
            )
        self._check_thousands()
        self._check_comment()
        return self

    def _check_thousands(self) -> None:
        mark = self.thousands
        if mark is None:
            return
        if mark in (*_NO_MARKS, *"+-") or mark.isalnum():
            refuse(f"`{mark}` cannot be a thousands separator", "MS205", "thousands")
        if mark == self.decimal:
            other = "," if mark == "." else "."
            refuse(
                f"`{mark}` cannot be both the thousands and the decimal separator",
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
                refuse(
                    f"`{mark}` cannot be both the `{name}` and the start of a comment",
                    "MS208",
                    "comment",
                )

    @property
    def value_columns(self) -> tuple[str, ...] | None:
        return self.header

    def columns_in(self, file: Path) -> tuple[str, ...] | None:
        if self.header is not None:
            return self.header
        from .common.beginnings import csv_columns  # loads packages for compressed files

        return csv_columns(file, self.delimiter, self.encoding, self.comment)

    @classmethod
    def settings_for(cls, path: str) -> Value:
        tabs = path.removesuffix(".gz").lower().endswith(".tsv")
        return {"path": path, "delimiter": "\t"} if tabs else path
