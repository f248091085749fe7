"""`arrow`: tables in Arrow's own format."""

from typing import ClassVar

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class arrow(Source):
    """A table in Arrow's own format, which is also Feather's (version 2): a file or a stream.

    ```yaml
    source: {arrow: measures.arrow}
    ```

    Columns are read as those of `parquet`.
    """

    aliases: ClassVar = ("feather",)
    endings: ClassVar = (".arrow", ".arrows", ".feather", ".ipc")

    path: ProjectPaths
