"""npz, npy, idx, HDF5 and TFRecord: what they hold, in blocks too; what is cut short, changed or
claimed is a fault.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from modelspec.runtime.data import DataError
from modelspec.runtime.data.sources.formats import files
from modelspec.runtime.data.sources.formats import stored_arrays as stored
from modelspec.runtime.data.sources.formats.crc32c import crc32c, crc32c_of_each

from .sources import faults, idx_bytes, in_blocks, opened, write_record, write_records

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (500, 6, 5), dtype=np.uint8)
LABELS = np.arange(500) % 10


def in_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "IN_MEMORY", 0)
    monkeypatch.setattr(stored, "IN_MEMORY", 0)


def write_all(folder: Path) -> dict[str, Any]:
    """One data set in every format that holds arrays: source by name."""
    np.savez(folder / "a.npz", image=IMAGES, label=LABELS)
    np.savez_compressed(folder / "c.npz", image=IMAGES, label=LABELS)
    np.savez(folder / "f.npz", image=np.asfortranarray(IMAGES), label=LABELS.astype(">i8"))
    np.save(folder / "image.npy", IMAGES)
    np.save(folder / "label.npy", LABELS)
    (folder / "i.gz").write_bytes(gzip.compress(idx_bytes(IMAGES)))
    (folder / "l.idx").write_bytes(idx_bytes(LABELS.astype(np.int32)))
    with h5py.File(folder / "a.h5", "w") as file:
        file["image"] = IMAGES
        file.create_dataset("label", data=LABELS, chunks=(64,), compression="gzip")
    write_records(
        folder / "a.tfrecord",
        (
            {"image": [image.tobytes()], "label": [int(label)]}
            for image, label in zip(IMAGES, LABELS, strict=True)
        ),
    )
    (folder / "z.tfrecord.gz").write_bytes(gzip.compress((folder / "a.tfrecord").read_bytes()))
    features = {"image": {"shape": [6, 5], "dtype": "uint8"}, "label": "int64"}
    return {
        "npz": {"npz": "a.npz"},
        "npz compressed": {"npz": "c.npz"},
        "npz of another order": {"npz": "f.npz"},
        "npy": {"npy": {"image": "image.npy", "label": "label.npy"}},
        "idx": {"idx": {"image": "i.gz", "label": "l.idx"}},
        "hdf5": {"hdf5": "a.h5"},
        "tfrecord": {"tfrecord": {"path": "a.tfrecord", "features": features}},
        "tfrecord.gz": {"tfrecord": {"path": "z.tfrecord.gz", "features": features}},
    }


@pytest.mark.parametrize("passes", [False, True])
def test_every_format_gives_one_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: bool
) -> None:
    sources = write_all(tmp_path)
    if passes:
        in_passes(monkeypatch)
    for source in sources.values():
        table = opened(source, tmp_path)
        found = in_blocks(opened(source, tmp_path), ["image", "label"], 77)
        assert table.count == 500 and table.missing("label") is None
        for name, expected in (("image", IMAGES), ("label", LABELS)):
            for values in (found[name], table.column(name)):
                np.testing.assert_array_equal(values, expected)
                assert values.dtype.isnative and values.dtype.kind == expected.dtype.kind
        assert table.column("image").dtype == np.uint8


def test_places_and_names(tmp_path: Path) -> None:
    sources = write_all(tmp_path)
    assert opened(sources["npz"], tmp_path).place("image", (3, 1, 2)) == "image[3, 1, 2] of a.npz"
    assert opened(sources["tfrecord"], tmp_path).place("label", (3,)) == "record 4 of a.tfrecord"
    assert opened({"npy": "image.npy"}, tmp_path).names == ("image",)
    assert (
        opened({"npz": ["a.npz", "c.npz"]}, tmp_path).place("label", (501,)) == "label[1] of c.npz"
    )


def test_hdf5_rows(tmp_path: Path) -> None:
    write_all(tmp_path)
    table = opened({"hdf5": {"path": "a.h5", "rows": [100, 200]}}, tmp_path)
    np.testing.assert_array_equal(table.column("image"), IMAGES[100:200])
    assert table.count == 100 and table.place("label", (5,)) == "label[105] of a.h5"
    assert opened({"hdf5": {"path": "a.h5", "rows": [450, None]}}, tmp_path).count == 50
    assert faults({"hdf5": {"path": "a.h5", "rows": [0, 501]}}, tmp_path, "label") == [
        "MS652 `label` of a.h5 has 500 rows, but `rows` ends at 501"
    ]


def test_hdf5_text_and_groups(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["train/text"] = ["a", "é"]
        file["train/fixed"] = np.array([b"x", b"yz"])
    table = opened({"hdf5": "t.h5"}, tmp_path)
    assert table.column("train/text").tolist() == ["a", "é"] and table.column(
        "train/fixed"
    ).tolist() == ["x", "yz"]


def test_what_lies_outside_an_hdf5_file_is_never_followed(tmp_path: Path) -> None:
    (tmp_path / "raw.bin").write_bytes(b"\1" * 80)
    with h5py.File(tmp_path / "outer.h5", "w") as file:
        file["x"] = np.arange(10)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["x"] = h5py.ExternalLink("outer.h5", "x")
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("x", (10,), "i8", external=[(str(tmp_path / "raw.bin"), 0, 80)])
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout((10,), "i8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "outer.h5"), "x", (10,))
        file.create_virtual_dataset("x", layout)
    for name in ("link.h5", "external.h5", "virtual.h5"):
        assert [one[:5] for one in faults({"hdf5": name}, tmp_path)] == ["MS643"], name


def test_hdf5_data_that_were_never_written_are_no_zeros(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset(
            "claimed", (2**40, 2**10), "f8", chunks=(1024, 1024), compression="gzip"
        )
        file.create_dataset("unwritten", (100,), "f8")
        part = file.create_dataset("part", (100,), "f8", chunks=(10,))
        part[:55] = 1.0
        file.create_dataset("whole", data=np.zeros(100), chunks=(30,), compression="gzip")
    assert faults({"hdf5": "x.h5"}, tmp_path, "claimed") == [
        "MS606 `claimed` of `x.h5` has the shape (1099511627776, 1024), but only 0 of its"
        " 1,073,741,824 chunks were written"
    ]
    assert faults({"hdf5": "x.h5"}, tmp_path, "unwritten")[0].startswith(
        "MS606 `unwritten` of `x.h5` claims 800 bytes"
    )
    assert faults({"hdf5": "x.h5"}, tmp_path, "part")[0].endswith(
        "but only 6 of its 10 chunks were written"
    )
    assert faults({"hdf5": "x.h5"}, tmp_path, "whole") == []


def npy_claiming(shape: tuple[int, ...], held: int = 128) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + b"\0" * held


def test_a_header_that_claims_terabytes_is_compared_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(npy_claiming((2**41,)))
    (tmp_path / "y.npy").write_bytes(npy_claiming((2**62, 2**62)))
    (tmp_path / "x.idx").write_bytes(
        b"\0\0\x08\x03" + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"\0" * 99
    )
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", npy_claiming((2**41,)))
    for source in ({"npy": "x.npy"}, {"npy": "y.npy"}, {"idx": "x.idx"}, {"npz": "x.npz"}):
        assert [one[:5] for one in faults(source, tmp_path)] == ["MS606"], source
    assert (
        "claims 17.6 TB (shape (2199023255552,)), but the file contains only 128 bytes"
        in faults({"npy": "x.npy"}, tmp_path)[0]
    )


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "o.npz", x=np.array([{}, []], dtype=object))
    np.save(tmp_path / "s.npy", np.zeros(3, [("a", "i4")]))
    np.save(tmp_path / "n.npy", np.float64(1))
    for source in ({"npy": "o.npy"}, {"npz": "o.npz"}, {"npy": "s.npy"}, {"npy": "n.npy"}):
        assert [one[:5] for one in faults(source, tmp_path)] == ["MS606"], source


@pytest.mark.parametrize(
    "name", ["npz", "npz compressed", "npy", "idx", "hdf5", "tfrecord", "tfrecord.gz"]
)
@pytest.mark.parametrize("passes", [False, True])
def test_a_file_that_is_cut_short_or_changed_is_a_fault_or_other_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, passes: bool
) -> None:
    """Never a traceback; where a format has checksums, never other numbers; always another
    fingerprint.
    """
    source = write_all(tmp_path)[name]
    kind, settings = next(iter(source.items()))
    path = tmp_path / (
        settings
        if isinstance(settings, str)
        else settings.get("path") or next(iter(settings.values()))
    )
    good, print_ = path.read_bytes(), opened(source, tmp_path).fingerprint
    if passes:
        in_passes(monkeypatch)
    checked = {"npz", "tfrecord"}
    random = np.random.default_rng(1)
    for at in random.integers(0, len(good), 40):
        for bad in (good[:at], good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :]):
            path.write_bytes(bad)
            try:
                table = opened(source, tmp_path)
                found = (
                    in_blocks(table, ["image", "label"], 50)
                    if passes
                    else {one: table.column(one) for one in ("image", "label")}
                )
            except DataError as error:
                assert all(
                    one.code in ("MS601", "MS605", "MS606", "MS607", "MS611", "MS642", "MS648")
                    for one in error.diagnostics
                ), error
                continue
            assert table.fingerprint != print_
            assert len(bad) == len(good), "a file cut short passed"
            if kind in checked:
                np.testing.assert_array_equal(found["image"], IMAGES)
                np.testing.assert_array_equal(found["label"], LABELS)


def test_crc32c() -> None:
    """Check values of RFC 3720, B.4, and long data against short pieces of it."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA and crc32c(bytes(range(32))) == 0x46DD794E
    data = RANDOM.integers(0, 256, 100_003, dtype=np.uint8)
    rows = np.stack([data[:70_001], data[2:70_003]])
    assert [crc32c(row.tobytes()) for row in rows] == crc32c_of_each(rows).tolist()


def record_faults(folder: Path, example: dict[str, Any], features: dict[str, Any]) -> list[str]:
    write_records(folder / "x.tfrecord", [example])
    return faults({"tfrecord": {"path": "x.tfrecord", "features": features}}, folder)


def test_features_that_are_not_as_declared(tmp_path: Path) -> None:
    assert record_faults(tmp_path, {"a": [1]}, {"a": "float32"}) == [
        "MS648 `a` contains integers in record 1 of x.tfrecord, but `dtype: float32` is declared"
    ]
    assert record_faults(tmp_path, {"a": [1, 2]}, {"a": "int64"}) == [
        "MS648 `a` has 2 values in record 1 of x.tfrecord, but its declared shape [] requires 1"
    ]
    assert record_faults(tmp_path, {"b": [1]}, {"a": "int64"}) == [
        "MS648 record 1 of x.tfrecord has no `a`"
    ]
    assert record_faults(tmp_path, {"a": [b"\xff"]}, {"a": "string"}) == [
        "MS648 `a` is not UTF-8 text in record 1 of x.tfrecord"
    ]
    assert (
        record_faults(tmp_path, {"a": [b"123"]}, {"a": {"dtype": "int16", "shape": [1]}})[0][:5]
        == "MS648"
    )
    assert record_faults(tmp_path, {"b": [1]}, {"a": {"dtype": "int64", "default": 7}}) == []


def test_features_of_every_kind(tmp_path: Path) -> None:
    write_records(
        tmp_path / "x.tfrecord",
        [
            {"f": [0.5, 2.0], "s": ["é".encode()], "n": [-3], "r": [1, 2, 3]},
            {"f": [1.0, 3.0], "s": [b""], "n": [4], "r": [9]},
        ],
    )
    features = {
        "f": {"shape": [2]},
        "s": "string",
        "n": "int64",
        "r": {"dtype": "int64", "shape": None},
    }
    table = opened({"tfrecord": {"path": "x.tfrecord", "features": features}}, tmp_path)
    assert (
        table.column("f").tolist() == [[0.5, 2.0], [1.0, 3.0]]
        and table.column("f").dtype == np.float32
    )
    assert table.column("s").tolist() == ["é", ""] and table.column("n").tolist() == [-3, 4]
    assert [one.tolist() for one in table.column("r")] == [[1, 2, 3], [9]]


def test_records_that_are_no_examples(tmp_path: Path) -> None:
    for data in (b"\xff\xff", b"\x0a\x05ab", bytes([0x0A, 2, 0x08, 0x05]), b"\x0b"):
        with (tmp_path / "x.tfrecord").open("wb") as file:
            write_record(file, data)
        found = faults({"tfrecord": {"path": "x.tfrecord", "features": {"a": "int64"}}}, tmp_path)
        assert len(found) == 1 and found[0][:5] in ("MS642", "MS648"), data
    (tmp_path / "x.tfrecord").write_bytes(b"")
    assert faults({"tfrecord": {"path": "x.tfrecord", "features": {"a": "int64"}}}, tmp_path) == [
        "MS604 `x.tfrecord` has no records"
    ]


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ({"npz": "x"}, b""),
        ({"npz": "x"}, b"PK\3\4 no archive"),
        ({"npy": "x"}, b""),
        ({"npy": "x"}, b"\x93NUMPY\x01"),
        ({"idx": "x"}, b""),
        ({"idx": "x"}, b"\0\0\x07\1"),
        ({"idx": "x"}, b"\0\0\x08\3\0"),
        ({"hdf5": "x"}, b""),
        ({"hdf5": "x"}, b"\x89HDF\r\n\x1a\n"),
        ({"parquet": "x"}, b""),
        ({"parquet": "x"}, b"PAR1PAR1"),
        ({"arrow": "x"}, b""),
        ({"arrow": "x"}, b"ARROW1\0\0"),
        ({"arrow": "x"}, b"\xff\xff\xff\xff\x10\0\0\0"),
    ],
)
def test_files_that_are_not_what_their_kind_says(
    tmp_path: Path, source: dict[str, str], data: bytes
) -> None:
    (tmp_path / "x").write_bytes(data)
    found = faults(source, tmp_path)
    assert len(found) == 1 and found[0][:5] in ("MS605", "MS642"), found
    assert "`x`" in found[0]
