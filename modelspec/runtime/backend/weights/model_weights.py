"""The weights of a model file of any form: HDF5, `.keras`, TensorFlow.js, SavedModel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelspec.importers.architecture import Architecture

from ..hdf5.entry import Entry, broken
from .checkpoint import checkpoint_arrays
from .layer_arrays import Groups
from .tfjs_weights import tfjs_arrays
from .weight_files import opened


@contextmanager
def opened_model(
    path: Path, shown: str, model: Architecture
) -> Iterator[Groups | dict[str, Entry]]:
    """The weights of the file of a model. Raises `RunError`: MS750 if they cannot be read, MS751
    for features that no such file needs.
    """
    try:
        if path.is_dir():
            yield checkpoint_arrays(path, shown)
        elif path.suffix.lower() == ".json":
            yield tfjs_arrays(path, shown, model)
        else:
            with opened(path, shown) as file:
                yield file
    except OSError as error:
        raise broken(shown, error.strerror or str(error)) from None
