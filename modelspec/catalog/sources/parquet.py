"""`parquet`: tables of typed columns."""

from typing import ClassVar

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class parquet(Source):
    """A table in Parquet's format, read column by column, and row group by row group where it is
    large.

    ```yaml
    source: {parquet: "events/part-*.parquet"}
    ```

    Columns of whole numbers, floating point, `bool` and text; lists (of one length: an array for
    every example), dictionaries (as the text that they stand for). A null in a column of numbers is
    a missing value. A duration becomes float64 seconds, a date or a time becomes text
    (`2026-01-31`, `2026-01-31 12:00:00.5+02:00`), whatever unit the file has.
    """

    endings: ClassVar = (".parquet", ".pq")

    path: ProjectPaths
