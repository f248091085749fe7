"""`npz`: archives of named arrays."""

from typing import ClassVar

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class npz(Source):
    """Named arrays, as `numpy.savez` writes them; every array's first axis counts the examples.

    ```yaml
    source: {npz: mnist.npz}
    ```

    Nothing is unpickled: arrays of Python objects are refused.
    """

    endings: ClassVar = (".npz",)

    path: ProjectPaths
