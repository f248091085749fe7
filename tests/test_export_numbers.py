"""Exports give what `predict` gives, for rows of any length and in batches of any size; they carry
the names of the model, and say what they leave out.

The expected numbers are computed with NumPy from the rows and the weights.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.exporters.difference import difference
from modelspec.runtime.exporters.export_run import Exported, export
from modelspec.runtime.run import RunError, predict

pytestmark = pytest.mark.tensorflow
needs_onnx = pytest.mark.skipif(
    find_spec("tf2onnx") is None or find_spec("onnxruntime") is None,
    reason="the extra `onnx` is not installed",
)

TRAINING: dict[str, Any] = {"optimizer": {"Adam": 0.01}, "epochs": 1, "batch_size": 8}
LONGEST = 5
TOKENS: dict[str, Any] = {
    "name": "tokens",
    "model": {
        "inputs": {"tok": {"shape": ["time"], "dtype": "int32"}},
        "layers": [
            {"Embedding": {"input_dim": 20, "output_dim": 4, "name": "words"}},
            "GlobalAveragePooling1D",
            {"Dense": {"units": 3, "activation": "softmax", "name": "kind"}},
        ],
    },
    "data": {
        "source": {"jsonl": "tokens.jsonl"},
        "inputs": {"tok": {"column": "tok", "pad": {"length": LONGEST, "padding": "post"}}},
        "targets": {
            "kind": {"column": "kind", "transform": [{"StringLookup": {"num_oov_indices": 0}}]}
        },
    },
    "training": {**TRAINING, "loss": "sparse_categorical_crossentropy"},
}
TIMES: dict[str, Any] = {
    "name": "cast",
    "model": {
        "inputs": {"numbers": [2], "id": ["auto"]},
        "layers": [
            {"Concatenate": {"from": ["numbers", "id"]}},
            {"Dense": {"units": 2, "name": "both"}},
        ],
        "outputs": {"price-and-day": "both"},
    },
    "data": {
        "source": {"csv": "times.csv"},
        "inputs": {
            "numbers": {
                "columns": ["cast", "when"],
                "missing": "mean",
                "transform": ["Normalization"],
            },
            "id": {
                "column": "id",
                "missing": "most_frequent",
                "transform": [{"IntegerLookup": {"output_mode": "one_hot"}}],
            },
        },
        "targets": {"price-and-day": {"columns": ["price", "day"], "transform": ["Normalization"]}},
    },
    "training": {**TRAINING, "loss": "mse"},
}
STEPS: dict[str, Any] = {
    "name": "steps",
    "model": {
        "inputs": {"x": ["time", 2]},
        "layers": ["GlobalMaxPooling1D", {"Dense": {"units": 1, "name": "y"}}],
    },
    "data": {
        "source": {"npz": "steps.npz"},
        "inputs": {"x": {"column": "x", "transform": [{"Rescaling": {"scale": 0.5}}]}},
        "targets": {"y": "y"},
    },
    "training": {**TRAINING, "loss": "mse"},
}
FIXED: dict[str, Any] = {
    **STEPS,
    "name": "fixed",
    "model": {
        "inputs": {"x": {"shape": [6, 2], "batch_size": 8}},
        "layers": [{"SimpleRNN": {"units": 2, "stateful": True}}, {"Dense": 1}],
    },
    "data": {**STEPS["data"], "targets": "y"},
}
WORDS: dict[str, Any] = {
    "name": "words",
    "model": {
        "inputs": {"word": ["auto"], "n": ["auto"]},
        "layers": [{"Concatenate": {"from": ["word", "n"]}}, {"Dense": {"units": 1, "name": "y"}}],
    },
    "data": {
        "source": {"csv": "words.csv"},
        "inputs": {
            "word": {
                "column": "word",
                "missing": "most_frequent",
                "lowercase": "unicode",
                "transform": [{"StringLookup": {"output_mode": "one_hot"}}],
            },
            "n": {
                "column": "n",
                "transform": [
                    {"Expression": {"formula": "(x - m) / 2", "learned": {"m": "mean(x)"}}},
                    {"Discretization": {"bin_boundaries": [-1.0, 0.5], "output_mode": "one_hot"}},
                ],
            },
        },
        "targets": "y",
    },
    "training": {**TRAINING, "loss": "mse"},
}
PRICES: dict[str, Any] = {
    "name": "prices",
    "model": {"inputs": {"price": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
    "data": {
        "source": {"csv": "prices.csv"},
        "inputs": {
            "price": {
                "column": "price",
                "number": {"strip": "$", "thousands": ","},
                "missing": "mean",
                "transform": ["Normalization"],
            }
        },
        "targets": {"y": "y"},
    },
    "training": {**TRAINING, "loss": "mse"},
}
SPECS = {
    "tokens": TOKENS,
    "times": TIMES,
    "steps": STEPS,
    "fixed": FIXED,
    "words": WORDS,
    "prices": PRICES,
}
ENDINGS = {
    "keras": ".keras",
    "weights": ".weights.h5",
    "safetensors": ".safetensors",
    "saved_model": "",
    "onnx": ".onnx",
    "litert": ".tflite",
    "python": ".py",
}
ONNX = pytest.param("onnx", marks=needs_onnx)


def write_data() -> None:
    rng = np.random.default_rng(4)
    with Path("tokens.jsonl").open("w") as file:
        for row in range(40):
            values = rng.integers(1, 20, rng.integers(1, 8)).tolist()
            file.write(json.dumps({"tok": values, "kind": "xyz"[row % 3]}) + "\n")
    lines = ["cast,when,id,price,day"]
    for row in range(40):
        when = "" if row % 9 == 0 else 1_700_000_000 + int(rng.integers(0, 1000))
        lines.append(
            f"{rng.normal():.3f},{when},{'' if row % 7 == 3 else 2**24 + row % 3},"
            f"{rng.normal() * 10:.2f},{20000 + row}"
        )
    Path("times.csv").write_text("\n".join(lines) + "\n")
    words = [["Élan", "ÉLAN", "Straße", "", "sol"][row % 5] for row in range(40)]
    Path("words.csv").write_text(
        "word,n,y\n" + "".join(f"{word},{row % 7},{row % 2}\n" for row, word in enumerate(words)),
        encoding="utf-8",
    )
    prices = ["" if row == 5 else f'"${1000 + row / 4:,.2f}"' for row in range(40)]
    Path("prices.csv").write_text("price,y\n" + "".join(f"{one},1\n" for one in prices))
    np.savez("steps.npz", x=rng.normal(size=(40, 6, 2)), y=rng.normal(size=40))


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


def opened(path: Path, to: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """An exported file in its own runtime: outputs by name, of inputs by name."""
    if to == "keras":
        import keras
        import tensorflow as tf

        model = keras.models.load_model(path)
        return lambda given: model({name: tf.constant(one) for name, one in given.items()})
    if to == "saved_model":
        import tensorflow as tf

        loaded = tf.saved_model.load(str(path))
        serve = loaded.signatures["serving_default"]
        return lambda given, _kept=loaded: serve(
            **{name: tf.constant(one) for name, one in given.items()}
        )
    if to == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path))
        names = [one.name for one in session.get_outputs()]
        return lambda given: dict(zip(names, session.run(names, dict(given)), strict=True))
    import tensorflow as tf

    runner = tf.lite.Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    return lambda given: runner(**given)


def weights(run: str) -> list[np.ndarray[Any, Any]]:
    """The weights of a run in float64."""
    model = ms.load_model(f"{run}/model.keras")
    return [np.asarray(one, np.float64) for one in model.trainable_weights]


# Rows of any length -------------------------------------------------------------------------------


def averaged(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What the model of `TOKENS` gives, of sequences that are cut to their end and filled up
    behind.
    """
    words, kernel, bias = weights("run_tokens")
    kept = rows[:, -LONGEST:]
    filled = np.pad(kept, ((0, 0), (0, LONGEST - kept.shape[1])))
    scores = words[filled].mean(axis=1) @ kernel + bias
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    found: np.ndarray[Any, Any] = shifted / shifted.sum(axis=-1, keepdims=True)
    return found


@pytest.mark.parametrize("to", ["keras", "saved_model", "litert", ONNX])
def test_sequences_of_any_length_are_cut_and_filled_up(
    make: Callable[..., Exported], to: str
) -> None:
    made = make("tokens", to)
    assert made.preprocessing and {1, LONGEST, LONGEST + 1, 2 * LONGEST + 3} <= {*made.lengths}
    assert {1, 2, 5, TRAINING["batch_size"] + 1} <= {*made.batches}
    run = opened(made.path, to)
    rng = np.random.default_rng(0)
    for length, count in ((1, 1), (3, 2), (LONGEST, 3), (LONGEST + 1, 9), (20, 4)):
        rows = rng.integers(1, 20, (count, length)).astype(np.int32)
        found = np.asarray(run({"tok": rows})["kind"])
        np.testing.assert_allclose(found, averaged(rows), atol=1e-6)


def test_predict_gives_what_the_exports_are_compared_with() -> None:
    rows = np.random.default_rng(1).integers(1, 20, (4, 11))
    Path("long.jsonl").write_text("".join(json.dumps({"tok": row.tolist()}) + "\n" for row in rows))
    found = predict("run_tokens", "long.jsonl").outputs["kind"]
    np.testing.assert_allclose(found, averaged(rows), atol=1e-6)


def test_a_script_cuts_and_fills_up(make: Callable[..., Exported]) -> None:
    import runpy

    made = make("tokens", "python")
    prepare = runpy.run_path(str(made.path))["prepare_inputs"]
    assert made.preprocessing
    found = prepare({"tok": [[1, 2, 3, 4, 5, 6, 7], [8], [9, 10]]})
    assert found.tolist() == [[3, 4, 5, 6, 7], [8, 0, 0, 0, 0], [9, 10, 0, 0, 0]]


@pytest.mark.parametrize("to", ["keras", "saved_model", "litert", ONNX])
def test_a_length_that_the_model_leaves_open_stays_open(
    make: Callable[..., Exported], to: str
) -> None:
    made = make("steps", to)
    assert made.preprocessing and {1, 2, 7, 15} <= {*made.lengths}
    run, (kernel, bias) = opened(made.path, to), weights("run_steps")
    for length, count in ((1, 2), (4, 1), (19, 9)):
        rows = np.random.default_rng(length).normal(size=(count, length, 2)).astype(np.float32)
        expected = (0.5 * rows).max(axis=1) @ kernel + bias
        np.testing.assert_allclose(np.asarray(run({"x": rows})["y"]), expected, atol=1e-5)


def test_an_export_that_is_right_for_the_runs_own_lengths_alone_is_not_written(
    make: Callable[..., Exported], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of the run have up to 7 tokens: these would hide a cut at 9."""
    from modelspec.runtime.exporters import graph_steps, preprocessing_graph

    right = graph_steps.padded
    monkeypatch.setattr(
        preprocessing_graph, "padded", lambda x, pad, length: right(x[:, :9], pad, length)
    )
    with pytest.raises(RunError) as error:
        make("tokens", "saved_model")
    assert error.value.diagnostics[0].code == "MS762" and not list(tmp_path.iterdir())


def test_an_export_for_one_size_of_batches_is_not_written(
    make: Callable[..., Exported], monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelspec.runtime.exporters import preprocessing_graph

    right = preprocessing_graph.Preparing.inputs
    monkeypatch.setattr(
        preprocessing_graph.Preparing,
        "inputs",
        lambda self, raw, fill=None: {
            name: one[:8] for name, one in right(self, raw, fill).items()
        },
    )
    with pytest.raises(RunError) as error:
        make("tokens", "saved_model")
    assert error.value.diagnostics[0].code == "MS762"


# Numbers with many digits, and gaps ---------------------------------------------------------------


def of_times(
    cast: np.ndarray[Any, Any], when: np.ndarray[Any, Any], id: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """What the model of `TIMES` gives in the units of `price` and `day`."""
    import pandas as pd

    table = pd.read_csv("times.csv")
    kernel, bias = weights("run_times")
    numbers = np.stack([cast, when], -1)
    known = table[["cast", "when"]].to_numpy(np.float64)
    known = np.where(np.isnan(known), np.nanmean(known, axis=0), known)
    numbers = np.where(np.isnan(numbers), known.mean(axis=0), numbers)
    prepared = (numbers - known.mean(axis=0)) / known.std(axis=0)
    counts = table["id"].dropna().value_counts()
    # As Keras orders a vocabulary: by frequency, the larger number first where it is equal.
    words = sorted(counts.index, key=lambda one: (-counts[one], -one))
    most = min(one for one in words if counts[one] == counts.max())
    given = np.where(np.isnan(id), most, id)
    marks = np.stack([~np.isin(given, words), *(given == one for one in words)], -1)
    found = np.concatenate([prepared, marks], -1) @ kernel + bias
    targets = table[["price", "day"]].to_numpy(np.float64)
    back: np.ndarray[Any, Any] = found * targets.std(axis=0) + targets.mean(axis=0)
    return back


@pytest.mark.parametrize("to", ["keras", "saved_model"])
def test_times_and_large_numbers_keep_their_digits(make: Callable[..., Exported], to: str) -> None:
    """The column `cast` has the name of an operation, and the model's."""
    made = make("times", to)
    assert made.preprocessing and made.inputs == ("cast", "when", "id")
    rows = {
        "cast": np.array([0.5, np.nan, 2.0]),
        "when": np.array([1_700_000_011.0, 1_700_000_500.0, np.nan]),
        "id": np.array([2**24 + 1.0, np.nan, 2**24 + 7.0]),
    }
    found = np.asarray(opened(made.path, to)(rows)["price-and-day"], np.float64)
    np.testing.assert_allclose(found, of_times(**rows), rtol=0, atol=2e-4)


def test_what_float32_cannot_hold_is_left_out_of_litert(make: Callable[..., Exported]) -> None:
    made = make("times", "litert")
    assert not made.preprocessing and "the preparation is left out" in made.notices[0]
    assert any("`Normalization` of `numbers`" in one for one in made.left_out)
    assert any("back to the units of its column" in one for one in made.left_out)


def test_differences_are_measured_in_the_units_of_the_model() -> None:
    """A second off in a time that varies by two seconds is much, however large times are."""
    one = {"when": np.array([1_700_000_000.0, 1_700_000_002.0])}
    other = {"when": np.array([1_700_000_001.0, 1_700_000_002.0])}
    scales = {"when": (np.float64(2.0), np.float64(1_700_000_001.0))}
    assert difference(one, other) < 1e-8
    assert difference(one, other, scales) == 0.5


def of_words(words: list[str], n: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What the model of `WORDS` gives: `élan` is the most frequent, then by the alphabet from its
    end.
    """
    kernel, bias = weights("run_words")
    places = {"": 1, "élan": 1, "straße": 2, "sol": 3}
    mean = np.mean([row % 7 for row in range(40)])
    marks = np.eye(4)[[places.get(word.lower(), 0) for word in words]]
    bins = np.eye(3)[np.digitize((n - mean) / 2, [-1.0, 0.5])]
    found: np.ndarray[Any, Any] = np.concatenate([marks, bins], -1) @ kernel + bias
    return found


def test_letter_case_and_what_a_formula_learned_are_inside(make: Callable[..., Exported]) -> None:
    words, n = ["ÉLAN", "STRASSE", "", "Sol", "straße"], np.array([0.0, 1.0, 3.0, 4.5, 6.0])
    made = make("words", "saved_model")
    assert made.preprocessing and not made.left_out
    found = opened(made.path, "saved_model")({"word": words, "n": n})["y"]
    np.testing.assert_allclose(np.asarray(found), of_words(words, n), atol=1e-6)


def test_a_script_lowers_letters_and_computes_formulas(make: Callable[..., Exported]) -> None:
    import runpy

    words, n = ["ÉLAN", "STRASSE", "", "Sol"], np.array([0.0, 1.0, 3.0, 4.5])
    script = runpy.run_path(str(make("words", "python").path))
    found = script["prepare_inputs"]({"word": np.array(words, object), "n": n})
    kernel, bias = weights("run_words")
    given = np.concatenate([found["word"], found["n"]], -1)
    np.testing.assert_allclose(given @ kernel + bias, of_words(words, n), atol=1e-6)


def test_keras_says_that_texts_are_to_be_given_as_it_takes_them(
    make: Callable[..., Exported],
) -> None:
    made = make("words", "keras")
    assert [one.split(" of strings")[0] for one in made.left_out] == ["`lowercase`", "`missing`"]


# Batches of one size ------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["keras", "weights", "saved_model", "python", "litert"])
def test_a_model_for_batches_of_one_size_is_exported_for_them(
    make: Callable[..., Exported], to: str
) -> None:
    made = make("fixed", to)
    assert made.batches == (8,)
    if to == "saved_model":
        import tensorflow as tf

        serve = tf.saved_model.load(str(made.path)).signatures["serving_default"]
        assert serve.structured_input_signature[1]["x"].shape == (8, 6, 2)


@needs_onnx
def test_what_a_format_does_not_keep_between_batches_is_refused(
    make: Callable[..., Exported],
) -> None:
    with pytest.raises(RunError, match="stateful") as error:
        make("fixed", "onnx")
    assert error.value.diagnostics[0].code == "MS763"


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["keras", "saved_model", "litert", ONNX])
@pytest.mark.parametrize(("name", "output"), [("tokens", "kind"), ("times", "price-and-day")])
def test_a_file_has_the_names_that_are_said(
    make: Callable[..., Exported], name: str, output: str, to: str
) -> None:
    made = make(name, to, preprocessing=False)
    inputs, outputs = names_in(made.path, to)
    assert {*made.inputs} == inputs == {*SPECS[name]["model"]["inputs"]}
    assert {*made.outputs} == outputs
    if (name, to) == ("tokens", "saved_model"):
        assert outputs == {"kind", "kind_class"}
    elif to == "keras":  # Keras names a single output after its layer
        assert outputs == {"kind" if name == "tokens" else "both"}
    else:
        assert outputs == {output}


def names_in(path: Path, to: str) -> tuple[set[str], set[str]]:
    if to == "onnx":
        import onnx

        graph = onnx.load(str(path)).graph
        return {one.name for one in graph.input}, {one.name for one in graph.output}
    if to == "litert":
        import tensorflow as tf

        known = tf.lite.Interpreter(model_path=str(path)).get_signature_list()["serving_default"]
        return {*known["inputs"]}, {*known["outputs"]}
    if to == "saved_model":
        import tensorflow as tf

        serve = tf.saved_model.load(str(path)).signatures["serving_default"]
        return {*serve.structured_input_signature[1]}, {*serve.structured_outputs}
    import keras

    model = keras.models.load_model(path)
    taken = model.input if isinstance(model.input, dict) else {model.input.name: 0}
    given = model.output if isinstance(model.output, dict) else dict.fromkeys(model.output_names)
    return {*taken}, {*given}


# What is left out ---------------------------------------------------------------------------------


def note_in(path: Path, to: str) -> str:
    if to == "weights":
        import h5py

        with h5py.File(path) as file:
            return str(file.attrs["modelspec"])
    if to == "safetensors":
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as file:
            return str(file.metadata()["modelspec"])
    if to == "onnx":
        import onnx

        held = onnx.load(str(path)).metadata_props
        return next(one.value for one in held if one.key == "modelspec")
    if to == "saved_model":
        return (path / "assets.extra/modelspec.json").read_text("utf-8")
    with zipfile.ZipFile(path) as archive:
        return archive.read("modelspec.json").decode()


LABELS = "the labels of `kind`: 0 is 'x', 1 is 'y', 2 is 'z'"


@pytest.mark.parametrize(
    ("to", "left_out"),
    [
        ("keras", {LABELS}),
        ("litert", {LABELS}),
        pytest.param("onnx", {LABELS}, marks=needs_onnx),
        ("saved_model", set()),
        ("weights", {LABELS, "`pad` to 5 of `tok`"}),
        ("safetensors", {LABELS, "`pad` to 5 of `tok`"}),
    ],
)
def test_what_is_left_out_is_said_and_noted_in_the_file(
    make: Callable[..., Exported], to: str, left_out: set[str]
) -> None:
    made = make("tokens", to)
    layers = {one for one in made.left_out if one.startswith("the layers")}
    assert {*made.left_out} == left_out | layers and bool(layers) == (
        to in ("weights", "safetensors")
    )
    noted = json.loads(note_in(made.path, to))
    assert noted["left_out"] == list(made.left_out)
    assert noted["labels"] == {"kind": ["x", "y", "z"]}
    assert (noted["inputs"], noted["outputs"]) == ([*made.inputs], [*made.outputs])


def test_the_command_says_what_was_compared_and_what_is_left_out(tmp_path: Path) -> None:
    arguments = ["export", "run_tokens", "--to", "weights", "-o", str(tmp_path / "a.weights.h5")]
    said = CliRunner().invoke(main, arguments, standalone_mode=False).output
    assert "in batches of 1, 2," in said and "with sequences of 1, 2," in said
    assert "\nleft out: `pad` to 5 of `tok`\n" in said and f"\nleft out: {LABELS}\n" in said
    told = CliRunner().invoke(main, [*arguments, "--format", "json"], standalone_mode=False)
    found = json.loads(told.output)
    assert "`pad` to 5 of `tok`" in found["left_out"] and LONGEST + 1 in found["lengths"]
    assert TRAINING["batch_size"] + 1 in found["batches"]


def test_numbers_that_people_write_are_given_as_numbers(make: Callable[..., Exported]) -> None:
    made = make("prices", "keras")
    assert "`number` of `price`" in made.left_out
    known = np.array([1000 + row / 4 for row in range(40) if row != 5])
    values = np.array([1000.0, 1007.25, np.nan])
    kernel, bias = weights("run_prices")
    mean, deviation = known.mean(), np.sqrt(((known - known.mean()) ** 2).sum() / 40)
    scaled = (np.where(np.isnan(values), mean, values) - mean) / deviation
    found = opened(made.path, "keras")({"price": values.astype(np.float32)})["y"]
    np.testing.assert_allclose(
        np.ravel(found),
        scaled * kernel.ravel() + bias,
        atol=1e-3,
    )
