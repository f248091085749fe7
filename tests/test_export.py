"""Exports in their own runtimes: plain Keras, `tf.saved_model.load`, onnxruntime, LiteRT, and
Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.exporters.export_run import Exported, export
from modelspec.runtime.run import RunError, predict

pytestmark = pytest.mark.tensorflow
needs_onnx = pytest.mark.skipif(
    find_spec("tf2onnx") is None or find_spec("onnxruntime") is None,
    reason="the extra `onnx` is not installed",
)

TRAINING: dict[str, Any] = {"optimizer": {"Adam": 0.01}, "epochs": 1, "batch_size": 32}
MIXED: dict[str, Any] = {
    "name": "mixed",
    "seed": 3,
    "model": {
        "inputs": {"measures": ["auto"], "island": ["auto"]},
        "layers": [
            {"Concatenate": {"from": ["measures", "island"]}},
            {"Dense": {"units": 6, "activation": "gelu"}},
            {"Dense": {"units": 3, "activation": "softmax", "name": "species"}},
        ],
    },
    "data": {
        "source": {"csv": "t.csv"},
        "split": {"validation": 0.2, "stratify": "species"},
        "inputs": {
            "measures": {"columns": ["a", "b"], "missing": "mean", "transform": ["Normalization"]},
            "island": {
                "column": "island",
                "missing": "most_frequent",
                "transform": [{"StringLookup": {"output_mode": "one_hot"}}],
            },
        },
        "targets": {
            "species": {
                "column": "species",
                "transform": [{"StringLookup": {"num_oov_indices": 0}}],
            }
        },
    },
    "training": {**TRAINING, "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
}
NUMBERS: dict[str, Any] = {
    "name": "numbers",
    "seed": 3,
    "model": {
        "inputs": {"x": ["auto"]},
        "layers": [
            {"Dense": {"units": 6, "activation": "gelu"}},
            {"Dense": {"units": 1, "name": "price"}},
        ],
    },
    "data": {
        "source": {"csv": "t.csv"},
        "inputs": {"x": {"columns": ["a", "b"], "missing": "mean", "transform": ["Normalization"]}},
        "targets": {"price": {"column": "price", "transform": ["Normalization"]}},
    },
    "training": {**TRAINING, "loss": "mse"},
}
TEXT: dict[str, Any] = {
    "name": "text",
    "seed": 3,
    "model": {
        "inputs": {"words": {"shape": ["auto"], "dtype": "int32"}},
        "layers": [
            {"Embedding": {"input_dim": 12, "output_dim": 4}},
            {"LSTM": 5},
            {"Dense": {"units": 1, "activation": "sigmoid", "name": "late"}},
        ],
    },
    "data": {
        "source": {"csv": "t.csv"},
        "inputs": {
            "words": {
                "column": "note",
                "transform": [
                    {"TextVectorization": {"max_tokens": 12, "output_sequence_length": 4}}
                ],
            }
        },
        "targets": {
            "late": {"column": "late", "transform": [{"StringLookup": {"num_oov_indices": 0}}]}
        },
    },
    "training": {**TRAINING, "loss": "binary_crossentropy"},
}
SHARED: dict[str, Any] = {
    "name": "shared",
    "seed": 3,
    "model": {
        "inputs": {"one": [2], "other": [2]},
        "shared": {"tower": [{"Dense": {"units": 4, "activation": "tanh"}}, {"Dense": 3}]},
        "layers": [
            {"tower": {"from": "one", "name": "first"}},
            {"tower": {"from": "other", "name": "second"}},
            {
                "Expression": {
                    "formula": "abs(a - b) * 2",
                    "from": {"a": "first", "b": "second"},
                    "name": "apart",
                }
            },
            {"Dense": {"units": 1, "name": "price"}},
            {"Dense": {"units": 3, "activation": "softmax", "from": "apart", "name": "kind"}},
        ],
        "outputs": ["price", "kind"],
    },
    "data": {
        "source": {"npz": "t.npz"},
        "inputs": {"one": {"column": "u"}, "other": {"column": "v"}},
        "targets": {"price": {"column": "p"}, "kind": {"column": "k"}},
    },
    "training": {
        **TRAINING,
        "freeze": ["tower/dense"],
        "loss": {
            "price": {"formula": "square(y_true - y_pred)"},
            "kind": "sparse_categorical_crossentropy",
        },
    },
}
HALF: dict[str, Any] = {
    **NUMBERS,
    "name": "half",
    "runtime": {"precision": "mixed_float16"},
    "data": {**NUMBERS["data"], "split": {"validation": 0.2, "order": "b"}},
}
SPECS = {"mixed": MIXED, "numbers": NUMBERS, "text": TEXT, "shared": SHARED, "half": HALF}
ENDINGS = {
    "keras": ".keras",
    "weights": ".weights.h5",
    "safetensors": ".safetensors",
    "saved_model": "",
    "onnx": ".onnx",
    "litert": ".tflite",
    "python": ".py",
}


def write_data() -> None:
    rng = np.random.default_rng(1)
    lines = ["a,b,island,species,price,note,late"]
    for row in range(90):
        a, b = rng.normal(size=2).round(3)
        island = "" if row % 11 == 0 else ["Dream", "Biscoe"][row % 2]
        note = " ".join(rng.choice(["early", "late", "bus", "train", "again"], 3))
        lines.append(
            f"{'' if row % 13 == 0 else a},{b},{island},{'xyz'[row % 3]},{50 + 20 * a},{note},"
            f"{'yes' if 'late' in note else 'no'}"
        )
    Path("t.csv").write_text("\n".join(lines) + "\n")
    np.savez(
        "t.npz",
        u=rng.normal(size=(60, 2)),
        v=rng.normal(size=(60, 2)),
        p=rng.normal(size=60),
        k=np.arange(60) % 3,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data and a run of every kind."""
    home = tmp_path_factory.mktemp("home")
    before = Path.cwd()
    os.chdir(home)
    write_data()
    for name, spec in SPECS.items():
        ms.load_spec(spec).train(f"run_{name}")
    os.chdir(before)
    return home


@pytest.fixture(autouse=True)
def _in_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Exported]:
    def make(name: str, to: str, **options: Any) -> Exported:
        return export(f"run_{name}", to, tmp_path / f"{name}{ENDINGS[to]}", **options)

    return make


# Keras --------------------------------------------------------------------------------------------


def test_keras_takes_raw_rows(make: Callable[..., Exported]) -> None:
    import keras
    import tensorflow as tf

    made = make("mixed", "keras")
    model = keras.models.load_model(made.path)
    row = {"a": tf.constant([0.5]), "b": tf.constant([-1.0]), "island": tf.constant(["Dream"])}
    Path("row.csv").write_text("a,b,island\n0.5,-1.0,Dream\n")
    assert made.preprocessing and made.difference <= 1e-5
    np.testing.assert_allclose(
        np.asarray(model(row)["species"]),
        predict("run_mixed", "row.csv").outputs["species"],
        atol=1e-6,
    )


def test_keras_fills_in_missing_numbers_and_gives_the_numbers_of_the_column(
    make: Callable[..., Exported],
) -> None:
    import keras
    import tensorflow as tf

    model = keras.models.load_model(make("numbers", "keras").path)
    found = model({"a": tf.constant([np.nan, 1.0]), "b": tf.constant([0.1, 0.2])})["price"]
    Path("gaps.csv").write_text("a,b\n,0.1\n1.0,0.2\n")
    np.testing.assert_allclose(
        np.asarray(found), predict("run_numbers", "gaps.csv").outputs["price"], rtol=1e-5
    )


def test_without_preprocessing_the_model_takes_what_it_takes(make: Callable[..., Exported]) -> None:
    made = make("mixed", "keras", preprocessing=False)
    assert made.inputs == ("measures", "island") and not made.preprocessing


@pytest.mark.parametrize("to", ["weights", "safetensors"])
def test_weights_start_a_training_where_the_run_ended(
    make: Callable[..., Exported], to: str
) -> None:
    made = make("shared", to)
    Path(f"start{ENDINGS[to]}").write_bytes(made.path.read_bytes())
    model = ms.load_spec(SHARED, {"training.weights": f"start{ENDINGS[to]}"}).build()
    for weight, trained in zip(
        model.weights, ms.load_model("run_shared/model.keras").weights, strict=True
    ):
        assert np.array_equal(weight, trained)


# Other runtimes -----------------------------------------------------------------------------------


def test_saved_model_serves_raw_rows_with_labels(make: Callable[..., Exported]) -> None:
    import tensorflow as tf

    made = make("mixed", "saved_model")
    serve = tf.saved_model.load(str(made.path)).signatures["serving_default"]
    found = serve(
        a=tf.constant([0.5, np.nan]), b=tf.constant([-1.0, 0.0]), island=tf.constant(["Dream", ""])
    )
    Path("rows.csv").write_text("a,b,island\n0.5,-1.0,Dream\n,0.0,\n")
    ours = predict("run_mixed", "rows.csv")
    np.testing.assert_allclose(found["species"], ours.outputs["species"], atol=1e-6)
    assert [one.decode() for one in np.asarray(found["species_class"])] == ours.classes[
        "species"
    ].tolist()


def test_saved_model_holds_text_vectorization(make: Callable[..., Exported]) -> None:
    import tensorflow as tf

    serve = tf.saved_model.load(str(make("text", "saved_model").path)).signatures["serving_default"]
    Path("notes.csv").write_text("note\nlate again\nan unknown word\n")
    found = serve(note=tf.constant(["late again", "an unknown word"]))
    np.testing.assert_allclose(
        found["late"], predict("run_text", "notes.csv").outputs["late"], atol=1e-6
    )


@needs_onnx
def test_onnx_holds_what_is_about_numbers(make: Callable[..., Exported]) -> None:
    import onnxruntime

    made = make("numbers", "onnx")
    assert made.preprocessing and made.difference <= made.tolerance
    session = onnxruntime.InferenceSession(str(made.path))
    Path("gaps.csv").write_text("a,b\n,0.1\n1.0,0.2\n")
    found = session.run(
        None, {"a": np.array([np.nan, 1], np.float32), "b": np.array([0.1, 0.2], np.float32)}
    )[0]
    np.testing.assert_allclose(
        found, predict("run_numbers", "gaps.csv").outputs["price"], rtol=1e-4
    )


@needs_onnx
@pytest.mark.parametrize("name", ["mixed", "text", "shared"])
def test_onnx_leaves_text_out_with_a_notice(make: Callable[..., Exported], name: str) -> None:
    made = make(name, "onnx")
    assert not made.preprocessing and bool(made.notices) == (name != "shared")


@pytest.mark.parametrize("quantize", [None, "float16", "dynamic", "int8"])
def test_litert(make: Callable[..., Exported], quantize: str | None) -> None:
    made = make("numbers", "litert", quantize=quantize)
    assert made.preprocessing and made.size < 20_000 and made.difference <= made.tolerance
    assert made.difference < 1e-5 or quantize


def test_litert_takes_one_example_at_a_time_where_a_layer_has_steps(
    make: Callable[..., Exported],
) -> None:
    assert "it takes one example at a time" in make("text", "litert").notices


# Python -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mixed", "numbers", "text", "shared"])
def test_the_script_makes_the_same_model(make: Callable[..., Exported], name: str) -> None:
    made = make(name, "python")
    text = made.path.read_text()
    assert made.difference <= 1e-5 and "modelspec" not in text
    if name == "shared":
        assert text.count("build_tower()") == 2 and ".trainable = False" in text


def test_a_script_has_the_style_of_formatters_and_the_rows_of_the_run(
    make: Callable[..., Exported],
) -> None:
    import runpy

    made = make("mixed", "python")
    for check in (["check", "--isolated"], ["format", "--check", "--isolated"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, str(made.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    names = runpy.run_path(str(made.path))
    table = names["read_table"]("t.csv")
    parts = names["split"](np.arange(90), table["species"])
    from modelspec.runtime.data.split import split

    ours = split(3, 90, 0.2, 0.0, table["species"])
    assert [one.tolist() for one in parts] == [
        ours[part].tolist() for part in ("train", "validation", "test")
    ]


def test_a_script_says_what_it_cannot_read(make: Callable[..., Exported]) -> None:
    made = make("half", "python")
    assert "call its `train(x, y)`" in made.notices[0] and "def train(x, y" in made.path.read_text()


def test_nothing_that_a_spec_says_becomes_code() -> None:
    from modelspec.runtime.exporters.script.python_code import docstring, literal, statement

    bad = 'x"""\n\'\\\0"+__import__("os")#\u2028'
    names: dict[str, Any] = {}
    exec(
        "\n".join([docstring(bad), *statement("a = ", literal({bad: (bad, [1.5, None])}), "")]),
        names,
    )
    assert names["a"] == {bad: (bad, [1.5, None])}


def test_a_model_of_half_precision_computes_in_whole_elsewhere(
    make: Callable[..., Exported],
) -> None:
    made = make("half", "litert")
    assert (
        "it computes in float32, but the run in float16" in made.notices and made.tolerance == 2e-3
    )


@pytest.mark.parametrize(
    "config", ["digits", "lstm", "seq2seq", "siamese", "two_inputs_two_outputs", "transformer"]
)
def test_a_script_makes_the_models_of_the_examples(config: str) -> None:
    from dataclasses import replace

    from modelspec.runtime.backend import build
    from modelspec.runtime.exporters.formats.python import _weights
    from modelspec.runtime.exporters.script.model_code import Models

    spec, models = ms.load_spec(Path(__file__).parents[1] / f"configs/{config}.yaml"), Models()
    models.model(spec.graph, spec.name)
    names: dict[str, Any] = {}
    exec(
        "import keras\nimport numpy as np\nfrom keras import layers, ops\n\n"
        + "\n\n".join("\n".join(one) for one in models.functions),
        names,
    )
    made, ours = (
        names["build_model"](),
        build(replace(spec.compiled, training=None), pretrained=False),
    )
    assert _weights(made) == _weights(ours)


def test_the_script_trains_by_itself(make: Callable[..., Exported], home: Path) -> None:
    made = make("mixed", "python")
    done = subprocess.run(
        [sys.executable, "-I", str(made.path)],
        capture_output=True,
        text=True,
        cwd=home,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "val_accuracy" in done.stdout


# What is refused ----------------------------------------------------------------------------------


def code_of(error: pytest.ExceptionInfo[RunError]) -> str:
    return error.value.diagnostics[0].code


def test_a_difference_over_the_tolerance_leaves_nothing(
    make: Callable[..., Exported], tmp_path: Path
) -> None:
    with pytest.raises(RunError) as error:
        make("numbers", "litert", quantize="float16", tolerance=1e-9)
    assert code_of(error) == "MS762" and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("to", "path", "options"),
    [
        ("kears", "a.keras", {}),
        ("keras", "a.onnx", {}),
        ("keras", "no/a.keras", {}),
        ("saved_model", ".", {}),
        ("saved_model", "a", {"quantize": "int8"}),
        ("litert", "a.tflite", {"quantize": "int4"}),
        ("keras", "a.keras", {"tolerance": -1.0}),
    ],
)
def test_what_cannot_be_asked_for(to: str, path: str, options: dict[str, Any]) -> None:
    with pytest.raises(RunError) as error:
        export("run_numbers", to, path, **options)
    assert code_of(error) == "MS760"


def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, make: Callable[..., Exported]
) -> None:
    monkeypatch.setattr("modelspec.runtime.exporters.checks.find_spec", lambda name: None)
    with pytest.raises(RunError, match="tf2onnx") as error:
        make("numbers", "onnx")
    assert code_of(error) == "MS761" and 'pip install "modelspec[onnx]"' in str(
        error.value.diagnostics[0].help
    )


def test_data_that_are_gone_are_asked_for(make: Callable[..., Exported], home: Path) -> None:
    Path("t.csv").rename("moved.csv")
    try:
        with pytest.raises(RunError) as error:
            make("numbers", "keras")
        assert code_of(error) == "MS764"
        assert make("numbers", "keras", data="moved.csv").examples > 50
    finally:
        Path("moved.csv").rename("t.csv")


def test_the_command(tmp_path: Path) -> None:
    target = tmp_path / "a.keras"
    done = CliRunner().invoke(
        main,
        ["export", "run_numbers", "--to", "keras", "-o", str(target), "--format", "json"],
        standalone_mode=False,
    )
    assert done.exit_code == 0 and target.exists()
    found = json.loads(done.output)
    assert found["preprocessing"] is True and found["inputs"] == ["a", "b"]
    assert found["difference"] <= found["tolerance"]
