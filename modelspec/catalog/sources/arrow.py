"""`arrow`: tables in Arrow's IPC format."""

from typing import ClassVar

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class arrow(Source):
    """A table in Arrow's IPC format (also Feather version 2), as a file or a stream.

    ```yaml
    source: {arrow: measures.arrow}
    ```

    Columns are read as in `parquet`.
    """

    aliases: ClassVar = ("feather",)
    endings: ClassVar = (".arrow", ".arrows", ".feather", ".ipc")

    path: ProjectPaths
