"""Files that change while a run reads them: never two passes that do not belong together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from modelspec.runtime.data import DataError
from modelspec.runtime.data.sources.formats import files
from modelspec.runtime.data.sources.formats import stored_arrays as stored

from .sources import idx_bytes, opened, write_records

VALUES = np.arange(5000)


def write(folder: Path, values: Any) -> dict[str, Any]:
    table = pa.table({"a": values})
    (folder / "a.csv").write_text("a\n" + "\n".join(map(str, values)) + "\n")
    (folder / "a.jsonl").write_text("\n".join(f'{{"a": {value}}}' for value in values))
    (folder / "a.txt").write_text("\n".join(map(str, values)))
    parquet.write_table(table, folder / "a.parquet")
    feather.write_feather(table, str(folder / "a.feather"))
    np.savez(folder / "a.npz", a=values)
    np.save(folder / "a.npy", values)
    (folder / "a.idx").write_bytes(idx_bytes(values.astype(np.int32)))
    with h5py.File(folder / "a.h5", "w") as file:
        file["a"] = values
    write_records(folder / "a.tfrecord", ({"a": [int(value)]} for value in values))
    return {
        "csv": {"csv": "a.csv"},
        "jsonl": {"jsonl": "a.jsonl"},
        "text": {"text": "a.txt"},
        "parquet": {"parquet": "a.parquet"},
        "feather": {"feather": "a.feather"},
        "npz": {"npz": "a.npz"},
        "npy": {"npy": "a.npy"},
        "idx": {"idx": "a.idx"},
        "hdf5": {"hdf5": "a.h5"},
        "tfrecord": {"tfrecord": {"path": "a.tfrecord", "features": {"a": "int64"}}},
    }


@pytest.mark.parametrize(
    "kind",
    [
        "csv",
        "jsonl",
        "text",
        "parquet",
        "feather",
        "npz",
        "npy",
        "idx",
        "hdf5",
        "tfrecord",
    ],
)
def test_a_second_pass_over_other_bytes_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(files, "IN_MEMORY", 0)
    monkeypatch.setattr(stored, "IN_MEMORY", 0)
    table = opened(write(tmp_path, VALUES)[kind], tmp_path)
    names = table.names
    assert sum(len(block[names[0]]) for block in table.blocks(names)) == len(VALUES)
    (path,) = [
        one for one in tmp_path.iterdir() if one.suffix == Path(tmp_path / _file(kind)).suffix
    ]
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(DataError) as caught:
        list(table.blocks(names))
    assert [one.code for one in caught.value.diagnostics] == ["MS656"]


def _file(kind: str) -> str:
    return {"text": "a.txt", "hdf5": "a.h5"}.get(kind, f"a.{kind}")
