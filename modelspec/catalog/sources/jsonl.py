"""`jsonl`: one JSON object per line."""

from pathlib import Path
from typing import ClassVar

from modelspec.core.paths import ProjectPaths

from .common.beginnings import jsonl_columns
from .common.source import Source


class jsonl(Source):
    """One JSON object per line, each an example; lists of numbers are arrays, and may be nested.

    ```yaml
    source: {jsonl: reviews.jsonl.gz}
    ```

    All objects have the keys of the first one. `null` is a missing value. The values of a column
    have one type: numbers, strings, booleans, or lists.
    """

    endings: ClassVar = (".jsonl", ".ndjson")
    has_named_columns: ClassVar = True

    path: ProjectPaths
    absent: bool = False
    """Whether a key that an object lacks is a missing value rather than an error; the columns are
    then the keys of all objects.
    """

    def columns_in(self, file: Path) -> tuple[str, ...] | None:
        return None if self.absent else jsonl_columns(file)
