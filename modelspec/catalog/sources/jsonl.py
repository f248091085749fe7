"""`jsonl`: a JSON object a line."""

from typing import ClassVar

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class jsonl(Source):
    """One JSON object a line, each an example; a list of numbers is an array, and may be nested.

    ```yaml
    source: {jsonl: reviews.jsonl.gz}
    ```

    Every object has the keys of the first. A value of `null` is a missing value. A column has one
    kind of values: numbers, text, `true` and `false`, or lists.
    """

    endings: ClassVar = (".jsonl", ".ndjson")

    path: ProjectPaths
    absent: bool = False
    """Whether a key that an object lacks is a missing value rather than a fault; the columns are
    then the keys of all objects.
    """
