"""Columns by their numbers: `columns: [V1..V28]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.compiler.spec.column_names import columns_of


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("V1..V3", ("V1", "V2", "V3")),
        ("V9..V11", ("V9", "V10", "V11")),
        ("x08..x10", ("x08", "x09", "x10")),
        ("3..5", ("3", "4", "5")),
        ("a1b2..a1b3", ("a1b2", "a1b3")),
        ("V2..V2", ("V2",)),
        ("V1..W3", ("V1..W3",)),
        ("V1...V3", ("V1...V3",)),
        ("a..b", ("a..b",)),
        ("size", ("size",)),
    ],
)
def test_a_range_names_its_columns_and_other_texts_themselves(
    text: str, columns: tuple[str, ...]
) -> None:
    assert columns_of(text) == columns


def spec(columns: Any, size: int) -> dict[str, Any]:
    return {
        "model": {"inputs": {"x": [size]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {
            "source": {"csv": "t.csv"},
            "inputs": {"x": {"columns": columns, "transform": ["Normalization"]}},
            "targets": "y",
        },
        "training": {"loss": "mse"},
    }


@pytest.mark.parametrize("columns", ["V1..V4", ["V1..V4"], ["V1", "V2..V3", "V4"]])
def test_a_range_is_checked_as_its_columns_are(columns: Any) -> None:
    assert ms.check(spec(columns, 4)).ok
    assert [one.code for one in ms.check(spec(columns, 5)).diagnostics] == ["MS626"]


@pytest.mark.parametrize(
    ("columns", "code", "text", "suggestion"),
    [
        (["V1", "V3..V2"], "MS205", "V3..V2", "V2..V3"),
        ("V1", "MS204", "V1", None),
        (["V1..V3", "V2"], "MS208", "[V1..V3, V2]", None),
        ("V1..V20000", "MS205", "V1..V20000", None),
    ],
)
def test_a_range_in_error_is_reported_at_its_place(
    columns: Any, code: str, text: str, suggestion: str | None
) -> None:
    (one,) = ms.check(spec(columns, 3)).diagnostics
    assert one.span is not None
    assert (one.code, one.span.text.replace('"', ""), one.suggestion) == (code, text, suggestion)


def test_a_column_of_a_range_that_the_file_lacks_is_reported_at_the_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelspec.compiler.pipeline import compile_spec
    from modelspec.runtime.data import DataError, prepare

    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("V1,V2,y\n1,2,3\n")
    compiled = compile_spec(spec(["V1..V3"], 3)).value
    assert compiled is not None
    with pytest.raises(DataError) as raised:
        prepare(compiled)
    (one,) = raised.value.diagnostics
    assert one.code == "MS607" and one.span is not None and "V1..V3" in one.span.text
