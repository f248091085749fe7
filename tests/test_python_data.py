"""Data of a program in every form that NumPy, pandas, polars, PyArrow, TensorFlow and Keras have:
each is read as the same values in plain arrays are, or refused in a sentence.
"""

from __future__ import annotations

import warnings
from array import array
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ml_dtypes
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import modelspec as ms
from modelspec.runtime.data import DataError
from modelspec.runtime.data.python_objects import table_from
from modelspec.runtime.data.table import is_nothing
from modelspec.runtime.data.unnamed_parts import names_of

X = np.arange(12.0).reshape(6, 2)
Y = np.arange(6) % 3
ONE: dict[str, Any] = {
    "model": {"inputs": {"image": [2]}, "layers": [{"Dense": {"units": 3, "name": "digit"}}]},
}
NAMED: dict[str, Any] = {
    **ONE,
    "data": {
        "source": {"csv": "unused.csv"},
        "inputs": {"image": {"columns": ["a", "b"]}},
        "targets": {"digit": {"column": "t"}},
    },
}
TWO: dict[str, Any] = {
    "model": {
        "inputs": {"left": [2], "right": [1]},
        "layers": [{"Concatenate": {"from": ["left", "right"]}}, {"Dense": {"units": 3}}],
    },
}
RIGHT = np.arange(6.0).reshape(6, 1)


def read(values: Any) -> Any:
    """The column that an array is."""
    return table_from({"a": values}).column("a")


def fault(data: Any, spec: dict[str, Any] | None = None) -> str:
    names = names_of(ms.load_spec(spec).compiled) if spec is not None else None
    with pytest.raises(DataError) as caught:
        table_from(data, "data", names)
    (one,) = caught.value.diagnostics
    assert one.help is not None
    return f"{one.code} {one.message}"


def masked(values: Any, *places: int, dtype: Any = None) -> np.ma.MaskedArray[Any, Any]:
    found = np.ma.array(values, dtype=dtype)
    for place in places:
        found[place] = np.ma.masked
    return found


# Masks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8, bool])
def test_a_masked_number_is_missing(dtype: Any) -> None:
    values = masked([1, 1, 0], 1, dtype=dtype)
    table = table_from({"a": values})
    found = table.column("a")
    assert is_nothing(found).tolist() == np.ma.getmaskarray(values).tolist()
    assert found[[0, 2]].tolist() == values.compressed().tolist()
    assert table.tells_whole("a") == (np.dtype(dtype).kind in "iu")
    unmasked = read(np.ma.array([1, 0], dtype=dtype))
    assert unmasked.dtype == dtype and not is_nothing(unmasked).any()


def test_masks_are_kept_in_text_axes_batches_and_fields() -> None:
    assert read(masked(["a", "b", "c"], 1)).tolist() == ["a", "", "c"]
    values = np.ma.array(X.copy(), mask=X == 7)
    values.data[3, 1] = 1e6
    for data in (values, (values, Y), iter([(values[:4], Y[:4]), (values[4:], Y[4:])])):
        assert (is_nothing(table_from(data).column("x")) == (X == 7)).all()
    fields: Any = np.ma.array([(1, 2.0), (3, 4.0)], dtype=[("u", "i4"), ("v", "f8")])
    fields["u"] = np.ma.array([1, 3], mask=[False, True])
    assert is_nothing(table_from(fields).column("u")).tolist() == [False, True]
    assert fault({"a": masked([2**60 + 1, 2], 1)}).startswith("MS653 `a` of data has masked")
    times = masked(np.array(["2024-01-01", "2024-01-02"], "M8[D]"), 1)
    assert np.isnat(read(times)).tolist() == [False, True]


# Arrays of every dtype and library ----------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        X.astype(">f8"),
        X.astype(np.longdouble),
        X.astype(object),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
        X[::-1][::-1],
        X.tolist(),
        list(X),
        tuple(map(tuple, X.tolist())),
        deque(X.tolist()),
        memoryview(X),  # type: ignore[arg-type]  # it has a buffer
        pa.array(X.tolist()),
        pa.FixedShapeTensorArray.from_numpy_ndarray(X),
        pd.Series(X.tolist()),
    ],
)
def test_arrays_of_floats(values: Any) -> None:
    found = read(values)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, X)


@pytest.mark.parametrize(
    "values",
    [
        range(3),
        array("q", [0, 1, 2]),
        [Decimal(0), Decimal(1), Decimal(2)],
        np.array([0, 1, 2], object),
        pd.Series([0, 1, 2]),
        pd.RangeIndex(3),
        pd.Index([0, 1, 2]),
        pd.Categorical([0, 1, 2]),
        pd.array([0, 1, 2], "Int64"),
        pd.array([0, 1, 2], "int64[pyarrow]"),
        pd.arrays.SparseArray([0, 1, 2]),
        pa.array([0, 1, 2]),
        pa.chunked_array([[0, 1], [2]]),
    ],
)
def test_whole_numbers(values: Any) -> None:
    found = read(values)
    assert found.dtype == np.int64 and found.tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4"])
def test_small_numbers_are_exact(name: str) -> None:
    values = np.array([0, 1, 3, 6]).astype(getattr(ml_dtypes, name))
    found = read(values)
    assert found.dtype.kind in "iuf" and found.tolist() == [0, 1, 3, 6]
    assert read(list(values)).tolist() == [0, 1, 3, 6]


@pytest.mark.parametrize(
    "values",
    [
        ["1", "é", ""],
        np.array(["1", "é", ""]),
        np.array(["1", "é", ""], object),
        np.array(["1", "é", ""], np.dtypes.StringDType()),
        np.array([b"1", "é".encode(), b""]),
        [b"1", "é".encode(), b""],
        np.array([b"1", "é".encode(), b""], object),
        ["1", "é", None],
        np.array(["1", "é", np.nan], object),
        masked(["1", "é", "?"], 2),
        pd.Series(["1", "é", None]),
        pd.array(["1", "é", None], "string"),
        pd.Categorical(["1", "é", None]),
        pa.array(["1", "é", None]),
        pa.array(["1", "é", None]).dictionary_encode(),
        pa.array([b"1", "é".encode(), None]),
    ],
)
def test_text_bytes_and_objects_are_alike(values: Any) -> None:
    found = read(values)
    assert found.dtype == object and found.tolist() == ["1", "é", ""]
    assert is_nothing(found).tolist() == [False, False, True]


@pytest.mark.parametrize(
    "values",
    [
        [1, None, 3],
        np.array([1, None, 3], object),
        masked([1, 2, 3], 1),
        pd.array([1, None, 3], "Int64"),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.array([1, None, 3], "int64[pyarrow]"),
        pa.array([1, None, 3]),
        pa.array([Decimal(1), None, Decimal(3)]),
    ],
)
def test_a_missing_whole_number(values: Any) -> None:
    table = table_from({"a": values})
    assert table.column("a")[[0, 2]].tolist() == [1, 3]
    assert is_nothing(table.column("a")).tolist() == [False, True, False]
    decimals = isinstance(values, pa.Array) and pa.types.is_decimal(values.type)
    assert table.tells_whole("a") or decimals


def test_objects_of_several_axes() -> None:
    assert read(np.array([[1, 2], [3, 4]], object)).dtype == np.int64
    found = read(np.array([[1, None], [3, 4]], object))
    assert is_nothing(found).tolist() == [[False, True], [False, False]]
    assert read(np.array([["a", "b"], ["c", "d"]], object)).shape == (2, 2)
    assert read(np.array([[b"a", b"b"]])).tolist() == [["a", "b"]]
    assert [len(one) for one in read([[b"a", b"b"], [b"c"]])] == [2, 1]


class Foreign:
    """A tensor of another library, on a device and with a gradient: what PyTorch's are."""

    def __init__(self, values: Any, where: str = "gpu") -> None:
        self.values, self.where, self.dtype = values, where, "torch.bfloat16"

    def detach(self) -> Foreign:
        return self

    def cpu(self) -> Foreign:
        return Foreign(self.values, "cpu")

    def float(self) -> Foreign:
        assert self.where == "cpu"
        found = Foreign(self.values, self.where)
        found.dtype = "torch.float32"
        return found

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if (self.where, self.dtype) != ("cpu", "torch.float32"):
            raise TypeError("can't convert it to numpy")
        return self.values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Foreign:
        return Foreign(self.values[index])


class Broken:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("no values\nand more")


def test_a_tensor_alone_is_an_array_and_not_batches() -> None:
    for data in (Foreign(X), (Foreign(X), Foreign(Y)), X, X.tolist(), pa.array(X.tolist())):
        np.testing.assert_array_equal(table_from(data).column("x"), X)
    assert fault(Broken()) == (
        "MS651 `x` of data is a `Broken` that cannot be converted to NumPy: no values"
    )


# Tables -------------------------------------------------------------------------------------------


def test_arrow_tables_are_read_as_the_file_of_them() -> None:
    table = pa.table(
        {"a": [2**60 + 1, 2], "b": pa.array([Decimal("1.5"), None]), "c": [[1], [2, 3]]}
    )
    for data in (table, table.to_reader(), table.to_batches()[0]):
        found = table_from(data)
        assert found.column("a").tolist() == [2**60 + 1, 2]
        assert is_nothing(found.column("b")).tolist() == [False, True]
        assert [one.tolist() for one in found.column("c")] == [[1], [2, 3]]
    frame = pd.DataFrame({"a": [1.0]}, index=["p"])
    assert table_from(pa.Table.from_pandas(frame)).names == ("a",)
    assert "too large for floating point" in fault(pa.table({"a": [2**60 + 1, None]}))


def test_polars_frames_and_series() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "n": [1, None],
            "s": ["a", None],
            "c": pl.Series(["u", "v"], dtype=pl.Categorical),
            "l": [[1, 2], [3]],
        }
    )
    table = table_from(frame)
    assert is_nothing(table.column("n")).tolist() == [False, True]
    assert table.column("s").tolist() == ["a", ""] and table.column("c").tolist() == ["u", "v"]
    assert is_nothing(read(frame["n"])).tolist() == [False, True]
    assert "LazyFrame" in fault(frame.lazy())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "LazyFrame" in fault((frame.lazy(), Y))
    assert "too large for floating point" in fault(pl.DataFrame({"a": [2**60 + 1, None]}))


def test_structured_arrays_rows_and_names_that_are_not_text() -> None:
    fields = np.array([(1, "a"), (2, "b")], dtype=[("u", "i4"), ("w", "U3")])
    for data in (fields, fields.view(np.recarray), [{"u": 1, "w": "a"}, {"u": 2, "w": "b"}]):
        table = table_from(data)
        assert table.column("u").tolist() == [1, 2] and table.column("w").tolist() == ["a", "b"]
    pairs = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert table_from(pairs).names == ("('a', 'x')", "('a', 'y')")
    assert table_from(pd.DataFrame([[1, 2]])).names == ("0", "1")
    assert fault(pd.DataFrame([[1, 2]], columns=[1, "1"])) == "MS604 data has two columns named `1`"
    assert fault({1: [1], "1": [2]}).startswith("MS604 the data has two columns named `1`")


# What Keras's `fit` takes -------------------------------------------------------------------------


def columns(data: Any, spec: dict[str, Any]) -> dict[str, Any]:
    table = table_from(data, "data", names_of(ms.load_spec(spec).compiled))
    return {name: table.column(name).tolist() for name in table.names}


def test_arrays_are_for_the_columns_of_the_spec_in_their_order() -> None:
    wanted = {"a": X[:, 0].tolist(), "b": X[:, 1].tolist(), "t": Y.tolist()}
    frame = pd.DataFrame(X, columns=["a", "b"])
    for data in ((X, Y), ([X], [Y]), (frame, Y), (frame, pd.Series(Y)), (frame[["b", "a"]], Y)):
        assert columns(data, NAMED) == wanted
    assert columns([X], NAMED).keys() == {"a", "b"}
    leak = frame.assign(leak=Y, t=Y)
    assert columns((leak, leak["t"]), NAMED) == {**wanted, "leak": Y.tolist()}
    said = fault((np.hstack([X, X]), Y), NAMED)
    assert "has the shape [6, 4], but `image` of the spec reads 2 columns: `a` and `b`" in said
    assert fault((leak, Y + 1), NAMED) == "MS651 two columns of the data are named `t`"


def batches() -> Iterator[Any]:
    for at in range(0, 6, 4):
        yield [X[at : at + 4], RIGHT[at : at + 4]], Y[at : at + 4]


@pytest.mark.parametrize(
    "data",
    [
        ([X, RIGHT], Y),
        ((X, RIGHT), Y),
        ([X, RIGHT], [Y]),
        ({"left": X, "right": RIGHT}, Y),
        batches,
        lambda: (list(batch) for batch in batches()),
    ],
)
def test_a_list_has_an_array_for_each_input(data: Any) -> None:
    found = columns(data, TWO)
    assert found["left"] == X.tolist() and found["right"] == RIGHT.tolist()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (([X], Y), "the list has 1 array, but the model has 2 inputs (`left` and `right`)"),
        (([X, RIGHT], [Y, Y]), "the list has 2 arrays, but the model has 1 output"),
        ((X, Y, X, Y), "a tuple of 4 items is not data"),
        ((X, 3), "the tuple contains a `int`"),
        (([X, RIGHT], Y, {"digit": Y}), "`sample_weight` is a mapping"),
        (dict, "`dict` is a class, not data"),
        (len, "calling the `builtin_function_or_method` for its batches failed: TypeError"),
        ("a.csv", "a `str` is not data that modelspec can read"),
        ({"a": {1, 2}}, "`a` of data is a `set`, not an array"),
        ({"a": b"abc"}, "`a` of data is a `bytes`, not an array"),
        ({"a": [b"\xff"]}, "`a` contains bytes that are not UTF-8 at a[0] of data"),
        ({"a": np.array([b"\xff"])}, "`a` contains bytes that are not UTF-8 at a[0] of data"),
        ({"a": np.zeros(2, [("u", "i4")])}, "`a` of data is a structured array"),
        ({"a": [pd.Timestamp("2024-01-01")]}, "`a` contains a `Timestamp`, which cannot"),
        (iter([(X, Y), (X[:, 0], Y)]), "has 1 axis in a batch, and 2 in another"),
        (
            iter([{"a": [2**60 + 1]}, {"a": [0.5]}]),
            "contains an integer too large for the floating",
        ),
    ],
)
def test_what_is_refused(data: Any, said: str) -> None:
    assert said in fault(data, TWO)


def test_sparse_matrices_are_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for data in (
        sparse.csr_matrix(X),
        {"a": sparse.csr_array(X)},
        (sparse.coo_array(X), Y),
        (sparse.dok_array(X), Y),
    ):
        assert "is a sparse `" in fault(data)


def test_classes_are_weighed_by_their_numbers() -> None:
    training = {"loss": {"SparseCategoricalCrossentropy": {"from_logits": True}}}
    keys = [{0: 1.0, 1: 2.0, 2: 0.5}, {"0": 1.0, "1": 2.0, "2": 0.5}]
    keys += [{np.int64(0): 1.0, np.int64(1): np.float32(2), np.int64(2): 0.5}]
    specs = [
        ms.load_spec({**ONE, "training": {**training, "class_weight": weights}}) for weights in keys
    ]
    assert specs[0] == specs[1] == specs[2]
    assert ms.dump(specs[0]) == ms.dump(specs[1]) == ms.dump(specs[2])
    for key in (True, 1.0, None, (0,)):
        report = ms.check({**ONE, "training": {**training, "class_weight": {key: 1.0}}})
        assert [one.code for one in report.diagnostics] == ["MS107"]
    twice = ms.check({**ONE, "training": {**training, "class_weight": {0: 1.0, "0": 2.0}}})
    assert [one.code for one in twice.diagnostics] == ["MS104"]
