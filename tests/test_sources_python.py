"""Data of a program: arrays, data frames, batches of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from modelspec.runtime.data import DataError
from modelspec.runtime.data import python_objects as python
from modelspec.runtime.data.python_objects import table_from
from modelspec.runtime.data.table import is_nothing

from .sources import opened

X = np.arange(12.0).reshape(6, 2)
Y = np.arange(6) % 3


def faults(data: Any) -> list[str]:
    try:
        table_from(data)
    except DataError as error:
        return [f"{one.code} {one.message}" for one in error.diagnostics]
    return []


class Batches:
    """What `keras.utils.PyDataset` is to its reader: batches by number, and how many there are."""

    def __init__(self, count: int | None = 3) -> None:
        self.num_batches = count

    def __getitem__(self, index: int) -> Any:
        return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]


class Infinite:
    """What a repeated `tf.data.Dataset` is to its reader."""

    def cardinality(self) -> int:
        return -1

    def as_numpy_iterator(self) -> Iterator[Any]:
        raise AssertionError("never read")


def generator() -> Iterator[Any]:
    for start in range(0, 6, 4):
        yield X[start : start + 4], Y[start : start + 4]


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        {"x": X, "y": Y},
        ({"x": X}, {"y": Y}),
        (X.tolist(), Y.tolist()),
        Batches(),
        generator(),
        generator,
        list(generator()),
        [{"x": X[:3], "y": Y[:3]}, {"y": Y[3:], "x": X[3:]}],
    ],
)
def test_every_form_gives_one_table(data: Any) -> None:
    table = table_from(data)
    np.testing.assert_array_equal(table.column("x"), X)
    np.testing.assert_array_equal(table.column("y"), Y)
    assert table.count == 6 and table.default_features == ("x",) and table.default_target == "y"
    assert table.fingerprint == table_from((X, Y)).fingerprint


def test_the_fingerprint_is_that_of_the_values() -> None:
    assert table_from((X, Y)).fingerprint != table_from((X + 1, Y)).fingerprint
    assert table_from({"a": ["x", "y"]}).fingerprint != table_from({"a": ["x", "z"]}).fingerprint


def test_data_frames() -> None:
    frame = pd.DataFrame(
        {
            "n": [1.5, None, 3.0],
            "i": pd.array([1, None, 3], dtype="Int64"),
            "s": ["a", None, "c"],
            "w": [1, 2, 3],
            "c": pd.Categorical(["u", None, "u"]),
            "b": [True, False, True],
            "t": pd.to_datetime(["2020-01-01", None, "2021-02-03"]),
            "l": [[1, 2], [3], []],
        },
        index=["p", "q", "r"],
    )
    for data in (frame, pa.Table.from_pandas(frame.drop(columns="l"))):
        table = table_from(data, "frame")
        for name in ("n", "i"):
            assert is_nothing(table.column(name)).tolist() == [False, True, False], name
        assert table.column("s").tolist() == ["a", "", "c"] and table.column("c").tolist() == [
            "u",
            "",
            "u",
        ]
        assert table.column("b").dtype == bool and table.column("w").dtype == np.int64
        assert table.column("t").tolist() == ["2020-01-01", "", "2021-02-03"]
    table = table_from(frame, "frame")
    assert [one.tolist() for one in table.column("l")] == [[1, 2], [3], []]
    assert table.place("n", (1,)) == "row 'q' of frame"
    assert faults(pd.DataFrame([[1, 2]], columns=["a", "a"])) == [
        "MS604 data has two columns named `a`"
    ]


def test_batches_padded_to_different_lengths_are_lists() -> None:
    table = table_from(iter([{"a": np.ones((2, 3), int)}, {"a": np.ones((1, 5), int)}]))
    assert [len(one) for one in table.column("a")] == [3, 3, 5]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (3, "MS651 a `int` is not data that modelspec can read"),
        ("x", "MS651 a `str` is not data that modelspec can read"),
        ([], "MS612 data has no examples"),
        ({}, "MS612 data has no columns"),
        (
            Batches(None),
            "MS651 the data is endless, so the number of examples in an epoch is undefined",
        ),
        (
            Infinite(),
            "MS651 the data is endless, so the number of examples in an epoch is undefined",
        ),
        ({"a": 3}, "MS651 `a` of data is a `int`, not an array"),
        ({"a": np.array(3)}, "MS651 `a` of data is a single value; expected one value per example"),
        ({"a": [1, "x"]}, "MS651 `a` contains a number first, but a string at a[1] of data"),
        (
            {"a": [object()]},
            "MS651 `a` contains a `object`, which cannot be converted to an array, at a[0] of data",
        ),
        (
            iter([{"a": X}, {"b": X}]),
            "MS651 batch 1 of data has `b`, but the earlier batches have `a`",
        ),
        (
            iter([(X, Y[:3])]),
            "MS611 the columns of batch 0 of data have different lengths: `x` 6, `y` 3",
        ),
        (({"a": X}, {"a": Y}), "MS651 two columns of the data are named `a`"),
    ],
)
def test_what_is_no_data(data: Any, said: str) -> None:
    assert faults(data) == [said]


def test_a_generator_that_fails_is_told_with_its_batch() -> None:
    def failing() -> Iterator[Any]:
        yield X, Y
        raise KeyError("gone")

    assert faults(failing()) == ["MS651 data fails at batch 1: KeyError: 'gone'"]


def test_what_does_not_end_is_read_no_further_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def endless() -> Iterator[Any]:
        while True:
            yield X, Y

    monkeypatch.setattr(python, "LIMIT", 10_000)
    assert faults(endless) == ["MS651 data yields more than 10.0 kB, or is endless"]


def test_a_table_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    table = opened({"csv": "t.csv"}, tmp_path)
    assert table_from(table) is table
