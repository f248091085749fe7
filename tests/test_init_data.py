"""`modelspec init --data`: the spec that is written for some data, and its reasons. No framework is
loaded; `test_init_data_train.py` trains such specs.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet

import modelspec as ms
from modelspec.cli import main, status
from modelspec.core.source import plain, read_text
from modelspec.drafts import NoDraft, draft, sample

from .drawn_tables import FORMS, ODD_NAMES, choices, numbers, pictures, table, text_folders
from .example_data import rng, write_npz, write_pictures, write_table
from .real_data import real

Columns = Mapping[str, Sequence[Any]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def drafted(data: str | Path, target: str | None = None, spec: str = "spec.yaml") -> dict[str, Any]:
    """The written spec as plain values, after a check that finds nothing."""
    path = Path(spec)
    path.write_text(draft(Path(data), path, target).text, "utf-8")
    report = ms.check(path)
    assert report.diagnostics == (), (report, path.read_text("utf-8"))
    return values(path)


def values(path: Path) -> dict[str, Any]:
    read = read_text(path.read_text("utf-8"), path.name)
    assert read.value is not None
    found = json.loads(json.dumps(plain(read.value.root)))  # lists instead of tuples
    assert isinstance(found, dict)
    return found


def text(spec: str = "spec.yaml") -> str:
    return Path(spec).read_text("utf-8")


def refused(data: str | Path, *options: str) -> str:
    """The message of a command that writes nothing and exits as for wrong usage."""
    result = invoke("init", "spec", "--data", str(data), *options)
    assert result.exit_code == status.USAGE, result.output
    assert not Path("spec.yaml").exists()
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def said_of(data: str) -> str:
    """Why no spec is written."""
    with pytest.raises(NoDraft) as caught:
        draft(Path(data), Path("other.yaml"))
    return str(caught.value)


def layers(spec: dict[str, Any]) -> list[str]:
    """The kinds of the layers, in order."""
    found = spec["model"]["layers"]
    return [one if isinstance(one, str) else next(iter(one)) for one in found]


# The target ---------------------------------------------------------------------------------------


def test_a_common_name_is_the_target_wherever_it_is() -> None:
    table(a=numbers(60), species=choices(60, "x", "y", "z"), b=numbers(60, 2))
    spec = drafted("table.csv")
    assert list(spec["data"]["targets"]) == ["species"]
    assert "# Target: `species` (by its name; --target names another)." in text()


def test_the_clearer_of_two_common_names_is_the_target() -> None:
    table(**{"class": choices(60, "a", "b")}, survived=choices(60, 0, 1), a=numbers(60))
    assert list(drafted("table.csv")["data"]["targets"]) == ["survived"]


def test_y_is_a_target_but_not_beside_x_and_z() -> None:
    table("a.csv", y=numbers(60), a=numbers(60, 1))
    assert list(drafted("a.csv")["data"]["targets"]) == ["y"]
    table("b.csv", x=numbers(60), y=numbers(60, 1), z=numbers(60, 2), weight=numbers(60, 3))
    assert list(drafted("b.csv")["data"]["targets"]) == ["weight"]


def test_without_a_common_name_the_last_column_is_the_target() -> None:
    table(a=numbers(60), b=numbers(60, 1))
    result = invoke("init", "spec", "--data", "table.csv")
    assert result.exit_code == 0
    assert "target: `b` (the last column; no column has a common name of a target)" in result.output


def test_the_given_target_is_used_and_a_misspelt_one_is_explained() -> None:
    table(price=numbers(60), area=numbers(60, 1))
    assert list(drafted("table.csv", "area")["data"]["targets"]) == ["area"]
    Path("spec.yaml").unlink()
    message = refused("table.csv", "--target", "aera")
    assert "`table.csv` has no column `aera`" in message
    assert "did you mean `area`?" in message


@pytest.mark.parametrize(
    ("target", "loss", "units", "transform"),
    [
        (choices(60, 0, 1), "binary_crossentropy", 1, None),
        (
            choices(60, "no", "yes"),
            "binary_crossentropy",
            1,
            {"StringLookup": {"num_oov_indices": 0}},
        ),
        (
            choices(60, True, False),
            "binary_crossentropy",
            1,
            {"StringLookup": {"num_oov_indices": 0}},
        ),
        (choices(60, 0, 1, 2), "sparse_categorical_crossentropy", 3, None),
        (
            choices(60, 1, 2, 5),
            "sparse_categorical_crossentropy",
            3,
            {"StringLookup": {"num_oov_indices": 0}},
        ),
        (
            choices(60, "a", "b", "c"),
            "sparse_categorical_crossentropy",
            3,
            {"StringLookup": {"num_oov_indices": 0}},
        ),
        (numbers(60), "mse", 1, "Normalization"),
        (list(range(60)), "mse", 1, "Normalization"),
    ],
    ids=["0-1", "strings", "booleans", "0-2", "other integers", "classes", "floats", "counts"],
)
def test_the_values_of_the_target_decide_output_and_loss(
    target: list[Any], loss: str, units: int, transform: Any
) -> None:
    table(a=numbers(60), b=numbers(60, 1), target=target)
    spec = drafted("table.csv")
    assert spec["training"]["loss"] == loss
    assert spec["model"]["layers"][-1]["Dense"]["units"] == units
    [entry] = spec["data"]["targets"].values()
    assert entry.get("transform", [None])[0] == transform


def test_a_skewed_positive_target_is_learned_as_its_logarithm() -> None:
    table(a=numbers(80), price=np.exp(3 * rng(1).normal(size=80)).round(2).tolist())
    [target] = drafted("table.csv")["data"]["targets"].values()
    assert target["transform"] == [{"Expression": "log1p(x)"}, "Normalization"]


def test_a_slightly_skewed_target_is_learned_as_it_is() -> None:
    table(a=numbers(80), price=np.exp(0.6 * rng(1).normal(size=80)).round(2).tolist())
    [target] = drafted("table.csv")["data"]["targets"].values()
    assert target["transform"] == ["Normalization"]


def test_rows_without_a_target_are_dropped() -> None:
    table(a=numbers(60), label=[*choices(55, "a", "b"), *[""] * 5])
    [target] = drafted("table.csv")["data"]["targets"].values()
    assert target["missing"] == "drop"
    assert "5 rows have no target" in text()


def test_classes_that_are_too_rare_for_a_split_are_left_out() -> None:
    table(a=numbers(63), label=[*choices(60, "it's", "b$"), "rare", "once $", "it's 'q'"])
    spec = drafted("table.csv")
    assert spec["model"]["layers"][-1]["Dense"]["units"] == 1
    assert "not in" in spec["data"]["where"]


# The columns --------------------------------------------------------------------------------------


def test_inputs_follow_the_types_of_the_columns() -> None:
    table(
        a=numbers(200),
        b=[*numbers(190, 1), *[""] * 10],
        heavy=np.exp(2.5 * rng(4).normal(size=200) + 3).round(1).tolist(),
        color=choices(200, "red", "green", "blue"),
        city=[f"city {number % 40}" for number in range(200)],
        day=[
            f"2024-{1 + number % 12:02}-{1 + number % 28:02}" for number in choices(200, *range(99))
        ],
        label=choices(200, "x", "y"),
    )
    spec = drafted("table.csv")
    inputs = spec["data"]["inputs"]
    assert inputs["numbers"]["columns"] == ["a", "b"]
    assert inputs["numbers"]["missing"] == "median"
    assert inputs["skewed_numbers"]["transform"][0] == {"Expression": "sign(x) * log1p(abs(x))"}
    assert inputs["color"]["transform"] == [{"StringLookup": {"output_mode": "one_hot"}}]
    assert inputs["city"]["transform"] == [{"StringLookup": {"max_tokens": 41}}]
    assert inputs["day"]["transform"] == [
        {"DateParts": {"parts": ["month", "weekday"], "cyclic": True}}
    ]
    assert "Embedding" in layers(spec)


def test_columns_that_say_nothing_are_left_out_with_a_reason() -> None:
    count = 120
    label = choices(count, "no", "yes")
    size = choices(count, "s", "m", "l", seed=5)
    table(
        row=list(range(count)),
        customer_id=[f"c{number * 7 % 1000:03}" for number in range(count)],
        constant=["same"] * count,
        empty=[""] * count,
        outcome=label,
        outcome_code=[{"no": 10, "yes": 20}[one] for one in label],
        size=size,
        size_name=[{"s": "small", "m": "medium", "l": "large"}[one] for one in size],
        a=numbers(count),
    )
    spec = drafted("table.csv")
    assert set(spec["data"]["inputs"]) == {"numbers", "size"}
    comments = text()
    for line in (
        "- `row` and `customer_id`: another value in every row: an identifier",
        '- `constant`: the same value in every row: "same"',
        "- `empty`: no values",
        "- `outcome_code`: each of its values is one class of the target `outcome`",
        "- `size_name`: the same information as `size`",
    ):
        assert line in comments


def test_a_copy_of_a_number_in_another_unit_is_left_out() -> None:
    price = numbers(80, 3)
    table(a=numbers(80), price_eur=[round(1.1 * one + 2, 6) for one in price], price=price)
    assert "`price_eur`: a copy of the target `price` in another unit" in (
        drafted("table.csv") and text()
    )


def test_categories_that_hardly_repeat_are_left_out() -> None:
    count = 20_000
    table(
        name=[f"value{number * 7919 % 100_003}" for number in range(count)],
        tag=[f"tag{number // 2}" for number in range(count)],
        a=numbers(count),
        label=choices(count, "x", "y"),
    )
    spec = drafted("table.csv")
    assert list(spec["data"]["inputs"]) == ["numbers"]
    assert "10,000 different values, most of them in fewer than 5 rows" in text()


def test_a_hundred_thousand_categories_get_a_bounded_vocabulary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sample, "ROWS", 150_000)
    count = 150_000
    draws = rng(0).zipf(1.3, count) % 100_000
    draws[:100_000] = np.where(rng(1).random(100_000) < 0.3, np.arange(100_000), draws[:100_000])
    table(tag=[f"tag{one}" for one in draws], a=numbers(count), label=choices(count, "x", "y"))
    [lookup] = drafted("table.csv")["data"]["inputs"]["tag"]["transform"]
    assert 1000 < lookup["StringLookup"]["max_tokens"] <= 20_000


def test_texts_are_vectorized_beside_the_other_columns() -> None:
    words = ["good", "bad", "film", "plot", "actor", "long", "short", "music"]
    texts = [" ".join(choices(12, *words, seed=number)) + str(number) for number in range(90)]
    table(review=texts, stars=choices(90, 1, 2, 3, 4, 5), label=choices(90, "neg", "pos"))
    spec = drafted("table.csv")
    [vectorization] = spec["data"]["inputs"]["review"]["transform"]
    assert vectorization["TextVectorization"]["ngrams"] == 2
    assert spec["model"]["inputs"]["review"]["shape"] == [
        vectorization["TextVectorization"]["output_sequence_length"]
    ]
    assert layers(spec)[:3] == ["Embedding", "GlobalAveragePooling1D", "Concatenate"]


def test_numbered_columns_are_written_as_a_range() -> None:
    table(
        **{f"x{n}": numbers(60, n) for n in range(8, 13)},
        **{f"p0{n}": numbers(60, 40 + n) for n in range(3)},
        y=numbers(60, 99),
    )
    assert drafted("table.csv")["data"]["inputs"]["numbers"]["columns"] == ["x8..x12", "p00..p02"]


def test_columns_with_odd_names() -> None:
    columns = {
        name: numbers(80, at) if at % 2 else choices(80, "no", "$x", "null", seed=at)
        for at, name in enumerate(ODD_NAMES)
    }
    table(**columns, **{"the $target": choices(80, "a$", "b")})
    spec = drafted("table.csv", "the $target")
    [target] = spec["data"]["targets"].values()
    assert target["column"] == "the $$target"
    used = {
        one
        for feature in spec["data"]["inputs"].values()
        for one in feature.get("columns", [feature.get("column")])
    }
    assert len(used) == len(ODD_NAMES)


def test_numbers_that_are_not_finite_are_left_out() -> None:
    table(a=["inf", *numbers(59)], b=numbers(60, 1), label=choices(60, "x", "y"))
    assert drafted("table.csv")["data"]["inputs"]["numbers"]["column"] == "b"
    assert "- `a`: NaN or infinite numbers" in text()
    write_npz(Path("n.npz"), x=np.full((60, 3), np.nan), y=labels(60))
    assert "`x` has NaN or infinite numbers" in said_of("n.npz")


def test_marks_for_missing_values_are_found() -> None:
    table(
        age=["?" if n % 9 == 0 else n for n in range(90)],
        job=choices(90, "?", "a", "b"),
        size=["NA" if n % 10 == 0 else n / 2 for n in range(90)],
        label=choices(90, "x", "y"),
    )
    spec = drafted("table.csv")
    assert set(spec["data"]["source"]["csv"]["missing_values"]) == {"?", "NA"}
    assert spec["data"]["inputs"]["job"]["missing"] == "unknown"
    assert spec["data"]["inputs"]["numbers"]["missing"] == "median"


def test_numbers_as_people_write_them() -> None:
    table(
        cost=[f"${1000 * n:,}.50" for n in range(1, 61)],
        share=[f"{n * n % 60}%" for n in range(60)],
        label=choices(60, "x", "y"),
    )
    inputs = drafted("table.csv")["data"]["inputs"]
    assert inputs["cost"]["number"] == {"thousands": ",", "strip": "$"}
    assert inputs["share"]["number"] == {"percent": True}


def test_more_columns_than_a_line_has() -> None:
    names = [f"measure_{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(60)]
    table(**{name: numbers(60, n) for n, name in enumerate(names)}, y=numbers(60, 99))
    assert drafted("table.csv")["data"]["inputs"]["numbers"]["columns"] == names
    assert max(map(len, text().splitlines())) <= 110


# The split ----------------------------------------------------------------------------------------


def test_classes_are_stratified_and_numbers_are_not() -> None:
    table("a.csv", a=numbers(60), label=choices(60, "x", "y"))
    assert drafted("a.csv")["data"]["split"]["stratify"] == "label"
    table("b.csv", a=numbers(60), y=numbers(60, 1))
    assert set(drafted("b.csv")["data"]["split"]) == {"validation", "test"}


@pytest.mark.parametrize("backwards", [False, True])
def test_rows_in_the_order_of_a_date_are_split_by_time(backwards: bool) -> None:
    days = [f"{2020 + n // 360}-{1 + n // 30 % 12:02}-{1 + n % 28:02}" for n in range(0, 720, 30)]
    days = sorted(days * 4, reverse=backwards)
    table(day=days, a=numbers(len(days)), y=numbers(len(days), 1))
    spec = drafted("table.csv")
    assert spec["data"]["split"]["order"] == "day"
    assert list(spec["data"]["inputs"]) == [
        "numbers",
        "day",
    ]  # not the year: later ones are unknown


def test_an_identifier_that_repeats_keeps_its_rows_together() -> None:
    table(
        patient_id=[f"p{n // 5}" for n in range(200)], a=numbers(200), label=choices(200, "x", "y")
    )
    spec = drafted("table.csv")
    assert spec["data"]["split"] == {"validation": 0.15, "test": 0.15, "group": "patient_id"}
    assert list(spec["data"]["inputs"]) == ["numbers"]


# Files --------------------------------------------------------------------------------------------


def test_parquet_jsonl_and_compressed_files() -> None:
    columns = {
        "a": numbers(60),
        "n": choices(60, 1, 2, 3, seed=5),
        "ok": choices(60, True, False),
        "c": choices(60, "x", "y", "z", seed=3),
        "zip_code": [n % 7 for n in range(60)],
        "label": choices(60, "no", "yes", seed=4),
    }
    parquet.write_table(pa.table(columns), "t.parquet")
    Path("t.jsonl").write_text(
        "\n".join(
            json.dumps(dict(zip(columns, row, strict=True)))
            for row in zip(*columns.values(), strict=True)
        ),
        "utf-8",
    )
    write_table(Path("t.csv"), columns)
    with gzip.open("t.csv.gz", "wb") as file:
        file.write(Path("t.csv").read_bytes())
    for name, kind in (("t.parquet", "parquet"), ("t.jsonl", "jsonl"), ("t.csv.gz", "csv")):
        spec = drafted(name)
        assert spec["data"]["source"] == {kind: name}
        assert set(spec["data"]["inputs"]) >= {"numbers", "c", "zip_code"}
    [lookup] = drafted("t.parquet")["data"]["inputs"]["zip_code"]["transform"]
    assert list(lookup) == ["IntegerLookup"]


def test_a_file_without_a_header_gets_names() -> None:
    rows = list(zip(numbers(60), numbers(60, 1), choices(60, "x", "y"), strict=True))
    with Path("t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    spec = drafted("t.csv")
    assert spec["data"]["source"]["csv"]["header"] == ["column_1", "column_2", "label"]
    assert "the file has no header" in text()


def test_numbers_alone_without_a_header() -> None:
    Path("t.csv").write_text(
        "".join(
            f"{a},{b},{c}\n"
            for a, b, c in zip(numbers(60), numbers(60, 1), numbers(60, 2), strict=True)
        )
    )
    assert drafted("t.csv")["data"]["source"]["csv"]["header"] == [
        "column_1",
        "column_2",
        "column_3",
    ]


def test_other_delimiters_and_encodings() -> None:
    columns = {
        "größe": numbers(60),
        "art": choices(60, "Bär", "Kühe"),
        "label": choices(60, "x", "y", seed=9),
    }
    write_table(Path("s.csv"), columns, ";")
    Path("w.csv").write_bytes(Path("s.csv").read_text("utf-8").encode("cp1252"))
    Path("u.csv").write_bytes(Path("s.csv").read_text("utf-8").encode("utf-16"))
    write_table(Path("t.tsv"), columns, "\t")
    assert drafted("s.csv")["data"]["source"] == {"csv": "s.csv"}
    assert drafted("w.csv")["data"]["source"]["csv"]["encoding"] == "cp1252"
    assert drafted("u.csv")["data"]["source"]["csv"]["encoding"] == "utf-16"
    assert drafted("t.tsv")["data"]["source"]["csv"]["delimiter"] == "\t"


def test_paths_are_relative_to_the_spec(folder: Path) -> None:
    for name in ("in", "specs"):
        Path(name).mkdir()
    table("in/t a$.csv", a=numbers(60), label=choices(60, "x", "y"))
    assert drafted("in/t a$.csv", spec="specs/s.yaml")["data"]["source"] == {
        "csv": "../in/t a$$.csv"
    }
    assert drafted(folder / "in" / "t a$.csv")["data"]["source"] == {"csv": "in/t a$$.csv"}


def test_data_outside_of_the_project_need_a_data_root(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table("t.csv", a=numbers(60), label=choices(60, "x", "y"))
    Path("project").mkdir()
    monkeypatch.chdir(folder / "project")
    result = invoke("init", "--data", "../t.csv")
    assert result.exit_code == 0, result.output
    assert f"check model.yaml --data-root {folder}" in result.output
    assert invoke("check", "model.yaml").exit_code == status.ERRORS
    assert invoke("check", "model.yaml", "--data-root", str(folder)).output.startswith(
        "model.yaml: no faults"
    )


def test_a_large_file_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "BEGINNING", 20_000)
    monkeypatch.setattr(sample, "ROWS", 1000)
    table("big.csv", a=numbers(9000), label=choices(9000, "x", "y"))
    drafted("big.csv")
    rows = int(text().split("about ")[1].split(" rows")[0].replace(",", ""))
    assert 8000 < rows < 10_000
    examined = int(text().split("follow from ")[1].split(" of")[0].replace(",", ""))
    assert 500 < examined <= 1000


def test_a_large_file_is_not_cut_inside_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "BEGINNING", 20_000)
    notes = ["first line\nsecond, line\nthird" if n % 3 else f"one {n}" for n in range(3000)]
    for end in range(3):
        table("big.csv", note=notes[end:], a=numbers(3000 - end), label=choices(3000 - end, 0, 1))
        drafted("big.csv")


def test_a_sample_has_rows_of_the_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "ROWS", 3000)
    table("t.csv", a=numbers(30_000), label=sorted(choices(30_000, "a", "b", "c", "d")))
    assert drafted("t.csv")["model"]["layers"][-1]["Dense"]["units"] == 4


# Images, texts and arrays -------------------------------------------------------------------------


def test_small_gray_images_of_digits() -> None:
    pictures("digits", ["0", "1", "2"], (28, 28))
    spec = drafted("digits")
    assert spec["model"]["inputs"] == {"image": [28, 28, 1]}
    assert spec["data"]["source"]["images"] == {
        "path": "digits",
        "size": [28, 28],
        "color_mode": "grayscale",
    }
    assert not any("RandomFlip" in str(one) for one in spec["data"]["augment"])
    assert spec["data"]["split"]["stratify"] == "label"


def test_only_images_in_color_are_mirrored() -> None:
    pictures("kana", ["ka", "ki"], (28, 28))
    assert "RandomFlip" not in str(drafted("kana")["data"]["augment"])
    assert "no mirror images" in text()
    pictures("birds", ["owl", "wren"], (28, 28, 3))
    assert "RandomFlip" in str(drafted("birds")["data"]["augment"])


@pytest.mark.parametrize(
    ("rows", "normalization"),
    [(1000, {"BatchNormalization": {"momentum": 0.9}}), (60_000, "BatchNormalization")],
)
def test_averages_of_few_steps_are_shorter(rows: int, normalization: Any) -> None:
    """With the default of 0.99, the initial averages outlast a hundred steps."""
    write_npz(Path("images.npz"), x=np.zeros((rows, 8, 8), np.uint8), y=labels(rows))
    found = drafted("images.npz")["model"]["layers"]
    assert [one for one in found if "BatchNormalization" in one] == [normalization]


def test_photos_of_different_sizes_and_colors() -> None:
    pictures("photos", ["cat", "dog"], (120, 90, 3))
    write_pictures(Path("photos/cow"), rng(7).integers(0, 255, (4, 60, 200), np.uint8), "jpg")
    spec = drafted("photos")
    assert spec["model"]["inputs"] == {"image": [96, 96, 3]}
    assert spec["data"]["source"]["images"]["pad_to_aspect_ratio"] is True
    assert {"RandomFlip": "horizontal"} in spec["data"]["augment"]
    assert "some images are grayscale, some in color" in text()


def test_folders_of_parts() -> None:
    for part in ("train", "val", "test"):
        pictures(f"all/{part}", ["cat", "dog"], (40, 40, 3))
    spec = drafted("all")
    assert {
        part: spec["data"][part]["images"]["path"] for part in ("train", "validation", "test")
    } == {"train": "all/train", "validation": "all/val", "test": "all/test"}
    for part in ("train", "test"):
        pictures(f"two/{part}", ["cat", "dog"], (40, 40, 3))
    spec = drafted("two")
    assert spec["data"]["source"]["images"]["path"] == "two/train"
    assert "modelspec evaluate RUN --data two/test" in " ".join(text().replace("#", "").split())


def test_folders_that_are_no_classes_are_refused() -> None:
    pictures("flat", ["."], (20, 20, 3))
    assert "no folder for each class" in refused("flat")
    pictures("one", ["cat"], (20, 20, 3))
    assert "one class folder, `cat`" in refused("one")
    Path("none").mkdir()
    assert "`none` is empty" in refused("none")
    assert "its target is the names of the class folders" in refused("flat", "--target", "x")


def test_a_damaged_image_is_named() -> None:
    pictures("photos", ["cat", "dog"], (30, 30, 3))
    Path("photos/cat/000.png").write_bytes(b"no image")
    assert "`photos/cat/000.png` is not a readable image" in refused("photos")


def test_folders_of_texts() -> None:
    spec = drafted(text_folders())
    assert spec["data"]["source"] == {"text": "reviews"}
    assert spec["training"]["loss"] == "binary_crossentropy"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_of_data_gives_a_clean_spec(form: Callable[[], str]) -> None:
    drafted(form())


def test_a_column_that_is_called_target_names_the_output_otherwise() -> None:
    table(a=numbers(60), target=choices(60, "x", "y"))
    assert list(drafted("table.csv")["data"]["targets"]) == ["label"]


def test_the_example_of_the_documentation_is_what_is_written() -> None:
    page = (Path(__file__).parent.parent / "docs" / "first_spec.md").read_text("utf-8")
    blocks = dict(re.findall(r"```(python|yaml)\n(.*?)```", page, re.DOTALL))
    exec(compile(blocks["python"], "first_spec.md", "exec"), {})
    assert draft(Path("wine.csv"), Path("wine.yaml"), "cultivar").text == blocks["yaml"]


def labels(count: int, classes: int = 3) -> NDArray[np.int64]:
    return rng(9).integers(0, classes, count)


def test_arrays_of_images_vectors_and_sequences() -> None:
    write_npz(Path("i.npz"), x=rng().integers(0, 255, (60, 16, 16), np.uint8), y=labels(60))
    spec = drafted("i.npz")
    assert spec["model"]["inputs"] == {"x": [16, 16]}
    assert layers(spec)[:2] == ["Reshape", "Conv2D"]
    write_npz(
        Path("v.npz"),
        x=rng().normal(size=(60, 5)),
        extra=rng().normal(size=7),
        label=rng(2).normal(size=60),
    )
    spec = drafted("v.npz")
    assert spec["model"]["inputs"] == {"x": [5]}
    assert spec["training"]["loss"] == "mse"
    assert "`extra`: it has 7 rows, the others 60" in text()
    write_npz(Path("s.npz"), x=rng().normal(size=(60, 30, 4)), y=labels(60, 2))
    assert "Conv1D" in layers(drafted("s.npz"))


def test_arrays_of_training_and_test() -> None:
    write_npz(
        Path("m.npz"),
        x_train=rng().normal(size=(60, 5)),
        y_train=labels(60),
        x_test=rng().normal(size=(60, 5)),
        y_test=labels(60),
    )
    spec = drafted("m.npz")
    assert spec["data"]["inputs"]["x_train"]["column"] == "x_train"
    assert list(spec["data"]["targets"]) == ["y_train"]


def test_hdf5_arrays() -> None:
    import h5py

    with h5py.File("a.h5", "w") as file:
        file["group/x"] = rng().normal(size=(60, 5))
        file["group/label"] = labels(60)
    spec = drafted("a.h5")
    assert spec["data"]["inputs"]["group_x"]["column"] == "group/x"


# Wrong usage --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "`t.csv` is empty"),
        ("\n\n", "`t.csv` is empty"),
        ("a\n1\n2\n", "has only one column, `a`"),
        ("a,label\n", "has a header but no rows"),
        ("a,label\n" + "1,x\n" * 7, "has 7 rows"),
        ("a,label\n" + "1,\n" * 30, "the target `label` has no values"),
        (
            "a,label\n" + "".join(f"{n},x\n" for n in range(30)),
            'has the same value in every row: "x"',
        ),
        (
            "a,label\n" + "".join(f"{n % 5},name {n}\n" for n in range(40)),
            "40 different values in 40 rows",
        ),
        ("a,label\n" + "".join(f"c,{n % 2}\n" for n in range(30)), "no column can be an input"),
        ("a,a,label\n1,2,3\n2,3,4\n", "duplicate columns"),
        ('a,label\n"1,2\n', "quote"),
    ],
    ids=[
        "nothing",
        "blank",
        "one column",
        "no rows",
        "few rows",
        "no target",
        "constant target",
        "names",
        "no input",
        "duplicates",
        "quotes",
    ],
)
def test_tables_that_cannot_be_learned(content: str, said: str) -> None:
    Path("t.csv").write_text(content)
    assert said in refused("t.csv")


def test_files_that_cannot_be_read() -> None:
    assert "`no.csv` does not exist" in refused("no.csv")
    for name in ("t.xlsx", "t.bin"):
        Path(name).write_bytes(b"something")
    assert "save its table as CSV" in refused("t.xlsx")
    assert "of an unknown kind" in refused("t.bin")
    Path("t.parquet").write_bytes(b"PAR1 but no more")
    assert "not a valid Parquet file" in refused("t.parquet")
    Path("empty.parquet").write_bytes(b"")
    assert "`empty.parquet` is empty" in refused("empty.parquet")
    write_npz(Path("one.npz"), x=rng().normal(size=(60, 5)))
    assert "no two arrays with the same number of examples" in refused("one.npz")


def test_an_existing_spec_is_never_overwritten() -> None:
    table("t.csv", a=numbers(60), label=choices(60, "x", "y"))
    Path("spec.yaml").write_text("mine")
    result = invoke("init", "spec", "--data", "t.csv")
    assert result.exit_code == status.USAGE
    assert "already exists" in result.output
    assert text() == "mine"


def test_target_requires_data() -> None:
    result = invoke("init", "--target", "x")
    assert result.exit_code == status.USAGE
    assert "--target requires --data" in result.output


# As a whole ---------------------------------------------------------------------------------------


def test_the_command_loads_no_framework(folder: Path) -> None:
    table("t.csv", a=numbers(60), label=choices(60, "x", "y"))
    code = (
        "import sys; from modelspec.cli import main\n"
        "main(['init', '--data', 't.csv'], standalone_mode=False)\n"
        "print(sorted({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=folder
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize(
    ("name", "target", "left_out"),
    [
        ("penguins.csv", "species", set()),
        ("titanic.csv", "survived", {"class", "embark_town", "alive"}),
        ("diamonds.csv", "price", set()),
        ("sms-spam.tsv", "label", {"column_3", "column_4", "column_5"}),
    ],
)
def test_real_tables(name: str, target: str, left_out: set[str]) -> None:
    Path(name).write_bytes(real(name).read_bytes())
    spec = drafted(name)
    assert list(spec["data"]["targets"]) == [target]
    features = spec["data"]["inputs"].values()
    used = {one for feature in features for one in feature.get("columns", [feature.get("column")])}
    assert not used & left_out
    assert target not in used


CELLS: tuple[Callable[[random.Random], str], ...] = (
    lambda draw: str(draw.randint(-5, 5)),
    lambda draw: f"{draw.gauss(0, 100):.2f}",
    lambda draw: draw.choice(["a", "b", "c d", "no", "$x", "ä"]),
    lambda draw: f"20{draw.randint(10, 24)}-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}",
    lambda draw: " ".join(draw.choices(["one", "two", "three", "'four'", '"five"'], k=9)),
    lambda draw: "",
    lambda draw: "same",
    lambda draw: str(draw.getrandbits(60)),
    lambda draw: draw.choice(["", "?", "NA", "7", "8.5"]),
    lambda draw: f"{draw.randint(0, 99)}%",
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kinds=st.lists(st.integers(0, len(CELLS) - 1), min_size=2, max_size=7),
    rows=st.integers(2, 70),
    seed=st.integers(0, 2**20),
    names=st.lists(
        st.sampled_from([*ODD_NAMES, "id", "price", "label", "date", "y"]),
        min_size=7,
        max_size=7,
        unique=True,
    ),
)
def test_every_drawn_table_gives_a_clean_spec_or_a_reason(
    kinds: list[int], rows: int, seed: int, names: list[str]
) -> None:
    draw = random.Random(seed)
    with Path("drawn.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names[: len(kinds)])
        writer.writerows([CELLS[kind](draw) for kind in kinds] for _ in range(rows))
    try:
        drafted("drawn.csv")
    except NoDraft as error:
        assert error.message


def test_images_of_sixteen_bits_are_scaled_by_their_range() -> None:
    for label in ("a", "b"):
        Path("x", label).mkdir(parents=True)
        for number in range(4):
            values = rng(number).integers(0, 65535, (32, 32), np.uint16)
            Image.fromarray(values).save(Path("x", label, f"{number}.png"))
    drafted("x")
    assert "1 / 65535" in text()
