"""Data: what a source opens to, what is wrong with it and where, how it is arranged, split and
ordered.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.shapes import PENDING
from modelspec.runtime.data import DataError, prepare
from modelspec.runtime.data import split as split_module
from modelspec.runtime.data.batches import order, steps
from modelspec.runtime.data.conform import match
from modelspec.runtime.data.errors import Findings
from modelspec.runtime.data.split import split

CLASSIFIER = [{"Dense": {"units": 3, "activation": "softmax", "name": "y"}}]
REGRESSOR = [{"Dense": {"units": 1, "name": "y"}}]
CSV = {"csv": "t.csv"}
NPZ = {"npz": "t.npz"}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def spec(
    source: Any,
    *,
    shape: Any = (2,),
    layers: Any = CLASSIFIER,
    loss: Any = "sparse_categorical_crossentropy",
    dtype: str = "float32",
    targets: Any = "y",
    batch_size: int = 2,
    **data: Any,
) -> Compiled:
    """A compiled spec with one input and one output; `data` are further keys of its data
    section.
    """
    section = {"source": source, **({} if targets is None else {"targets": targets}), **data}
    checked = compile_spec(
        {
            "model": {"inputs": {"x": {"shape": list(shape), "dtype": dtype}}, "layers": layers},
            "data": section,
            "training": {"loss": loss, "batch_size": batch_size},
        }
    )
    assert checked.ok, [str(one) for one in checked.diagnostics]
    assert checked.value is not None
    return checked.value


def write(text: str, name: str = "t.csv") -> None:
    Path(name).write_bytes(text.encode("utf-8", "surrogateescape"))


def faults(compiled: Compiled) -> DataError:
    with pytest.raises(DataError) as caught:
        prepare(compiled)
    return caught.value


def codes(error: DataError) -> list[str]:
    return [one.code for one in error.diagnostics]


# Text tables --------------------------------------------------------------------------------------

GOOD = "a,b,y\n1,2,0\n3,4,1\n"
TABLES: dict[str, tuple[str, str, str]] = {
    # name: (text of the file, code, what the message or the help must say)
    "missing value": ("a,b,y\n1,2,0\n3,,1\n", "MS608", "`b` has no value at t.csv:3"),
    "NA": ("a,b,y\n1,NA,0\n3,4,1\n", "MS608", "t.csv:2"),
    "nan": ("a,b,y\n1,nan,0\n3,4,1\n", "MS608", "t.csv:2"),
    "blanks only": ("a,b,y\n1,  ,0\n3,4,1\n", "MS608", "t.csv:2"),
    "text": ("a,b,y\n1,2,0\n3,four,1\n5,6,1\n", "MS609", '"four" at t.csv:3'),
    "decimal comma": ('a,b,y\n1,"2,5",0\n1,2,0\n', "MS609", "decimals with a point"),
    "thousands": ('a,b,y\n1,"2,500,000",0\n1,2,0\n', "MS609", 'thousands: ","'),
    "underscore": ("a,b,y\n1,2_000,0\n1,2,0\n", "MS609", "without `_`"),
    "infinity": ("a,b,y\n1,2,0\n3,-inf,1\n", "MS613", "`b` is minus infinity at t.csv:3"),
    "past float64": ("a,b,y\n1,1e400,0\n", "MS613", "t.csv:2"),
    "past float32": ("a,b,y\n1,1e39,0\n1,2,1\n", "MS621", "1e+39"),
    "short row": ("a,b,y\n1,2,0\n3,4\n", "MS602", "t.csv:3 has 2 cells, expected 3 columns"),
    "long row": ("a,b,y\n1,2,0\n3,4,5,6\n", "MS602", "t.csv:3 has 4 cells"),
    "semicolons and decimal commas": ("a;b;y\n1,5;2;0\n", "MS609", '`decimal: ","`'),
    "semicolons and bars": ("a;b|y\n1;2|0\n", "MS641", 'delimiter: ";"'),
    "open quote": ('a,b,y\n1,2,0\n3,"4,1\n5,6,1\n', "MS602", "opened in the row at t.csv:3"),
    "text behind a quote": (
        'a,b,y\n1,"2"x,0\n',
        "MS602",
        "t.csv:2 has text after a closing quote",
    ),
    "huge cell": (f"a,b,y\n1,{'9' * 200_000},0\n", "MS602", "t.csv:2 has a cell of more than"),
    "latin-1": ("a,b,y\n1,2,0\ncaf\udce9,4,1\n", "MS603", "t.csv:3 is not UTF-8: byte 0xe9"),
    "UTF-16": ("\udcff\udcfea\0,\0b\0", "MS603", "UTF-16"),
    "NUL": ("a,b,y\n1,2,0\n3,4\0,1\n", "MS603", "t.csv:3 has a NUL"),
    "empty": ("", "MS604", "empty"),
    "only line ends": ("\n\r\n\n", "MS604", "empty"),
    "header only": ("a,b,y\n", "MS604", "no rows"),
    "duplicate header": ("a,a,y\n1,2,0\n", "MS604", "has duplicate columns: `a`"),
    "blank header": ("a,,y\n1,2,0\n", "MS604", "column 2 has no name"),
    "no header": ("1.5,2,0\n3,4,1\n", "MS604", "`csv: {path: ..., header: [a, b]}`"),
    "no such column": ("a,b,label\n1,2,0\n", "MS607", "`y`"),
    "label too large": (
        "a,b,y\n1,2,0\n3,4,3\n",
        "MS614",
        "label 3 for output `y`, which has 3 classes (0 to 2),",
    ),
    "row of a label": ("a,b,y\n1,2,0\n3,4,3\n", "MS614", "at t.csv:3"),
    "labels from 1": ("a,b,y\n1,2,1\n3,4,2\n3,4,3\n", "MS614", "subtract 1"),
    "negative label": ("a,b,y\n1,2,0\n3,4,-1\n", "MS614", "label -1"),
    "label with a fraction": ("a,b,y\n1,2,0\n3,4,1.5\n", "MS615", "is 1.5 at t.csv:3"),
    "label missing": ("a,b,y\n1,2,0\n3,4,\n", "MS608", "`y` has no value at t.csv:3"),
    "label as text": ("a,b,y\n1,2,cat\n3,4,dog\n", "MS609", "classes as integers"),
    "too many columns": ("a,b,c,y\n1,2,3,0\n", "MS610", "declare the input as `[3]`"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_bad_table_is_one_verdict_that_names_file_and_row(case: str) -> None:
    text, code, words = TABLES[case]
    write(text)
    error = faults(spec(CSV))
    assert codes(error) == [code]
    one = error.diagnostics[0]
    assert words in f"{one.message} {one.help}"
    assert "\n" not in one.message
    assert one.span is not None and one.span.file == "<dict>"


GOOD_TABLES: dict[str, str] = {
    "plain": GOOD,
    "BOM": "\ufeff" + GOOD,
    "CRLF": GOOD.replace("\n", "\r\n"),
    "CR": GOOD.replace("\n", "\r"),
    "no last line end": GOOD.rstrip("\n"),
    "semicolons": GOOD.replace(",", ";"),
    "tabs": GOOD.replace(",", "\t"),
    "empty lines": "\na,b,y\n\n1,2,0\n\n\n3,4,1\n\n",
    "quotes": '"a","b","y"\n"1","2","0"\n"3","4","1"\n',
    "spaces": "a, b, y\n1, 2, 0\n3 , 4 ,1\n",
    "exponents": "a,b,y\n1e0,2E+00,0\n+3,4.,1\n",
}


@pytest.mark.parametrize("case", GOOD_TABLES)
def test_a_good_table_gives_its_numbers(case: str) -> None:
    write(GOOD_TABLES[case])
    examples = prepare(spec(CSV)).parts["train"].examples
    assert examples.inputs["x"].tolist() == [[1, 2], [3, 4]]
    assert examples.inputs["x"].dtype == np.float32
    assert examples.targets["y"].tolist() == [0, 1]


def test_delimiter_and_header_are_taken_from_the_spec() -> None:
    write("1\t2\t0\n3\t4\t1\n")
    source = {"csv": {"path": "t.csv", "delimiter": "\t", "header": ["a", "b", "y"]}}
    assert prepare(spec(source)).parts["train"].examples.inputs["x"].tolist() == [[1, 2], [3, 4]]


def test_rows_are_counted_by_the_line_they_start_in() -> None:
    """A quoted cell may hold line ends; what is wrong below it still has its own line."""
    write('a,b,note,y\n1,2,"two\nlines",0\n3,x,"",1\n5,6,,1\n')
    error = faults(spec(CSV, inputs=["a", "b"]))
    assert '"x" at t.csv:4' in error.diagnostics[0].message


def test_what_is_wrong_with_a_column_that_nothing_uses_hurts_nobody() -> None:
    write("a,b,note,y\n1,2,,0\n3,4,text,1\n")
    assert prepare(spec(CSV, inputs=["a", "b"])).parts["train"].examples.count == 2


def test_every_bad_column_is_told_at_its_own_name_and_the_other_places_in_a_note() -> None:
    rows = "".join(f",{'' if i % 2 else i},0\n" for i in range(30))
    write("a,b,y\n" + rows)
    error = faults(spec(CSV, inputs=["a", "b"]))
    assert codes(error) == ["MS608", "MS608"]
    assert [one.span.text for one in error.diagnostics if one.span] == ["a", "b"]
    assert str(error.diagnostics[0].notes[0]).startswith("also at t.csv:3, t.csv:4, ")
    assert str(error.diagnostics[0].notes[0]).endswith(" and 20 more")


def test_at_most_ten_of_a_kind_are_told_and_then_a_count() -> None:
    write("a,b,y\n" + "1,2\n" * 25)
    error = faults(spec(CSV))
    assert codes(error) == ["MS602"] * 11
    assert error.diagnostics[-1].message == "15 more of the same kind"


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
def test_no_text_raises_anything_but_a_data_error(text: str) -> None:
    Path("t.csv").write_bytes(text.encode("utf-8", "replace"))
    try:
        prepare(spec(CSV))
    except DataError as error:
        assert error.diagnostics


# Files --------------------------------------------------------------------------------------------


def test_a_source_that_is_not_there_or_no_file_is_told() -> None:
    assert codes(faults(spec(CSV))) == ["MS601"]
    Path("t.csv").mkdir()
    assert "a folder" in faults(spec(CSV)).diagnostics[0].message


def test_a_path_that_became_a_way_out_of_the_project_is_refused(tmp_path: Path) -> None:
    """The check when the spec is read is not enough: a link may be made after it."""
    compiled = spec(CSV)
    outside = tmp_path.parent / "outside.csv"
    outside.write_text(GOOD)
    Path("t.csv").symlink_to(outside)
    assert codes(faults(compiled)) == ["MS210"]


# Archives -----------------------------------------------------------------------------------------


def save(**arrays: Any) -> None:
    np.savez("t.npz", **{name: np.asarray(values) for name, values in arrays.items()})


def header(shape: str, descr: str = "<f4") -> bytes:
    """An array file that has only a header."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (10 + len(text)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


LABELS = header("(1,)", "<i8") + bytes(8)


def archive(**members: bytes) -> None:
    with zipfile.ZipFile("t.npz", "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def _truncated() -> None:
    save(x=np.zeros((9, 2)), y=np.zeros(9, int))
    whole = Path("t.npz").read_bytes()
    Path("t.npz").write_bytes(whole[: len(whole) // 2])


def _one_bit() -> None:
    save(x=np.ones((90, 2)), y=np.zeros(90, int))
    raw = bytearray(Path("t.npz").read_bytes())
    raw[raw.index(b"\xf0\x3f") + 20] ^= 1
    Path("t.npz").write_bytes(bytes(raw))


ARCHIVES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "truncated": (_truncated, "MS605", "not a valid .npz archive"),
    "one bit": (_one_bit, "MS605", "array `x`"),
    "no archive": (lambda: Path("t.npz").write_text("x,y\n"), "MS605", "not a valid .npz archive"),
    "empty file": (lambda: Path("t.npz").write_bytes(b""), "MS605", "not a valid .npz archive"),
    "no arrays": (lambda: archive(), "MS605", "without arrays"),
    "not an array": (lambda: archive(x=b"hello", y=LABELS), "MS605", "array `x`"),
    "objects": (lambda: save(x=np.array([{}, {}], object), y=[0, 1]), "MS606", "Python objects"),
    "fields": (lambda: save(x=np.zeros(2, "f4,f4"), y=[0, 1]), "MS606", "a structured array"),
    "16 TB in 128 bytes": (
        lambda: archive(x=header("(4000000000000,)"), y=LABELS),
        "MS606",
        "claims 16.0 TB",
    ),
    "2**70 entries": (lambda: archive(x=header(f"({2**70},)"), y=LABELS), "MS606", "claims"),
    "negative size": (lambda: archive(x=header("(-4, 2)"), y=LABELS), "MS606", "claims"),
    "a single value": (lambda: save(x=1.0, y=[0]), "MS606", "a single value"),
    "missing key": (lambda: save(x=np.zeros((2, 2))), "MS607", "no column `y`"),
    "lengths": (lambda: save(x=np.zeros((3, 2)), y=[0, 1]), "MS611", "`x` has 3 and `y` has 2"),
    "no examples": (lambda: save(x=np.zeros((0, 2)), y=np.zeros(0, int)), "MS612", "no examples"),
    "NaN": (
        lambda: save(x=[[1, 2], [3, np.nan]], y=[0, 1]),
        "MS613",
        "`x` is NaN at x[1, 1] of t.npz",
    ),
    "complex": (lambda: save(x=[[1, 2j]], y=[0]), "MS609", "complex"),
    "text": (lambda: save(x=[["a", "b"]], y=[0]), "MS609", "strings"),
    "dates": (
        lambda: save(x=np.array([["2020-01-01", "2020-01-02"]], "M8[D]"), y=[0]),
        "MS609",
        "datetime64",
    ),
    "label": (
        lambda: save(x=np.zeros((2, 2)), y=[0, 7]),
        "MS614",
        "classes (0 to 2), at y[1] of t.npz",
    ),
    "one-hot labels": (
        lambda: save(x=np.zeros((2, 2)), y=np.eye(3)[:2]),
        "MS615",
        "categorical_crossentropy",
    ),
    "labels of another rank": (
        lambda: save(x=np.zeros((2, 2)), y=np.zeros((2, 5), int)),
        "MS616",
        "(batch, 5)",
    ),
    "image": (lambda: save(x=np.zeros((2, 4, 4)), y=[0, 1]), "MS610", "(4, 4)"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_a_bad_archive_is_one_verdict(case: str) -> None:
    make, code, words = ARCHIVES[case]
    make()
    error = faults(spec(NPZ))
    assert codes(error) == [code]
    assert words in f"{error.diagnostics[0].message} {error.diagnostics[0].help}"
    assert "\n" not in error.diagnostics[0].message


def test_every_bit_of_an_archive_is_told_or_harmless() -> None:
    """A flipped bit gives a data error or the same numbers, never other numbers."""
    x, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 2, 0])
    save(x=x, y=y)
    raw = Path("t.npz").read_bytes()
    compiled = spec(NPZ)
    told = 0
    for position in range(0, len(raw), 3):
        Path("t.npz").write_bytes(
            raw[:position] + bytes([raw[position] ^ 0x10]) + raw[position + 1 :]
        )
        try:
            examples = prepare(compiled).parts["train"].examples
        except DataError:
            told += 1
        else:
            assert examples.inputs["x"].tolist() == x.tolist()
            assert examples.targets["y"].tolist() == y.tolist()
    assert told > len(raw) // 3 // 4


def test_arrays_of_another_byte_order_and_compressed_ones_are_read() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.ones((2, 2), ">f8"), y=np.array([0, 1], ">i2"))
    Path("t.npz").write_bytes(buffer.getvalue())
    examples = prepare(spec(NPZ)).parts["train"].examples
    assert examples.inputs["x"].tolist() == [[1, 1], [1, 1]]
    assert examples.inputs["x"].dtype == np.dtype("float32")


# Data sets of scikit-learn ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "count", "features", "one"),
    [
        ("digits", 1797, 64, "pixel_7_7"),
        ("iris", 150, 4, "sepal_length"),
        ("diabetes", 442, 10, "bmi"),
        ("wine", 178, 13, "od280_od315_of_diluted_wines"),
        ("breast_cancer", 569, 30, "worst_fractal_dimension"),
    ],
)
def test_an_embedded_data_set_needs_neither_inputs_nor_targets(
    name: str, count: int, features: int, one: str
) -> None:
    loss = "mse" if name == "diabetes" else "sparse_categorical_crossentropy"
    layers = (
        REGRESSOR if name == "diabetes" else [{"Dense": {"units": 10, "activation": "softmax"}}]
    )
    prepared = prepare(
        spec({"dataset": name}, shape=["auto"], layers=layers, loss=loss, targets=None)
    )
    examples = prepared.parts["train"].examples
    assert examples.inputs["x"].shape == (count, features)
    assert one in examples.table.names
    assert prepared.compiled.graph is not None
    assert prepared.compiled.graph.inputs["x"].shape == (None, features)


def test_digits_have_images() -> None:
    layers = [{"Flatten": {}}, {"Dense": {"units": 10, "activation": "softmax", "name": "y"}}]
    compiled = spec(
        {"dataset": "digits"},
        shape=["auto", "auto", 1],
        layers=layers,
        targets="target",
        inputs="image",
    )
    prepared = prepare(compiled)
    assert prepared.parts["train"].examples.inputs["x"].shape == (1797, 8, 8, 1)
    assert prepared.compiled.graph is not None
    assert prepared.compiled.graph.parameters == 64 * 10 + 10


# Arrangement --------------------------------------------------------------------------------------

MATCHES: list[tuple[tuple[int, ...], tuple[Any, ...], tuple[int, ...] | None]] = [
    ((8, 8), (8, 8), (8, 8)),
    ((8, 8), (8, 8, 1), (8, 8, 1)),
    ((8, 8, 1), (8, 8), (8, 8)),
    ((64,), (8, 8, 1), (8, 8, 1)),
    ((8, 8), (64,), (64,)),
    ((), (1,), (1,)),
    ((1,), (), ()),
    ((), (), ()),
    ((28, 28), (PENDING, PENDING, 1), (28, 28, 1)),
    ((28, 28), (PENDING,), (784,)),
    ((64,), (8, PENDING), (8, 8)),
    ((5, 3), (None, 3), (5, 3)),
    ((5, 3), ("time", 3), (5, 3)),
    ((5,), ("time", 1), (5, 1)),
    # What would need a guess is refused.
    ((3, 32, 32), (32, 32, 3), None),
    ((4, 16), (8, 8), None),
    ((64,), ("time", 8), None),
    ((7,), (8,), None),
    ((65,), (8, PENDING), None),
    ((), (2,), None),
]


@pytest.mark.parametrize(("found", "wanted", "result"), MATCHES)
def test_arrays_are_arranged_where_no_guess_is_needed(
    found: tuple[int, ...], wanted: tuple[Any, ...], result: tuple[int, ...] | None
) -> None:
    assert match(found, wanted) == result


@given(hnp.array_shapes(max_dims=4, max_side=6), hnp.array_shapes(max_dims=4, max_side=6))
def test_an_arranged_shape_has_as_many_values_and_is_the_wanted_one(
    found: Any, wanted: Any
) -> None:
    result = match(found, wanted)
    if result is not None:
        assert result == wanted
        assert np.prod(result) == np.prod(found)
    else:
        assert found != wanted


def test_auto_sizes_that_the_model_cannot_take_are_faults_of_the_model() -> None:
    save(x=np.zeros((4, 3, 3, 1)), y=[0, 1, 2, 0])
    layers = [{"Conv2D": {"filters": 2, "kernel_size": 5}}, {"Flatten": {}}, *CLASSIFIER]
    error = faults(spec(NPZ, shape=["auto", "auto", 1], layers=layers))
    assert codes(error) == ["MS402"]


def test_a_named_size_is_one_size_in_all_inputs() -> None:
    save(a=np.zeros((4, 3), int), b=np.zeros((4, 5), int), y=[0, 1, 2, 0])
    checked = compile_spec(
        {
            "model": {
                "inputs": {"a": {"shape": ["time"]}, "b": {"shape": ["time"]}},
                "layers": [
                    {"Add": {"from": ["a", "b"]}},
                    {"Reshape": [-1, 1]},
                    "GlobalAveragePooling1D",
                    *CLASSIFIER,
                ],
            },
            "data": {"source": NPZ, "inputs": {"a": "a", "b": "b"}, "targets": "y"},
            "training": {"loss": "sparse_categorical_crossentropy"},
        }
    )
    assert checked.ok, checked.diagnostics
    assert checked.value is not None
    error = faults(checked.value)
    assert codes(error) == ["MS622"]
    assert (
        "`time` is 5 in the data of input `b`, but 3 in the data of input `a`"
        in error.diagnostics[0].message
    )


@pytest.mark.parametrize(
    ("dtype", "values", "words"),
    [
        ("int32", [[1.5, 2]], "1.5"),
        ("uint8", [[-1, 2]], "-1"),
        ("uint8", [[256, 2]], "256"),
        ("bool", [[0, 2]], "0 and 1"),
        ("float16", [[1e6, 1]], "outside the range"),
    ],
)
def test_values_that_are_none_of_the_inputs_dtype_are_told(
    dtype: str, values: Any, words: str
) -> None:
    save(x=values, y=[0])
    error = faults(spec(NPZ, dtype=dtype))
    assert codes(error) == ["MS621"]
    assert words in error.diagnostics[0].message


# Targets ------------------------------------------------------------------------------------------

SIGMOID = [{"Dense": {"units": 1, "activation": "sigmoid", "name": "y"}}]
WIDE = [{"Dense": {"units": 3, "name": "y"}}]
TARGETS: dict[str, tuple[Any, Any, Any, str | None]] = {
    # name: (layers, loss, target array, code or None where it is right)
    "indices": (CLASSIFIER, "sparse_categorical_crossentropy", [0, 1, 2], None),
    "indices in a column": (CLASSIFIER, "sparse_categorical_crossentropy", [[0], [1], [2]], None),
    "ignored index": (
        CLASSIFIER,
        {"SparseCategoricalCrossentropy": {"ignore_class": -1}},
        [0, -1, 2],
        None,
    ),
    "one-hot": (CLASSIFIER, "categorical_crossentropy", np.eye(3), None),
    "shares": (CLASSIFIER, "categorical_crossentropy", [[0.2, 0.3, 0.5]] * 3, None),
    "class numbers for one-hot": (CLASSIFIER, "categorical_crossentropy", [0, 1, 2], "MS615"),
    "shares past 1": (CLASSIFIER, "categorical_crossentropy", [[1, 1, 0]] * 3, "MS615"),
    "negative shares": (CLASSIFIER, "categorical_crossentropy", [[1, 1, -1]] * 3, "MS615"),
    "binary": (SIGMOID, "binary_crossentropy", [0, 1, 1], None),
    "binary in a column": (SIGMOID, "binary_crossentropy", [[0], [1], [1]], None),
    "bool": (SIGMOID, "binary_crossentropy", [False, True, True], None),
    "soft binary": (SIGMOID, "binary_crossentropy", [0.1, 0.5, 1], None),
    "0 and 2": (SIGMOID, "binary_crossentropy", [0, 2, 2], "MS615"),
    "-1 and 1": (SIGMOID, "binary_crossentropy", [-1, 1, 1], "MS615"),
    "hinge": (REGRESSOR, "hinge", [-1, 1, 1], None),
    "hinge of 2": (REGRESSOR, "hinge", [-1, 1, 2], "MS615"),
    "numbers": (REGRESSOR, "mse", [0.5, 1, -3], None),
    "numbers in a column": (REGRESSOR, "mse", [[0.5], [1], [-3]], None),
    "stretched column": (WIDE, "mse", [[1], [2], [3]], "MS616"),
    "stretched": (WIDE, "mse", [1, 2, 3], "MS616"),
    "NaN": (REGRESSOR, "mse", [0.5, np.nan, 1], "MS613"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_targets_are_what_the_loss_takes(case: str) -> None:
    layers, loss, values, code = TARGETS[case]
    save(x=np.zeros((3, 2)), y=values)
    compiled = spec(NPZ, layers=layers, loss=loss)
    if code is not None:
        assert codes(faults(compiled)) == [code]
        return
    prepared = prepare(compiled)
    target = prepared.parts["train"].examples.targets["y"]
    assert target.ravel().tolist() == pytest.approx(np.asarray(values, float).ravel().tolist())


def test_one_class_alone_and_too_few_examples_are_warnings() -> None:
    write("a,b,y\n1,2,1\n3,4,1\n")
    warnings = prepare(spec(CSV, batch_size=32)).warnings
    assert {one.code: one.severity for one in warnings} == {"MS620": "warning", "MS619": "warning"}


# Embeddings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [[], [{"Reshape": [2, 1]}, {"Flatten": {}}]])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[0, 9], [10, 3]], "is 10 at x[1, 0]"),
        ([[0, -1], [1, 3]], "is -1 at x[0, 1]"),
    ],
)
def test_an_index_outside_an_embedding_is_told(between: Any, values: Any, words: str) -> None:
    save(x=values, y=[0, 1])
    layers = [
        *between,
        {"Embedding": {"input_dim": 10, "output_dim": 2}},
        {"Flatten": {}},
        *CLASSIFIER,
    ]
    error = faults(spec(NPZ, dtype="int32", layers=layers))
    assert codes(error) == ["MS617"]
    assert words in error.diagnostics[0].message


def test_an_index_outside_an_embedding_of_a_shared_model_is_told() -> None:
    save(a=[[0], [5]], b=[[0], [99]], y=[0, 1])
    checked = compile_spec(
        {
            "model": {
                "inputs": {
                    "a": {"shape": [1], "dtype": "int32"},
                    "b": {"shape": [1], "dtype": "int32"},
                },
                "shared": {
                    "read": [{"Embedding": {"input_dim": 10, "output_dim": 2}}, {"Flatten": {}}]
                },
                "layers": [
                    {"read": {"from": "a", "name": "r1"}},
                    {"read": {"from": "b", "name": "r2"}},
                    {"Concatenate": {"from": ["r1", "r2"]}},
                    *CLASSIFIER,
                ],
            },
            "data": {"source": NPZ, "inputs": {"a": "a", "b": "b"}, "targets": "y"},
            "training": {"loss": "sparse_categorical_crossentropy"},
        }
    )
    assert checked.ok, checked.diagnostics
    assert checked.value is not None
    error = faults(checked.value)
    assert codes(error) == ["MS617"]
    assert "input `b` is 99" in error.diagnostics[0].message


# Split --------------------------------------------------------------------------------------------

FRACTIONS = st.floats(0, 0.45)
SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(0, 400), FRACTIONS, FRACTIONS)
def test_the_parts_never_overlap_and_are_everything(
    seed: int, count: int, validation: float, test: float
) -> None:
    parts = split(seed, count, validation, test)
    together = np.concatenate([parts["train"], parts["validation"], parts["test"]])
    assert sorted(together.tolist()) == list(range(count))
    assert abs(len(parts["test"]) - count * test) <= 0.5
    assert abs(len(parts["validation"]) - count * validation) <= 0.5
    assert all((np.diff(part) > 0).all() for part in parts.values())
    again = split(seed, count, validation, test)
    assert all((again[name] == parts[name]).all() for name in parts)


@given(SEEDS, st.lists(st.integers(0, 4), min_size=1, max_size=300), FRACTIONS, FRACTIONS)
def test_a_stratified_split_has_the_same_shares_to_within_one_example(
    seed: int, labels: list[int], validation: float, test: float
) -> None:
    values = np.array(labels)
    parts = split(seed, len(values), validation, test, values)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(values)))
    alone = sum(labels.count(label) == 1 for label in set(labels))
    for label in set(labels):
        count = labels.count(label)
        if count > 1:
            found = np.count_nonzero(values[parts["test"]] == label)
            # The test as a whole is a whole number of examples, and those that are alone have no
            # share in it.
            rounding = (0.5 + alone * (test + validation)) * count / (len(labels) - alone)
            assert abs(found - count * test) <= 1 + rounding + 1e-9


def test_the_only_example_of_a_kind_trains() -> None:
    labels = np.array([0] * 50 + [1] * 50 + [2])
    for seed in range(40):
        assert 100 in split(seed, 101, 0.2, 0.2, labels)["train"]


@pytest.mark.parametrize("digits", [1, 2, 17])
@pytest.mark.parametrize("share", [0.001, 0.3, 0.999, 1])
def test_the_smallest_numbers_are_the_test_and_the_next_the_validation(
    digits: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of equal ones, those that come first; in however many pieces the numbers are counted."""
    monkeypatch.setattr(split_module, "_AT_ONCE", 300)
    draws = np.round(np.random.default_rng(5).random(1000), digits)
    parts = split_module.of_draws(draws, 0.2, share)
    order = np.argsort(draws, kind="stable")
    tests, held_out = round(1000 * share), min(1000, round(1000 * share) + 200)
    assert parts["test"].tolist() == sorted(order[:tests])
    assert parts["validation"].tolist() == sorted(order[tests:held_out])
    assert parts["train"].tolist() == sorted(order[held_out:])


def test_seeds_give_different_splits() -> None:
    tests = {tuple(split(seed, 100, 0, 0.2)["test"].tolist()) for seed in range(50)}
    assert len(tests) == 50


def test_a_longer_table_moves_few_examples() -> None:
    """Each position draws its number from the seed and itself alone."""
    before, after = split(3, 1000, 0, 0.2)["test"], split(3, 1010, 0, 0.2)["test"]
    assert len(set(before.tolist()) & set(after.tolist())) >= 190


def test_stratify_may_name_a_column_of_text() -> None:
    write("a,b,kind,y\n" + "1,2,cat,0\n3,4,dog,1\n" * 20)
    prepared = prepare(spec(CSV, inputs=["a", "b"], split={"test": 0.5, "stratify": "kind"}))
    part = prepared.parts["test"]
    assert sorted(part.examples.targets["y"][part.positions].tolist()) == [0] * 10 + [1] * 10


def test_a_split_that_leaves_nothing_is_told() -> None:
    write(GOOD)
    error = faults(spec(CSV, split={"test": 0.1}))
    assert codes(error) == ["MS618"]
    assert "nothing for the test" in error.diagnostics[0].message


def test_stratify_by_something_that_is_no_class_is_a_warning() -> None:
    write("a,b,y\n" + "".join(f"{i},2,0\n" for i in range(10)))
    warnings = prepare(spec(CSV, split={"test": 0.5, "stratify": "a"})).warnings
    assert "MS618" in [one.code for one in warnings]


def test_parts_may_have_sources_of_their_own() -> None:
    write(GOOD)
    write("a,b,y\n5,6,2\n", "v.csv")
    checked = compile_spec(
        {
            "model": {"inputs": {"x": [2]}, "layers": CLASSIFIER},
            "data": {"train": CSV, "validation": {"csv": "v.csv"}, "targets": "y"},
            "training": {"loss": "sparse_categorical_crossentropy"},
        }
    )
    assert checked.ok and checked.value is not None
    prepared = prepare(checked.value)
    assert {name: len(part) for name, part in prepared.parts.items()} == {
        "train": 2,
        "validation": 1,
    }
    assert prepared.parts["validation"].examples.inputs["x"].tolist() == [[5, 6]]


# Order --------------------------------------------------------------------------------------------


@given(SEEDS, st.integers(0, 1000), st.integers(0, 200))
def test_an_epochs_order_is_a_permutation_of_its_own(seed: int, epoch: int, count: int) -> None:
    found = order(seed, epoch, count)
    assert sorted(found.tolist()) == list(range(count))
    assert (found == order(seed, epoch, count)).all()


def test_epochs_and_seeds_differ() -> None:
    assert (
        len({tuple(order(seed, epoch, 50).tolist()) for seed in range(8) for epoch in range(8)})
        == 64
    )


@given(st.integers(1, 1000), st.integers(1, 100))
def test_steps_cover_every_example(count: int, batch_size: int) -> None:
    assert (
        (steps(count, batch_size) - 1) * batch_size < count <= steps(count, batch_size) * batch_size
    )


# Fixed batches ------------------------------------------------------------------------------------


def test_an_input_of_a_fixed_batch_size_needs_whole_batches() -> None:
    write("a,b,y\n" + "1,2,0\n3,4,1\n5,6,2\n1,2,0\n3,4,1\n")
    checked = compile_spec(
        {
            "model": {"inputs": {"x": {"shape": [2], "batch_size": 2}}, "layers": CLASSIFIER},
            "data": {"source": CSV, "targets": "y"},
            "training": {"loss": "sparse_categorical_crossentropy", "batch_size": 2},
        }
    )
    assert checked.ok and checked.value is not None
    error = faults(checked.value)
    assert codes(error) == ["MS624"]
    assert "the last one of training would have 1" in error.diagnostics[0].message


def test_findings_without_errors_stop_nothing() -> None:
    findings = Findings()
    findings.warning("MS620", "only one", None)
    findings.stop_if_wrong()
    assert findings.ok
