"""`npz`: archives of named arrays."""

from pathlib import Path
from typing import ClassVar

from modelspec.core.paths import ProjectPaths

from .common.beginnings import npz_columns
from .common.source import Source


class npz(Source):
    """Named arrays, as written by `numpy.savez`; the first axis of each array is the examples.

    ```yaml
    source: {npz: mnist.npz}
    ```

    Pickled objects are not loaded: arrays of Python objects are refused.
    """

    endings: ClassVar = (".npz",)
    has_named_columns: ClassVar = True

    path: ProjectPaths

    def columns_in(self, file: Path) -> tuple[str, ...] | None:
        return npz_columns(file)
