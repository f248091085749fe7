"""`npy`: one NumPy array per file."""

from typing import ClassVar

from .common.column_files import ColumnFiles


class npy(ColumnFiles):
    """Single arrays, as written by `numpy.save`; the first axis is the examples.

    ```yaml
    source: {npy: {image: images.npy, label: labels.npy}}
    ```

    Large files are read in parts. Pickled objects are not loaded.
    """

    endings: ClassVar = (".npy",)
