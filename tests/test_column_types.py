"""What a column is follows the spec and the run, never the other rows of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Diagnostic
from modelspec.runtime.data import DataError, prepare
from modelspec.runtime.data.adapted_state import FeatureState, State
from modelspec.runtime.data.errors import Findings
from modelspec.runtime.data.inspection import inspect
from modelspec.runtime.data.parts import CountedSource, cut
from modelspec.runtime.data.prepare import prepare_source
from modelspec.runtime.data.python_objects import MemoryTable
from modelspec.runtime.data.sources import open_source

from .sources import opened

CODES = ["01", "1", "007", "7", "1e3", "1000"]
LOOKUP = {"StringLookup": {"output_mode": "one_hot", "num_oov_indices": 0}}
HASHING = {"Hashing": {"num_bins": 1_000_003}}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


UNIT = {"Dense": {"units": 1, "name": "y"}}
LAYERS: dict[str, Any] = {
    "float32": [UNIT],
    "int32": [{"Embedding": {"input_dim": 1_000_003, "output_dim": 1}}, "Flatten", UNIT],
    "string": [{"StringLookup": {"vocabulary": ["a"], "output_mode": "one_hot"}}, UNIT],
}


def spec(
    feature: Any, dtype: str = "float32", source: Any = None, size: Any = 1, **data: Any
) -> Compiled:
    checked = compile_spec(
        {
            "model": {"inputs": {"x": {"shape": [size], "dtype": dtype}}, "layers": LAYERS[dtype]},
            "data": {
                "source": source or {"csv": "t.csv"},
                "inputs": {"x": feature},
                "targets": "y",
                **data,
            },
            "training": {"loss": "mse", "batch_size": 1},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return checked.value


def write(cells: list[str], name: str = "t.csv") -> None:
    Path(name).write_text("a,y\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))


def values(compiled: Compiled) -> Any:
    return prepare(compiled).parts["train"].examples.inputs["x"]


def faults(act: Callable[[], Any]) -> tuple[Diagnostic, ...]:
    with pytest.raises(DataError) as caught:
        act()
    return caught.value.diagnostics


# Text ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feature", ["a", {"column": "a", "dtype": "string"}])
def test_an_input_of_text_takes_the_cells_as_they_are_written(feature: Any) -> None:
    write(CODES)
    assert values(spec(feature, "string")).ravel().tolist() == CODES
    facts, _ = inspect(spec(feature, "string"))
    (column,) = facts.inputs["x"].columns
    assert column.dtype == "text" and column.values is not None and set(column.values) == set(CODES)


def test_only_an_empty_cell_lacks_a_text() -> None:
    write(["NA", "nan", "7"])
    assert values(spec("a", "string")).ravel().tolist() == ["NA", "nan", "7"]
    write(["7", "", "8"])
    (one,) = faults(lambda: prepare(spec("a", "string")))
    assert one.code == "MS608" and "t.csv:3" in one.message
    write(["7", "NA", "8"])
    (one,) = faults(lambda: prepare(spec("a")))
    assert one.code == "MS608" and "t.csv:3" in one.message


def test_one_column_may_be_text_for_one_feature_and_numbers_for_another() -> None:
    """Each reads the same cells in its own way; numbers as the source writes them."""
    Path("t.csv").write_text('a,b,y\n"1.007,5",1,0\n"7",NA,1\n')
    checked = compile_spec(
        {
            "model": {
                "inputs": {"t": {"shape": [1], "dtype": "string"}, "n": [1]},
                "layers": [
                    {"StringLookup": {"vocabulary": ["a"], "output_mode": "one_hot", "from": "t"}},
                    {"Concatenate": {"from": ["n", "string_lookup"]}},
                    {"Dense": {"units": 1, "name": "y"}},
                ],
            },
            "data": {
                "source": {"csv": {"path": "t.csv", "decimal": ",", "thousands": "."}},
                "inputs": {"t": "a", "n": {"column": "a", "missing": "mean"}},
                "targets": "y",
            },
            "training": {"loss": "mse", "batch_size": 1},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    found = prepare(checked.value).parts["train"].examples.inputs
    assert found["t"].ravel().tolist() == ["1.007,5", "7"]
    assert found["n"].ravel().tolist() == [1007.5, 7.0]


@pytest.mark.tensorflow
@pytest.mark.parametrize("cells", [CODES, ["007", "7"], ["1", "2"], ["x", "7"], [f"{2**64}1", "1"]])
def test_a_lookup_has_a_category_for_each_spelling(cells: list[str]) -> None:
    write(cells * 3)
    compiled = spec({"column": "a", "transform": [LOOKUP]}, size="auto")
    prepared = prepare(compiled)
    expected = pd.get_dummies(pd.read_csv("t.csv", dtype=str, keep_default_na=False)["a"])
    (known,) = prepared.state.features["inputs", "x"].learned
    assert known is not None
    found = prepared.parts["train"].examples.inputs["x"]
    np.testing.assert_array_equal(found, expected[list(known["vocabulary"])])


@pytest.mark.tensorflow
def test_hashing_on_csv_hashes_the_spelling() -> None:
    import keras

    write(["007", "7"])
    layer = keras.layers.Hashing(1_000_003)
    for dtype, given in ((None, ["007", "7"]), ("int64", np.array([7, 7]))):
        feature = {"column": "a", "transform": [HASHING], **({"dtype": dtype} if dtype else {})}
        expected = np.asarray(layer(np.array(given)))
        np.testing.assert_array_equal(values(spec(feature, "int32")).ravel(), expected)


@pytest.mark.parametrize("whole", [True, False])
def test_labels_of_a_table_of_images_are_cells_too(whole: bool) -> None:
    """Also the names of the files: `007` has no ending, and is no number."""
    from PIL import Image

    for number in range(3):
        Image.fromarray(np.full((2, 2, 3), number, np.uint8)).save(f"00{number}", format="png")
    Path("t.csv").write_text("file,code,n\n000,01,1.5\n001,1,2\n002,007,3\n")
    table = opened({"images": {"csv": "t.csv"}}, Path.cwd())
    if whole:
        assert table.column("code", text=True).tolist() == ["01", "1", "007"]
        assert table.column("code").tolist() == [1.0, 1.0, 7.0]
    blocks = list(table.blocks(["image", "code", "n"], 2, {"code"}))
    assert [one.tolist() for one in (block["code"] for block in blocks)] == [["01", "1"], ["007"]]
    assert [block["image"][:, 0, 0, 0].tolist() for block in blocks] == [[0, 1], [2]]
    alone = list(table.blocks(["code", "n"], 2, {"code"}))
    assert [block["code"].tolist() for block in alone] == [["01", "1"], ["007"]]
    assert alone[0]["n"].tolist() == [1.5, 2.0]


def test_a_split_by_a_column_of_text_goes_by_its_spelling() -> None:
    """`07` and `7` are two groups, as the two categories that the lookup makes of them."""
    write([f"{zero}{number}" for number in range(20) for zero in ("", "0")])
    feature = {"column": "a", "transform": [{"StringLookup": {"vocabulary": ["7"]}}]}
    for names, apart in ((feature, True), ("a", False)):
        compiled = spec(names, "int32", split={"test": 0.5, "group": "a"})
        assert compiled.data is not None
        table = open_source(compiled.data.sources["train"], compiled.file.context)
        sources = {"train": CountedSource(table, 40, None)}
        parts = cut(compiled, compiled.data, sources, Findings())
        numbers = [{int(row) // 2 for row in rows} for rows in parts.values()]
        assert len(numbers) == 2 and bool(numbers[0] & numbers[1]) == apart


# The run ------------------------------------------------------------------------------------------


@pytest.mark.tensorflow
def test_a_run_that_learned_text_reads_digits_as_text() -> None:
    import keras

    write(["x", "007"])
    compiled = spec({"column": "a", "transform": [HASHING]}, "int32")
    state = prepare(compiled).state
    assert state.features["inputs", "x"].text is True
    state.save(Path.cwd())
    state = State.load(Path.cwd())
    write(["7", "007"], "new.csv")
    table = opened({"csv": "new.csv"}, Path.cwd())
    examples, _ = prepare_source(compiled, table, with_targets=False, state=state)
    expected = keras.layers.Hashing(1_000_003)(np.array(["7", "007"]))
    np.testing.assert_array_equal(examples.inputs["x"].ravel(), np.asarray(expected))
    parquet.write_table(pa.table({"a": [7, 8]}), "new.parquet")
    numbers = opened({"parquet": "new.parquet"}, Path.cwd())
    (one,) = faults(lambda: prepare_source(compiled, numbers, with_targets=False, state=state))
    assert one.code == "MS609" and "int64" in one.message


@pytest.mark.tensorflow
def test_a_run_that_learned_numbers_takes_numbers() -> None:
    import keras

    parquet.write_table(pa.table({"a": [7, 8], "y": [0, 1]}), "t.parquet")
    feature = {"column": "a", "transform": [HASHING]}
    compiled = spec(feature, "int32", {"parquet": "t.parquet"})
    state = prepare(compiled).state
    write(["007", "x"])
    (one,) = faults(
        lambda: prepare_source(
            compiled, opened({"csv": "t.csv"}, Path.cwd()), with_targets=False, state=state
        )
    )
    assert one.code == "MS609" and '"x" at t.csv:3' in one.message
    write(["007", "8"])
    table = opened({"csv": "t.csv"}, Path.cwd())
    examples, _ = prepare_source(compiled, table, with_targets=False, state=state)
    expected = keras.layers.Hashing(1_000_003)(np.array([7, 8]))
    np.testing.assert_array_equal(examples.inputs["x"].ravel(), np.asarray(expected))


@pytest.mark.tensorflow
def test_a_run_of_a_version_that_kept_no_types_reads_what_it_read(tmp_path: Path) -> None:
    """It hashed the numbers of a column of digits: so do its predictions."""
    import keras

    from modelspec.runtime.run.run_data import saved_state

    write(["007", "8"])
    compiled = spec({"column": "a", "transform": [HASHING]}, "int32")
    state = saved_state(compiled, tmp_path)
    table = opened({"csv": "t.csv"}, Path.cwd())
    examples, _ = prepare_source(compiled, table, with_targets=False, state=state)
    expected = keras.layers.Hashing(1_000_003)(np.array([7, 8]))
    np.testing.assert_array_equal(examples.inputs["x"].ravel(), np.asarray(expected))
    prepare(compiled).save(tmp_path)
    kept = saved_state(compiled, tmp_path)
    assert kept is not None and kept.features["inputs", "x"].text is True


def test_a_state_without_types_is_read_as_it_was_written(tmp_path: Path) -> None:
    State({("inputs", "x"): FeatureState(None), ("targets", "y"): FeatureState(False)}).save(
        tmp_path
    )
    found = State.load(tmp_path).features
    assert [found["inputs", "x"].text, found["targets", "y"].text] == [None, False]


# Numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "cells", "help"),
    [
        # groups of three digits are thousands, whatever follows from the first cell alone
        ({}, ['"1,234"', '"12,500"', "999"], 'thousands: ","'),
        ({}, ['"1,234"', '"1,234,567.5"'], 'thousands: ","'),
        ({}, ['"1,5"', '"1,234"'], 'decimal: ","'),
        ({}, ['"0,123"', '"0,456"'], 'decimal: ","'),
        ({}, ["1 234", "12 500"], 'thousands: " "'),
        ({}, ["1'234", "12'500"], 'thousands: "\'"'),
        ({"decimal": ","}, ["1.234", "12.500"], 'thousands: "."'),
        ({"decimal": ","}, ["1.5", "1.234"], "decimals with a comma"),
        ({}, ["$5", "$6"], 'number: {strip: "$"}'),
        ({}, ['"$1,500"', "$6"], 'number: {thousands: ",", strip: "$"}'),
        ({}, ['"(1,500)"', "(6)"], 'number: {thousands: ",", accounting: true}'),
        ({}, ["5%", "6.5 %"], "number: {percent: true}"),
        ({}, ["5%", "6"], "without `%`"),  # whether 6 is 0.06, the cells do not show
    ],
)
def test_the_help_proposes_how_numbers_are_written(
    settings: Any, cells: list[str], help: str
) -> None:
    Path("t.csv").write_text("y;a\n" + "".join(f"{i};{one}\n" for i, one in enumerate(cells)))
    source = {"csv": {"path": "t.csv", "delimiter": ";", **settings}}
    (one,) = faults(lambda: prepare(spec("a", source=source)))
    assert one.code == "MS609" and help in str(one.help), one.help


def test_the_help_leads_to_the_numbers() -> None:
    Path("t.csv").write_text('y,a\n0,"1,234"\n1,"12,500"\n2,"999"\n')
    source = {"csv": {"path": "t.csv", "thousands": ","}}
    assert values(spec("a", source=source)).ravel().tolist() == [1234.0, 12500.0, 999.0]


def test_with_a_decimal_comma_a_point_is_an_error_at_its_row() -> None:
    for cells in (["1.234", "2.345", "999"], ["1,5", "1.5", "2"]):
        Path("t.csv").write_text("y;a\n" + "".join(f"{i};{one}\n" for i, one in enumerate(cells)))
        source = {"csv": {"path": "t.csv", "decimal": ","}}
        (one,) = faults(lambda source=source: prepare(spec("a", source=source)))  # type: ignore[misc]
        assert one.code == "MS609", one
        row = 2 if cells[0] == "1.234" else 3
        assert f"t.csv:{row}" in one.message and "1." in one.message


def test_a_dtype_says_which_numbers_a_column_has() -> None:
    write(["1", "2.5"])
    assert values(spec({"column": "a", "dtype": "float64"})).ravel().tolist() == [1.0, 2.5]
    (one,) = faults(lambda: prepare(spec({"column": "a", "dtype": "int64"})))
    assert one.code == "MS621" and "2.5 at t.csv:3, but `dtype: int64` takes" in one.message
    rows = MemoryTable("rows", {"a": np.array([1.0, 2.5])})
    compiled = spec({"column": "a", "dtype": "int64"})
    (one,) = faults(lambda: prepare_source(compiled, rows, with_targets=False))
    assert one.code == "MS621"


@pytest.mark.parametrize(
    ("feature", "dtype", "code"),
    [
        ({"column": "a", "dtype": "string"}, "float32", "MS662"),
        ({"column": "a", "dtype": "int64"}, "string", "MS662"),
        ({"column": "a", "dtype": "string", "transform": ["Normalization"]}, "float32", "MS404"),
        ({"column": "a", "dtype": "int64", "transform": [LOOKUP]}, "float32", "MS404"),
        ({"column": "a", "dtype": "int32"}, "float32", "MS205"),
    ],
)
def test_a_dtype_that_goes_with_nothing_is_an_error(feature: Any, dtype: str, code: str) -> None:
    with pytest.raises(AssertionError) as caught:
        spec(feature, dtype)
    assert code in str(caught.value)
