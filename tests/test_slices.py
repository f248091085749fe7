"""`data.slices` without data: the names of slices, what an expectation may call one, the files that
have their metrics, and the order in which they are shown.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelspec as ms
from modelspec.compiler.spec.data_slices import Slice, could_be, min_examples, shown, slice_of
from modelspec.runtime.history import read_record
from modelspec.runtime.history.slices import (
    SliceResult,
    as_results,
    by_part_of,
    ranking_metric,
    slices_json,
    slices_table,
    worst_first,
    worst_lines,
)
from modelspec.runtime.history.tables import of_several

AGE = Slice(column="age", bins=(0, 18, 65.5))
JOINED = Slice(column="joined", bins=("2023-01-01", "2024-06-01"))
ISLAND = Slice(column="island")


# Names --------------------------------------------------------------------------------------------


@given(st.floats(allow_nan=False), st.lists(st.integers(-50, 50), min_size=1, unique=True))
def test_a_value_is_in_the_range_that_holds_it(value: float, edges: list[int]) -> None:
    """Ranges have their lower edge, and not their upper one; every number is in exactly one."""
    entry = Slice(column="x", bins=tuple(sorted(edges)))
    low, _, high = entry.label(value).removeprefix("x=").partition("..")
    assert (low == "" or int(low) <= value) and (high == "" or value < int(high))
    assert entry.label(value).removeprefix("x=") in entry.bin_names
    assert len(entry.bin_names) == len(edges) + 1


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Dream", "Dream"),
        ("007", "007"),
        (7, "7"),
        (7.0, "7"),
        (-0.5, "-0.5"),
        (1e30, "1e+30"),
        (math.inf, "inf"),
        (True, "true"),
        (False, "false"),
    ],
)
def test_a_value_is_shown_as_it_is_written(value: Any, name: str) -> None:
    assert shown(value) == name
    assert ISLAND.label(value) == f"island={name}"


@pytest.mark.parametrize("entry", [AGE, ISLAND, JOINED])
@pytest.mark.parametrize("value", [None, math.nan])
def test_no_value_is_a_slice_of_its_own(entry: Slice, value: Any) -> None:
    assert entry.label(value) == f"{entry.column}=missing"


@pytest.mark.parametrize(
    ("time", "name"),
    [
        ("2022-12-31T23:59", "..2023-01-01"),
        ("2023-01-01", "2023-01-01..2024-06-01"),
        ("2024-05-31", "2023-01-01..2024-06-01"),
        ("2024-06-01T00:00:00.000", "2024-06-01.."),
    ],
)
def test_bins_of_times(time: str, name: str) -> None:
    assert JOINED.label(time) == f"joined={name}"


# What an expectation may name ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "label",
    [
        "island=Dream",
        "island=a=b",
        "island=missing",
        "age=18..65.5",
        "age=..0",
        "age=65.5..",
        "age=missing",
        "joined=2024-06-01..",
    ],
)
def test_a_slice_that_there_may_be(label: str) -> None:
    """Whether a column without bins has a value, only the data show."""
    assert could_be((ISLAND, AGE, JOINED), label) is None


@pytest.mark.parametrize(
    ("label", "suggestion"),
    [
        ("iland=Dream", "island=Dream"),
        ("Island=Dream", "island=Dream"),
        ("agee=0..18", "age=0..18"),
        ("age=0..81", "age=0..18"),
        ("age=0-18", "age=0..18"),
        ("age=0 .. 18", "age=0..18"),
        ("age=<0", "age=..0"),
        ("age=>=65.5", "age=65.5.."),
        ("age=65.5+", "age=65.5.."),
        ("age=mising", "age=missing"),
        ("species=Adelie", None),
        ("age=thirty", None),
        ("island", None),
        ("", None),
    ],
)
def test_a_slice_that_there_is_not(label: str, suggestion: str | None) -> None:
    fault = could_be((ISLAND, AGE, JOINED), label)
    assert fault is not None and fault.code == "MS818" and fault.help
    assert fault.suggestion == suggestion
    assert suggestion is None or could_be((ISLAND, AGE, JOINED), suggestion) is None


def test_without_slices_none_can_be_named() -> None:
    fault = could_be((), "island=Dream")
    assert fault is not None and "slices: [island]" in (fault.help or "")


def test_the_longest_column_is_meant_where_several_fit() -> None:
    """A column may have `=` in its name."""
    entries = (Slice(column="a"), Slice(column="a=b", min_examples=3))
    assert slice_of(entries, "a=b=c") == entries[1]
    assert slice_of(entries, "a=c") == entries[0]
    assert slice_of(entries, "b=c") is None
    assert min_examples(entries, "a=b=c") == 3
    assert min_examples(entries, "a=c") == 20


# Columns of sources -------------------------------------------------------------------------------


def checked(tmp_path: Path, data: dict[str, Any], **inputs: Any) -> tuple[Any, ...]:
    spec = {
        "model": {
            "inputs": inputs or {"x": [4]},
            "layers": [*([{"Flatten": {}}] if inputs else []), {"Dense": 3}],
        },
        "data": data,
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return ms.check(path).diagnostics


@pytest.mark.parametrize(
    ("source", "column", "suggestion"),
    [
        ({"dataset": "mnist"}, "targets", "target"),
        ({"dataset": "imdb"}, "tokens", None),
        ({"dataset": "cifar100"}, "coarser", "coarse"),
        ({"csv": {"path": "t.csv", "header": ["age", "y"]}}, "agee", "age"),
        ({"images": {"path": "photos", "masks": "masks"}}, "mask", None),
        ({"images": {"csv": "photos.csv"}}, "image", None),
    ],
)
def test_a_column_that_the_source_cannot_have(
    tmp_path: Path, source: dict[str, Any], column: str, suggestion: str | None
) -> None:
    found = checked(tmp_path, {"source": source, "split": {"test": 0.2}, "slices": [column]})
    [fault] = [one for one in found if one.code == "MS815"]
    assert fault.suggestion == suggestion
    assert fault.span is not None and fault.span.text == f'"{column}"'


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ({"dataset": "iris"}, "petal_width"),
        ({"dataset": "boston_housing"}, "target"),
        ({"dataset": "cifar100"}, "coarse"),
        ({"csv": {"path": "t.csv", "header": ["age", "y"]}}, "age"),
        ({"csv": "t.csv"}, "anything"),
        ({"images": "photos"}, "label"),
        ({"images": {"csv": "photos.csv"}}, "camera"),
    ],
)
def test_a_column_that_the_source_may_have(
    tmp_path: Path, source: dict[str, Any], column: str
) -> None:
    found = checked(tmp_path, {"source": source, "split": {"test": 0.2}, "slices": [column]})
    assert not [one for one in found if one.code == "MS815"]


# Results in files and tables ----------------------------------------------------------------------

RESULTS = {
    "test": (
        SliceResult("island=Dream", 40, {"loss": 0.1, "accuracy": 0.95}),
        SliceResult("island=Biscoe", 30, {"loss": 0.4, "accuracy": 0.75}),
        SliceResult("island=a@b=c", 60, {"loss": 0.2, "accuracy": 0.75}),
        SliceResult("age=missing", 3, {"loss": 2.0, "accuracy": 0.0}, few=True),
    ),
    "validation": (SliceResult("island=Dream", 25, {"loss": 0.3, "accuracy": math.nan}),),
}
WHOLE = {"loss": 0.25, "accuracy": 0.9}


def is_small(name: str) -> bool | None:
    return {"loss": True, "accuracy": False}.get(name)


def test_metrics_of_slices_have_flat_names() -> None:
    found = as_results(RESULTS)
    assert found["slices"]["test_accuracy@island=Dream"] == 0.95
    assert found["slices"]["val_loss@island=Dream"] == 0.3
    assert found["slice_examples"]["test@island=Dream"] == 40
    assert found["slice_examples"]["val@island=Dream"] == 25
    assert found["few_slices"] == ["test@age=missing"]
    assert as_results({"test": ()}) == {}


def test_slices_are_read_back_as_they_were_written() -> None:
    found = as_results(RESULTS)
    back = by_part_of(found["slices"], found["slice_examples"], found["few_slices"])
    assert repr(back) == repr(RESULTS)  # NaN is not equal to itself


def test_a_record_has_the_slices_of_its_run(tmp_path: Path) -> None:
    """The parts, the slices and keys of others lie side by side in metrics.json."""
    manifest = {"format": 1, "name": "n", "outcome": "completed"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    written = {"test": WHOLE, **as_results(RESULTS), "expect": {"size": {"holds": True}}}
    (tmp_path / "metrics.json").write_text(json.dumps(written), encoding="utf-8")
    record = read_record(tmp_path).value
    assert record is not None
    assert record.by_part == {"test": WHOLE}
    assert record.metrics["test_accuracy"] == 0.9
    assert record.metrics["test_accuracy@island=Dream"] == 0.95
    assert record.slices["test_loss@island=Biscoe"] == 0.4
    assert record.slice_examples["val@island=Dream"] == 25
    assert record.few_slices == {"test@age=missing"}


def test_a_table_of_runs_has_no_columns_of_slices(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1}), encoding="utf-8")
    written = {"test": WHOLE, "validation": WHOLE, **as_results(RESULTS)}
    (tmp_path / "metrics.json").write_text(json.dumps(written), encoding="utf-8")
    record = read_record(tmp_path).value
    assert record is not None
    header = of_several([record]).splitlines()[0]
    assert header.split()[-4:] == ["test_loss", "test_accuracy", "val_loss", "val_accuracy"]


@pytest.mark.parametrize("slices", [[1], 3, {"a": "x"}, {"a": None}])
def test_slices_that_cannot_be_read_are_no_traceback(tmp_path: Path, slices: Any) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1}), encoding="utf-8")
    (tmp_path / "metrics.json").write_text(json.dumps({"slices": slices}), encoding="utf-8")
    record = read_record(tmp_path).value
    assert record is not None and record.slices == {}


def test_what_falls_behind_most_is_first_and_few_examples_are_last() -> None:
    """By accuracy, which is better large; of two that are equal, the larger slice."""
    order = [one.label for one in worst_first(RESULTS["test"], WHOLE, is_small)]
    assert order == ["island=a@b=c", "island=Biscoe", "island=Dream", "age=missing"]


def test_slices_are_ordered_by_the_loss_where_there_is_no_other_metric() -> None:
    assert ranking_metric({"loss": 1.0}, is_small) == "loss"
    order = [one.label for one in worst_first(RESULTS["test"], {"loss": 0.25}, is_small)]
    assert order == ["island=Biscoe", "island=a@b=c", "island=Dream", "age=missing"]


def test_metrics_without_a_direction_order_nothing() -> None:
    assert ranking_metric({"true_positives": 1.0}, is_small) is None
    order = [one.label for one in worst_first(RESULTS["test"], {"true_positives": 1.0}, is_small)]
    assert order == ["island=a@b=c", "island=Dream", "island=Biscoe", "age=missing"]


def test_a_number_that_is_none_is_behind_nothing() -> None:
    results = (
        SliceResult("a=1", 50, {"accuracy": math.nan}),
        SliceResult("a=2", 50, {"accuracy": 0.9}),
    )
    assert [one.label for one in worst_first(results, WHOLE, is_small)] == ["a=2", "a=1"]
    assert worst_lines("test", results, WHOLE, is_small) == []


def test_the_table_has_a_row_for_each_slice() -> None:
    ranked = worst_first(RESULTS["test"], WHOLE, is_small)
    lines = slices_table("test", ranked, WHOLE, "accuracy").splitlines()
    assert " ".join(lines[0].split()) == "slices of test examples accuracy difference loss"
    assert lines[2].split() == ["island=Biscoe", "30", "0.7500", "-0.1500", "0.4000"]
    assert lines[3].split() == ["island=Dream", "40", "0.9500", "+0.0500", "0.1000"]
    assert lines[4].endswith("few examples")


def test_a_name_of_any_length_stays_on_one_line() -> None:
    results = (SliceResult("text=" + "long\n" * 40, 50, {"accuracy": 0.5}),)
    table = slices_table("test", results, WHOLE, "accuracy")
    assert len(table.splitlines()) == 2 and max(map(len, table.splitlines())) < 110


def test_a_training_names_the_few_slices_that_fall_behind() -> None:
    lines = worst_lines("test", RESULTS["test"], WHOLE, is_small, most=1)
    assert lines == ["test accuracy on island=a@b=c: 0.7500 (-0.1500, 60 examples)"]


def test_a_difference_that_rounding_makes_is_none() -> None:
    results = (SliceResult("a=1", 50, {"accuracy": 0.9 - 3e-8}),)
    assert worst_lines("test", results, WHOLE, is_small) == []
    assert slices_table("test", results, WHOLE, "accuracy").split()[-1] == "0.0000"


def test_as_json_a_slice_has_its_difference_to_the_part() -> None:
    [dream, *_] = slices_json(RESULTS["test"], WHOLE)
    assert dream == {
        "slice": "island=Dream",
        "examples": 40,
        "few": False,
        "metrics": {"loss": 0.1, "accuracy": 0.95},
        "difference": {"loss": 0.1 - 0.25, "accuracy": 0.95 - 0.9},
    }


def test_names_and_tables_of_slices_load_no_framework() -> None:
    code = (
        "import sys, modelspec.compiler.spec.data_slices, modelspec.runtime.history.slices;"
        "print([m for m in ('numpy', 'keras', 'tensorflow', 'rich') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
