"""`python`: data that a program gives."""

from __future__ import annotations

from .common.source import Source


class python(Source):
    """Data that a Python program gives: `spec.train(data=...)`, with arrays, a data frame, a
    `tf.data.Dataset`, a `keras.utils.PyDataset` or batches.

    ```yaml
    source: python
    ```

    For a spec that no file feeds. It can be checked and built as any other; `modelspec train` needs
    a source of its own. Specs with another source take data of a program too, in place of it.
    """
