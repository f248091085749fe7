"""Times are put in order as instants where they have UTC offsets, by the clock where they have
none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import DataError, prepare
from modelspec.runtime.data.times import Unordered, order_of, read_time

RANDOM = np.random.default_rng(0)
ZONES = st.sampled_from(["Z", "+00:00", "-00:00", "+02:00", "-0830", "+05:45", "-03", " +0100"])


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ranks(texts: list[str]) -> list[int]:
    found = order_of(np.array(texts, object))
    assert not isinstance(found, Unordered)
    ordered: list[int] = found.tolist()
    return ordered


@given(
    st.lists(
        st.tuples(
            st.datetimes(pd.Timestamp("1800-01-01"), pd.Timestamp("2200-01-01")),
            ZONES,
            st.sampled_from(["T", " "]),
            st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_offsets_are_taken_into_account(drawn: list[tuple[Any, ...]]) -> None:
    """As `pandas.to_datetime(utc=True)` orders them, equal instants included."""
    texts = [f"{time.isoformat(sep, timespec=unit)}{zone}" for time, zone, sep, unit in drawn]
    instants = pd.to_datetime(pd.Series(texts), utc=True, format="ISO8601")
    assert ranks(texts) == (instants.rank(method="dense").astype(int) - 1).tolist()


@given(
    st.lists(
        st.one_of(
            st.dates().map(str),
            st.datetimes().map(str),
            st.datetimes().map(lambda one: one.isoformat()),
        ),
        min_size=1,
    )
)
def test_without_offsets_the_clock_decides(texts: list[str]) -> None:
    clocks = [np.datetime64(text.replace(" ", "T"), "us") for text in texts]
    assert ranks(texts) == np.unique(np.array(clocks), return_inverse=True)[1].tolist()


def test_what_is_a_time() -> None:
    good = ("2026-01-31T12:00:00+01:00", "2026-01-31", "2026-01", "2024-02-29 23:59Z", "1500-01-01")
    bad = (
        *("20260131", "2026-02-30", "2026-13-01", "2026-01-31T24:00", "2026-01-31T12:60", "12:00"),
        *("2026-01-31T12:00+24:00", "2026-01-31+01:00", "2026-01-31T12", "0000-01-01", "1/2/2026"),
        *("२०२६-०१-३१", "", "2026-01-31T12:00:00 CET"),
    )
    assert all(read_time(text) for text in good) and not any(read_time(text) for text in bad)


def test_nanoseconds_are_not_lost() -> None:
    base = "2026-01-31T12:00:00.123456789"
    assert ranks([f"{base}2Z", f"{base}1Z", "2026-01-31T12:00:00.1234567891000Z"]) == [1, 0, 0]


def test_numbers_are_compared_as_numbers() -> None:
    texts = ["10", "9", " 2.5", "-1e3", "9007199254740993", "9007199254740992", "9.0"]
    assert ranks(texts) == [3, 2, 1, 0, 5, 4, 2]
    found = order_of(np.array(["10", "9", "x", "nan"], object))
    assert isinstance(found, Unordered) and found.bad.tolist() == [False, False, True, True]


# Sources ------------------------------------------------------------------------------------------

INSTANTS = pd.date_range("2024-10-26 23:00", periods=8, freq="30min", tz="UTC")
"""Around the hour that comes twice in Berlin."""


def parts(source: Any, split: Any | None = None) -> dict[str, list[int]]:
    """The rows of each part of a table with the columns `date` and `x`."""
    checked = compile_spec(
        {
            "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
            "data": {
                "source": source,
                "split": split or {"order": "date", "test": 0.5},
                "inputs": {"x": {"column": "x"}},
                "targets": {"y": {"column": "x"}},
            },
            "training": {"loss": "mse"},
        }
    )
    assert checked.ok and checked.value is not None, checked.diagnostics
    prepared = prepare(checked.value)
    return {name: part.positions.tolist() for name, part in prepared.parts.items()}


def refused(source: Any) -> str:
    with pytest.raises(DataError) as raised:
        parts(source)
    (found,) = raised.value.diagnostics
    assert found.code == "MS634"
    return found.message


def write_csv(times: list[str], path: str = "t.csv") -> Any:
    Path(path).write_text("date,x\n" + "".join(f"{t},{i}\n" for i, t in enumerate(times)))
    return {"csv": path}


def write_jsonl(times: list[str]) -> Any:
    lines = [json.dumps({"date": time, "x": i}) for i, time in enumerate(times)]
    Path("t.jsonl").write_text("\n".join(lines))
    return {"jsonl": "t.jsonl"}


def write_parquet(times: Any) -> Any:
    pq.write_table(pa.table({"date": times, "x": np.arange(len(times))}), "t.parquet")
    return {"parquet": "t.parquet"}


def write_arrow(times: Any) -> Any:
    feather.write_feather(pa.table({"date": times, "x": np.arange(len(times))}), "t.arrow")
    return {"arrow": "t.arrow"}


def write_npz(times: Any) -> Any:
    np.savez("t.npz", date=times, x=np.arange(len(times)))
    return {"npz": "t.npz"}


TEXTS: list[Callable[[list[str]], Any]] = [write_csv, write_jsonl, write_parquet]


@pytest.mark.parametrize("write", TEXTS)
def test_texts_with_offsets_of_their_own(write: Callable[[list[str]], Any]) -> None:
    order = RANDOM.permutation(8)
    zones = ["Europe/Berlin", "Asia/Kolkata", "America/New_York", "UTC"]
    texts = [INSTANTS[i].tz_convert(zones[n % 4]).isoformat() for n, i in enumerate(order)]
    assert parts(write(texts))["train"] == np.flatnonzero(order < 4).tolist()


@pytest.mark.parametrize("write", [write_parquet, write_arrow])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "+05:30", None])
def test_columns_of_timestamps(write: Callable[[Any], Any], unit: str, zone: str | None) -> None:
    order = RANDOM.permutation(8)
    naive = INSTANTS.tz_localize(None).to_numpy()[order]
    column = pa.array(naive.astype(f"M8[{unit}]"), pa.timestamp(unit, zone))
    assert parts(write(column))["train"] == np.flatnonzero(order < 4).tolist()


def test_arrays_of_datetime64() -> None:
    order = RANDOM.permutation(8)
    times = INSTANTS.tz_localize(None).to_numpy()[order]
    assert parts(write_npz(times))["train"] == np.flatnonzero(order < 4).tolist()
    times[3] = np.datetime64("NaT")
    assert "`date` has no value at date[3] of t.npz" in refused(write_npz(times))


def test_equal_instants_keep_the_order_of_the_file() -> None:
    times = ["2024-01-01T01:00+01:00", "2024-01-01T00:00Z", "2023-12-31T19:00-05:00"] * 2
    assert parts(write_csv(times)) == {"train": [0, 1, 2], "test": [3, 4, 5]}


def test_times_with_and_without_offset_are_not_mixed() -> None:
    times = ["2024-01-01T01:00+01:00", "2024-01-01T00:00Z", "2024-01-01", "2024-01-02 00:00"]
    assert refused(write_csv(times)) == (
        '"2024-01-01" of `date` at t.csv:4 has no UTC offset, but "2024-01-01T01:00+01:00" at '
        "t.csv:2 has one"
    )
    assert refused(write_jsonl(times[::-1])) == (
        '"2024-01-01T00:00Z" of `date` at t.jsonl:3 has a UTC offset, but "2024-01-02 00:00" at '
        "t.jsonl:1 has none"
    )


def test_a_cell_with_braces_is_shown_as_it_is() -> None:
    found = refused(write_jsonl(["2024-01-01", "{0.a}{", "2024-01-02"]))
    assert found == '"{0.a}{" of `date` at t.jsonl:2 is not a time that can be ordered'


def test_texts_that_are_numbers() -> None:
    times = ["10", "9", "11", "2"]
    for source in (write_jsonl(times), write_parquet(times), write_csv(times)):
        assert parts(source) == {"train": [1, 3], "test": [0, 2]}
    assert refused(write_jsonl(["10", "2024-01-01", "9"])) == (
        '"2024-01-01" of `date` at t.jsonl:2 is not a number, but "10" at t.jsonl:1 is one'
    )
