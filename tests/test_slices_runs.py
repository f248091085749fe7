"""`data.slices` in runs: metrics of every slice against those of a file with its rows alone, and
against NumPy; what each kind of column is cut into; what is wrong with data that cannot be cut.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from PIL import Image
from pyarrow import parquet

import modelspec as ms
from modelspec.cli import main
from modelspec.core.diagnostics import Diagnostic
from modelspec.runtime.data import Prepared, RunError, prepare
from modelspec.runtime.history import read_record
from modelspec.runtime.history.slices import by_part_of
from modelspec.runtime.run import Run, predict

from .real_data import real

pytestmark = pytest.mark.tensorflow

COUNT = 400
SLICES: list[Any] = [
    "island",
    {"column": "age", "bins": [18, 40.5, 65], "min_examples": 30},
    {"column": "joined", "bins": ["2023-01-01", "2024-01-01"]},
    "kind",
    "code",
]
SPEC: dict[str, Any] = {
    "name": "sliced",
    "seed": 2,
    "model": {
        "inputs": {"x": [3]},
        "layers": [{"Dense": {"units": 3, "activation": "softmax", "name": "kind"}}],
    },
    "data": {
        "source": {"csv": "t.csv"},
        "split": {"column": "part"},
        "inputs": {
            "x": {"columns": ["a", "b", "age"], "missing": "mean", "transform": ["Normalization"]}
        },
        "targets": {"column": "kind", "transform": [{"StringLookup": {"num_oov_indices": 0}}]},
        "weights": "w",
        "slices": SLICES,
    },
    "training": {
        "optimizer": {"Adam": 0.05},
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy", "SparseTopKCategoricalAccuracy"],
        "weighted_metrics": ["accuracy"],
        "epochs": 2,
        "batch_size": 16,
    },
}
Row = dict[str, str]


def rows() -> list[Row]:
    """A table with text, numbers, times and missing values; `island` and `code` feed nothing."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(COUNT):
        kind = number % 3
        age = "" if number % 11 == 0 else f"{rng.uniform(0, 90):.1f}"
        found.append(
            {
                "a": f"{rng.normal() + kind:.4f}",
                "b": f"{rng.normal() - kind:.4f}",
                "age": "18" if number % 13 == 0 else age,
                "island": ("Dream", "Biscoe", "", "Torgersen, North")[number % 4],
                "joined": f"{2022 + number % 3}-0{1 + number % 6}-01",
                "code": ("007", "7")[number % 2],
                "kind": f"k{kind}",
                "w": f"{1 + number % 3}",
                "part": ("train", "test", "validation", "test")[rng.integers(4)],
            }
        )
    return found


def write(name: str, found: list[Row]) -> Path:
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    return Path(name)


def expected_label(column: str, row: Row) -> str:
    """The slice of a row by the cells alone."""
    cell = row[column]
    if cell == "":
        return f"{column}=missing"
    if column == "age":
        edges = ["..18", "18..40.5", "40.5..65", "65.."]
        return f"age={edges[sum(float(cell) >= edge for edge in (18, 40.5, 65))]}"
    if column == "joined":
        edges = ["..2023-01-01", "2023-01-01..2024-01-01", "2024-01-01.."]
        return f"joined={edges[int(cell[:4]) - 2022]}"
    return f"{column}={cell}"


def of_slice(label: str, part: str) -> list[Row]:
    """The rows of a part that are in a slice."""
    column = label.partition("=")[0]
    return [row for row in rows() if row["part"] == part and expected_label(column, row) == label]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _in_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("MODELSPEC_CACHE", str(home / "cache"))


@pytest.fixture(scope="module")
def run(home: Path) -> Iterator[Run]:
    before = Path.cwd()
    os.chdir(home)
    write("t.csv", rows())
    try:
        yield ms.load_spec(SPEC).train("run")
    finally:
        os.chdir(before)


def labels_of(run: Run, part: str) -> dict[str, int]:
    found = by_part_of(run.slices, run.slice_examples)[part]
    return {one.label: one.examples for one in found}


# Metrics ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["test", "validation"])
def test_every_value_of_every_column_is_a_slice(run: Run, part: str) -> None:
    columns = [one if isinstance(one, str) else one["column"] for one in SLICES]
    expected: dict[str, int] = {}
    for row in rows():
        if row["part"] == part:
            for column in columns:
                label = expected_label(column, row)
                expected[label] = expected.get(label, 0) + 1
    assert labels_of(run, part) == expected


@pytest.mark.parametrize(
    ("part", "label"),
    [
        ("test", "island=Torgersen, North"),
        ("test", "age=18..40.5"),
        ("test", "age=missing"),
        ("test", "joined=2023-01-01..2024-01-01"),
        ("test", "code=007"),
        ("validation", "kind=k1"),
    ],
)
def test_a_slice_has_the_metrics_of_a_file_with_its_rows_alone(
    run: Run, part: str, label: str
) -> None:
    """Equal to the last bit, with example weights and values that are filled in."""
    results = {one.label: one for one in by_part_of(run.slices, run.slice_examples)[part]}
    write("only.csv", of_slice(label, part))
    found = run.evaluate("only.csv")
    assert found.examples == results[label].examples
    assert found.metrics == results[label].metrics


def test_a_slice_has_the_metrics_that_numpy_computes(run: Run) -> None:
    """In float64, of the probabilities that the run predicts."""
    for one in by_part_of(run.slices, run.slice_examples)["test"]:
        chosen = of_slice(one.label, "test")
        write("only.csv", chosen)
        predicted = predict(run.directory, "only.csv")
        probabilities = np.asarray(predicted.outputs["kind"], np.float64)
        true = np.array([int(row["kind"][1:]) for row in chosen])
        weights = np.array([float(row["w"]) for row in chosen])
        right = probabilities.argmax(axis=-1) == true
        losses = -np.log(probabilities[np.arange(len(true)), true])
        assert one.metrics["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
        weighted = (right * weights).sum() / weights.sum()
        assert one.metrics["weighted_accuracy"] == pytest.approx(weighted, abs=1e-6)
        loss = (losses * weights).sum() / len(losses)
        assert one.metrics["loss"] == pytest.approx(loss, rel=1e-5)


def test_slices_with_few_examples_are_marked(run: Run) -> None:
    """`min_examples` is 30 for the ages, and 20 elsewhere."""
    few = {
        f"{name}@{label}"
        for name, part in (("test", "test"), ("val", "validation"))
        for label, count in labels_of(run, part).items()
        if count < (30 if label.startswith("age=") else 20)
    }
    assert run.few_slices == few
    assert "val@age=missing" in few and "test@island=Dream" not in few


# Where they are -----------------------------------------------------------------------------------


def test_the_run_folder_has_them(run: Run) -> None:
    written = json.loads((run.directory / "metrics.json").read_text(encoding="utf-8"))
    assert written["slices"] == dict(run.slices)
    assert written["slice_examples"] == dict(run.slice_examples)
    assert written["test"] == run.by_part["test"]
    record = read_record(run.directory).value
    again = ms.open_run(run.directory)
    assert record is not None
    for one in (record, again):
        assert one.slices == run.slices and one.slice_examples == run.slice_examples
        assert one.few_slices == run.few_slices
        assert set(one.by_part) == {"test", "validation"}
    assert record.metrics["val_loss@island=Dream"] == run.slices["val_loss@island=Dream"]


def test_evaluate_measures_them_again(run: Run) -> None:
    """On the run's own parts, and on another file, those that fall furthest behind first."""
    for part in ("test", "validation"):
        found = run.evaluate(split=part)
        own = by_part_of(run.slices, run.slice_examples, run.few_slices)[part]
        assert {one.label: one for one in found.slices} == {one.label: one for one in own}
    write("all.csv", rows())
    found = run.evaluate("all.csv")
    assert sum(one.examples for one in found.slices if one.label.startswith("kind=")) == COUNT
    known = [one.metrics["accuracy"] for one in found.slices if not one.few]
    assert found.ranked_by == "accuracy" and known == sorted(known)


def test_the_command_line_prints_a_table(run: Run) -> None:
    result = CliRunner().invoke(main, ["evaluate", str(run.directory)])
    assert result.exit_code == 0, result.output
    table = result.output[result.output.index("slices of test") :].splitlines()
    assert table[0].split()[3:6] == ["examples", "accuracy", "difference"]
    differences = [float(line.split()[-4]) for line in table[1:] if not line.endswith("examples")]
    assert differences == sorted(differences) and differences[0] < 0
    form = ["evaluate", str(run.directory), "--format", "json"]
    printed = json.loads(CliRunner().invoke(main, form).stdout)
    first = printed["slices"][0]
    assert table[1].startswith(first["slice"])
    assert first["metrics"]["accuracy"] == run.slices[f"test_accuracy@{first['slice']}"]
    gap = first["metrics"]["accuracy"] - printed["metrics"]["accuracy"]
    assert (
        first["difference"]["accuracy"]
        == gap
        == min(one["difference"]["accuracy"] for one in printed["slices"] if not one["few"])
    )


def test_another_file_may_lack_a_column(run: Run) -> None:
    """The slices of the others are measured; a warning names the column."""
    kept = [{key: cell for key, cell in row.items() if key != "island"} for row in rows()]
    write("fewer.csv", kept)
    found = run.evaluate("fewer.csv")
    assert [(one.code, one.severity) for one in found.warnings] == [("MS821", "warning")]
    assert "`island`" in found.warnings[0].message
    assert {one.label.partition("=")[0] for one in found.slices} == {
        "age",
        "joined",
        "kind",
        "code",
    }


def test_penguins_by_island(home: Path) -> None:
    """Real data: the slices of the islands are those that the file has, and have all examples."""
    path = real("penguins.csv")
    (home / "penguins.csv").write_bytes(path.read_bytes())
    measures = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    spec = {
        **SPEC,
        "name": "penguins",
        "model": {
            "inputs": {"x": [4]},
            "layers": [{"Dense": {"units": 3, "activation": "softmax", "name": "species"}}],
        },
        "data": {
            "source": {"csv": "penguins.csv"},
            "split": {"test": 0.4, "stratify": "species"},
            "inputs": {"columns": measures, "missing": "mean", "transform": ["Normalization"]},
            "targets": {
                "column": "species",
                "transform": [{"StringLookup": {"num_oov_indices": 0}}],
            },
            "slices": ["island", {"column": "body_mass_g", "bins": [3500, 4500]}],
        },
        "training": {**SPEC["training"], "weighted_metrics": [], "epochs": 5},
    }
    run = ms.load_spec(spec).train("penguins")
    found = by_part_of(run.slices, run.slice_examples)["test"]
    with path.open(encoding="utf-8") as file:
        islands = {row["island"] for row in csv.DictReader(file)}
    of_island = [one for one in found if one.label.startswith("island=")]
    assert [one.label for one in of_island] == [f"island={one}" for one in sorted(islands)]
    count = sum(one.examples for one in of_island)
    right = sum(one.examples * one.metrics["accuracy"] for one in of_island)
    assert right / count == pytest.approx(run.by_part["test"]["accuracy"], abs=1e-6)
    assert any(one.label == "body_mass_g=missing" for one in found)


# Columns of other sources -------------------------------------------------------------------------


def prepared(data: dict[str, Any], **model: Any) -> Prepared:
    spec = {
        "seed": 1,
        "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}], **model},
        "data": {"inputs": {"column": "x"}, "targets": {"column": "y"}, **data},
        "training": {"loss": "mse", "batch_size": 4},
    }
    return prepare(ms.load_spec(spec).compiled)


def counts(found: Prepared, part: str = "test") -> dict[str, int]:
    return {one.label: len(one.part) for one in found.slices[part]}


def test_columns_of_a_source_with_types(home: Path) -> None:
    """Whole numbers, truth values, times and floats of Parquet, in their own order."""
    size = 24
    days = np.datetime64("2024-01-30") + np.arange(size) % 3
    table = pa.table(
        {
            "x": np.arange(size, dtype=np.float32),
            "y": np.arange(size, dtype=np.float32),
            "year": [None if i == 5 else (2024, 9, 100)[i % 3] for i in range(size)],
            "flag": [i % 4 == 0 for i in range(size)],
            "day": pa.array(days.astype("datetime64[D]")),
            "ratio": pa.array((np.arange(size) % 2 / 10).astype(np.float32)),
            "word": [None if i % 6 == 0 else ("b", "a")[i % 2] for i in range(size)],
        }
    )
    parquet.write_table(table, "t.parquet")
    found = prepared(
        {
            "train": {"parquet": "t.parquet"},
            "test": {"parquet": "t.parquet"},
            "slices": [
                "year",
                "flag",
                "day",
                "ratio",
                "word",
                {"column": "x", "bins": [12]},
            ],
        }
    )
    assert counts(found) == {
        "year=9": 8,
        "year=100": 7 if size // 3 == 8 and 5 % 3 == 2 else 8,
        "year=2024": 8,
        "year=missing": 1,
        "flag=false": 18,
        "flag=true": 6,
        "day=2024-01-30": 8,
        "day=2024-01-31": 8,
        "day=2024-02-01": 8,
        "ratio=0": 12,
        "ratio=0.1": 12,
        "word=a": 12,
        "word=b": 8,
        "word=missing": 4,
        "x=..12": 12,
        "x=12..": 12,
    }
    assert list(counts(found))[:4] == ["year=9", "year=100", "year=2024", "year=missing"]


def test_ranges_of_times_of_a_source_with_types(home: Path) -> None:
    days = pa.array(np.datetime64("2024-01-30") + np.arange(4))
    numbers = np.arange(4, dtype=np.float32)
    parquet.write_table(pa.table({"x": numbers, "y": numbers, "day": days}), "days.parquet")
    source = {"parquet": "days.parquet"}
    slices = [{"column": "day", "bins": ["2024-02-01"]}]
    found = prepared({"train": source, "test": source, "slices": slices})
    assert counts(found) == {"day=..2024-02-01": 2, "day=2024-02-01..": 2}


def test_a_window_is_in_the_slice_of_its_last_row(home: Path) -> None:
    """Rows 0 to 2 are a window, and row 2 is its last one."""
    lines = [f"{i},{i},{'ab'[i // 2 % 2]}" for i in range(20)]
    Path("series.csv").write_text("x,y,group\n" + "\n".join(lines) + "\n", encoding="utf-8")
    found = prepared(
        {
            "train": {"csv": "series.csv"},
            "test": {"csv": "series.csv"},
            "window": {"length": 3},
            "slices": ["group"],
        },
        inputs={"x": [3]},
    )
    last = {name: [i for i in range(2, 20) if "ab"[i // 2 % 2] == name] for name in "ab"}
    for one in found.slices["test"]:
        places = one.part.examples.rows
        assert places is not None
        rows_of_it = places[one.part.positions]
        assert rows_of_it.tolist() == last[one.label.removeprefix("group=")]


def test_rows_that_where_leaves_out_are_in_no_slice(home: Path) -> None:
    lines = [f"{i},{i},{'ab'[i % 2]}" for i in range(20)]
    Path("some.csv").write_text("x,y,group\n" + "\n".join(lines) + "\n", encoding="utf-8")
    source = {"csv": "some.csv"}
    found = prepared({"train": source, "test": source, "where": "x > 12", "slices": "group"})
    assert counts(found) == {"group=a": 3, "group=b": 4}
    assert found.slices["test"][0].part.positions.tolist() == [1, 3, 5]


def test_a_number_is_read_as_its_feature_says(home: Path) -> None:
    """`1,000` with `thousands`; cells that no feature reads as numbers are as they are written."""
    Path("n.csv").write_text('x,y,z\n"1,000",1,NA\n"2,500",2,1.0\n999,3,1\n', encoding="utf-8")
    source = {"csv": "n.csv"}
    found = prepared(
        {
            "train": source,
            "test": source,
            "inputs": {"column": "x", "number": {"thousands": ","}},
            "slices": ["x", "z"],
        }
    )
    named = ["x=999", "x=1000", "x=2500", "z=1", "z=1.0", "z=NA"]
    assert list(counts(found)) == named
    Path("n.csv").write_text('x,y,z\n"1,000",1,NA\n"2,500",2,1.0\n999,3,1\n', encoding="utf-8")
    ranges = [{"column": "x", "bins": [1000]}, {"column": "z", "bins": [1]}]
    found = prepared(
        {
            "train": source,
            "test": source,
            "inputs": {"column": "x", "number": {"thousands": ","}},
            "slices": ranges,
        }
    )
    assert counts(found) == {"x=..1000": 1, "x=1000..": 2, "z=1..": 2, "z=missing": 1}


def test_images_are_cut_by_their_class_folder(home: Path) -> None:
    """The column `label` is the folder; the images themselves are not read for it."""
    rng = np.random.default_rng(0)
    for number in range(12):
        folder = home / "photos" / ("cat" if number % 3 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    spec = {
        "model": {
            "inputs": {"image": [4, 4, 3]},
            "layers": ["Flatten", {"Dense": {"units": 2, "name": "label"}}],
        },
        "data": {
            "train": {"images": "photos"},
            "test": {"images": "photos"},
            "targets": {
                "column": "label",
                "transform": [{"StringLookup": {"num_oov_indices": 0}}],
            },
            "slices": ["label"],
        },
        "training": {
            "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
            "batch_size": 4,
        },
    }
    assert counts(prepare(ms.load_spec(spec).compiled)) == {"label=cat": 8, "label=dog": 4}


# Data that cannot be cut --------------------------------------------------------------------------


def faults(made: Callable[[], Any]) -> tuple[Diagnostic, ...]:
    try:
        made()
    except RunError as error:
        return error.diagnostics
    return ()


def people(count: int = 12, **cells: str) -> dict[str, Any]:
    """Two parts of one file; `cells` are those of the last row."""
    found = [{"x": str(i), "y": str(i), "age": str(i), "country": "CH"} for i in range(count)]
    found[-1].update(cells)
    write("people.csv", found)
    return {"source": {"csv": "people.csv"}, "split": {"validation": 0.3, "test": 0.3}}


def test_a_column_that_the_source_lacks_is_named_once(home: Path) -> None:
    """Both parts lack it; it is found before anything is trained."""
    [fault] = faults(lambda: prepared({**people(), "slices": ["country", "contry"]}))
    assert fault.code == "MS607" and fault.suggestion == "country"


def test_a_cell_that_has_no_place_among_the_bins(home: Path) -> None:
    source = people(age="old")
    test = {"train": source["source"], "test": source["source"]}
    [fault] = faults(lambda: prepared({**test, "slices": [{"column": "age", "bins": [5]}]}))
    assert fault.code == "MS820" and '"old" of `age` at ' in fault.message
    assert "people.csv:13" in fault.message and "is not a number" in fault.message
    bins = ["2024-01-01"]
    [fault] = faults(lambda: prepared({**test, "slices": [{"column": "age", "bins": bins}]}))
    assert fault.code == "MS820" and "is not a time" in fault.message
    bins = ["2024-01-01T00:00Z"]
    people(age="2024-05-05")
    write("people.csv", [{"x": "1", "y": "1", "age": "2024-05-05", "country": "CH"}] * 8)
    [fault] = faults(lambda: prepared({**test, "slices": [{"column": "age", "bins": bins}]}))
    assert fault.code == "MS820" and "has no UTC offset" in fault.message


def test_arrays_are_cut_into_no_slices(home: Path) -> None:
    one = np.zeros((20, 1), np.float32)
    np.savez("arrays.npz", x=one, y=one, wide=np.zeros((20, 2)))
    data = {"source": {"npz": "arrays.npz"}, "split": {"validation": 0.3, "test": 0.3}}
    [fault] = faults(lambda: prepared({**data, "slices": ["wide"]}))
    assert fault.code == "MS815" and "an array per example" in fault.message


def test_of_too_many_values_the_most_frequent_are_measured(home: Path) -> None:
    """Values of two rows come before those of one; a warning says how to make ranges."""
    found = [
        {"x": str(i), "y": str(i), "age": str(i if i < 70 else i - 70), "country": f"c{i}"}
        for i in range(80)
    ]
    write("many.csv", found)
    source = {"csv": "many.csv"}
    made = prepared({"train": source, "test": source, "inputs": "age", "slices": ["age"]})
    assert list(counts(made)) == [f"age={i}" for i in range(50)]
    assert set(list(counts(made).values())[:10]) == {2}
    [warning] = [one for one in made.warnings if one.code == "MS819"]
    assert "70 values in the test part" in warning.message and "bins" in (warning.help or "")
    made = prepared({"train": source, "test": source, "slices": ["country"]})
    [warning] = [one for one in made.warnings if one.code == "MS819"]
    assert "fewer values" in (warning.help or "")


def test_a_text_that_is_the_word_missing_is_a_missing_value(home: Path) -> None:
    """Two slices never have one name."""
    write("m.csv", [{"x": "1", "y": "1", "c": cell} for cell in ("missing", "", "a", "missing")])
    source = {"csv": "m.csv"}
    assert counts(prepared({"train": source, "test": source, "slices": "c"})) == {
        "c=a": 1,
        "c=missing": 3,
    }
