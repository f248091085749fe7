"""`npy`: an array a file, as NumPy writes it."""

from typing import ClassVar

from .common.column_files import ColumnFiles


class npy(ColumnFiles):
    """Single arrays, as `numpy.save` writes them; the first axis counts the examples.

    ```yaml
    source: {npy: {image: images.npy, label: labels.npy}}
    ```

    Large files are read piece by piece. Nothing is unpickled.
    """

    endings: ClassVar = (".npy",)
