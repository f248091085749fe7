"""The weights of a SavedModel of tf.keras: the checkpoint in its folder `variables`."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import IO, Any

import numpy as np

from modelspec.core import sandbox
from modelspec.importers.architecture import Unreadable
from modelspec.importers.saved_model import described

from ..hdf5.entry import Array, Entry, broken
from .layer_arrays import LayerArrays, loaded

_PROCESS = "modelspec.runtime.backend.weights.checkpoint_process"
_LONGEST = 64 * 2**20
"""Maximum size of the list of arrays in bytes."""


def checkpoint_arrays(folder: Path, shown: str) -> LayerArrays:
    """The arrays of each layer of the model in a SavedModel. Raises `RunError` (MS750) if they
    cannot be read.
    """
    prefix = folder / "variables" / "variables"
    if not prefix.with_name("variables.index").is_file():
        raise broken(shown, "it has no checkpoint `variables/variables.index`")
    try:
        names = described(folder).layers
    except Unreadable as error:
        raise broken(shown, str(error)) from None
    layers: dict[str, list[Entry]] = {}
    for place, name, array in _read(prefix, shown):
        kept = layers.setdefault(names.get(place, place), [])
        kept.append(loaded(f"{len(kept)}/{name}", array))
    return LayerArrays(shown, layers)


def _read(prefix: Path, shown: str) -> list[tuple[str, str, Array]]:
    """The layer and the name of each array, and the array."""
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    place = str(prefix.absolute())
    with sandbox.start(_PROCESS, place, stdin=nothing, stdout=pipe, stderr=nothing) as process:
        assert process.stdout is not None
        try:
            found = _answer(process.stdout, shown)
        except (ValueError, KeyError, TypeError):
            process.kill()
            raise broken(shown, "TensorFlow cannot read its checkpoint") from None
    return found


def _answer(printed: IO[bytes], shown: str) -> list[tuple[str, str, Array]]:
    answer = json.loads(printed.readline(_LONGEST))
    if "broken" in answer:
        raise broken(shown, f"its checkpoint is damaged ({answer['broken']})")
    return [
        (str(layer), str(name), _array(printed, np.dtype(dtype), tuple(shape)))
        for layer, name, dtype, shape in answer["arrays"]
    ]


def _array(printed: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    size = math.prod(shape) * dtype.itemsize
    data = printed.read(size)
    if len(data) != size:
        raise ValueError("the process ended")
    return np.frombuffer(data, dtype).reshape(shape)
