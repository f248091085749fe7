"""HDF5 data files are read by another process: the values are those that h5py reads, and a crash of
the HDF5 library is an error that names the file.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from modelspec.runtime.data import DataError
from modelspec.runtime.data.sources import hdf5
from modelspec.runtime.data.sources.formats import files, hdf5_process, stored_arrays
from tests.sources import opened

TEXTS = ["wörd", "", "a much longer text"]
VALUES: dict[str, Any] = {
    "floats": np.arange(12, dtype="float32").reshape(3, 4),
    "doubles": np.array([1.5, np.nan, np.inf]),
    "half": np.array([1.5, -2, 0.1], "float16"),
    "swapped": np.array([1, 2, 3], ">i4"),
    "flags": np.array([True, False, True]),
    "bytes": np.arange(27, dtype="uint8").reshape(3, 3, 3),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as made:
        for name, values in VALUES.items():
            made[name] = values
        made["texts"] = TEXTS
        made["fixed"] = np.array([one.encode() for one in TEXTS])
        lists = made.create_dataset("lists", (3,), h5py.vlen_dtype("int16"))
        for at, one in enumerate(([1, 2], [], [3])):
            lists[at] = one
        made.create_dataset("packed", data=np.arange(3000).reshape(3, 1000), compression="gzip")
        made.create_dataset("empty", shape=(0, 2))
    return path


def test_the_values_are_those_of_h5py(file: Path) -> None:
    table = opened({"hdf5": "t.h5"}, file.parent)
    for name, values in VALUES.items():
        found = table.column(name)
        assert found.dtype == values.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, values)
    for name in ("texts", "fixed"):
        assert table.column(name).tolist() == TEXTS
    assert [one.tolist() for one in table.column("lists")] == [[1, 2], [], [3]]
    np.testing.assert_array_equal(table.column("packed"), np.arange(3000).reshape(3, 1000))
    assert table._sets["empty"].shape == (0, 2)


def test_large_files_are_read_in_several_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.arange(700).reshape(70, 10)
    with h5py.File(tmp_path / "t.h5", "w") as made:
        made["plain"] = values
        made.create_dataset("chunks", data=values, chunks=(7, 10), compression="gzip")
        made["texts"] = [f"text {at}" for at in range(70)]
    for module in (hdf5, stored_arrays):
        monkeypatch.setattr(module, "BLOCK_BYTES", 800)  # 10 rows
    table = opened({"hdf5": {"path": "t.h5", "rows": [3, 69]}}, tmp_path)
    for name in ("plain", "chunks"):
        np.testing.assert_array_equal(table.column(name), values[3:69])
    assert table.column("texts").tolist() == [f"text {at}" for at in range(3, 69)]
    monkeypatch.setattr(files, "IN_MEMORY", 1)
    blocks = list(table.blocks(["plain", "texts"], 16))
    np.testing.assert_array_equal(np.concatenate([one["plain"] for one in blocks]), values[3:69])


def test_a_crash_is_an_error_that_names_the_file(file: Path) -> None:
    table = opened({"hdf5": "t.h5"}, file.parent)
    _crash()
    with pytest.raises(DataError) as error:
        table.column("floats")
    assert "error[MS605]: `floats` of `t.h5` is damaged: the HDF5 library crashes" in str(
        error.value
    )
    np.testing.assert_array_equal(table.column("doubles"), VALUES["doubles"])  # by a new process
    _crash()
    with pytest.raises(DataError, match=r"`t.h5` is not a valid HDF5 file: the HDF5 library"):
        opened({"hdf5": "t.h5"}, file.parent)


def _crash() -> None:
    process = hdf5_process._shared.process
    assert process is not None
    process._process.send_signal(signal.SIGSEGV)
    process._process.wait()


def test_an_interrupted_answer_is_not_taken_for_the_next(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = opened({"hdf5": "t.h5"}, file.parent)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(hdf5_process._Process, "_array", interrupt)
        with pytest.raises(KeyboardInterrupt):
            table.column("floats")
    np.testing.assert_array_equal(table.column("half"), VALUES["half"])


def test_threads_and_forked_processes_read_at_once(file: Path) -> None:
    names = [*VALUES] * 4

    def read(name: str) -> bool:
        found = opened({"hdf5": "t.h5"}, file.parent).column(name)
        return np.array_equal(found, VALUES[name], equal_nan=name == "doubles")

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, names))
    child = os.fork()
    if child == 0:
        os._exit(0 if all(map(read, VALUES)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert all(map(read, VALUES))  # the process of this one was left alone


def test_a_file_that_was_read_can_be_written(file: Path) -> None:
    table = opened({"hdf5": "t.h5"}, file.parent)
    table.column("floats")
    with h5py.File(file, "a") as made:
        made["more"] = [1]


def test_references_are_not_data(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as made:
        made["x"] = [1]
        made.create_dataset("r", data=[made["x"].ref], dtype=h5py.ref_dtype)
    with pytest.raises(DataError, match=r"MS606.*references, not data"):
        opened({"hdf5": "t.h5"}, tmp_path).column("r")
