"""A run in Python: rows of every form give what a file of them gives; what becomes of a row; data that
are prepared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.data import RunError
from modelspec.runtime.run import Run

from .predicting import LABELS, SPECS, read_csv, trained

pytestmark = pytest.mark.tensorflow
NAMES = ["species", "species_probability", *(f"p[{label}]" for label in LABELS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        trained(folder, "species")
    return folder


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(folder)
    return ms.open_run("species")


def rows_of(path: str) -> list[dict[str, Any]]:
    numbers = ("a", "b")
    return [
        {name: float(cell) if name in numbers else cell for name, cell in row.items()}
        for row in read_csv(path)
    ]


def test_rows_of_every_form_give_what_a_file_gives(run: Run) -> None:
    pandas = pytest.importorskip("pandas")
    expected = run.predict("rows.csv")
    assert list(expected) == ["row", *NAMES]
    rows = rows_of("rows.csv")
    columns = {name: np.array([row[name] for row in rows]) for name in ("a", "b")}
    for given in (rows, columns, iter([columns])):
        found = run.predict(given)
        assert list(found) == NAMES
        assert all(np.array_equal(found[name], expected[name]) for name in NAMES)
    frame = pandas.DataFrame(rows).set_index("code")
    found = run.predict(frame, keep="all", id="price")
    assert list(found.index) == list(frame.index)
    assert list(found.columns)[:2] == ["price", "a"]
    assert "input[species]" in found.columns
    assert all((found[name].to_numpy() == expected[name]).all() for name in NAMES)


def test_a_frame_of_polars_gives_one_of_polars(run: Run) -> None:
    polars = pytest.importorskip("polars")
    rows = rows_of("rows.csv")
    found = run.predict(
        polars.DataFrame({"a": [row["a"] for row in rows], "b": [row["b"] for row in rows]})
    )
    assert isinstance(found, polars.DataFrame)
    assert found["species"].to_list() == run.predict(rows)["species"].tolist()


def test_rows_that_cannot_be_read_are_left_out_of_a_frame_too(run: Run) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, None, 3.0], "b": [0.0, 0.5, 1.0]}, index=["u", "v", "w"])
    with pytest.raises(RunError, match="MS608"):
        run.predict(frame)
    with pytest.warns(UserWarning, match="MS733"):
        found = run.predict(frame, errors="skip")
    assert list(found.index) == ["u", "w"]
    assert np.array_equal(found["species"], run.predict(frame.loc[["u", "w"]])["species"])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"top": 0}, "MS732"),
        ({"batch_size": 0}, "MS732"),
        ({"threshold": 3}, "MS732"),
        ({"threshold": 0.3}, "MS730"),
        ({"id": "c"}, "MS607"),
        ({"keep": ["x"]}, "MS731"),
    ],
)
def test_options_that_do_not_fit_are_refused(run: Run, options: Any, code: str) -> None:
    rows = {"a": np.zeros(2), "b": np.zeros(2), "x": np.zeros((2, 3))}
    with pytest.raises(RunError, match=code):
        run.predict(rows, **options)
    assert len(run.predict(rows, keep="all")["a"]) == 2


def test_a_run_is_evaluated_on_rows_and_on_its_parts(run: Run) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows_of("rows.csv"))
    assert run.evaluate(frame).metrics == run.evaluate("rows.csv").metrics
    assert run.evaluate().metrics == run.metrics
    assert run.evaluate(split="validation").metrics == run.by_part["validation"]


def test_a_run_of_data_in_memory_answers_as_well(folder: Path, monkeypatch: Any) -> None:
    pandas = pytest.importorskip("pandas")
    monkeypatch.chdir(folder)
    frame = pandas.DataFrame(rows_of("rows.csv"))
    run = ms.load_spec(SPECS["species"]).train(run_dir=folder / "memory", data=frame)
    assert run.evaluate().metrics == run.metrics
    assert len(run.predict(frame)) == len(frame)


def test_a_row_is_explained_step_by_step(run: Run) -> None:
    row = {"a": 1.5, "b": -0.5}
    found = run.explain_row(row)
    (one,) = found.inputs.values()
    assert one.columns == row
    assert one.read.tolist() == [1.5, -0.5]
    ((layer, values),) = one.steps
    assert layer == "Normalization"
    x = np.array([[float(r["a"]), float(r["b"])] for r in read_csv("rows.csv")])
    train = x[run.data("train").part.rows]
    np.testing.assert_allclose(values, ([1.5, -0.5] - train.mean(0)) / train.std(0), rtol=1e-9)
    assert np.array_equal(one.given, np.asarray(values, "float32"))
    predicted = run.predict([row])
    assert found.prediction["species"] == predicted["species"][0]
    assert "Normalization: [" in str(found)


def test_prepared_data_are_a_dataset_and_arrays(run: Run) -> None:
    part = run.data("train")
    inputs, targets = part.arrays()
    assert (len(part), inputs.shape, targets.shape) == (64, (64, 2), (64,))
    np.testing.assert_allclose(inputs.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(inputs.std(0), 1, atol=1e-5)
    first = next(iter(part.dataset(10)))
    assert np.array_equal(first[0], inputs[:10])
    labels = [read_csv("rows.csv")[row]["species"] for row in part.part.rows]
    assert [LABELS[number] for number in targets] == labels
    with pytest.raises(RunError, match="MS710"):
        run.data("extra")  # type: ignore[arg-type]  # what a program may ask for


def test_a_pipeline_is_the_model_with_its_preprocessing(run: Run) -> None:
    pipeline = run.pipeline()
    rows = rows_of("rows.csv")[:5]
    found, expected = pipeline(rows), run.predict(rows)
    assert all(np.array_equal(found[name], expected[name]) for name in NAMES)
    assert pipeline.model is run.model
