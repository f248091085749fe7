"""`huggingface`: data sets saved by Hugging Face's `datasets`."""

from typing import ClassVar

from modelspec.core.paths import ProjectPath

from .common.source import Source


class huggingface(Source):
    """A data set saved by Hugging Face's `datasets` on this machine: the folder written by
    `save_to_disk`, or the folder of its cache that contains `dataset_info.json`.

    ```yaml
    source: {huggingface: {path: reviews, split: train}}
    ```

    Its Arrow files are read without that package; nothing is downloaded, and scripts of data sets
    are not run. Columns are read as in `parquet`; a `ClassLabel` gives the names of its classes,
    and `""` for -1. `split` selects one of several splits; for separate parts use `data: {train:
    {huggingface: ...}, test: {huggingface: ...}}`.

    https://huggingface.co/docs/datasets/process#save
    """

    of_folders: ClassVar = True

    path: ProjectPath
    split: str | None = None
    """The split to read; required if there are several."""
