"""`number`: numbers as people write them, against Python's decimal numbers."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelspec as ms
from modelspec.compiler.spec.number_format import NumberFormat
from modelspec.runtime.data import RunError, prepare
from modelspec.runtime.data.python_objects import MemoryTable
from modelspec.runtime.data.written_numbers import WrittenNumbers


def reader(**settings: Any) -> WrittenNumbers:
    return WrittenNumbers(NumberFormat(**settings), MemoryTable("t", {"a": np.zeros(1)}))


def read(cell: str, **settings: Any) -> float | None:
    """The number of a cell; None where it is not written so."""
    found = reader(**settings).numbers(np.array([cell], object))
    return None if found.bad[0] else float(found.values[0])


@pytest.mark.parametrize(
    ("settings", "cell", "number"),
    [
        ({"thousands": ","}, "1,234.5", 1234.5),
        ({"thousands": ","}, "1234.5", 1234.5),
        ({"thousands": ","}, "-1,234,567", -1234567),
        ({"thousands": ",", "strip": "$"}, "$1,234.50", 1234.5),
        ({"strip": "$"}, "-$5", -5),
        ({"strip": "$"}, "$-5", -5),
        ({"strip": "$"}, "$ 5", 5),
        ({"strip": "$"}, "5", 5),
        ({"strip": "EUR"}, "5.25 EUR", 5.25),
        ({"strip": ("$", "USD")}, "$5 USD", 5),
        ({"percent": True}, "12.5%", 0.125),
        ({"percent": True}, "12.5 %", 0.125),
        ({"percent": True}, "7", 0.07),
        ({"percent": True}, "-0.3%", -0.003),
        ({"accounting": True}, "(1234)", -1234),
        ({"accounting": True, "thousands": ","}, "(1,234.5)", -1234.5),
        ({"accounting": True, "strip": "$"}, "($5)", -5),
        ({"accounting": True, "strip": "$"}, "$(5)", -5),
        ({"accounting": True, "percent": True}, "(5%)", -0.05),
        ({"accounting": True}, "5", 5),
        ({"decimal": ",", "thousands": "."}, "1.234,5", 1234.5),
        ({"decimal": ",", "thousands": " "}, "1 234,5", 1234.5),
        ({"thousands": "'"}, "1'234", 1234),
        ({"strip": "$"}, "$1e3", 1000),
        ({"strip": "$"}, "$.5", 0.5),
    ],
)
def test_a_number_is_read_as_it_is_written(
    settings: dict[str, Any], cell: str, number: float
) -> None:
    assert read(cell, **settings) == number


@pytest.mark.parametrize(
    ("settings", "cell"),
    [
        ({"thousands": ","}, "1,25"),
        ({"thousands": ","}, "12,3456"),
        ({"thousands": ","}, ",123"),
        ({"thousands": ","}, "1,234,5"),
        ({"strip": "$"}, "1$2"),
        ({"strip": "$"}, "€5"),
        ({"strip": "$"}, "$"),
        ({"strip": "$"}, "--5"),
        ({"strip": "$"}, "-$-5"),
        ({"strip": "$"}, "5%"),
        ({"strip": "$"}, "(5)"),
        ({"strip": "$"}, "1_000"),
        ({"percent": True}, "5%%"),
        ({"accounting": True}, "(-5)"),
        ({"accounting": True}, "(5"),
        ({"decimal": ","}, "1.5"),
        ({"decimal": ",", "thousands": "."}, "1.5"),
        ({"strip": "$"}, "five"),
    ],
)
def test_what_does_not_fit_is_no_number(settings: dict[str, Any], cell: str) -> None:
    assert read(cell, **settings) is None


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_every_way_of_writing_a_number_gives_the_nearest_float(digits: int, places: int) -> None:
    value = Decimal(digits).scaleb(-places)
    text = f"{abs(value):,f}"
    negative = value < 0
    assert read(f"{'-' if negative else ''}${text}", strip="$", thousands=",") == float(value)
    written = f"({text})" if negative else text
    assert read(written, accounting=True, thousands=",") == float(value)
    assert read(f"{value:f}%", percent=True) == float(value / 100)
    swapped = text.translate(str.maketrans(",.", ".,"))
    sign = "-" if negative else ""
    assert read(sign + swapped, decimal=",", thousands=".") == float(value)


def test_whole_numbers_stay_exact() -> None:
    cells = np.array(["9,007,199,254,740,993", "7"], object)
    found = reader(thousands=",").numbers(cells)
    assert found.values.tolist() == [9007199254740993, 7] and not found.lost.any()


# From a file --------------------------------------------------------------------------------------


def compiled_of(folder: Path, text: str | None, feature: dict[str, Any], **source: Any) -> Any:
    if text is not None:
        (folder / "t.csv").write_text(text, encoding="utf-8")
        source = {"csv": {"path": str(folder / "t.csv"), "delimiter": ";", **source}}
    spec = {
        "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {"train": source, "inputs": {"x": feature}, "targets": "y"},
        "training": {"loss": "mse", "batch_size": 1},
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return ms.load_spec(path).compiled


def values_of(compiled: Any) -> list[Any]:
    found = prepare(compiled).parts["train"].examples.inputs["x"]
    return list(found.ravel().tolist())


def test_a_column_of_prices_is_numbers(tmp_path: Path) -> None:
    feature = {"column": "p", "number": {"thousands": ",", "strip": "$"}, "missing": "mean"}
    found = compiled_of(tmp_path, "p;y\n$1,000;1\nNA;2\n$2;3\n;4\n", feature)
    assert values_of(found) == [1000, 501, 2, 501]


def test_marks_of_the_source_hold_where_the_feature_says_nothing(tmp_path: Path) -> None:
    feature = {"column": "p", "number": {"strip": "€"}}
    text = "p;y\n1.000,5 €;1\n2,25 €;2\n"
    found = compiled_of(tmp_path, text, feature, decimal=",", thousands=".")
    assert values_of(found) == [1000.5, 2.25]


def test_one_column_may_be_text_and_numbers(tmp_path: Path) -> None:
    compiled = compiled_of(
        tmp_path, "p;y\n5%;1\n10%;2\n", {"column": "p", "number": {"percent": True}}
    )
    assert values_of(compiled) == [np.float32(0.05), np.float32(0.1)]


def test_a_cell_that_does_not_fit_is_named_with_the_fix(tmp_path: Path) -> None:
    feature = {"column": "p", "number": {"strip": "$"}}
    with pytest.raises(RunError) as caught:
        values_of(compiled_of(tmp_path, "p;y\n$5;1\n$1,000;2\n", feature))
    (one,) = caught.value.diagnostics
    assert one.code == "MS609" and '"$1,000" at ' in one.message and "t.csv:3" in one.message
    assert one.help == 'set the number format: `number: {strip: "$", thousands: ","}`'


def test_a_column_of_numbers_needs_no_number(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", p=np.ones(2), y=np.ones(2))
    feature = {"column": "p", "number": {"strip": "$"}}
    compiled = compiled_of(tmp_path, None, feature, npz=str(tmp_path / "t.npz"))
    with pytest.raises(RunError) as caught:
        values_of(compiled)
    assert [one.code for one in caught.value.diagnostics] == ["MS672"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252", "utf-8-sig"])
def test_a_file_of_another_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    text = "\N{LATIN SMALL LETTER E WITH ACUTE};y # a comment\n1.234,5;1\n7;2\n"
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    settings = {"encoding": encoding, "decimal": ",", "thousands": ".", "comment": "#"}
    compiled = compiled_of(
        tmp_path,
        None,
        {"column": "\N{LATIN SMALL LETTER E WITH ACUTE}"},
        csv={"path": str(tmp_path / "t.csv"), "delimiter": ";", **settings},
    )
    assert values_of(compiled) == [1234.5, 7]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ({"strip": ""}, "MS204"),
        ({"strip": "5"}, "MS205"),
        ({"strip": "%"}, "MS205"),
        ({"thousands": "ab"}, "MS204"),
        ({"thousands": ",", "decimal": ","}, "MS208"),
        ({"percnt": True}, "MS201"),
    ],
)
def test_settings_that_have_no_meaning_are_faults(number: dict[str, Any], code: str) -> None:
    spec = {
        "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {
            "train": {"csv": "t.csv"},
            "inputs": {"x": {"column": "p", "number": number}},
            "targets": "y",
        },
        "training": {"loss": "mse"},
    }
    assert [one.code for one in ms.check(spec).diagnostics] == [code]


@pytest.mark.parametrize(
    ("transform", "codes"),
    [
        ("Normalization", ["MS204"]),
        ({"Normalization": {}}, ["MS204"]),
        ("Normalizaton", ["MS204", "MS301"]),
        ({"Normalization": {"axs": -1}}, ["MS204", "MS202"]),
        ("StringLookup", ["MS204", "MS404"]),
        (3, ["MS204"]),
    ],
)
def test_a_layer_that_is_not_in_a_list_is_read_as_a_list_of_it(
    transform: Any, codes: list[str]
) -> None:
    spec = {
        "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {
            "source": {"csv": "t.csv"},
            "inputs": {"column": "a", "number": {"strip": "$"}, "transform": transform},
            "targets": "y",
        },
    }
    found = ms.check(spec).diagnostics
    assert sorted(one.code for one in found) == sorted(codes)
    (one,) = (one for one in found if one.code == "MS204")
    known = transform in ("Normalization", "StringLookup")
    assert one.suggestion == (f"[{transform}]" if known else None)
