"""`hdf5`: data sets of a file by path."""

from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator

from modelspec.core.paths import ProjectPaths
from modelspec.core.settings import Unfit, is_int

from .common.source import Source


def _rows(value: Any) -> tuple[int, int | None]:
    """Start and end: `[0, 1000]`, `[1000, null]`."""
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not is_int(value[0]):
        raise Unfit("the first row and the row after the last one, e.g. `[0, 1000]`")
    start, end = value
    if not (end is None or is_int(end)):
        raise Unfit(
            "the first row and the row after the last one, e.g. `[0, 1000]`, or `[1000, null]`"
        )
    if start < 0 or (end is not None and end <= start):
        raise Unfit("two rows counted from 0, the second after the first", code="MS205")
    return start, end


class hdf5(Source):
    """Data sets of an HDF5 file; the first axis of each is the examples.

    ```yaml
    train: {hdf5: {path: images.h5, rows: [0, 50000]}}
    test: {hdf5: {path: images.h5, rows: [50000, null]}}
    ```

    A column is a data set, named by its path in the file (`x`, `train/images`). Large data sets are
    read in parts. References to other files (external links, external storage, virtual data sets)
    are refused.
    """

    endings: ClassVar = (".h5", ".hdf5")

    path: ProjectPaths
    rows: (
        Annotated[
            tuple[int, int | None],
            PlainValidator(_rows, json_schema_input_type=tuple[int, int | None]),
        ]
        | None
    ) = None
    """The examples to read, from the first number up to, but not including, the second."""

    def settings_like(self, path: str) -> dict[str, Any]:
        return {**super().settings_like(path), "rows": None}  # the rows of the other file
