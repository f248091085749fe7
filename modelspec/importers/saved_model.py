"""The description of a Keras model in a SavedModel of tf.keras: `keras_metadata.pb` beside the
program, which is not read.

The file is a protocol buffer: fields of a number, a kind and contents. Only the fields below are
read; nothing in them is looked up or run. Source: `saved_metadata.proto` of Keras.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .architecture import Unreadable
from .json_text import LARGEST, value_of

METADATA = "keras_metadata.pb"
PROGRAM = "saved_model.pb"
_MOST_NODES = 50_000
_NODE, _PATH, _CONTENTS = 1, 3, 5
"""The numbers of the fields: the nodes of a file, the path and the metadata of a node."""
_LAYER = re.compile(r"root\.(layer(?:_with_weights)?-\d+)")
_AGAIN = (
    "save the model with `model.save('NAME.keras')`, or its architecture with `model.to_json()`"
)


class Described(NamedTuple):
    """The Keras model of a SavedModel."""

    model: Any
    training: Any
    layers: dict[str, str]
    """The names of its layers, by their names in the checkpoint: `layer-0`."""


def is_saved_model(path: Path) -> bool:
    """Whether a folder is a SavedModel."""
    return path.is_dir() and any((path / name).exists() for name in (METADATA, PROGRAM))


def described(folder: Path) -> Described:
    """The description of the model in a folder. Raises `Unreadable` if it has none, and `OSError`
    if its file cannot be read.
    """
    path = folder / METADATA
    if not path.is_file():
        raise Unreadable(
            "this is a SavedModel without the description of a Keras model"
            f" (`{METADATA}`): it contains a program, which is never loaded",
            _AGAIN,
        )
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Unreadable(f"`{METADATA}` has more than the {LARGEST:,} bytes that are read")
    root: Any = None
    layers: dict[str, str] = {}
    for place, contents in _nodes(data):
        found = _LAYER.fullmatch(place)
        if place == "root" and root is None:
            root = value_of(contents)
        elif found is not None and isinstance(layer := value_of(contents), dict):
            layers[found[1]] = str(layer.get("name", ""))
    if not isinstance(root, dict) or "class_name" not in root:
        raise Unreadable(f"`{METADATA}` does not describe a model", _AGAIN)
    return Described(_model(root), root.get("training_config"), layers)


def _model(root: dict[str, Any]) -> dict[str, Any]:
    """The configuration, as `to_json` writes it."""
    kept = ("class_name", "config", "keras_version", "backend")
    return {"keras_version": "2.5.0-tf", **{key: root[key] for key in kept if key in root}}


def _nodes(data: bytes) -> Iterator[tuple[str, str]]:
    """The path and the metadata of every node."""
    count = 0
    for number, contents in _fields(data):
        if number != _NODE or not isinstance(contents, bytes):
            continue
        count += 1
        if count > _MOST_NODES:
            raise Unreadable(f"`{METADATA}` has more than {_MOST_NODES:,} nodes")
        fields = dict(_fields(contents))
        place, metadata = fields.get(_PATH), fields.get(_CONTENTS)
        if isinstance(place, bytes) and isinstance(metadata, bytes):
            yield place.decode("utf-8", "replace"), metadata.decode("utf-8", "replace")


# Protocol buffers ---------------------------------------------------------------------------------

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """The fields of a message: the number of each, and its bytes or integer."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, place = _varint(data, place)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise Unreadable(f"`{METADATA}` is damaged")
        if length > len(data) - place:
            raise Unreadable(f"`{METADATA}` is damaged")
        yield key >> 3, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """An integer of 7 bits per byte, the lowest first, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise Unreadable(f"`{METADATA}` is damaged")
