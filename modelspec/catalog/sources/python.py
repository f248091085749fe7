"""`python`: data passed by a program."""

from __future__ import annotations

from .common.source import Source


class python(Source):
    """Data passed by a Python program: `spec.train(data=...)`, with arrays, a data frame, a
    `tf.data.Dataset`, a `keras.utils.PyDataset` or batches.

    ```yaml
    source: python
    ```

    For a spec without data files. It can be checked and built like any other; `modelspec train`
    requires a different source. A program can also replace the data of specs with another source.
    """
