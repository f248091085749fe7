"""`text`: text files in class folders, or files with one example per line."""

from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class text(Source):
    """Text files: one folder per class with `.txt` files, or files with one example per line.

    ```yaml
    source: {text: reviews}
    ```

    With folders, the columns are `text` and `label`, the name of the folder; with files of lines,
    only `text`.
    """

    shared_endings: ClassVar = (".txt",)
    of_folders: ClassVar = True
    own_target: ClassVar = True

    path: ProjectPaths
    """A folder with one folder of text files per class, or files of lines, plain or compressed
    (`.gz`).
    """
    max_length: Annotated[int, Field(ge=1)] | None = None
    """The number of characters to keep of each text; `null` keeps all."""
