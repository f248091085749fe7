"""The weights of a TensorFlow.js model: numbers in one or more files beside `model.json`.

Source: the format of `tfjs-converter` (`weightsManifest`): groups of files, whose contents are the
arrays of the group one after the other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.importers.architecture import Architecture

from ..hdf5.entry import Array, Entry, broken, refused
from .layer_arrays import LayerArrays, loaded

_DTYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2",
           "bool": "?"}  # fmt: skip
_LARGEST = 64 * 2**20
"""Maximum size of `model.json` in bytes."""
_MOST_FILES = 10_000


def tfjs_arrays(path: Path, shown: str, model: Architecture) -> LayerArrays:
    """The arrays of the model in a `model.json`. Raises `RunError`: MS750 for a damaged file, MS751
    for one that names files in other folders.
    """
    layers: dict[str, list[Entry]] = {}
    owners = _owners(model)
    for group in _manifest(path, shown):
        for name, array in _arrays(group, path.parent, shown):
            layer = _owner(name, owners)
            kept = layers.setdefault(layer, [])
            kept.append(loaded(f"{len(kept)}/{name}", array))
    return LayerArrays(shown, layers)


def _manifest(path: Path, shown: str) -> list[Mapping[str, Any]]:
    if path.stat().st_size > _LARGEST:
        raise refused(shown, f"it has more than {_LARGEST:,} bytes")
    try:
        found = json.loads(path.read_bytes())["weightsManifest"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise broken(shown, "it does not list the files of its weights") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise broken(shown, "its list of weights is damaged")
    return found


def _arrays(group: Mapping[str, Any], folder: Path, shown: str) -> Iterator[tuple[str, Array]]:
    """The arrays of a group of files, each with its name."""
    paths, weights = group.get("paths"), group.get("weights")
    if not isinstance(paths, list) or not isinstance(weights, list) or len(paths) > _MOST_FILES:
        raise broken(shown, "its list of weights is damaged")
    data = b"".join(_contents(folder, name, shown) for name in paths)
    place = 0
    for one in weights:
        try:
            name, shape, dtype, stored = _stated(one)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise broken(shown, "its list of weights is damaged") from None
        size = math.prod(shape) * stored.itemsize
        if size > len(data) - place:
            raise refused(
                shown, f"`{name}` claims {size:,} bytes, but {len(data) - place:,} are stored"
            )
        values = np.frombuffer(data, stored, math.prod(shape), place).reshape(shape)
        yield name, dtype(values)
        place += size


def _stated(one: Any) -> tuple[str, tuple[int, ...], Any, np.dtype[Any]]:
    """The name, the shape, the decoding and the stored dtype of an array."""
    name, shape = str(one["name"]), tuple(one["shape"])
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(name)
    packed = one.get("quantization")
    if packed is None:
        return name, shape, lambda values: values, np.dtype(_DTYPES[one["dtype"]])
    stored = np.dtype(_DTYPES[packed["dtype"]])
    if packed["dtype"] == "float16":
        return name, shape, lambda values: values.astype("float32"), stored
    scale, least = float(packed["scale"]), float(packed["min"])
    if one["dtype"] == "int32":
        return name, shape, lambda values: _rounded(values * scale + least), stored
    return name, shape, lambda values: (values * scale + least).astype("float32"), stored


def _rounded(values: Array) -> Array:
    """The next integers, halves upwards, as in JavaScript."""
    return np.floor(values + 0.5).astype("int32")


def _contents(folder: Path, name: Any, shown: str) -> bytes:
    """The contents of a file beside `model.json`."""
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        raise refused(shown, f"it names `{str(name)[:60]}`, which is not a file beside it")
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise broken(shown, f"`{name}`, which contains its weights, does not exist beside it")
    return path.read_bytes()


def _owners(model: Architecture) -> dict[str, str]:
    """The layer of the model that each layer belongs to: itself, or the nested model."""
    found: dict[str, str] = {}
    for name, layer in model.layers.items():
        found[name] = name
        if layer.inside is not None:
            found.update(dict.fromkeys(_owners(layer.inside), name))
    return found


def _owner(weight: str, owners: Mapping[str, str]) -> str:
    """The layer of an array: the longest beginning of its name that is a layer."""
    parts = weight.split("/")
    for end in range(len(parts) - 1, 0, -1):
        name = "/".join(parts[:end])
        if name in owners:
            return owners[name]
    return next((owners[part] for part in parts if part in owners), parts[0])
