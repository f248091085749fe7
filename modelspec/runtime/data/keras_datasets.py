"""The datasets that Keras downloads: from its pinned addresses, with its pinned hashes, or from a
file of the user.

Pickles in these files (lists of different lengths, the batches of CIFAR) are loaded only from the
exact file that Keras pins, and only as arrays.
"""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.catalog.sources.dataset import dataset
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context

from ..backend.process_state import import_keras
from .sources.formats import files
from .sources.formats.numpy_header import BROKEN
from .sources.idx import IdxTable
from .sources.npz import NpzTable
from .table import Array

_STORAGE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class Pinned:
    """A file that Keras downloads. Addresses and hashes are those of Keras 3.15.1
    (keras/src/datasets).
    """

    file: str
    folder: str = _STORAGE
    sha256: str | None = None

    @property
    def address(self) -> str:
        return self.folder + self.file


PINNED = {
    "mnist": Pinned(
        "mnist.npz", sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    ),
    "boston_housing": Pinned(
        "boston_housing.npz",
        sha256="f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
    "california_housing": Pinned(
        "california_housing.npz",
        sha256="1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    ),
    "imdb": Pinned(
        "imdb.npz", sha256="69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
    ),
    "reuters": Pinned(
        "reuters.npz", sha256="d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
    ),
    "cifar10": Pinned(
        "cifar-10-python.tar.gz",
        _CIFAR,
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    "cifar100": Pinned(
        "cifar-100-python.tar.gz",
        _CIFAR,
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
}
FASHION = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
_HOUSING = {
    "california_housing": (),
    "boston_housing": (
        "crim",
        "zn",
        "indus",
        "chas",
        "nox",
        "rm",
        "age",
        "dis",
        "rad",
        "tax",
        "ptratio",
        "b",
        "lstat",
    ),
}
"""The names of the features in the order of the file, where known."""
_SHUFFLE = 113
"""The seed with which Keras shuffles."""
_TEST = 0.2
"""The share of the test part, where Keras splits it."""
_START, _OUT_OF_VOCABULARY, _FROM = 1, 2, 3
"""Keras's defaults of `start_char`, `oov_char` and `index_from` for lists of word indices."""

Columns = dict[str, Array]


def columns_of(source: dataset, context: Context) -> tuple[Columns, str]:
    """The columns of a part, as split by Keras's `load_data()`, and the fingerprint of its file.
    Raises `Fault`.
    """
    name, test = source.name, source.part == "test"
    if name == "fashion_mnist":
        return _fashion(source, context)
    path, shown = _file(source, context)
    fingerprint = files.fingerprint_of(path, shown)
    if name in _PICKLED:
        _is_pinned(name, shown, fingerprint)
        return _PICKLED[name](path, shown, name, test), fingerprint
    if name in _HOUSING:
        x, y = _arrays(name, path, shown, "x", "y")
        return _housing(name, x, y, test), fingerprint
    part = "test" if test else "train"
    image, target = _arrays(name, path, shown, f"x_{part}", f"y_{part}")
    return {"image": image, "target": target}, fingerprint


def _arrays(name: str, path: Path, shown: str, *wanted: str) -> list[Array]:
    """Arrays of an archive. Raises `Fault` (MS605) where it lacks one."""
    table = NpzTable(files.Found(shown, path))
    lacking = [one for one in wanted if one not in table]
    if lacking:
        raise Fault(
            "MS605",
            f"`{shown}` has no array `{lacking[0]}`, so it is not `{PINNED[name].file}` of Keras",
        )
    return [table.read(one) for one in wanted]


def _housing(name: str, x: Array, y: Array, test: bool) -> Columns:
    x, y = _shuffled(len(x), x, y)
    rows = _cut(len(x), test)
    columns = {column: x[rows, i] for i, column in enumerate(_HOUSING[name])}
    return {**columns, "features": x[rows], "target": y[rows]}


def _cut(count: int, test: bool) -> slice:
    end = int(count * (1 - _TEST))
    return slice(end, None) if test else slice(0, end)


def _shuffled(count: int, *arrays: Array) -> tuple[Array, ...]:
    order = np.arange(count)
    np.random.RandomState(_SHUFFLE).shuffle(order)
    return tuple(values[order] for values in arrays)


# Files --------------------------------------------------------------------------------------------


def _file(source: dataset, context: Context) -> tuple[Path, str]:
    pinned = PINNED[source.name]
    if source.path is not None:
        return files.locate(source.path, context), source.path
    return fetch(pinned, "datasets"), pinned.file


def fetch(pinned: Pinned, folder: str) -> Path:
    """The file in the cache of Keras, which downloads it if missing. Raises `Fault` (MS650)."""
    kept = _home() / folder / pinned.file
    if kept.is_file() and (
        pinned.sha256 is None or files.fingerprint_of(kept, str(kept)) == pinned.sha256
    ):
        return kept
    import_keras()
    import keras

    try:
        return Path(
            keras.utils.get_file(
                pinned.file, pinned.address, file_hash=pinned.sha256, cache_subdir=folder
            )
        )
    except Exception as error:  # noqa: BLE001  # Keras raises bare `Exception` for any failure
        raise Fault(
            "MS650",
            f"cannot download `{pinned.file}` from {pinned.address}: {files.said(error)}",
            help=f"download it on another machine and copy it to {kept}, or name it with `path`",
        ) from None


def _home() -> Path:
    """The folder of Keras."""
    given = os.environ.get("KERAS_HOME")
    return Path(given) if given else Path.home() / ".keras"


def _is_pinned(name: str, shown: str, fingerprint: str) -> None:
    if fingerprint != PINNED[name].sha256:
        raise Fault(
            "MS650",
            f"`{shown}` is not the file that Keras pins for `{name}`: its SHA-256 is "
            f"{fingerprint[:12]}..., expected {str(PINNED[name].sha256)[:12]}...",
            help=f"download it again from {PINNED[name].address}",
        )


# Images -------------------------------------------------------------------------------------------


def _fashion(source: dataset, context: Context) -> tuple[Columns, str]:
    names = FASHION[source.part or "train"]
    if source.path is not None:
        folder = files.locate(source.path, context, folder=True)
        if not folder.is_dir():
            raise Fault(
                "MS601",
                f"`{source.path}` is a file, but `fashion_mnist` expects a folder",
                help=f"name the folder that contains {' and '.join(names)}",
            )
        found = [files.locate(f"{source.path}/{name}", context) for name in names]
    else:
        found = [fetch(Pinned(name), "datasets/fashion-mnist") for name in names]
    members = dict(
        zip(("image", "target"), (files.Found(path.name, path) for path in found), strict=True)
    )
    table = IdxTable(source.name, members)
    return {name: table.read(name) for name in table.names}, table.fingerprint


_CIFAR_FILES = {
    ("cifar10", False): tuple(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)),
    ("cifar10", True): ("cifar-10-batches-py/test_batch",),
    ("cifar100", False): ("cifar-100-python/train",),
    ("cifar100", True): ("cifar-100-python/test",),
}
"""Name, and whether it is the test part -> files in the archive."""
_CIFAR_LABELS = {
    "cifar10": {"target": b"labels"},
    "cifar100": {"target": b"fine_labels", "coarse": b"coarse_labels"},
}


def _cifar(path: Path, shown: str, name: str, test: bool) -> Columns:
    try:
        with tarfile.open(path, "r:gz") as archive:
            read = [_unpickled(archive.extractfile(one)) for one in _CIFAR_FILES[name, test]]
    except (*BROKEN, tarfile.TarError, KeyError, pickle.UnpicklingError) as error:
        raise Fault(
            "MS605", f"`{shown}` is damaged: {files.said(error)}", help="download it again"
        ) from None
    pixels = np.concatenate([one[b"data"] for one in read])
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    columns = {
        column: np.concatenate([np.array(one[key], np.uint8) for one in read])
        for column, key in _CIFAR_LABELS[name].items()
    }
    return {"image": np.ascontiguousarray(images), **columns}


# Words --------------------------------------------------------------------------------------------


def _words(path: Path, shown: str, name: str, test: bool) -> Columns:
    """Lists of word indices, with the defaults of Keras: each starts with 1, and words have indices
    from 4 on, by frequency.
    """
    part = "test" if test else "train"
    keys = (
        ("x", "y")
        if name == "reuters"
        else (f"x_{part}", f"y_{part}", "x_train" if test else "x_test")
    )
    try:
        with zipfile.ZipFile(path) as archive:
            texts, labels, *others = (_array(archive.read(f"{key}.npy")) for key in keys)
    except (*BROKEN, KeyError, pickle.UnpicklingError) as error:
        raise Fault(
            "MS605", f"`{shown}` is damaged: {files.said(error)}", help="download it again"
        ) from None
    most = max(max(one) for every in (texts, *others) for one in every) + _FROM
    texts, labels = _shuffled(len(texts), texts, labels)
    if name == "reuters":
        texts, labels = texts[_cut(len(texts), test)], labels[_cut(len(labels), test)]
    tokens = np.empty(len(texts), object)
    for index, one in enumerate(texts):
        words = np.concatenate([[_START], np.asarray(one, np.int64) + _FROM])
        tokens[index] = np.where(
            words < most, words, _OUT_OF_VOCABULARY
        )  # the rarest word is dropped, as in Keras
    return {"tokens": tokens, "target": np.asarray(labels)}


def _array(data: bytes) -> Array:
    """An array in an archive; it may contain lists."""
    from numpy.lib import format as npy

    file = io.BytesIO(data)
    version = npy.read_magic(file)
    _, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(
        file
    )
    if dtype.hasobject:
        found: Array = _unpickled(file)
        return found
    return npy.read_array(io.BytesIO(data), allow_pickle=False)


_PICKLED: dict[str, Callable[[Path, str, str, bool], Columns]] = {
    "cifar10": _cifar,
    "cifar100": _cifar,
    "imdb": _words,
    "reuters": _words,
}
"""The readers of exactly the files that Keras pins: path, name in messages, name of the dataset,
whether it is the test part.
"""


class _Arrays(pickle.Unpickler):
    """Creates only arrays."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in {
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
        }:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"`{module}.{name}` is refused")


def _unpickled(file: Any) -> Any:
    return _Arrays(file, encoding="bytes").load()
