"""`csv`: tables in text files."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelspec.core.paths import ProjectPaths
from modelspec.core.settings import refuse
from modelspec.core.source import Value

from .common.source import Source


class csv(Source):
    """A table in a text file, one row a line; the first line names the columns.

    ```yaml
    source: {csv: {path: measures.tsv, missing_values: ["", "-999"]}}
    ```

    Files are UTF-8, plain or compressed (`.gz`). Cells that hold the delimiter, a quote or a line
    break stand in quotes (`"`), and a quote in them is doubled. A column of which every cell is a
    number has numbers; any other has text. The delimiter is found where it is one of `,`, `;`, tab
    and `|` and only one of them makes a table; otherwise `delimiter` must say it. Several files
    (`path: [a.csv, b.csv]`, `path: part-*.csv`) have the same columns.
    """

    endings: ClassVar = (".csv", ".tsv", ".txt")
    one_value_cells: ClassVar = True

    path: ProjectPaths
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    header: tuple[str, ...] | None = None
    """Names of the columns, for a file whose first line is an example already."""
    decimal: Literal[".", ","] = "."
    """What stands before the fraction in a number: with `,` a cell `1,5` is one and a half, and
    `1.5` is no number.
    """
    missing_values: tuple[str, ...] | None = None
    """Cells that stand for no value, beside the empty cell. By default, in columns of numbers
    alone: `NA`, `N/A`, `#N/A`, `NaN`, `null`, `None`, in any case.
    """

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.delimiter in ('"', "\n", "\r", "\0"):
            refuse("a quote or a line break cannot separate cells", "MS205", "delimiter")
        if self.delimiter is not None and self.delimiter == self.decimal:
            refuse(
                f"`{self.delimiter}` cannot separate cells and stand in numbers", "MS208", "decimal"
            )
        return self

    @classmethod
    def settings_for(cls, path: str) -> Value:
        tabs = path.removesuffix(".gz").lower().endswith(".tsv")
        return {"path": path, "delimiter": "\t"} if tabs else path
