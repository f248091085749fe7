"""`data.where`: the rows that a condition keeps, against pandas; and what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelspec.catalog.sources import read_source
from modelspec.compiler.expand.expression_syntax import Misread
from modelspec.compiler.expand.row_syntax import FUNCTIONS as KNOWN
from modelspec.compiler.expand.row_syntax import read_condition
from modelspec.compiler.expand.row_types import column_kinds
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.settings import Context
from modelspec.runtime.data import DataError, RunError, Table, prepare
from modelspec.runtime.data.adapted_state import State
from modelspec.runtime.data.columns import Binding
from modelspec.runtime.data.errors import Findings
from modelspec.runtime.data.filtered import FilteredTable, filtered
from modelspec.runtime.data.inspection import inspect
from modelspec.runtime.data.prepare import prepare_source
from modelspec.runtime.data.row_cells import kind_of_dtype, made_ready
from modelspec.runtime.data.row_functions import FUNCTIONS
from modelspec.runtime.data.row_values import Unread
from modelspec.runtime.data.sources import open_source
from modelspec.runtime.data.where import Rows, RowTest


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def mapping(where: Any, **data: Any) -> dict[str, Any]:
    found = {"source": {"csv": "t.csv"}, "inputs": "a", "targets": "y", "where": where, **data}
    return {
        "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": found,
        "training": {"loss": "mse", "batch_size": 2},
    }


def checked(where: Any, **data: Any) -> Compiled:
    found = compile_spec(mapping(where, **data))
    assert found.ok and found.value is not None, [str(one) for one in found.diagnostics]
    return found.value


def kept(where: str, source: Any = "t.csv", kind: str = "csv") -> list[int]:
    """The rows of a source that no feature takes anything of."""
    here = Context(folder=Path.cwd(), project=Path.cwd())
    table = open_source(read_source({kind: source}, here), here)
    findings = Findings()
    compiled = checked(where, source={kind: source}, inputs="unused", targets="unused_too")
    found = filtered(table, compiled, Binding({}, {}), findings)
    findings.stop_if_wrong()
    assert isinstance(found, FilteredTable)
    rows: list[int] = found.rows.tolist()
    return rows


def fault(where: str, **data: Any) -> tuple[str, str, str]:
    """The code, the place and the message of the one fault that the data show."""
    with pytest.raises(RunError) as caught:
        prepare(checked(where, **data))
    (one,) = caught.value.diagnostics
    assert one.span is not None
    return one.code, one.span.text, f"{one.message} {one.help}"


# Against pandas -----------------------------------------------------------------------------------

NUMBERS, TEXTS, TRUTH = ("n", "whole number", "m"), ("t", "u"), ("flag",)


class Drawn(NamedTuple):
    """A condition as text, and what pandas makes of it."""

    text: str
    holds: Callable[[pd.DataFrame], pd.Series]


def name_of(column: str) -> str:
    return f"`{column}`" if " " in column else column


COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
COMPUTE: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


@st.composite
def numeric(draw: st.DrawFn) -> Drawn:
    """A number of a row: a column, or what is computed of it and of a number that is not 0."""
    one = draw(st.sampled_from(NUMBERS))
    if draw(st.booleans()):
        return Drawn(name_of(one), lambda frame: frame[one].astype(float))
    sign = draw(st.sampled_from(list(COMPUTE)))
    other = draw(st.sampled_from([1, 2, 3, 0.5, -4]))
    text = f"({name_of(one)} {sign} {other})"
    return Drawn(text, lambda frame: COMPUTE[sign](frame[one].astype(float), other))


@st.composite
def comparison(draw: st.DrawFn) -> Drawn:
    sign = draw(st.sampled_from(list(COMPARE)))
    if draw(st.booleans()):
        number, value = draw(numeric()), draw(st.integers(-3, 6) | st.sampled_from([0.5, -1.5]))
        text = f"{number.text} {sign} {value}"

        def holds(frame: pd.DataFrame) -> pd.Series:
            values = number.holds(frame)
            return COMPARE[sign](values, value) & values.notna()

        return Drawn(text, holds)
    column, value = draw(st.sampled_from(TEXTS)), draw(st.sampled_from(["a", "b", "ü x", "10"]))

    def texts(frame: pd.DataFrame) -> pd.Series:
        return COMPARE[sign](frame[column].fillna(""), value) & frame[column].notna()

    return Drawn(f"{column} {sign} '{value}'", texts)


@st.composite
def among(draw: st.DrawFn) -> Drawn:
    negated = draw(st.booleans())
    word = "not in" if negated else "in"
    if draw(st.booleans()):
        column: str = draw(st.sampled_from(NUMBERS))
        items: list[Any] = draw(st.lists(st.integers(-3, 5), min_size=1, max_size=3))
    else:
        column = draw(st.sampled_from(TEXTS))
        items = draw(st.lists(st.sampled_from(["a", "b", "ü x", "10"]), min_size=1, max_size=3))

    def holds(frame: pd.DataFrame) -> pd.Series:
        found = frame[column].isin(items)
        return (~found if negated else found) & frame[column].notna()

    return Drawn(f"{name_of(column)} {word} {items!r}", holds)


@st.composite
def missing(draw: st.DrawFn) -> Drawn:
    column = draw(st.sampled_from((*NUMBERS, *TEXTS)))
    if draw(st.booleans()):
        return Drawn(f"{name_of(column)} is missing", lambda frame: frame[column].isna())
    return Drawn(f"{name_of(column)} is  not missing", lambda frame: frame[column].notna())


def flag() -> st.SearchStrategy[Drawn]:
    return st.sampled_from(
        [
            Drawn("flag == true", lambda frame: frame["flag"]),
            Drawn("flag", lambda frame: frame["flag"]),
            Drawn("flag != true", lambda frame: ~frame["flag"]),
        ]
    )


def joined(parts: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    def both(one: Drawn, other: Drawn, word: str) -> Drawn:
        def holds(frame: pd.DataFrame) -> pd.Series:
            a, b = one.holds(frame), other.holds(frame)
            return a & b if word == "and" else a | b

        return Drawn(f"({one.text}) {word} ({other.text})", holds)

    negated = parts.map(
        lambda one: Drawn(f"not ({one.text})", lambda frame: ~one.holds(frame).astype(bool))
    )
    return st.builds(both, parts, parts, st.sampled_from(["and", "or"])) | negated


CONDITIONS = st.recursive(comparison() | among() | missing() | flag(), joined, max_leaves=5)


def frame_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["n", "whole number", "m", "t", "u", "flag"])
    for name in ("n", "m"):
        frame[name] = frame[name].astype(float)
    for name in TEXTS:
        frame[name] = frame[name].astype(object)
    return frame


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-3, 5),
        st.integers(-3, 5),
        st.none() | st.sampled_from([-1.5, 0.0, 0.5, 2.0]),
        st.none() | st.sampled_from(["a", "b", "ü x", "10"]),
        st.none() | st.sampled_from(["a", "B", "10"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


class Columns(Table):
    """Columns in memory as a table of one block."""

    def __init__(self, columns: dict[str, Any]) -> None:
        super().__init__("drawn", tuple(columns), "", None)
        self._columns = columns

    def read(self, name: str) -> Any:
        return self._columns[name]

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return f"{name}[{index[0]}]"


@settings(max_examples=150, deadline=None)
@given(ROWS, CONDITIONS)
def test_the_rows_that_a_condition_keeps_are_those_of_pandas(
    rows: list[tuple[Any, ...]], drawn: Drawn
) -> None:
    frame = frame_of(rows)
    arrays = {
        name: np.array(["" if one is None or one != one else one for one in frame[name]], object)
        if name in TEXTS
        else frame[name].to_numpy()
        for name in frame
    }
    table, condition = Columns(arrays), read_condition(drawn.text)
    kinds = column_kinds(
        condition, {name: kind_of_dtype(one.dtype) for name, one in arrays.items()}
    )
    columns = {name: made_ready(name, arrays[name], kinds[name], table, None) for name in arrays}
    found = RowTest(condition)(Rows(len(frame), columns))
    np.testing.assert_array_equal(found, drawn.holds(frame).astype(bool), drawn.text)


@settings(max_examples=15, deadline=None)
@given(ROWS, CONDITIONS)
def test_a_csv_file_keeps_the_same_rows(rows: list[tuple[Any, ...]], drawn: Drawn) -> None:
    """The cells have no types: what a column is follows from what it is compared with."""
    frame = frame_of(rows)
    frame.assign(flag=frame["flag"].map({True: "true", False: "False"})).to_csv(
        "t.csv", index=False
    )
    expected = np.flatnonzero(drawn.holds(frame).astype(bool)).tolist()
    if not expected:
        with pytest.raises(DataError, match=rf"none of (1 row|the {len(rows)} rows) of t.csv"):
            kept(drawn.text)
    else:
        assert kept(drawn.text) == expected


FRAME = pd.DataFrame(
    {
        "n": [1.5, 2.0, None, 4.0, 5.0, -6.0],
        "k": [1, 2, 3, 4, 5, 6],
        "t": ["x", "y", "", "x", "z", "y"],
        "d": ["2024-01-31", "2024-06-01", "2024-03-05", "2023-12-31", "2024-06-01", "2025-01-01"],
    }
)


def write(kind: str) -> str:
    """The frame as a file of a kind; its path."""
    path = f"t.{kind}"
    frame = FRAME.assign(t=FRAME["t"].replace("", None))
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif kind == "parquet":
        frame.to_parquet(path)
    elif kind == "arrow":
        frame.to_feather(path)
    elif kind == "npz":
        np.savez(
            path, **{name: FRAME[name].to_numpy(str if name in "td" else None) for name in FRAME}
        )
    else:
        with h5py.File(path, "w") as file:
            for name in FRAME:
                values = FRAME[name].astype(str) if name in "td" else FRAME[name]
                file[name] = values.to_list()
    return path


KINDS = ("csv", "jsonl", "parquet", "arrow", "npz", "hdf5")
SAME: dict[str, list[int]] = {
    "n > 1 and t == 'x'": [0, 3],
    "n is missing or k == 6": [2, 5],
    "t is not missing and k in [1, 2, 3]": [0, 1],
    "d >= '2024-06-01'": [1, 4, 5],
    "d == '2024-06-01T00:00'": [1, 4],
    "'2024-03-05' > d": [0, 3],
    "n < k": [1, 5] and [5],
    "not (n > 1)": [2, 5],
    "abs(n) >= 4": [3, 4, 5],
    "2 <= k < 5 and t != 'x'": [1],
    "round(n / 2) == 1": [0, 1],
    "(1 if t == 'x' else k) == 1": [0, 3],
    "'x' in t": [0, 3],
    "k ** 2 % 5 == 4": [1, 2],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_source_of_columns_keeps_the_same_rows(kind: str) -> None:
    path = write(kind)
    assert {where: kept(where, path, kind) for where in SAME} == SAME


# What a comparison is -----------------------------------------------------------------------------


def test_a_column_of_csv_is_what_it_is_compared_with() -> None:
    Path("t.csv").write_text("code,a\n007,1\n7,2\n8,3\n", encoding="utf-8")
    assert kept("code == '007'") == [0]
    assert kept("code == 7") == [0, 1]


def test_a_column_of_csv_is_what_its_feature_says() -> None:
    Path("t.csv").write_text("code,a,y\n007,1,0\n7,2,0\n8,3,0\n", encoding="utf-8")
    looked_up = {"column": "code", "transform": [{"StringLookup": {"output_mode": "one_hot"}}]}
    found = compile_spec(mapping("code == 7", inputs=looked_up))
    assert [(one.code, one.span and one.span.text) for one in found.diagnostics] == [
        ("MS566", "code == 7")
    ]
    number = compile_spec(mapping("a == '1'"))
    assert [one.code for one in number.diagnostics] == ["MS566"]


def test_a_column_of_csv_has_the_number_format_of_its_feature() -> None:
    Path("t.csv").write_text('a,y\n"$1,200",1\n$900,2\n,3\n"$1,000",4\n', encoding="utf-8")
    feature = {"column": "a", "number": {"strip": "$", "thousands": ","}}
    prepared = prepare(checked("a >= 1000", inputs=feature))
    assert prepared.parts["train"].examples.inputs["x"].ravel().tolist() == [1200, 1000]


def test_whole_numbers_of_64_bits_are_compared_exactly() -> None:
    large = 2**63 - 3
    Path("t.csv").write_text(f"a,b\n{large},1\n{large + 1},2\n", encoding="utf-8")
    assert kept(f"a == {large}") == [0]
    assert kept(f"a > {large}") == [1]
    assert kept("a + b > 0") == [0, 1], "the sum does not wrap"


def test_times_with_offsets_are_compared_as_instants() -> None:
    Path("t.csv").write_text(
        "d\n2024-01-01T00:30:00+09:00\n2023-12-31T23:30:00-02:00\n2024-01-01T00:00Z\n",
        encoding="utf-8",
    )
    assert kept("d >= '2024-01-01T00:00:00Z'") == [1, 2]
    assert kept("d == '2023-12-31T15:30Z'") == [0]
    assert fault_of_data("d > '2024-01-01'")[0] == "MS649"


def fault_of_data(where: str) -> tuple[str, str, str]:
    with pytest.raises(DataError) as caught:
        kept(where)
    (one,) = caught.value.diagnostics
    assert one.span is not None
    return one.code, one.span.text, one.message


def test_a_division_by_zero_has_no_value() -> None:
    Path("t.csv").write_text("a,b\n1,0\n4,2\n", encoding="utf-8")
    assert kept("a / b > 1") == [1]
    assert kept("not (a / b > 1)") == [0]
    assert kept("a // b is missing") == [0]


def test_the_functions_are_those_of_the_grammar() -> None:
    assert set(KNOWN) == set(FUNCTIONS)
    Path("t.csv").write_text("a,b,t\n-1.5,2,12\n2.5,1,3\n,0,7\n", encoding="utf-8")
    assert kept("floor(a) == -2 or ceil(a) == 3") == [0, 1]
    assert kept("round(a) == 2") == [1], "half to even, as Python rounds"
    assert kept("int(t) == 12 or float(t) == 3") == [0, 1]
    assert kept("len(t) == 2 and str(b) == '2'") == [0]
    assert kept("max(a, b) == 2 or min(a, b, 5) == 1") == [0, 1]
    assert kept("int(a) == -1") == [0]
    assert kept("round(a / 2, 1) == 1.2") == [1]


# What is wrong with a condition -------------------------------------------------------------------

WRONG: dict[str, tuple[str, str]] = {
    # condition: (code, what is marked)
    "a >": ("MS120", "a >"),
    "a = 3": ("MS120", "="),
    "a > 3 && b": ("MS113", "&&"),
    "b is None": ("MS113", "None"),
    "a.b > 3": ("MS113", "a.b"),
    "a[0] > 3": ("MS113", "a[0]"),
    "`a > 3": ("MS113", "`a > 3"),
    "`` > 3": ("MS113", "``"),
    "a > 3 and missing": ("MS113", "missing"),
    "a is missing == true": ("MS113", "a is missing == true"),
    "d > 2024-06-01": ("MS113", "2024-06-01"),
    "null == b": ("MS113", "null"),
    "a in []": ("MS113", "[]"),
    "a in [b]": ("MS113", "b"),
    "[1] == b": ("MS113", "[1]"),
    "sum(b) > 3": ("MS113", "sum"),
    "min(b) > 3": ("MS113", "min(b)"),
    "round(b, b) > 3": ("MS113", "b"),
    "len(b, b) > 3": ("MS123", "len(b, b)"),
    "sqrt(b) > 3": ("MS122", "sqrt"),
    "a": ("MS566", "a"),
    "b + 1": ("MS566", "b + 1"),
    "a == 'x'": ("MS566", "a == 'x'"),
    "b == 'x' or b == 3": ("MS566", "b == 3"),
    "b > true": ("MS566", "b > true"),
    "b in [1, 'x']": ("MS566", "b in [1, 'x']"),
    "not 3": ("MS566", "3"),
    "len(3) == b": ("MS566", "3"),
    "'x' in 3": ("MS566", "3"),
    "(b if b > 3 else 'x') == 3": ("MS566", "b if b > 3 else 'x'"),
    "": ("MS120", ""),
}


@pytest.mark.parametrize("where", WRONG)
def test_what_is_wrong_is_said_at_its_characters(where: str) -> None:
    code, marked = WRONG[where]
    found = compile_spec(mapping(where))
    assert [(one.code, one.span and one.span.text) for one in found.diagnostics] == [(code, marked)]


def test_a_place_is_a_column_of_the_file() -> None:
    Path("spec.yaml").write_text(
        "model: {inputs: {x: [1]}, layers: [{Dense: 1}]}\n"
        "data:\n  source: {csv: t.csv}\n  targets: y\n"
        "  where: \"`größe in m` > 1 and agee is missing or q == 3 == 'x'\"\n",
        encoding="utf-8",
    )
    (one,) = compile_spec("spec.yaml").diagnostics
    assert (one.code, one.line, one.column) == ("MS566", 5, 56)


def test_unknown_columns_are_reported_each_with_the_nearest() -> None:
    Path("t.csv").write_text("a,home town,y\n1,x,0\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        prepare(checked("aa > 1 and `home twon` == 'x' and a > 0"))
    assert [
        (one.code, one.span and one.span.text, one.suggestion) for one in caught.value.diagnostics
    ] == [("MS607", "aa", "a"), ("MS607", "`home twon`", "`home town`")]


def test_types_of_the_source_s_own_are_checked_when_it_is_read() -> None:
    path = write("parquet")
    with pytest.raises(DataError) as caught:
        kept("t > 3", path, "parquet")
    (one,) = caught.value.diagnostics
    assert (one.code, one.span and one.span.text) == ("MS566", "t > 3")


def test_a_cell_that_cannot_be_compared_is_told_with_its_place() -> None:
    Path("t.csv").write_text("a,b,f,y\n1,3,yes,0\n2,adult,no,0\n", encoding="utf-8")
    code, marked, message = fault("b > 3")
    assert (code, marked) == ("MS649", "b") and '"adult" of `b` at t.csv:3' in message
    assert fault("f == true")[0] == "MS649"
    assert "t.csv:2" in fault("f > '2024-01-01'")[2]


def test_nothing_kept_says_how_many_rows_there_were() -> None:
    Path("t.csv").write_text("a,y\n1,0\n2,0\n", encoding="utf-8")
    code, marked, message = fault("a > 2")
    assert (code, marked) == ("MS639", '"a > 2"')
    assert "none of the 2 rows of t.csv" in message


# Where it acts ------------------------------------------------------------------------------------


def test_rows_that_are_left_out_have_no_faults_and_others_keep_their_numbers() -> None:
    Path("t.csv").write_text("a,b,y\n,1,0\n2,2,0\n3,2,0\n,2,0\n", encoding="utf-8")
    code, _, message = fault("b == 2")
    assert code == "MS608" and "t.csv:5" in message
    prepared = prepare(checked("b == 2 and a is not missing"))
    assert prepared.parts["train"].examples.inputs["x"].ravel().tolist() == [2, 3]


def test_what_is_left_out_changes_nobody_else_s_draw() -> None:
    rows = "".join(f"{row},{row % 2},{row}\n" for row in range(400))
    Path("t.csv").write_text("a,b,y\n" + rows, encoding="utf-8")
    split = {"test": 0.25}
    whole = prepare(checked(None, split=split)).parts["test"]
    some = prepare(checked("b == 1", split=split)).parts["test"]
    odd = {row for row in whole.positions.tolist() if row % 2}
    found = set(some.examples.inputs["x"].ravel()[some.positions].astype(int).tolist())
    assert len(found ^ odd) < 20, "the shares of the two halves differ a little"
    assert len(found) == 50


def test_what_is_learned_is_learned_from_kept_rows_of_the_training_part() -> None:
    Path("t.csv").write_text(
        "a,b,y\n1,1,0\n1000,0,0\n,1,0\n3,1,0\n,0,0\n500,1,0\n", encoding="utf-8"
    )
    feature = {"column": "a", "missing": "mean"}
    split = {"order": "y2", "at": [1]}
    Path("t.csv").write_text(
        "a,b,y,y2\n1,1,0,0\n1000,0,0,0\n,1,0,0\n3,1,0,0\n,0,0,0\n500,1,0,1\n", encoding="utf-8"
    )
    prepared = prepare(checked("b == 1", inputs=feature, split=split))
    assert prepared.state.features["inputs", "x"].fill == {"a": 2.0}
    assert len(prepared.parts["test"]) == 1


def test_evaluation_filters_rows_and_prediction_does_not() -> None:
    Path("t.csv").write_text("a,b,y\n1,1,0\n2,0,0\n3,1,0\n", encoding="utf-8")
    compiled = checked("b == 1")
    here = Context(folder=Path.cwd(), project=Path.cwd())
    table = open_source(read_source({"csv": "t.csv"}, here), here)
    for with_targets, count in ((True, 2), (False, 3)):
        examples, _ = prepare_source(
            compiled, table, with_targets=with_targets, state=State.kept_by_none({})
        )
        assert examples.count == count


def test_rows_to_predict_need_not_have_the_columns_of_the_condition() -> None:
    Path("t.csv").write_text("a\n1\n2\n", encoding="utf-8")
    here = Context(folder=Path.cwd(), project=Path.cwd())
    table = open_source(read_source({"csv": "t.csv"}, here), here)
    examples, _ = prepare_source(
        checked("b == 1"), table, with_targets=False, state=State.kept_by_none({})
    )
    assert examples.count == 2


def test_the_condition_is_part_of_the_key_of_prepared_data() -> None:
    rows = "".join(f"{row},{row % 2},{row}\n" for row in range(20))
    Path("t.csv").write_text("a,b,y\n" + rows, encoding="utf-8")
    keys = [prepare(checked(where, cache="disk")).cache[0] for where in (None, "b == 1", "b == 0")]
    assert len({one.key for one in keys}) == 3
    again = prepare(checked("b == 1", cache="disk"))
    assert again.cache[0].used
    assert again.parts["train"].examples.inputs["x"].ravel().tolist() == list(range(1, 20, 2))


def test_a_source_that_is_streamed_is_filtered_block_by_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from modelspec.runtime.data import column_reader

    count = 30_000
    frame = pd.DataFrame({"a": np.arange(count), "b": np.arange(count) % 7, "y": 0})
    frame.loc[8192:24576, "b"] = 3  # two whole blocks of which nothing is kept
    frame.to_parquet("t.parquet")
    monkeypatch.setattr(column_reader, "MEMORY", 1)
    monkeypatch.setattr(column_reader, "ONCE", 1)
    prepared = prepare(
        checked("b == 1", source={"parquet": "t.parquet"}, cache="memory", split={"test": 0.1})
    )
    expected = frame["a"][frame["b"] == 1].tolist()
    assert prepared.parts["train"].examples.inputs["x"].ravel().tolist() == expected
    assert len(prepared.parts["test"]) == round(len(expected) / 10)


def test_parts_with_sources_of_their_own_are_each_filtered() -> None:
    Path("t.csv").write_text("a,b,y\n1,1,0\n2,0,0\n3,1,0\n", encoding="utf-8")
    Path("v.csv").write_text("a,b,y\n4,0,0\n5,1,0\n", encoding="utf-8")
    spec = mapping("b == 1")
    spec["data"] = {"train": {"csv": "t.csv"}, "validation": {"csv": "v.csv"}} | {
        key: one for key, one in spec["data"].items() if key != "source"
    }
    found = compile_spec(spec)
    assert found.ok and found.value is not None
    assert {name: len(one) for name, one in prepare(found.value).parts.items()} == {
        "train": 2,
        "validation": 1,
    }


def test_the_report_says_how_many_rows_are_left_out_and_how_parts_came_about() -> None:
    from modelspec.cli.data_json import as_json
    from modelspec.cli.data_text import as_text

    Path("t.csv").write_text("a,b,y\n1,1,0\n2,0,0\n3,1,0\n,1,0\n5,1,0\n6,1,0\n", encoding="utf-8")
    feature = {"column": "a", "missing": "drop"}
    facts, _ = inspect(checked("b == 1", inputs=feature, split={"order": "y", "test": 0.25}))
    assert facts.ok
    read = json.loads(as_json(facts))
    assert read["where"] == [{"source": "t.csv", "condition": "b == 1", "rows": 6, "left_out": 1}]
    assert read["dropped"] == 1
    assert read["split"] == "by share in the order of `y`: test 0.25"
    text = as_text("spec", facts)
    assert "where b == 1: 1 of the 6 rows of t.csv excluded" in text
    assert "split by share in the order of `y`: test 0.25" in text


# From outside -------------------------------------------------------------------------------------


def test_a_condition_takes_values_of_the_spec() -> None:
    Path("t.csv").write_text("a,y\n1,0\n2,0\n3,0\n", encoding="utf-8")
    spec = {"vars": {"least": 2}, **mapping("a >= $least")}
    found = compile_spec(spec)
    assert found.ok and found.value is not None
    assert len(prepare(found.value).parts["train"]) == 2


def test_a_condition_is_read_once_and_nothing_is_run() -> None:
    for text in ("__import__('os')", "a.__class__", "(lambda: 1)()", "[x for x in a]", "f'{a}'"):
        with pytest.raises(Misread):
            read_condition(text)


def of(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    return [one.code for one in diagnostics]


def test_a_condition_is_text() -> None:
    assert of(compile_spec(mapping(3)).diagnostics) == ["MS204"]
    assert of(compile_spec(mapping(["a > 3"])).diagnostics) == ["MS204"]


TOKENS = st.sampled_from(
    [
        *(
            "a",
            "b",
            "`a b`",
            "`",
            "missing",
            "is",
            "not",
            "in",
            "and",
            "or",
            "if",
            "else",
            "(",
            ")",
        ),
        *(
            "[",
            "]",
            ",",
            "1",
            "2.5",
            "1e400",
            "'x'",
            "'",
            '"',
            "2024-01-01",
            "==",
            "<",
            ">=",
            "=",
            "-",
        ),
        *(
            "+",
            "/",
            "**",
            "%",
            ".",
            "$",
            "#",
            "\n",
            "ü",
            "😀",
            "true",
            "null",
            "len",
            "abs",
            "str",
            " ",
        ),
        *("is missing", "is not missing", "9" * 25, ":", "lambda", "\\", "\x00", "{", "~", "&"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(TOKENS, max_size=12).map(" ".join))
def test_any_text_is_a_condition_or_has_a_fault_at_a_place_in_it(text: str) -> None:
    try:
        column_kinds(read_condition(text), {})
    except Misread as misread:
        assert misread.fault.code.startswith("MS")
        assert 0 <= misread.start <= misread.end <= len(text)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.lists(TOKENS, max_size=9).map(" ".join))
def test_what_is_a_condition_can_be_asked_of_rows(rows: list[tuple[Any, ...]], text: str) -> None:
    try:
        condition = read_condition(text)
        kinds = column_kinds(condition, {})
    except Misread:
        return
    frame = frame_of(rows)
    given = {"a": frame["n"].to_numpy(), "b": frame["t"].fillna("").to_numpy()}
    columns = {}
    for name in condition.columns:
        text_of_rows = kinds.get(name) == "text"
        values = given["b"] if text_of_rows else frame["flag"].to_numpy()
        values = given["a"] if kinds.get(name) == "number" else values
        columns[name] = made_ready(name, values, kind_of_dtype(values.dtype), Columns({}), None)
    try:
        found = RowTest(condition)(Rows(len(frame), columns))
    except Unread:
        return
    assert found.shape == (len(frame),) and found.dtype == bool


def test_columns_that_are_made_of_earlier_rows_are_made_of_those_that_are_kept() -> None:
    """As pandas shifts the rows that a query keeps."""
    rows = "".join(f"{row},{row % 3},{row}\n" for row in range(12))
    Path("t.csv").write_text("a,b,y\n" + rows, encoding="utf-8")
    feature = {"column": "a", "missing": "drop", "transform": [{"Lags": [1]}]}
    facts, prepared = inspect(checked("b != 1", inputs=feature))
    assert facts.ok and prepared is not None, [str(one) for one in facts.diagnostics]
    expected = pd.read_csv("t.csv").query("b != 1")["a"].shift(1).dropna()
    assert prepared.parts["train"].examples.inputs["x"].ravel().tolist() == expected.tolist()
    assert [one.left_out for one in facts.rows.where] == [4]


# Words of other languages, and values without rows -------------------------------------------------


@pytest.mark.parametrize(
    ("where", "marked", "instead"),
    [
        ("a is mising", "mising", "missing"),
        ("a is not NULL", "NULL", "missing"),
        ("a > 3 AND y < 4", "AND", "and"),
        ("a > 3 && y < 4", "&&", "and"),
        ("NOT a > 3", "NOT", "not"),
    ],
)
def test_words_of_other_languages_have_the_one_that_is_written_here(
    where: str, marked: str, instead: str
) -> None:
    (one,) = compile_spec(mapping(where)).diagnostics
    assert one.span is not None
    assert (one.code, one.span.text, one.suggestion) == ("MS113", marked, instead)


@pytest.mark.parametrize("where", ["`AND` == 1", "IS == 1", "s == 'AND' or s == 'NULL'"])
def test_columns_and_texts_may_have_such_a_name(where: str) -> None:
    assert compile_spec(mapping(where)).ok


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("a > 10 ** 400", []),
        ("(a + 10 ** 400) is missing", [0, 1, 2]),
        ("str(int(3.5)) == '3' and a > 1", [1]),
        ("round(float(2), 1) > a", [0]),
        ("len(str(int(2))) == a", [0]),
        ("int(a * 1.5) == 3", [1]),
    ],
)
def test_a_value_without_rows_meets_columns_with_missing_values(
    where: str, rows: list[int]
) -> None:
    Path("t.csv").write_text("a,y\n1,2\n2,3\n,4\n", encoding="utf-8")
    if rows:
        assert kept(where) == rows
    else:
        with pytest.raises(RunError, match="MS639"):
            kept(where)


def test_a_column_may_be_a_word_of_python_that_no_expression_has() -> None:
    Path("t.csv").write_text("class,from,y\nFirst,1,2\nSecond,2,3\nFirst,3,4\n", encoding="utf-8")
    assert kept("class == 'First' and from > 1") == [2]
    assert kept("not (`class` == 'First')") == [1]


def test_a_name_that_is_no_column_may_be_a_text_without_quotes() -> None:
    Path("t.csv").write_text("a,y\n1,2\n2,3\n", encoding="utf-8")
    code, marked, said = fault("a == yes")
    assert (code, marked) == ("MS607", "yes") and "a string is written in quotes: `'yes'`" in said
