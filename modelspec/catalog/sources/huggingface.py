"""`huggingface`: data sets that Hugging Face's `datasets` has saved."""

from typing import ClassVar

from modelspec.core.paths import ProjectPath

from .common.source import Source


class huggingface(Source):
    """A data set that Hugging Face's `datasets` has saved on this machine: the folder that
    `save_to_disk` writes, or that of its cache which holds `dataset_info.json`.

    ```yaml
    source: {huggingface: {path: reviews, split: train}}
    ```

    Its Arrow files are read without that package; nothing is fetched, and no script of a data set
    runs. Columns are read as those of `parquet`; a `ClassLabel` has the names of its classes,
    `""` where it is -1. `split` chooses one of several; parts of their own are `data: {train:
    {huggingface: ...}, test: {huggingface: ...}}`.

    https://huggingface.co/docs/datasets/process#save
    """

    of_folders: ClassVar = True

    path: ProjectPath
    split: str | None = None
    """The split to read, where there are several."""
