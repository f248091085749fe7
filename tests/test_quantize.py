"""`--quantize`: the metrics and files of a model that Keras quantized, compared with Keras by
hand.
"""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.cli.quantized import write_quantized
from modelspec.runtime.run import Run, RunError, train
from modelspec.runtime.run.open_run import open_run

pytestmark = pytest.mark.tensorflow

SPEC: dict[str, Any] = {
    "seed": 2,
    "model": {
        "inputs": {"x": [4]},
        "shared": {
            "encoder": [
                {"Reshape": {"target_shape": [2, 2]}},
                {"Dense": {"units": 8, "name": "wide"}},
                {"MultiHeadAttention": {"num_heads": 2, "key_dim": 4, "name": "attention"}},
                {"TimeDistributed": {"layer": {"Dense": 4}, "name": "steps"}},
                {"LayerNormalization": {"name": "norm"}},
            ]
        },
        "layers": [
            "encoder",
            {"Flatten": {}},
            {"Dense": {"units": 3, "activation": "softmax", "name": "kind"}},
        ],
    },
    "data": {
        "source": {"npz": "rows.npz"},
        "inputs": {"x": "x"},
        "targets": {"kind": "y"},
    },
    "training": {
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "optimizer": {"Adam": 0.02},
        "epochs": 2,
        "lora": {"rank": 2, "layers": ["encoder/attention/query"], "train": ["kind"]},
    },
}
SPEC["model"]["shared"]["encoder"][2]["MultiHeadAttention"]["from"] = {
    "query": "wide",
    "value": "wide",
}
QUANTIZED = ["attention/attention_output", "attention/key", "attention/query", "attention/value"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quantize")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 4)).astype("float32")
    np.savez(folder / "rows.npz", x=x, y=(x[:, 0] > 0) + (x[:, 1] > 0))
    return folder


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        return train(ms.load_spec(SPEC), home / "run")


@pytest.fixture(scope="module", autouse=True)
def _few_objects_to_collect(run: Run) -> Iterator[None]:
    """Keras collects garbage at each weight that it replaces, which takes long where all objects of
    earlier tests are visited each time.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _in_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


def by_hand(run: Run, mode: str) -> Any:
    import keras

    model = keras.models.load_model(run.directory / "model.keras")
    with warnings.catch_warnings(action="ignore"):  # about each layer without weights
        model.quantize(mode)
    return model


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_file_is_what_keras_quantizes(run: Run, home: Path, mode: str) -> None:
    import keras

    x = np.load(home / "rows.npz")["x"]
    expected = by_hand(run, mode).predict_on_batch(x)
    made = ms.export(run.directory, "keras", home / f"{mode}.keras", quantize=mode, tolerance=1)
    loaded = keras.models.load_model(home / f"{mode}.keras")
    np.testing.assert_allclose(loaded.predict_on_batch(x), expected, atol=1e-6)
    assert 0 < made.difference < 0.5
    assert any("`encoder/norm`" in one for one in made.notices)


def test_float8_is_that_of_keras(run: Run, home: Path) -> None:
    from modelspec.runtime.backend.quantization import quantized

    x = np.load(home / "rows.npz")["x"]
    found = quantized(open_run(run.directory).compiled, run.model, "float8")
    expected = by_hand(run, "float8").predict_on_batch(x)
    np.testing.assert_allclose(found.model.predict_on_batch(x), expected, atol=1e-6)


def test_metrics_are_those_of_keras(
    run: Run, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from modelspec.runtime.exporters.evaluate_quantized import evaluate_quantized

    rows, hand = np.load(home / "rows.npz"), by_hand(run, "int8")
    expected = hand.evaluate(rows["x"], rows["y"], verbose=0, return_dict=True)
    found = evaluate_quantized(run.directory, "int8", "npz=rows.npz")
    assert found.quantized.metrics == pytest.approx(expected, abs=1e-5)
    assert found.plain.metrics["loss"] != found.quantized.metrics["loss"]
    paths = sorted(f"encoder/{one}" for one in (*QUANTIZED, "steps/dense", "wide"))
    assert sorted(found.layers) == [*paths, "kind"]
    assert found.left == ("encoder/norm",)
    assert [one.code for one in found.plain.warnings] == ["MS786"]
    assert found.after == sum(one.numpy().nbytes for one in hand.weights) < found.before
    write_quantized(found, "text")
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.split()[-1] == "int8"
    assert rest[-1] == found.sizes
    write_quantized(found, "json")
    printed = json.loads(capsys.readouterr().out)
    assert printed["metrics"] == pytest.approx(found.plain.metrics)
    assert printed["quantized"]["metrics"] == pytest.approx(found.quantized.metrics)


def test_a_model_without_such_layers_is_refused(run: Run) -> None:
    from modelspec.runtime.backend.quantization import quantized
    from modelspec.runtime.exporters.evaluate_quantized import evaluate_quantized

    layers = [{"Conv1D": {"filters": 2, "kernel_size": 2}}]
    spec = ms.load_spec({"model": {"inputs": {"x": [4, 2]}, "layers": layers}})
    with pytest.raises(RunError) as error:
        quantized(spec.compiled, spec.build(), "int8")
    assert [one.code for one in error.value.diagnostics] == ["MS785"]
    with pytest.raises(RunError) as error:
        evaluate_quantized(run.directory, "int2")
    assert [one.code for one in error.value.diagnostics] == ["MS785"]


def test_a_quantized_copy_has_no_thresholds(run: Run) -> None:
    arguments = ["evaluate", str(run.directory), "--quantize", "int8", "--choose-threshold", "f1"]
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 2
    assert "--choose-threshold" in found.stderr
