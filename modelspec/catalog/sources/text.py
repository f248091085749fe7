"""`text`: text files of class folders, or files of which every line is a text."""

from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class text(Source):
    """Text files: a folder for each class with `.txt` files in it, or files of which every line is
    a text.

    ```yaml
    source: {text: reviews}
    ```

    Of folders, the columns are `text` and `label`, the name of the folder; of a file of lines,
    `text` alone.
    """

    shared_endings: ClassVar = (".txt",)
    of_folders: ClassVar = True
    own_target: ClassVar = True

    path: ProjectPaths
    """A folder, or files of lines, plain or compressed (`.gz`)."""
    max_length: Annotated[int, Field(ge=1)] | None = None
    """The characters that are kept of each text."""
