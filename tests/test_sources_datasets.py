"""Data sets by name: those of scikit-learn, and Keras's from files that a test makes; nothing is
fetched.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import pickle
import re
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.catalog.sources.dataset import EMBEDDED, FETCHED
from modelspec.runtime.data import keras_datasets as fetched

from .sources import faults, idx_bytes, opened

RANDOM = np.random.default_rng(0)


def pin(monkeypatch: pytest.MonkeyPatch, name: str, path: Path) -> None:
    """Takes a file for the one that Keras pins."""
    known = fetched.Pinned(path.name, sha256=sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(fetched.PINNED, name, known)


def keras_source(name: str) -> str:
    """The text of a module of Keras, which is not imported."""
    found = importlib.util.find_spec("keras")
    assert found is not None and found.origin is not None
    return (Path(found.origin).parent / f"src/datasets/{name}.py").read_text()


@pytest.mark.parametrize("name", sorted(fetched.PINNED))
def test_addresses_and_hashes_are_keras_own(name: str) -> None:
    text, pinned = keras_source(name), fetched.PINNED[name]
    assert pinned.sha256 in text and pinned.folder in text and pinned.file in text
    assert set(re.findall(r'"([0-9a-f]{64})"', text)) == {pinned.sha256}


def test_addresses_of_fashion_mnist_are_keras_own() -> None:
    text = keras_source("fashion_mnist")
    assert all(name in text for names in fetched.FASHION.values() for name in names)
    assert fetched.Pinned("x").folder in text


def test_every_name_is_known() -> None:
    assert {*fetched.PINNED, "fashion_mnist"} == set(FETCHED)


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded(tmp_path: Path, name: str) -> None:
    table = opened({"dataset": name}, tmp_path)
    assert table.count == len(table.column("features")) == len(table.column("target"))
    assert table.default_features == ("features",) and table.default_target == "target"


def test_mnist_from_a_file(tmp_path: Path) -> None:
    parts = {
        f"{axis}_{part}": RANDOM.integers(
            0, 10, (count, 28, 28) if axis == "x" else count, dtype=np.uint8
        )
        for part, count in (("train", 7), ("test", 5))
        for axis in "xy"
    }
    np.savez(tmp_path / "mnist.npz", **parts)
    train = opened({"dataset": {"name": "mnist", "path": "mnist.npz"}}, tmp_path)
    test = opened({"dataset": {"name": "mnist", "path": "mnist.npz", "part": "test"}}, tmp_path)
    np.testing.assert_array_equal(train.column("image"), parts["x_train"])
    np.testing.assert_array_equal(test.column("target"), parts["y_test"])
    assert train.default_features == ("image",) and train.fingerprint != test.fingerprint
    np.savez(tmp_path / "mnist.npz", a=np.zeros(3))
    assert faults({"dataset": {"name": "mnist", "path": "mnist.npz"}}, tmp_path) == [
        "MS605 `mnist.npz` has no array `x_train`, so it is not `mnist.npz` of Keras"
    ]


@pytest.mark.parametrize(("name", "wide"), [("boston_housing", 13), ("california_housing", 8)])
def test_housing_is_cut_as_keras_cuts_it(tmp_path: Path, name: str, wide: int) -> None:
    x, y = RANDOM.random((103, wide)), RANDOM.random(103)
    np.savez(tmp_path / "h.npz", x=x, y=y)
    order = np.arange(103)
    np.random.RandomState(113).shuffle(order)
    for part, rows in (("train", order[:82]), ("test", order[82:])):
        table = opened({"dataset": {"name": name, "path": "h.npz", "part": part}}, tmp_path)
        np.testing.assert_array_equal(table.column("features"), x[rows])
        np.testing.assert_array_equal(table.column("target"), y[rows])
    if name == "boston_housing":
        np.testing.assert_array_equal(table.column("lstat"), x[rows, 12])


def test_fashion_mnist_from_a_folder(tmp_path: Path) -> None:
    images, labels = (
        RANDOM.integers(0, 256, (6, 28, 28), dtype=np.uint8),
        np.arange(6, dtype=np.uint8),
    )
    for name, values in zip(fetched.FASHION["test"], (images, labels), strict=True):
        (tmp_path / name).write_bytes(gzip.compress(idx_bytes(values)))
    table = opened({"dataset": {"name": "fashion_mnist", "path": ".", "part": "test"}}, tmp_path)
    np.testing.assert_array_equal(table.column("image"), images)
    assert table.column("target").tolist() == [0, 1, 2, 3, 4, 5]
    assert [
        one[:5] for one in faults({"dataset": {"name": "fashion_mnist", "path": "."}}, tmp_path)
    ] == ["MS601"]


def write_cifar(path: Path, batches: dict[str, Any]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, batch in batches.items():
            info = tarfile.TarInfo(name)
            data = pickle.dumps(batch)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def test_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = RANDOM.integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    batch = {b"data": images.reshape(4, -1), b"labels": [1, 2, 3, 4]}
    path = tmp_path / "cifar.tar.gz"
    write_cifar(
        path,
        {
            f"cifar-10-batches-py/{name}": batch
            for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
        },
    )
    source = {"dataset": {"name": "cifar10", "path": path.name}}
    assert [one[:5] for one in faults(source, tmp_path)] == [
        "MS650"
    ]  # not the file that Keras pins
    pin(monkeypatch, "cifar10", path)
    table = opened(source, tmp_path)
    np.testing.assert_array_equal(table.column("image")[4:8], images.transpose(0, 2, 3, 1))
    assert table.column("target").tolist() == [1, 2, 3, 4] * 5
    assert opened({"dataset": {**source["dataset"], "part": "test"}}, tmp_path).count == 4


class Touch:
    """What runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["cifar100", "imdb"])
def test_a_pickle_makes_arrays_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path, marker = tmp_path / "file", tmp_path / "touched"
    if name == "imdb":
        with path.open("wb") as file:
            np.savez(
                file,
                x_train=np.array([Touch(marker), 1], object),
                y_train=np.ones(2),
                x_test=np.ones(2),
            )
    else:
        write_cifar(path, {"cifar-100-python/train": Touch(marker)})
    for pinned in (False, True):
        if pinned:
            pin(monkeypatch, name, path)
        found = faults({"dataset": {"name": name, "path": "file"}}, tmp_path)
        assert [one[:5] for one in found] == ["MS605" if pinned else "MS650"]
        assert not marker.exists()


def lists(count: int) -> Any:
    found = np.empty(count, object)
    for index in range(count):
        found[index] = RANDOM.integers(1, 90, index + 3).tolist()
    return found


def reference(lists: Any, most: int) -> list[list[int]]:
    """Keras's `load_data()` with its defaults."""
    return [
        [word if word < most else 2 for word in [1, *(one + 3 for one in words)]] for words in lists
    ]


def test_lists_of_words_are_keras_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test, labels = lists(11), lists(7), np.arange(11)
    path = tmp_path / "w.npz"
    np.savez(
        path, x_train=train, y_train=labels, x_test=test, y_test=np.arange(7), x=train, y=labels
    )
    for name in ("imdb", "reuters"):
        pin(monkeypatch, name, path)
    order = np.arange(11)
    np.random.RandomState(113).shuffle(order)
    imdb = opened({"dataset": {"name": "imdb", "path": "w.npz"}}, tmp_path)
    most = max(max(one) for one in (*train, *test)) + 3
    assert [one.tolist() for one in imdb.column("tokens")] == reference(train[order], most)
    assert imdb.column("target").tolist() == order.tolist()
    reuters = opened({"dataset": {"name": "reuters", "path": "w.npz", "part": "test"}}, tmp_path)
    assert [one.tolist() for one in reuters.column("tokens")] == reference(
        train[order[8:]], max(max(one) for one in train) + 3
    )


def test_what_cannot_be_fetched_names_the_address_and_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys
    from types import SimpleNamespace

    def refused(*args: Any, **options: Any) -> str:
        assert options["file_hash"] == fetched.PINNED["mnist"].sha256
        raise Exception("URL fetch failure: None -- no network")  # as Keras does

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setitem(
        sys.modules, "keras", SimpleNamespace(utils=SimpleNamespace(get_file=refused))
    )
    found = faults({"dataset": "mnist"}, tmp_path)
    assert found == [
        "MS650 cannot download `mnist.npz` from https://storage.googleapis.com/tensorflow/"
        "tf-keras-datasets/mnist.npz: URL fetch failure: None -- no network"
    ]


def test_what_is_in_keras_folder_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "datasets").mkdir()
    path = tmp_path / "datasets/boston_housing.npz"
    np.savez(path, x=RANDOM.random((10, 13)), y=RANDOM.random(10))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    pin(monkeypatch, "boston_housing", path)
    assert opened({"dataset": "boston_housing"}, tmp_path).count == 8


def test_parts_belong_to_what_is_fetched(tmp_path: Path) -> None:
    for settings in ({"part": "test"}, {"path": "x"}):
        with pytest.raises(ValueError, match="`iris` is included in scikit-learn as a whole"):
            opened({"dataset": {"name": "iris", **settings}}, tmp_path)
