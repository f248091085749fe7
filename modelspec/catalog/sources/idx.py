"""`idx`: one array per file, in the format of the original MNIST."""

import re
from typing import ClassVar

from .common.column_files import ColumnFiles


class idx(ColumnFiles):
    """Arrays in the format of the original MNIST files, plain or compressed (`.gz`).

    ```yaml
    source: {idx: {image: train-images-idx3-ubyte.gz, label: train-labels-idx1-ubyte.gz}}
    ```
    """

    endings: ClassVar = (".idx",)
    file_name: ClassVar = re.compile(r"[-.]idx\d")  # `train-images-idx3-ubyte`, as MNIST's files
