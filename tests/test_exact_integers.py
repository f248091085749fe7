"""Whole numbers stay exact wherever they come from, or are an error that names file, row and column."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import DataError, prepare
from modelspec.runtime.data.cells import inexact, numbers_of
from modelspec.runtime.data.conform import PRECISION, cast
from modelspec.runtime.data.prepare import prepare_source
from modelspec.runtime.data.profile import ColumnProfile, RunningRange
from modelspec.runtime.data.python_objects import table_from

from .sources import faults as faults_of
from .sources import opened

BIG, MORE = 2**53 + 1, 2**24 + 1
AB = {"columns": ["a", "b"]}
DTYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


# Which whole numbers a float holds ----------------------------------------------------------------

near = st.builds(
    lambda power, away, sign: sign * (2**power + away),
    st.integers(0, 62),
    st.integers(-3, 3),
    st.sampled_from([1, -1]),
)


@given(st.lists(st.one_of(near, st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=8))
def test_what_a_float_does_not_hold_is_what_numpy_changes(numbers: list[int]) -> None:
    for dtype, kind in DTYPES.items():
        with np.errstate(over="ignore"):
            floats = [float(kind(number)) for number in numbers]
        held = [
            np.isfinite(one) and int(one) == number
            for one, number in zip(floats, numbers, strict=True)
        ]
        found = inexact(np.array(numbers, np.int64), PRECISION[dtype])
        marks = [False] * len(numbers) if found is None else found.tolist()
        for number, mark, ok in zip(numbers, marks, held, strict=True):
            if dtype != "float16" or abs(number) < 65_000:  # past its range it is another error
                assert mark == (not ok), (dtype, number)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=6))
def test_fractions_are_rounded_and_whole_floats_are_looked_at(numbers: list[float]) -> None:
    values = np.array(numbers, np.float64)
    found = inexact(values, 24)
    marks = np.zeros(len(values), bool) if found is None else found
    with np.errstate(over="ignore"):
        same = np.float64(values.astype(np.float32)) == values
    finite = np.isfinite(values) & (np.abs(values) < 3e38)
    whole = finite & (values == np.floor(values))
    assert marks[finite].tolist() == (whole & ~same)[finite].tolist()


@given(st.lists(st.one_of(near, st.integers(-(2**70), 2**70), st.none(), st.floats()), max_size=6))
def test_cells_are_the_numbers_that_python_reads(numbers: list[Any]) -> None:
    cells = [None if one is None else repr(one) for one in numbers]
    found = numbers_of(cells)
    for number, value, lost in zip(numbers, found.values.tolist(), found.lost, strict=True):
        if number is not None:
            assert value == number or lost or number != number, (numbers, value)
    assert found.missing.tolist() == [one is None for one in numbers]
    assert found.whole.tolist() == [type(one) is int for one in numbers]


@pytest.mark.parametrize(
    ("value", "dtype", "held"),
    [
        (2.0**63, "int64", False),
        (-(2.0**63), "int64", True),
        (2.0**64, "uint64", False),
        (-1.0, "uint64", False),
        (2.0**31, "int32", False),
        (np.uint64(2**63), "int64", False),
        (np.int64(-1), "uint64", False),
        (np.int64(BIG), "float64", False),
        (np.int64(2**54), "float64", True),
        (np.int64(MORE), "float32", False),
        (np.int64(70_000), "float16", False),
        (np.int64(257), "bfloat16", False),
        (float(MORE), "float32", True),  # a floating-point number is rounded as any other
    ],
)
def test_a_cast_keeps_a_number_or_is_an_error(value: Any, dtype: str, held: bool) -> None:
    from modelspec.core.diagnostics import Fault

    values = np.array([value])
    if held:
        assert cast(values, dtype, "it", str).shape == (1,)
        return
    with pytest.raises(Fault) as caught:
        cast(values, dtype, "it", lambda index: f"row {index[0]}")
    assert caught.value.code == "MS621" and "at row 0" in caught.value.message


# Sources ------------------------------------------------------------------------------------------


def as_csv(columns: dict[str, list[Any]]) -> Any:
    names = list(columns)
    rows = zip(*columns.values(), strict=True)
    text = "".join(",".join("" if one is None else repr(one) for one in row) + "\n" for row in rows)
    Path("t.csv").write_text(",".join(names) + "\n" + text)
    return {"csv": "t.csv"}


def as_jsonl(columns: dict[str, list[Any]]) -> Any:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    Path("t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return {"jsonl": "t.jsonl"}


def as_parquet(columns: dict[str, list[Any]]) -> Any:
    parquet.write_table(pa.table({name: arrow(one) for name, one in columns.items()}), "t.parquet")
    return {"parquet": "t.parquet"}


def arrow(values: list[Any]) -> Any:
    whole = all(one is None or type(one) is int for one in values)
    large = whole and any(one is not None and one >= 2**63 for one in values)
    return pa.array(values, pa.uint64() if large else pa.int64() if whole else pa.float64())


def as_npz(columns: dict[str, list[Any]]) -> Any:
    np.savez("t.npz", **{name: arrow(one).to_numpy() for name, one in columns.items()})
    return {"npz": "t.npz"}


MAKERS = {"csv": as_csv, "jsonl": as_jsonl, "parquet": as_parquet, "npz": as_npz}
PLACES = {"csv": "t.csv:3", "jsonl": "t.jsonl:2", "parquet": "row 2 of", "npz": "[1] of t.npz"}


def values(source: Any, feature: Any, dtype: str, size: int = 2) -> Any:
    checked = compile_spec(
        {
            "model": {
                "inputs": {"x": {"shape": [size], "dtype": dtype}},
                "layers": [{"Rescaling": {"scale": 1.0}}, {"Dense": {"units": 1, "name": "y"}}],
            },
            "data": {"source": source, "inputs": {"x": feature}, "targets": "y"},
            "training": {"loss": "mse", "batch_size": 1},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return prepare(checked.value).parts["train"].examples.inputs["x"]


def fault(act: Callable[[], Any]) -> str:
    with pytest.raises(DataError) as caught:
        act()
    (one,) = caught.value.diagnostics
    return f"{one.code} {one.message}"


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    ("a", "b", "dtype"),
    [
        ([1, BIG], [1, 2], "int64"),
        ([1, -BIG], [1.0, 2.0], "int64"),  # NumPy makes floating point of both together
        ([1, 2**63 - 1], [1, -(2**63)], "int64"),
        ([1, 2**63 + 1], [1, 2], "uint64"),
        ([1, 2**64 - 1], [1.0, BIG - 1.0], "uint64"),
    ],
)
def test_whole_numbers_stay_exact_side_by_side(kind: str, a: Any, b: Any, dtype: str) -> None:
    found = values(MAKERS[kind]({"a": a, "b": b, "y": [0, 1]}), AB, dtype)
    assert found.dtype == dtype and found.tolist() == [
        list(map(int, one)) for one in zip(a, b, strict=True)
    ]


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    ("number", "dtype"),
    [(2**63, "int64"), (2**63 + 1, "int64"), (BIG, "float64"), (MORE, "float32"), (-1, "uint64")],
)
def test_a_number_that_the_input_does_not_hold_is_an_error(
    kind: str, number: int, dtype: str
) -> None:
    for feature, size in (("a", 1), (AB, 2)):
        source = MAKERS[kind]({"a": [1, number], "b": [1, 2], "y": [0, 1]})
        said = fault(
            lambda source=source, feature=feature, size=size: values(  # type: ignore[misc]
                source, feature, dtype, size
            )
        )
        assert said.startswith("MS621 ") and str(number) in said and PLACES[kind] in said, said


@pytest.mark.parametrize("kind", MAKERS)
def test_floating_point_numbers_are_rounded_as_ever(kind: str) -> None:
    numbers = [0.1, float(MORE), 1e30, float(BIG)]
    source = MAKERS[kind]({"a": numbers, "y": [0, 1, 0, 1]})
    expected = np.array(numbers, np.float32)
    np.testing.assert_array_equal(values(source, "a", "float32", 1).ravel(), expected)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_whole_number_among_fractions_is_still_one(kind: str) -> None:
    source = MAKERS[kind]({"a": [0.5, MORE, 1e30], "y": [0, 1, 0]})
    said = fault(lambda: values(source, "a", "float32", 1))
    assert said.startswith(f"MS621 `a` is {MORE} at {PLACES[kind]}")
    assert values(source, "a", "float64", 1).ravel().tolist() == [0.5, MORE, 1e30]
    rounded = values(source, {"column": "a", "dtype": "float64"}, "float32", 1)
    np.testing.assert_array_equal(rounded.ravel(), np.float32([0.5, MORE, 1e30]))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_missing_value_beside_large_numbers_changes_none(kind: str) -> None:
    for number, code in ((BIG, "MS653"), (MORE, "MS621")):
        source = MAKERS[kind]({"a": [None, number], "y": [0, 1]})
        said = fault(
            lambda source=source: values(  # type: ignore[misc]
                source, {"column": "a", "missing": 0}, "float32", 1
            )
        )
        assert said.startswith(code) and str(number) in said and PLACES[kind] in said, said
    source = MAKERS[kind]({"a": [None, 2**54], "y": [0, 1]})
    found = values(source, {"column": "a", "missing": 0}, "float64", 1)
    assert found.ravel().tolist() == [0.0, 2.0**54]


@pytest.mark.parametrize("kind", MAKERS)
def test_a_target_is_exact_too(kind: str) -> None:
    source = MAKERS[kind]({"a": [1, 2], "y": [0, MORE]})
    said = fault(lambda: values(source, "a", "float32", 1))
    assert said.startswith(f"MS621 `y` is {MORE} at ") and PLACES[kind] in said
    source = MAKERS[kind]({"a": [1, 2], "y": [0, MORE - 1]})
    assert values(source, "a", "float32", 1).ravel().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("lists", "dtype", "code"),
    [
        ([[BIG, 2], [1, 2]], "int64", None),
        ([[2**63 + 1, 2], [1, 2]], "uint64", None),
        ([[1.5, 2], [BIG, 2]], "float64", "MS653"),
        ([[1.5, BIG], [1, 2]], "float64", "MS653"),
        ([[2**63, 1], [-1, 2]], "int64", "MS653"),
        ([[2**63, -1], [1, 2]], "int64", "MS653"),
        ([[2**64, 1], [1, 2]], "uint64", "MS653"),
        ([[MORE, 1], [1, 2]], "float32", "MS621"),
    ],
)
def test_numbers_in_lists(lists: Any, dtype: str, code: str | None) -> None:
    source = as_jsonl({"a": lists, "y": [0, 1]})
    if code is None:
        assert values(source, "a", dtype).tolist() == lists
        return
    with pytest.raises(DataError) as caught:
        values(source, "a", dtype)
    assert {one.code for one in caught.value.diagnostics} == {code}


def test_several_files_are_exact_together() -> None:
    for number, (one, other) in enumerate(
        [([BIG], [1.5]), ([2**63 + 1], [1]), ([2**63 + 1], [-1]), ([BIG, None], [BIG])]
    ):
        folder = Path(str(number))
        folder.mkdir()
        for name, numbers in (("1", one), ("2", other)):
            parquet.write_table(pa.table({"a": arrow(numbers)}), folder / f"{name}.parquet")
        source = {"parquet": f"{number}/*.parquet"}
        if number == 1:
            column = opened(source, Path.cwd()).column("a")
            assert column.dtype == np.uint64 and column.tolist() == [2**63 + 1, 1]
            continue
        found = faults_of(source, Path.cwd())
        assert len(found) == 1 and found[0].startswith("MS653 "), (number, found)
        assert str(BIG) in found[0] or str(2**63 + 1) in found[0]


@pytest.mark.parametrize("scale", [0, 2])
def test_decimals_without_a_fraction_are_whole_numbers(scale: int) -> None:
    from decimal import Decimal

    numbers = pa.array([Decimal(BIG), Decimal(1)], pa.decimal128(30, scale))
    parquet.write_table(pa.table({"a": numbers, "y": [0, 1]}), "t.parquet")
    column = opened({"parquet": "t.parquet"}, Path.cwd()).column("a")
    assert column.dtype == (np.float64 if scale else np.int64)
    assert column.tolist() == [float(BIG) if scale else BIG, 1]
    large = pa.array([Decimal(2**64), Decimal(1)], pa.decimal128(30, 0))
    parquet.write_table(pa.table({"a": large}), "large.parquet")
    (said,) = faults_of({"parquet": "large.parquet"}, Path.cwd())
    assert said.startswith("MS653 ")


def test_data_frames_are_exact() -> None:
    frame = pd.DataFrame({"a": pd.array([BIG, None], "Int64"), "b": [BIG, 2]})
    with pytest.raises(DataError) as caught:
        table_from(frame)
    assert f"{BIG} in row 0" in str(caught.value)
    table = table_from(frame[["b"]])
    assert table.column("b").tolist() == [BIG, 2]
    checked = compile_spec(
        {
            "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
            "data": {"source": {"csv": "t.csv"}, "inputs": {"x": "a"}, "targets": "y"},
            "training": {"loss": "mse"},
        }
    )
    assert checked.value is not None
    compiled = checked.value
    for column in ([1, MORE], pd.array([1, MORE, None], "Int64").tolist()[:2]):
        rows = table_from(pd.DataFrame({"a": pd.array(column, "Int64")}))
        said = fault(lambda rows=rows: prepare_source(compiled, rows, with_targets=False))  # type: ignore[misc]
        assert said.startswith(f"MS621 `a` is {MORE} at row 1")


def test_a_range_is_told_to_the_last_digit() -> None:
    found = RunningRange()
    for numbers in ([1, BIG], [2, 5], [-BIG]):
        found.add(np.array(numbers, np.int64))
    spread = found.range()
    assert spread is not None and (spread.low, spread.high) == (-BIG, BIG)
    profile = ColumnProfile("a")
    profile.add(np.array([BIG, BIG - 1, BIG], np.int64), {"train": np.ones(3, bool)})
    assert profile.facts().values == {str(BIG): {"train": 2}, str(BIG - 1): {"train": 1}}


@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", MAKERS)
def test_large_numbers_are_looked_up_one_by_one(kind: str) -> None:
    """Neighbours that float64 would merge are two categories."""
    numbers = [BIG, BIG + 1, BIG, BIG - 1]
    source = MAKERS[kind]({"a": numbers, "y": [0, 1, 0, 1]})
    found = values(
        source,
        {"column": "a", "transform": [{"IntegerLookup": {"output_mode": "one_hot"}}]},
        "float32",
        4,
    )
    assert found.sum(axis=1).tolist() == [1, 1, 1, 1]
    expected = pd.factorize(np.array(numbers))[0]
    assert pd.factorize(found.argmax(axis=1))[0].tolist() == expected.tolist()


@pytest.mark.parametrize(("number", "dtype"), [(MORE, "float32"), (BIG, "int64")])
def test_a_constant_in_place_of_a_missing_value_is_exact_too(number: int, dtype: str) -> None:
    source = as_csv({"a": [1, None], "y": [0, 1]})
    said = fault(lambda: values(source, {"column": "a", "missing": number}, dtype, 1))
    assert said.startswith("MS628 ") and str(number) in said
    assert values(source, {"column": "a", "missing": 5}, dtype, 1).ravel().tolist() == [1, 5]
