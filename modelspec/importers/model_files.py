"""Model files, recognized by their content: `.keras`, HDF5, JSON (Keras, TensorFlow.js) and YAML of
Keras 1 and 2.

Only the description of a model is read, at most `LARGEST` bytes. Nothing is written to disk, no
path in a file is followed, and formats that can only be read by running code (SavedModel, pickle)
are rejected.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from . import hdf5_attributes as hdf5_texts
from . import keras_yaml as old_yaml
from .architecture import NotAModel, Unreadable
from .enclosed_models import enclosed
from .json_text import LARGEST, value_of
from .saved_model import described, is_saved_model

_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
_MOST_PARTS = 1000
_PARTS = ("config.json", "metadata.json", "model.weights.h5", "model.weights.npz")
_AGAIN = (
    "save the model with `model.save('NAME.keras')`, or its architecture with `model.to_json()`"
)
_WEIGHTS_ONLY = (
    "pass the file of the whole model, or its architecture, and this file as `--weights-from`"
)


@dataclass(frozen=True)
class ModelFile:
    """The contents of a model file."""

    form: str
    """`keras`, `hdf5`, `json`, `yaml`, `tfjs`, `saved_model`."""
    model: Any
    """The model's configuration, as plain data."""
    training: Any = None
    """Its compile settings."""
    lists_weights: bool = False
    """Whether it is a `model.json` of TensorFlow.js that lists the files of its weights."""

    @property
    def has_weights(self) -> bool:
        """Whether the file also contains weights, or names the files beside it that do."""
        return self.form in ("keras", "hdf5", "saved_model") or self.lists_weights


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """The model in a file. Raises `Unreadable` if it contains no model that can be read without
    running code.
    """
    try:
        if is_saved_model(Path(path)):
            found = described(Path(path))
            return ModelFile("saved_model", found.model, found.training)
        with _opened(Path(path)) as file:
            return _read(file, Path(path))
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"the file cannot be read: {error}") from None


def _opened(path: Path) -> IO[bytes]:
    if path.is_dir():
        raise Unreadable("this is a folder", _AGAIN)
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Unreadable("this is not a regular file")
    return os.fdopen(handle, "rb")


def _read(file: IO[bytes], path: Path) -> ModelFile:
    start = file.read(16)
    file.seek(0)
    if start.startswith(_ZIP):
        return _archive(file)
    if _is_hdf5(file):
        return _hdf5(path)
    if start[4:8] == b"TFL3":
        raise Unreadable("this is a LiteRT model: it contains operations, not layers", _AGAIN)
    if start[:1] == b"\x80":
        raise Unreadable("this is a pickle file, which runs code when it is loaded", _AGAIN)
    return _text(file)


# .keras -------------------------------------------------------------------------------------------


def _archive(file: IO[bytes]) -> ModelFile:
    """`config.json` of a `.keras` archive; no other part is opened."""
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            if len(infos) > _MOST_PARTS:
                raise Unreadable(
                    f"the archive has {len(infos):,} parts; the maximum is {_MOST_PARTS:,}",
                    _AGAIN,
                )
            for info in infos:
                _check_part(info.filename)
            found = [info for info in infos if info.filename == "config.json"]
            if len(found) != 1:
                raise Unreadable(
                    f"it has {len(found)} parts named `config.json`, but a `.keras` file has one",
                    _WEIGHTS_ONLY,
                )
            if found[0].file_size > LARGEST:
                raise Unreadable(
                    f"`config.json` in it has {found[0].file_size:,} bytes; the maximum is"
                    f" {LARGEST:,}"
                )
            if found[0].flag_bits & 1:
                raise Unreadable("`config.json` in it is encrypted", _AGAIN)
            with archive.open(found[0]) as part:
                value = value_of(part.read(LARGEST + 1))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, zlib.error) as error:
        raise Unreadable(f"the archive is damaged ({error})") from None
    return ModelFile("keras", value, _mapping(value).get("compile_config"))


def _check_part(name: str) -> None:
    """Reject an archive with parts that no `.keras` file has: `../x`, `/x`, another folder."""
    parts = name.rstrip("/").split("/")
    odd = any(one in ("", ".", "..") for one in parts) or any(sign in name for sign in "\\\0:")
    if odd or (name not in _PARTS and parts[0] != "assets"):
        raise Unreadable(
            f"the archive has a part `{name[:60]}`, which no `.keras` file has", _AGAIN
        )


# HDF5 ---------------------------------------------------------------------------------------------


def _is_hdf5(file: IO[bytes]) -> bool:
    """Whether the file has the HDF5 signature at a valid offset: 0, 512, 1024, 2048, ... Source:
    the specification of the format.
    """
    place = 0
    size = os.fstat(file.fileno()).st_size
    found = False
    while place < min(size, 2**20) and not found:
        file.seek(place)
        found = file.read(8) == _HDF5
        place = 2 * place or 512
    file.seek(0)
    return found


def _hdf5(path: Path) -> ModelFile:
    """A whole model of Keras 1 to 3."""
    text, training, writer = hdf5_texts.read(path)
    if text is None:
        raise NotAModel("the file contains weights but no model", _WEIGHTS_ONLY)
    model = value_of(text)
    if isinstance(model, dict):
        model = {**writer, **model}
    return ModelFile("hdf5", model, value_of(training) if training else None)


# Texts --------------------------------------------------------------------------------------------


def _text(file: IO[bytes]) -> ModelFile:
    size = os.fstat(file.fileno()).st_size
    if size > LARGEST:
        raise Unreadable(
            f"the file has {size:,} bytes, more than the {LARGEST:,} of an architecture that are"
            " read"
        )
    data = file.read(LARGEST + 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(
            "this is not a file of a Keras model: neither an archive, nor HDF5, nor text", _AGAIN
        ) from None
    is_json = text.lstrip()[:1] in ("{", "[", '"')
    value = value_of(text) if is_json else old_yaml.value_of(text)
    if _mapping(value).get("format") == "graph-model":
        raise Unreadable(
            "this is a graph of TensorFlow.js: operations without the layers that they came from",
            "convert the Keras model with `--output_format tfjs_layers_model`, or import it itself",
        )
    model = enclosed(value)
    settings = _mapping(model)
    return ModelFile(
        _form(value) if is_json else "yaml",
        model,
        settings.get("training_config") or settings.get("compile_config"),
        bool(_mapping(value).get("weightsManifest")),
    )


def _form(value: Any) -> str:
    return "tfjs" if "modelTopology" in _mapping(value) else "json"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
