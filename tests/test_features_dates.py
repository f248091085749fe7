"""`DateParts`: the parts of dates, against Python's `datetime` and pandas."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelspec as ms
from modelspec.catalog.layers.date_parts import CYCLES, DateParts
from modelspec.runtime.data.date_cells import no_dates, parts_of_dates

PARTS = (
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "day_of_year",
    "weekday",
    "hour",
    "minute",
    "second",
)
OFFSETS = st.none() | st.integers(-23 * 60, 23 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)


def by_python(time: datetime) -> list[int]:
    """The oracle: the parts of the clock as it is written."""
    return [
        time.year,
        (time.month - 1) // 3 + 1,
        time.month,
        time.isocalendar().week,
        time.day,
        time.timetuple().tm_yday,
        time.weekday(),
        time.hour,
        time.minute,
        time.second,
    ]


def parts(texts: list[str], *names: str, cyclic: bool = False) -> list[list[float]]:
    layer = DateParts(parts=names, cyclic=cyclic, dtype="float64")
    found: list[list[float]] = parts_of_dates(layer)(np.array(texts, object)).tolist()
    return found


@given(st.datetimes(timezones=OFFSETS))
def test_parts_are_those_of_python(time: datetime) -> None:
    for text in (time.isoformat(), str(time)):
        assert parts([text], *PARTS) == [by_python(time)]


def test_parts_are_those_of_pandas() -> None:
    import pandas as pd

    times = pd.Series(pd.date_range("2019-12-27 22:15:07", periods=900, freq="13h41min"))
    clock = times.dt
    expected = np.stack(
        [
            clock.year,
            clock.quarter,
            clock.month,
            clock.isocalendar().week,
            clock.day,
            clock.day_of_year,
            clock.day_of_week,
            clock.hour,
            clock.minute,
            clock.second,
        ],
        axis=-1,
    )
    assert parts([str(one) for one in times], *PARTS) == expected.tolist()


@given(st.datetimes(), st.sampled_from(sorted(CYCLES)))
def test_a_cyclic_part_is_its_place_on_a_circle(time: datetime, name: str) -> None:
    first, period = CYCLES[name]
    value = by_python(time)[PARTS.index(name)]
    angle = 2 * math.pi * (value - first) / period
    assert first <= value < first + period
    ((sine, cosine),) = parts([time.isoformat()], name, cyclic=True)
    assert abs(sine - math.sin(angle)) < 1e-12 and abs(cosine - math.cos(angle)) < 1e-12


def test_sine_and_cosine_follow_each_other_part_by_part() -> None:
    (found,) = parts(["2026-04-01 06:00"], "month", "hour", cyclic=True)
    np.testing.assert_allclose(found, [1, 0, 1, 0], atol=1e-12)


def test_a_date_alone_is_midnight_and_a_month_its_first_day() -> None:
    assert parts(["2026-01-31", "2026-01"], "day", "hour") == [[31, 0], [1, 0]]


@pytest.mark.parametrize(
    "text", ["31.01.2026", "01/31/2026", "2026-02-30", "2026-13-01", "12:30", "1700000000", "x"]
)
def test_what_is_no_date_is_found(text: str) -> None:
    assert no_dates(np.array([text, "", "2026-01-31"], object)).tolist() == [True, False, False]


# From files ---------------------------------------------------------------------------------------


def spec_of(transform: list[Any], source: Any, size: list[Any], **feature: Any) -> dict[str, Any]:
    column = {} if "columns" in feature else {"column": "when"}
    return {
        "model": {
            "inputs": {"x": size},
            "layers": ["Flatten", {"Dense": {"units": 1, "name": "y"}}],
        },
        "data": {
            "train": source,
            "inputs": {"x": {**column, "transform": transform, **feature}},
            "targets": "y",
        },
        "training": {"loss": "mse", "batch_size": 1},
    }


def values_of(spec: dict[str, Any], folder: Path) -> Any:
    from modelspec.runtime.data import prepare

    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return prepare(ms.load_spec(path).compiled).parts["train"].examples.inputs["x"].tolist()


def csv_of(folder: Path, text: str) -> dict[str, str]:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return {"csv": str(folder / "t.csv")}


@pytest.mark.tensorflow
def test_a_column_of_csv(tmp_path: Path) -> None:
    source = csv_of(tmp_path, "when,y\n2026-01-31T23:30:00+02:00,1\n,2\n2026-01-31,3\n")
    spec = spec_of([{"DateParts": ["month", "weekday", "hour"]}], source, [3], missing="drop")
    assert values_of(spec, tmp_path) == [[1, 5, 23], [1, 5, 0]]


@pytest.mark.tensorflow
def test_times_of_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    times = [datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2025, 12, 31, 23, 0, tzinfo=UTC)]
    zone = timezone(timedelta(hours=2))
    for kind in (pa.timestamp("us"), pa.timestamp("ns", "+02:00"), pa.date32()):
        column = pa.array([one.replace(tzinfo=None) for one in times], pa.timestamp("us"))
        column = (
            column.cast(kind) if kind != pa.timestamp("ns", "+02:00") else pa.array(times, kind)
        )
        parquet.write_table(pa.table({"when": column, "y": [1, 2]}), tmp_path / "t.parquet")
        source = {"parquet": str(tmp_path / "t.parquet")}
        spec = spec_of([{"DateParts": ["year", "day", "hour"]}], source, [3])
        local = [
            one.astimezone(zone) if kind == pa.timestamp("ns", "+02:00") else one for one in times
        ]
        hours = [0, 0] if kind == pa.date32() else [one.hour for one in local]
        expected = [[one.year, one.day, hour] for one, hour in zip(local, hours, strict=True)]
        assert values_of(spec, tmp_path) == expected, kind


@pytest.mark.tensorflow
def test_several_columns_are_one_vector_and_other_layers_follow(tmp_path: Path) -> None:
    source = csv_of(tmp_path, "from,to,y\n2026-01-05,2026-02-06,1\n2026-03-07,2026-04-08,2\n")
    spec = spec_of([{"DateParts": ["month", "day"]}], source, [4], columns=["from", "to"])
    assert values_of(spec, tmp_path) == [[1, 5, 2, 6], [3, 7, 4, 8]]
    one_hot = {"CategoryEncoding": {"num_tokens": 7, "output_mode": "one_hot"}}
    source = csv_of(tmp_path, "when,y\n2026-01-05,1\n2026-01-11,2\n")
    found = values_of(spec_of([{"DateParts": ["weekday"]}, one_hot], source, [7]), tmp_path)
    assert [row.index(1) for row in found] == [0, 6]


@pytest.mark.tensorflow
def test_a_cell_that_is_no_date_is_named(tmp_path: Path) -> None:
    from modelspec.runtime.data import RunError

    source = csv_of(tmp_path, "when,y\n2026-01-31,1\n31.01.2026,2\n2026-02-30,3\n")
    with pytest.raises(RunError) as caught:
        values_of(spec_of([{"DateParts": ["month"]}], source, [1]), tmp_path)
    (one,) = caught.value.diagnostics
    assert one.code == "MS670" and '"31.01.2026"' in one.message and "t.csv:3" in one.message
    assert "t.csv:4" in str(one.notes)


# What check says ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "size", "feature", "codes"),
    [
        ([{"DateParts": ["month", "hour"]}], [2], {}, []),
        ([{"DateParts": {"parts": ["month", "hour"], "cyclic": True}}], [4], {}, []),
        ([{"DateParts": {"parts": ["month", "hour"], "cyclic": True}}], [2], {}, ["MS626"]),
        ([{"DateParts": ["month", "hours"]}], [2], {}, ["MS205"]),
        ([{"DateParts": ["month", "month"]}], [2], {}, ["MS205"]),
        ([{"DateParts": {"parts": ["year"], "cyclic": True}}], [2], {}, ["MS208"]),
        ([{"DateParts": ["month"]}], [1], {"missing": "never"}, ["MS578"]),
        ([{"DateParts": ["month"]}], [1], {"missing": "2026-01-31"}, []),
        ([{"DateParts": ["month"]}], [1], {"missing": "mean"}, ["MS628"]),
        ([{"DateParts": ["month"]}], [1], {"missing": 0}, ["MS628"]),
        ([{"DateParts": []}], [1], {}, ["MS205"]),
        ([{"DateParts": "month"}], [1], {}, ["MS204"]),
        (["Normalization", {"DateParts": ["month"]}], [1], {}, ["MS404"]),
    ],
)
def test_the_shape_and_the_settings_are_checked(
    transform: list[Any], size: list[Any], feature: dict[str, Any], codes: list[str]
) -> None:
    spec = spec_of(transform, {"csv": "t.csv"}, size, **feature)
    assert [one.code for one in ms.check(spec).diagnostics] == codes


def test_a_model_has_no_date_parts() -> None:
    inputs = {"x": {"shape": [], "dtype": "string"}}
    spec = {"model": {"inputs": inputs, "layers": [{"DateParts": ["month"]}]}}
    (one,) = ms.check(spec).diagnostics
    assert one.code == "MS209" and "transform" in str(one.help)


def test_what_takes_the_place_of_a_date_is_a_date(tmp_path: Path) -> None:
    for missing in ("mean", 0):
        spec = spec_of([{"DateParts": ["month"]}], {"csv": "t.csv"}, [1], missing=missing)
        (one,) = ms.check(spec).diagnostics
        assert "date" in one.message and "2026-01-31" in str(one.help)
        assert one.suggestion is None
    assert ms.check(spec_of([{"DateParts": "month"}], {"csv": "t.csv"}, [1])).diagnostics[
        0
    ].help == ("write `[month]`")
