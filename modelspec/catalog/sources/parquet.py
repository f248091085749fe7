"""`parquet`: tables of typed columns."""

from typing import ClassVar

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class parquet(Source):
    """A table in Parquet format, read by column, and by row group if it is large.

    ```yaml
    source: {parquet: "events/part-*.parquet"}
    ```

    Supports columns of integers, floating point, `bool` and strings; lists (of equal length: an
    array for each example), and dictionaries of strings. Null in a column of numbers is a missing
    value. Durations become float64 seconds, dates and times become strings (`2026-01-31`,
    `2026-01-31 12:00:00.5+02:00`), independent of the unit in the file.
    """

    endings: ClassVar = (".parquet", ".pq")

    path: ProjectPaths
