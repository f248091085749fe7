"""Durations are float64 seconds, and times are the same text, whatever unit a file has."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from modelspec.runtime.data import DataError
from modelspec.runtime.data.durations import seconds_of
from modelspec.runtime.data.python_objects import table_from
from modelspec.runtime.data.table import is_nothing

from .sources import faults, in_blocks, opened

COUNTS = np.array([0, 1, -1, 90_061_123_456_789, 3, -7_000_000_001], np.int64)


@pytest.mark.parametrize(
    "unit", ["W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "25us"]
)
def test_seconds_of_every_unit(unit: str) -> None:
    """As exact integers of Python divide; pandas gives the same for the units that it has."""
    size = {"W": 604800, "D": 86400, "h": 3600, "m": 60, "s": 1}
    part = {"ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15, "as": 18, "25us": 6}
    values = COUNTS.view(f"m8[{unit}]")
    many = 25 if unit == "25us" else 1
    exact = [int(count) * many * size.get(unit, 1) / 10 ** part.get(unit, 0) for count in COUNTS]
    found = seconds_of(values)
    np.testing.assert_allclose(found, exact, rtol=2.3e-16, atol=0)
    if unit in ("s", "ms", "us", "ns"):
        np.testing.assert_allclose(
            found, pd.Series(values).dt.total_seconds(), rtol=1e-15, atol=1e-15
        )


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_every_source_gives_seconds(tmp_path: Path, unit: str) -> None:
    seconds = np.array([5, 86_400, -3, 0], "m8[s]")
    values = seconds.astype(f"m8[{unit}]")
    lacking = values.copy()
    lacking[1] = np.timedelta64("NaT")
    table = pa.table({"a": values, "b": pa.array(lacking, from_pandas=True)})
    assert table.schema.field("a").type == pa.duration(unit) and table["b"].null_count == 1
    pq.write_table(table, tmp_path / "t.parquet")
    feather.write_feather(table, tmp_path / "t.arrow")
    np.savez(tmp_path / "t.npz", a=values, b=lacking)
    with h5py.File(tmp_path / "t.h5", "w") as file:
        for name, array in (("a", values), ("b", lacking)):
            file[name] = array.astype(h5py.opaque_dtype(array.dtype))
    frame = pd.DataFrame({"a": values, "b": lacking})
    objects = frame.astype(object)
    arrow = table.to_pandas(types_mapper=pd.ArrowDtype)
    for given in (
        *(opened({kind: f"t.{end}"}, tmp_path) for kind, end in SOURCES.items()),
        *(table_from(one) for one in (frame, objects, arrow, {"a": values, "b": lacking})),
        table_from({"a": list(values), "b": [*values[:1], None, *values[2:]]}),
    ):
        for columns in ({name: given.column(name) for name in "ab"}, in_blocks(given, "ab", 3)):
            assert columns["a"].dtype == columns["b"].dtype == np.float64
            assert columns["a"].tolist() == [5, 86_400, -3, 0]
            assert is_nothing(columns["b"]).tolist() == [False, True, False, False]
            assert columns["b"][[0, 2, 3]].tolist() == [5, -3, 0]


SOURCES = {"parquet": "parquet", "arrow": "arrow", "npz": "npz", "hdf5": "h5"}


def test_data_with_durations_are_other_data_than_for_earlier_versions(tmp_path: Path) -> None:
    """Which hashed the file alone, and had numbers in its unit."""
    values = np.array([1, 2])
    prints = []
    for name, column in (("a", values), ("b", values.astype("m8[us]"))):
        pq.write_table(pa.table({"x": column}), tmp_path / f"{name}.parquet")
        file = sha256((tmp_path / f"{name}.parquet").read_bytes()).hexdigest()
        prints.append(opened({"parquet": f"{name}.parquet"}, tmp_path).fingerprint == file)
    assert prints == [True, False]


def test_durations_of_python() -> None:
    given = [timedelta(days=2, microseconds=5), timedelta(seconds=-1), pd.Timedelta(1, "ns")]
    found = table_from({"a": given}).column("a")
    assert found.tolist() == [172_800.000005, -1.0, 1e-9]
    nested = [np.array([1500], "m8[ms]"), np.array([2], "m8[s]")]
    assert table_from({"a": nested}).column("a").tolist() == [[1.5], [2.0]]


def test_units_of_no_fixed_length_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", m=np.array([1, 2], "m8[M]"), n=np.array([1, 2], "m8"))
    assert faults({"npz": "t.npz"}, tmp_path, "m", "n")[0] == (
        "MS653 array `m` of `t.npz` contains durations with the unit `M`, whose length varies"
    )
    assert faults({"npz": "t.npz"}, tmp_path, "n") == [
        "MS653 array `n` of `t.npz` contains durations with no unit"
    ]
    for bad in (np.array([1], "m8[Y]"), [np.timedelta64(1, "Y")], [np.array([1], "m8[M]")]):
        with pytest.raises(DataError) as raised:
            table_from({"a": bad})
        assert raised.value.diagnostics[0].code == "MS653"
    with pytest.raises(DataError, match="`datetime64`, which cannot be converted to an array"):
        table_from({"a": [np.datetime64(1, "ns")]})


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", None])
def test_the_text_of_a_time_does_not_depend_on_its_unit(tmp_path: Path, zone: str | None) -> None:
    wanted: dict[int, Any] = {}
    for unit in ("s", "ms", "us", "ns"):
        for part in (0, 120, 7):  # milliseconds
            if part and unit == "s":
                continue
            times = pd.DatetimeIndex([f"2024-10-27 12:30:00.{part:03}", None], tz=zone)
            frame = pd.DataFrame({"t": times.as_unit(unit)})
            table = pa.Table.from_pandas(frame)
            assert table.schema.field("t").type.unit == unit
            pq.write_table(table, tmp_path / "t.parquet", coerce_timestamps=None)
            found = opened({"parquet": "t.parquet"}, tmp_path).column("t").tolist()
            assert found == table_from(frame).column("t").tolist()
            assert found == wanted.setdefault(part, found)
            offset = {"Europe/Berlin": "+01:00", "UTC": "+00:00", None: ""}[zone]
            tail = {0: "", 120: ".12", 7: ".007"}[part]
            assert found == [f"2024-10-27 12:30:00{tail}{offset}", ""]


def test_the_text_of_a_time_does_not_depend_on_other_rows() -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-02"])
    times = pd.DatetimeIndex(["2024-01-01 00:00", "2024-01-02 12:30"])
    first = [table_from(pd.DataFrame({"t": one})).column("t").tolist() for one in (days, times)]
    assert first == [["2024-01-01", "2024-01-02"], ["2024-01-01", "2024-01-02 12:30:00"]]
