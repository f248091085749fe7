"""Sources that are tables with types of their own."""

from __future__ import annotations

from modelspec.core.paths import ProjectPaths
from modelspec.core.settings import Settings


class parquet(Settings):
    """A table in Parquet's format, read column by column, and row group by row group where it is
    large.

    ```yaml
    source: {parquet: "events/part-*.parquet"}
    ```

    Columns of whole numbers, floating point, `bool` and text; lists (of one length: an array for
    every example), dictionaries (as the text that they stand for). A null in a column of numbers is
    a missing value.
    """

    path: ProjectPaths


class arrow(Settings):
    """A table in Arrow's own format, which is also Feather's (version 2): a file or a stream.

    ```yaml
    source: {arrow: measures.arrow}
    ```
    """

    path: ProjectPaths


class jsonl(Settings):
    """One JSON object a line, each an example; a list of numbers is an array, and may be nested.

    ```yaml
    source: {jsonl: reviews.jsonl.gz}
    ```

    Every object has the keys of the first. A value of `null` is a missing value. A column has one
    kind of values: numbers, text, `true` and `false`, or lists.
    """

    path: ProjectPaths
    absent: bool = False
    """Whether a key that an object lacks is a missing value rather than a fault; the columns are
    then the keys of all objects.
    """
