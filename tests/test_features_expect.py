"""`data.expect`: what must hold of columns, in training, in `evaluate` and in `predict`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.core.diagnostics import Diagnostic
from modelspec.runtime.data import RunError, prepare
from modelspec.runtime.data.prepare import prepare_source
from modelspec.runtime.data.sources import open_source

pytestmark = pytest.mark.tensorflow

GOOD = "island,age,other,y\na,1,5,1\nb,13,5,0\na,40,5,1\nb,50,5,1\n"


def spec_of(expect: Any, **data: Any) -> dict[str, Any]:
    one_hot = [{"StringLookup": {"output_mode": "one_hot"}}]
    return {
        "model": {
            "inputs": {"island": [3], "age": [1]},
            "layers": [
                {"Concatenate": {"from": ["island", "age"]}},
                {"Dense": {"units": 1, "name": "y"}},
            ],
        },
        "data": {
            "train": {"csv": "t.csv"},
            "inputs": {
                "island": {"column": "island", "transform": one_hot},
                "age": {"column": "age"},
            },
            "targets": {"y": {"column": "y"}},
            "expect": expect,
            **data,
        },
        "training": {"loss": "mse", "batch_size": 1},
    }


def compiled_of(spec: dict[str, Any], folder: Path, text: str = GOOD) -> Any:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return ms.load_spec(path).compiled


def faults(run: Any) -> tuple[Diagnostic, ...]:
    try:
        run()
    except RunError as error:
        return error.diagnostics
    return ()


def test_data_that_are_as_expected_are_prepared(tmp_path: Path) -> None:
    expect = {"age": {"min": 1, "max": 50}, "island": "known", "other": {"min": 5}}
    assert len(prepare(compiled_of(spec_of(expect), tmp_path)).parts["train"]) == 4


def test_a_value_out_of_range_is_named_with_how_many_more_there_are(tmp_path: Path) -> None:
    text = GOOD + "a,130,5,1\nb,-1,5,0\nb,7,5,1\na,121,5,0\n"
    compiled = compiled_of(spec_of({"age": {"min": 0, "max": 120}}), tmp_path, text)
    (one,) = faults(lambda: prepare(compiled))
    assert one.code == "MS671" and "`age` is 130 at " in one.message
    assert "t.csv:6 (and in 2 more rows), but `expect` requires 0 to 120" in one.message


def test_a_column_that_feeds_nothing_may_be_expected(tmp_path: Path) -> None:
    compiled = compiled_of(spec_of({"other": {"max": 4}}), tmp_path)
    (one,) = faults(lambda: prepare(compiled))
    assert one.code == "MS671" and "(and in 3 more rows)" in one.message
    absent = compiled_of(spec_of({"othr": {"max": 4}}), tmp_path)
    assert [(one.code, one.suggestion) for one in faults(lambda: prepare(absent))] == [
        ("MS607", "other")
    ]


def test_numbers_are_those_that_the_feature_reads(tmp_path: Path) -> None:
    text = 'island,age,y\na,"1,000",1\nb,"2,000",0\n'
    spec = spec_of({"age": {"max": 1999}})
    spec["data"]["inputs"]["age"]["number"] = {"thousands": ","}
    (one,) = faults(lambda: prepare(compiled_of(spec, tmp_path, text)))
    assert one.code == "MS671" and '"2,000"' in one.message


def test_missing_values_are_no_matter_of_expect(tmp_path: Path) -> None:
    spec = spec_of({"age": {"min": 0}})
    spec["data"]["inputs"]["age"]["missing"] = "mean"
    assert not faults(lambda: prepare(compiled_of(spec, tmp_path, GOOD + "a,,5,1\n")))


def test_text_is_compared_with_no_number(tmp_path: Path) -> None:
    (one,) = faults(lambda: prepare(compiled_of(spec_of({"island": {"min": 0}}), tmp_path)))
    assert one.code == "MS609" and "`expect` requires numbers" in one.message


def test_a_value_that_the_training_part_does_not_have_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("island,age,y\na,1,1\nc,2,0\nc,3,1\n", encoding="utf-8")
    spec = spec_of({"island": "known"}, validation={"csv": "v.csv"})
    (one,) = faults(lambda: prepare(compiled_of(spec, tmp_path)))
    assert one.code == "MS671" and '`island` is "c" at ' in one.message
    assert "v.csv:3 (and in 1 more row)" in one.message


@pytest.mark.parametrize("with_targets", [True, False])
def test_another_source_is_checked_too(with_targets: bool, tmp_path: Path) -> None:
    expect = {"age": {"min": 0, "max": 60}, "island": "known", "other": {"max": 5}}
    compiled = compiled_of(spec_of(expect), tmp_path)
    state = prepare(compiled).state
    new = tmp_path / "new.csv"

    def found(text: str) -> list[tuple[str, str]]:
        new.write_text(text, encoding="utf-8")
        table = open_source(
            compiled.data.sources["train"].model_copy(update={"path": str(new)}),
            compiled.file.context,
            None,
        )
        said = faults(
            lambda: prepare_source(compiled, table, with_targets=with_targets, state=state)
        )
        return [(one.code, one.message.partition("`")[2].partition("`")[0]) for one in said]

    assert found("island,age,other,y\na,61,5,1\n") == [("MS671", "age")]
    assert found("island,age,other,y\nc,60,5,1\n") == [("MS671", "island")]
    assert found("island,age,other,y\na,60,5,1\n") == []
    # `predict` needs the columns of the inputs alone
    expected = [("MS607", "other")] if with_targets else []
    assert [one[0] for one in found("island,age,y\na,60,1\n")] == [one[0] for one in expected]


def test_rows_out_of_range_are_left_out_where_errors_are_skipped(tmp_path: Path) -> None:
    from modelspec.runtime.data.skipped_rows import SkippedRows

    compiled = compiled_of(spec_of({"age": {"max": 60}}), tmp_path)
    state = prepare(compiled).state
    (tmp_path / "t.csv").write_text("island,age,y\na,1,1\nb,77,0\na,3,0\n", encoding="utf-8")
    source = compiled.data.sources["train"]
    table = open_source(source, compiled.file.context, None)
    skipped = SkippedRows()
    examples, _ = prepare_source(compiled, table, with_targets=False, state=state, skipped=skipped)
    assert examples.count == 2 and [one.number for one in skipped.listed()] == [2]


# What check says ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expect", "codes"),
    [
        ({"age": {"min": 0}}, []),
        ({"island": "known"}, []),
        ({"island": {"known": True}}, []),
        (None, []),
        ({"age": {"mix": 0}}, ["MS201"]),
        ({"age": {}}, ["MS203"]),
        ({"age": {"min": 2, "max": 1}}, ["MS208"]),
        ({"age": {"min": "low"}}, ["MS204"]),
        ({"island": "knwon"}, ["MS205"]),
        ({"island": 3}, ["MS204"]),
        ("known", ["MS204"]),
        ({"age": "known"}, ["MS576"]),
        ({"islnd": "known"}, ["MS576"]),
    ],
)
def test_keys_and_words_are_checked(expect: Any, codes: list[str]) -> None:
    assert [one.code for one in ms.check(spec_of(expect)).diagnostics] == codes
