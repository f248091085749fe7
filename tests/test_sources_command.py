"""A SOURCE on the command line, and one data set in every format."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import feather, parquet

from modelspec.catalog.sources import SOURCES
from modelspec.core.settings import Context, Settings, read_form
from modelspec.runtime.data import RunError, open_source
from modelspec.runtime.run.source_argument import source_of

from .real_data import FOLDER
from .sources import as_spec, idx_bytes, opened, write_records


def settings(source: Any, folder: Path) -> Settings:
    return read_form(SOURCES, as_spec(source), Context(folder=folder, project=folder))


def command(written: str, folder: Path, *spec: Any) -> Settings:
    anywhere = Context(folder=folder, project=Path("/"))
    return source_of(written, [settings(one, folder) for one in spec], anywhere)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("a.csv", "csv"),
        ("a.tsv", "csv"),
        ("a.csv.gz", "csv"),
        ("A.CSV", "csv"),
        ("a.parquet", "parquet"),
        ("a.feather", "arrow"),
        ("a.arrow", "arrow"),
        ("a.jsonl.gz", "jsonl"),
        ("a.npz", "npz"),
        ("a.npy", "npy"),
        ("a.h5", "hdf5"),
        ("train-images-idx3-ubyte.gz", "idx"),
        ("train-images.idx3-ubyte", "idx"),
        ("csv=a.dat", "csv"),
        ("feather=a.dat", "arrow"),
        ("images=photos", "images"),
        ("text=a.dat", "text"),
        ("dataset=mnist", "dataset"),
        ("csv={path: a.dat, delimiter: ';'}", "csv"),
        ("idx={x: a, y: b}", "idx"),
    ],
)
def test_the_kind_of_a_source(tmp_path: Path, written: str, kind: str) -> None:
    assert command(written, tmp_path).kind() == kind


@pytest.mark.parametrize(
    "written",
    [
        "a",
        "a.dat",
        ".",
        "csv={path: ",
        "csv={path: a, delimeter: x}",
        "tfrecord=a",
        "kind=a",
        "dataset=mnits",
    ],
)
def test_what_does_not_tell_its_kind_or_has_wrong_settings(tmp_path: Path, written: str) -> None:
    with pytest.raises(RunError) as caught:
        command(written, tmp_path)
    assert caught.value.diagnostics


def test_settings_of_the_spec_hold_for_a_source_of_its_kind(tmp_path: Path) -> None:
    found: Any = command(
        "b.csv", tmp_path, {"csv": {"path": "a.csv", "delimiter": ";", "header": ["x", "y"]}}
    )
    assert (found.path, found.delimiter, found.header) == ("b.csv", ";", ("x", "y"))
    found = command("b.h5", tmp_path, {"hdf5": {"path": "a.h5", "rows": [0, 10]}})
    assert (found.path, found.rows) == ("b.h5", None)  # they were those of the other file
    features = {"image": {"shape": [28, 28], "dtype": "uint8"}, "label": "int64"}
    found = command(
        "b.tfrecord", tmp_path, {"tfrecord": {"path": "a.tfrecord", "features": features}}
    )
    assert found.features["image"].shape == (28, 28) and found.features["label"].dtype == "int64"
    found = command("b-idx3-ubyte", tmp_path, {"idx": {"image": "a", "label": "b"}})
    assert found.files == {"image": "b-idx3-ubyte"}
    images = {"images": {"csv": "a.csv", "column": "file", "root": "photos", "size": 32}}
    found = command("images=b.csv", tmp_path, images)
    assert (found.csv, found.column, found.size) == ("b.csv", "file", (32, 32))
    (tmp_path / "b").mkdir()
    found = command(str(tmp_path / "b"), tmp_path, images)
    assert (found.path, found.csv, found.size) == (str(tmp_path / "b"), None, (32, 32))
    assert command("b.txt", tmp_path, {"text": "a.txt"}).kind() == "text"
    assert command("b.txt", tmp_path).kind() == "csv"


# One data set in every format ---------------------------------------------------------------------


def mnist() -> tuple[Any, Any]:
    """The first images of MNIST's test set, sorted by class; random ones where it is not at
    hand.
    """
    try:
        source = {
            "idx": {"x": "mnist-t10k-images-idx3-ubyte.gz", "y": "mnist-t10k-labels-idx1-ubyte.gz"}
        }
        table = opened(source, FOLDER)
        images, labels = table.column("x")[:300], table.column("y")[:300]
    except RunError:
        random = np.random.default_rng(0)
        images, labels = (
            random.integers(0, 256, (300, 28, 28), dtype=np.uint8),
            np.arange(300, dtype=np.uint8) % 10,
        )
    order = np.argsort(labels, kind="stable")
    return images[order], labels[order]


def write_every_format(folder: Path, images: Any, labels: Any) -> dict[str, Any]:
    (folder / "i.gz").write_bytes(gzip.compress(idx_bytes(images)))
    (folder / "l.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    np.savez(folder / "m.npz", image=images, label=labels)
    np.save(folder / "i.npy", images)
    np.save(folder / "l.npy", labels)
    with h5py.File(folder / "m.h5", "w") as file:
        file["image"], file["label"] = images, labels
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(images)
    parquet.write_table(pa.table({"image": tensor, "label": labels}), folder / "tensor.parquet")
    nested = pa.array(images.tolist(), pa.list_(pa.list_(pa.uint8())))
    parquet.write_table(pa.table({"image": nested, "label": labels}), folder / "nested.parquet")
    feather.write_feather(pa.table({"image": nested, "label": labels}), str(folder / "m.feather"))
    write_records(
        folder / "m.tfrecord",
        (
            {"image": [image.tobytes()], "label": [int(label)]}
            for image, label in zip(images, labels, strict=True)
        ),
    )
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / f"png/{label}/{index:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    features = {"image": {"shape": [28, 28], "dtype": "uint8"}, "label": "int64"}
    return {
        "idx": {"idx": {"image": "i.gz", "label": "l.gz"}},
        "npz": {"npz": "m.npz"},
        "npy": {"npy": {"image": "i.npy", "label": "l.npy"}},
        "hdf5": {"hdf5": "m.h5"},
        "parquet of tensors": {"parquet": "tensor.parquet"},
        "parquet of lists": {"parquet": "nested.parquet"},
        "feather": {"feather": "m.feather"},
        "tfrecord": {"tfrecord": {"path": "m.tfrecord", "features": features}},
        "folders of png": {"images": {"path": "png", "color_mode": "grayscale"}},
    }


def test_one_data_set_in_every_format_is_one_array(tmp_path: Path) -> None:
    images, labels = mnist()
    for name, source in write_every_format(tmp_path, images, labels).items():
        table = open_source(settings(source, tmp_path), Context(folder=tmp_path, project=tmp_path))
        found = table.column("image")
        np.testing.assert_array_equal(found.reshape(images.shape), images, err_msg=name)
        assert found.dtype == np.uint8, name
        np.testing.assert_array_equal(table.column("label").astype(int), labels, err_msg=name)
