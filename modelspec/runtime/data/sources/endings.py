"""What the ending of a path tells of the kind of source it is."""

from __future__ import annotations

import re
from pathlib import PurePath

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".npz": "npz",
    ".npy": "npy",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
    ".idx": "idx",
}


def kind_of(path: str) -> str | None:
    """The kind of source that a path's ending tells, whether it is compressed (`.gz`) or not."""
    name = PurePath(path.removesuffix(".gz"))
    if re.search(r"[-.]idx\d", name.name):  # `train-images-idx3-ubyte`, as MNIST's files are called
        return "idx"
    return ENDINGS.get(name.suffix.lower())
