"""A spec and a run are values: nothing outside changes them, equal ones are equal, and they travel
between processes and working directories.
"""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
SPEC: dict[str, Any] = {
    "seed": 3,
    "model": {
        "inputs": {"x": [3]},
        "layers": [
            {"Dense": {"units": 4, "activation": "relu"}},
            {"Dropout": 0.2},
            {"Dense": {"units": 1, "name": "y"}},
        ],
    },
    "data": {
        "source": {"csv": "d.csv"},
        "split": {"validation": 0.25},
        "inputs": {"x": {"columns": ["a", "b", "c"], "transform": ["Normalization"]}},
        "targets": {"y": {"column": "y"}},
    },
    "training": {"loss": "mse", "metrics": ["mae"], "epochs": 2, "batch_size": 8},
}


def spec() -> ms.Spec:
    return ms.load_spec(copy.deepcopy(SPEC))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    drawn = np.random.default_rng(0).random((40, 4))
    rows = [",".join(f"{value:.6f}" for value in row) for row in drawn]
    (tmp_path / "d.csv").write_text("\n".join(["a,b,c,y", *rows, ""]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Specs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["model"]["layers"][0]["Dense"].update(units=99),
        lambda it: it["model"]["layers"].clear(),
        lambda it: it["model"]["inputs"]["x"].append(7),
        lambda it: it["data"]["inputs"]["x"]["columns"].pop(),
        lambda it: it["data"]["inputs"]["x"]["transform"].append("Rescaling"),
        lambda it: it["training"]["metrics"].append("mse"),
        lambda it: it["training"].update(epochs=77),
        lambda it: it.clear(),
    ],
)
def test_a_change_of_the_mapping_changes_nothing(change: Callable[[Any], Any]) -> None:
    written = copy.deepcopy(SPEC)
    found = ms.load_spec(written)
    text, parameters, key = ms.dump(found), found.graph.parameters, hash(found)
    change(written)
    assert (ms.dump(found), found.graph.parameters, hash(found)) == (text, parameters, key)
    assert found == spec()


def test_a_change_of_the_overrides_changes_nothing() -> None:
    overrides: dict[str, Any] = {"training.metrics": ["mae"], "training.epochs": 5}
    found = ms.load_spec(SPEC, overrides)
    text = ms.dump(found)
    overrides["training.metrics"].append("mse")
    overrides["training.epochs"] = 6
    assert ms.dump(found) == text


def test_loading_changes_no_mapping() -> None:
    """Nor does what is asked of the spec afterwards."""
    written, overrides = copy.deepcopy(SPEC), {"training.metrics": ["mae"]}
    found = ms.load_spec(written, overrides)
    ms.dump(found), ms.check(written), found._repr_html_(), repr(found)
    assert written == SPEC and overrides == {"training.metrics": ["mae"]}


def test_equal_specs_are_equal_and_have_one_hash() -> None:
    one, other = spec(), spec()
    assert one == other and hash(one) == hash(other) and len({one, other}) == 1
    assert one != SPEC and one != "text"


@pytest.mark.parametrize(
    "path", ["training.epochs", "training.batch_size", "seed", "model.layers[0].Dense.units"]
)
def test_a_spec_that_says_something_else_differs(path: str) -> None:
    assert ms.load_spec(SPEC, {path: 17}) != spec()


def test_the_order_of_inputs_is_part_of_a_spec() -> None:
    """Keras takes lists of arrays in that order."""

    def named(*names: str) -> ms.Spec:
        layers = [{"Concatenate": {"from": ["a", "b"]}}, {"Dense": 1}]
        return ms.load_spec({"model": {"inputs": {n: [2] for n in names}, "layers": layers}})

    assert named("a", "b") == named("a", "b") != named("b", "a")


def test_paths_that_lead_elsewhere_make_another_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`d.csv` is another file in another folder."""
    here = spec()
    monkeypatch.chdir(tmp_path)
    assert spec() != here


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "copied",
    [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_a_copy_is_the_same_spec(config: Path, copied: Callable[[Any], Any]) -> None:
    found = ms.load_spec(config)
    again = copied(found)
    assert again == found and hash(again) == hash(found)
    assert ms.dump(again) == ms.dump(found) and again.diagnostics == found.diagnostics
    assert again.graph.parameters == found.graph.parameters
    assert repr(again) == repr(found)


def test_a_deep_spec_can_be_pickled() -> None:
    """A graph of hundreds of layers is not one chain of references."""
    found = ms.load_spec({"model": {"inputs": {"x": [4]}, "layers": [{"Dense": 4}] * 900}})
    assert pickle.loads(pickle.dumps(found)) == found


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        spec().compiled = None  # type: ignore[misc, assignment]


@pytest.mark.tensorflow
@pytest.mark.parametrize("seed", [None, 3])
def test_two_builds_start_from_the_same_weights(seed: int | None) -> None:
    """Whatever the program draws in between; and from those that training starts from."""
    import keras

    written = {key: value for key, value in SPEC.items() if key != "seed"}
    found = ms.load_spec({**written, **({} if seed is None else {"seed": seed})})
    one = found.build()
    keras.utils.set_random_seed(99)
    keras.layers.Dense(3).build((None, 4))
    other, copied = found.build(), pickle.loads(pickle.dumps(found)).build()
    for model in (other, copied):
        assert all(map(np.array_equal, one.get_weights(), model.get_weights()))
    assert np.std(one.get_weights()[0]) > 0


@pytest.mark.tensorflow
def test_another_seed_gives_other_weights() -> None:
    one, other = (ms.load_spec(SPEC, {"seed": seed}).build() for seed in (3, 4))
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


@pytest.mark.tensorflow
def test_sizes_that_are_auto_come_from_the_data(tmp_path: Path) -> None:
    """A model can be built without training it, as long as the data say how large it is."""
    (tmp_path / "rows.csv").write_text("a,b,y\n1,2,3\n4,5,6\n7,8,9\n2,2,2\n")
    written = {
        "model": {"inputs": {"x": ["auto"]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {
            "source": {"csv": "rows.csv"},
            "inputs": {"x": {"columns": ["a", "b"]}},
            "targets": {"y": {"column": "y"}},
        },
        "training": {"loss": "mse"},
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(written))
    assert ms.load_spec(path).build().input_shape == (None, 2)
    alone = ms.load_spec({"model": written["model"]})
    with pytest.raises(ms.RunError, match="the size `auto` of `x`") as caught:
        alone.build()
    assert [one.code for one in caught.value.diagnostics] == ["MS729"]


# Runs ---------------------------------------------------------------------------------------------

ROWS = {"a": [0.1, 0.9], "b": [0.5, 0.2], "c": [0.3, 0.3]}


@pytest.mark.tensorflow
def test_a_run_is_a_value(folder: Path) -> None:
    run = spec().train("run")
    again = ms.open_run("run")
    assert run == again and hash(run) == hash(again)
    assert run != spec().train("other") and run != "run"
    expected = run.predict(ROWS)["y"]
    for made in (pickle.loads(pickle.dumps(run)), copy.copy(run), copy.deepcopy(again)):
        assert made == run and hash(made) == hash(run)
        assert np.array_equal(made.predict(ROWS)["y"], expected)
        assert made.evaluate().metrics == run.evaluate().metrics


@pytest.mark.tensorflow
def test_a_pickle_of_a_run_holds_no_data(folder: Path) -> None:
    """Also of one that was trained on arrays of a program: its folder is what is kept."""
    many = np.random.default_rng(0).random((20_000, 4))
    given = dict(zip("abcy", many.T, strict=True))
    run = ms.load_spec(SPEC, {"training.epochs": 1, "training.batch_size": 4096}).train(
        "run", data=given
    )
    text = pickle.dumps(run)
    assert len(text) < 100_000
    assert np.array_equal(pickle.loads(text).predict(ROWS)["y"], run.predict(ROWS)["y"])


@pytest.mark.tensorflow
def test_a_pickle_of_a_run_whose_folder_is_gone_is_refused(folder: Path) -> None:
    run = spec().train("run")
    text = pickle.dumps(run)
    (folder / "run").rename(folder / "moved")
    with pytest.raises(ms.RunError, match="MS708"):
        pickle.loads(text)


@pytest.mark.tensorflow
def test_a_run_survives_another_working_directory(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One that was trained, one that was opened, one that was resumed, and their copies."""
    trained = spec().train("run")
    runs = [trained, ms.open_run("run"), ms.resume(Path("run")), ms.open_run(Path("run"))]
    expected, metrics = trained.predict(ROWS)["y"], trained.evaluate().metrics
    text = pickle.dumps(runs)
    assert repr(runs[1]).startswith("<Run 'run':")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    os.chdir(elsewhere)
    for run in (*runs, *pickle.loads(text)):
        assert run.directory == folder / "run" and (run.directory / "model.keras").is_file()
        assert np.array_equal(run.predict(ROWS)["y"], expected)
        assert run.evaluate().metrics == metrics
        assert len(run.data("train")) == 30
        assert str(folder / "run") in repr(run)
    assert list(elsewhere.iterdir()) == []


def _worked(given: ms.Spec) -> tuple[ms.Run, list[Any]]:
    run = given.train(f"in-{os.getpid()}")
    return run, run.model.get_weights()


@pytest.mark.tensorflow
def test_specs_go_to_a_pool_and_runs_come_back(folder: Path) -> None:
    """With the numbers that they have here."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        run, weights = pool.submit(_worked, spec()).result()
    here = spec().train("here")
    assert run.spec == spec() and run.history == here.history
    for model in (run.model, here.model):
        assert all(map(np.array_equal, model.get_weights(), weights))
