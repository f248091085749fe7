"""Transforms: learned from the training split, the same for a row wherever it stands, undone in
predictions.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.runtime.data import DataError, RunError, prepare
from modelspec.runtime.data import column_reader as reading
from modelspec.runtime.data.prepare import prepare_source
from modelspec.runtime.data.sources import open_source

from .real_data import real

pytestmark = pytest.mark.tensorflow

WORDS = ["red", "green", "blue", "red", "red", "green", "blue", "violet"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def compiled(
    inputs: Any, shape: Any = ("auto",), dtype: str = "float32", **others: Any
) -> Compiled:
    """A spec with one input `x` and one number to predict, on `t.csv`."""
    layers = others.pop("layers", None) or [{"Dense": {"units": 1, "name": "y"}}]
    if dtype != "float32":
        layers = [{"Embedding": {"input_dim": 50, "output_dim": 2}}, "Flatten", *layers]
    values = {
        "model": {"inputs": {"x": {"shape": list(shape), "dtype": dtype}}, "layers": layers},
        "data": {"source": {"csv": "t.csv"}, "targets": "y", "inputs": inputs, **others},
        "training": {"loss": "mse", "batch_size": 2},
    }
    checked = compile_spec(values)
    assert checked.ok, [str(one) for one in checked.diagnostics]
    assert checked.value is not None
    return checked.value


def table(columns: dict[str, list[Any]], name: str = "t.csv") -> None:
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def values_of(spec: Compiled) -> Any:
    return prepare(spec).parts["train"].examples.inputs["x"]


# Learned as Keras learns --------------------------------------------------------------------------


def numbers(count: int) -> dict[str, list[Any]]:
    random = np.random.default_rng(0)
    return {
        "a": list(random.normal(50, 10, count)),
        "b": list(random.exponential(2, count)),
        "y": [0.0] * count,
        "d": list(range(count)),
    }


def test_normalization_is_that_of_the_training_split() -> None:
    import keras

    columns = numbers(20_000)
    table(columns)
    spec = compiled(
        {"columns": ["a", "b"], "transform": ["Normalization"]},
        (2,),
        split={"test": 0.5, "order": "d"},
    )
    prepared = prepare(spec)
    rows = np.stack([columns["a"], columns["b"]], axis=-1).astype(np.float32)
    layer = keras.layers.Normalization()
    layer.adapt(rows[prepared.parts["train"].positions])
    np.testing.assert_allclose(prepared.parts["train"].examples.inputs["x"], layer(rows), atol=2e-5)


def test_bins_hold_as_many_values_each() -> None:
    """Their edges are the quantiles of the whole column."""
    columns = numbers(2000)
    table(columns)
    found = values_of(
        compiled({"column": "b", "transform": [{"Discretization": {"num_bins": 4}}]}, (1,), "int32")
    )
    edges = np.quantile(columns["b"], [0.25, 0.5, 0.75])
    np.testing.assert_array_equal(found.ravel(), np.digitize(columns["b"], edges))
    assert np.bincount(found.ravel()).tolist() == [500, 500, 500, 500]


@pytest.mark.parametrize(
    "settings",
    [
        {"output_mode": "one_hot"},
        {"output_mode": "one_hot", "num_oov_indices": 0},
        {"max_tokens": 3},
        {"mask_token": "green"},
    ],
)
def test_words_are_looked_up_as_keras_does(settings: dict[str, Any]) -> None:
    import keras

    table({"word": WORDS, "y": [0] * len(WORDS)})
    one_hot = "output_mode" in settings
    found = values_of(
        compiled(
            {"column": "word", "transform": [{"StringLookup": settings}]},
            ("auto",) if one_hot else (1,),
            "float32" if one_hot else "int32",
        )
    )
    layer = keras.layers.StringLookup(**settings)
    layer.adapt(np.array(WORDS))
    np.testing.assert_array_equal(
        found.reshape(len(WORDS), -1), np.asarray(layer(WORDS)).reshape(len(WORDS), -1)
    )


TEXTS = ["The cat sat.", "the dog sat on the cat", "Birds fly!", "a dog, a cat"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"output_sequence_length": 3},
        {"max_tokens": 5},
        {"output_mode": "multi_hot"},
        {"output_mode": "tf_idf"},
        {"ngrams": 2},
        {"split": "character", "standardize": None},
    ],
)
def test_texts_are_vectorized_as_keras_does(settings: dict[str, Any]) -> None:
    import keras

    table({"text": TEXTS, "y": [0] * len(TEXTS)})
    whole = "output_mode" not in settings
    found = values_of(
        compiled(
            {"column": "text", "transform": [{"TextVectorization": settings}]},
            ("auto",),
            "int32" if whole else "float32",
        )
    )
    layer = keras.layers.TextVectorization(**settings)
    layer.adapt(np.array(TEXTS))
    np.testing.assert_allclose(found, np.asarray(layer(np.array(TEXTS))), rtol=1e-6)


def test_layers_learn_one_after_the_other() -> None:
    columns = numbers(500)
    table(columns)
    found = values_of(
        compiled(
            {
                "columns": ["a", "b"],
                "transform": [
                    {"Expression": "log1p(abs(x))"},
                    "Normalization",
                    {"Rescaling": {"scale": 2.0, "offset": 1.0}},
                ],
            },
            (2,),
        )
    )
    np.testing.assert_allclose(found.mean(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), 2, atol=1e-4)


def test_a_file_of_tokens_is_part_of_what_was_learned(tmp_path: Path) -> None:
    table({"word": WORDS, "y": [0] * len(WORDS)})
    Path("words.txt").write_text("blue\nred\ngreen\nviolet\n", encoding="utf-8")
    spec = compiled(
        {"column": "word", "transform": [{"StringLookup": {"vocabulary": "words.txt"}}]},
        (1,),
        "int32",
    )
    prepared = prepare(spec)
    assert prepared.parts["train"].examples.inputs["x"].ravel().tolist() == [2, 3, 1, 2, 2, 3, 1, 4]
    Path("words.txt").unlink()
    prepared.save(tmp_path)
    again = prepare(spec, state=prepared.state)
    np.testing.assert_array_equal(
        again.parts["train"].examples.inputs["x"], prepared.parts["train"].examples.inputs["x"]
    )


def test_sequences_are_padded_as_keras_pads_them() -> None:
    import keras

    from modelspec.compiler.spec.data_section import Pad
    from modelspec.runtime.data.sequences import padded

    lists = [[1, 2, 3, 4], [5], [], [6, 7]]
    values = np.empty(len(lists), object)
    values[:] = [np.array(one, np.int64) for one in lists]
    for padding in ("pre", "post"):
        for truncating in ("pre", "post"):
            for length in (1, 3, 6):
                pad = Pad.model_validate(
                    {"length": length, "value": 9, "padding": padding, "truncating": truncating}
                )
                expected = keras.utils.pad_sequences(
                    lists, length, padding=padding, truncating=truncating, value=9
                )
                found = padded(values, pad, length, "x", None, 0)  # type: ignore[arg-type]
                np.testing.assert_array_equal(found, expected)


# One row, one result ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [
        ["Normalization"],
        [{"Expression": "log1p(abs(x))"}],
        [{"Expression": "exp(x / 50)"}, "Normalization"],
        [{"Expression": "tanh(x / 20) * sin(x)"}],
        [{"Activation": "softmax"}],
    ],
)
def test_a_row_has_one_result_to_the_bit(transform: Any) -> None:
    """Whatever stands beside it, and however many rows there are."""
    columns = numbers(203)
    table(columns)
    spec = compiled({"columns": ["a", "b"], "transform": transform}, (2,))
    prepared = prepare(spec)
    whole = prepared.parts["train"].examples.inputs["x"]
    for first, last in ((0, 1), (5, 6), (7, 20), (100, 203)):
        table({name: column[first:last] for name, column in columns.items()}, "part.csv")
        assert spec.data is not None
        source = spec.data.sources["train"].model_copy(update={"path": "part.csv"})
        part, _ = prepare_source(
            prepared.compiled,
            open_source(source, spec.file.context),
            with_targets=False,
            state=prepared.state,
        )
        np.testing.assert_array_equal(part.inputs["x"], whole[first:last])


# Targets ------------------------------------------------------------------------------------------


def classifier(
    loss: str, units: int, activation: str, target: Any, **training: Any
) -> dict[str, Any]:
    return {
        "seed": 1,
        "model": {
            "inputs": {"x": [2]},
            "layers": [
                {"Dense": {"units": 8, "activation": "relu"}},
                {"Dense": {"units": units, "activation": activation, "name": "kind"}},
            ],
        },
        "data": {
            "source": {"csv": "t.csv"},
            "split": {"test": 0.2, "stratify": "word"},
            "inputs": {"columns": ["a", "b"], "transform": ["Normalization"]},
            "targets": {"kind": {"column": "word", "transform": [target]}},
        },
        "training": {
            "optimizer": {"Adam": 0.05},
            "loss": loss,
            "metrics": ["accuracy"],
            "epochs": 4,
            "batch_size": 16,
            **training,
        },
    }


def blobs(words: list[str]) -> None:
    random = np.random.default_rng(3)
    kinds = [words[i % len(words)] for i in range(60 * len(words))]
    places = {word: random.normal(0, 20, 2) for word in words}
    points = np.array([places[word] + random.normal(0, 1, 2) for word in kinds])
    table({"a": list(points[:, 0]), "b": list(points[:, 1]), "word": kinds})


LOOKUP = {"StringLookup": {"num_oov_indices": 0}}


@pytest.mark.parametrize(
    ("words", "loss", "units", "activation", "target"),
    [
        (["cat", "dog", "owl"], "sparse_categorical_crossentropy", 3, "softmax", LOOKUP),
        (["cat", "dog", "owl"], "categorical_crossentropy", 3, "softmax", LOOKUP),
        (
            ["cat", "dog", "owl"],
            "categorical_crossentropy",
            3,
            "softmax",
            {"StringLookup": {"num_oov_indices": 0, "output_mode": "one_hot"}},
        ),
        (["yes", "no"], "binary_crossentropy", 1, "sigmoid", LOOKUP),
        (["cat", "dog", "owl"], "sparse_categorical_crossentropy", 4, "softmax", "StringLookup"),
    ],
)
def test_predictions_are_the_labels_of_the_column(
    words: list[str], loss: str, units: int, activation: str, target: Any, tmp_path: Path
) -> None:
    from modelspec.runtime.run import evaluate, predict

    blobs(words)
    run = ms.load_spec(classifier(loss, units, activation, target)).train(run_dir=tmp_path / "run")
    assert run.metrics["accuracy"] > 0.9
    assert evaluate(tmp_path / "run").metrics == run.metrics
    with Path("t.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table({"a": [row["a"] for row in rows], "b": [row["b"] for row in rows]}, "raw.csv")
    found = predict(tmp_path / "run", "raw.csv")
    predict(tmp_path / "run", "raw.csv", "out.csv")
    labels = [str(one) for one in found.classes["kind"].ravel()]
    assert np.mean([one == row["word"] for one, row in zip(labels, rows, strict=True)]) > 0.9
    with Path("out.csv").open(encoding="utf-8") as file:
        assert [row["kind"] for row in csv.DictReader(file)] == labels


def test_labels_are_written_to_every_kind_of_file(tmp_path: Path) -> None:
    import json

    import pyarrow.parquet as pq

    from modelspec.runtime.run import predict

    blobs(["cat", "dog", "owl"])
    values = classifier("sparse_categorical_crossentropy", 3, "softmax", LOOKUP, epochs=1)
    ms.load_spec(values).train(run_dir=tmp_path / "run")
    found = [str(one) for one in predict(tmp_path / "run", "t.csv").classes["kind"]]
    predict(tmp_path / "run", "t.csv", "out.npz")
    with np.load("out.npz", allow_pickle=False) as arrays:
        assert arrays["kind"].tolist() == found
    predict(tmp_path / "run", "t.csv", "out.parquet")
    assert pq.read_table("out.parquet")["kind"].to_pylist() == found
    predict(tmp_path / "run", "t.csv", "out.jsonl")
    with Path("out.jsonl").open(encoding="utf-8") as lines:
        assert [json.loads(line)["kind"] for line in lines] == found
    shutil.rmtree(tmp_path / "run" / "preprocessing")
    with pytest.raises(RunError, match="what this run learned"):
        predict(tmp_path / "run", "t.csv")


def test_evaluation_uses_what_training_left_in_the_cache(tmp_path: Path) -> None:
    from modelspec.runtime.run import evaluate

    blobs(["cat", "dog"])
    values = classifier("binary_crossentropy", 1, "sigmoid", LOOKUP, epochs=1)
    values["data"]["cache"] = "disk"
    run = ms.load_spec(values).train(run_dir=tmp_path / "run")
    entries = sorted((tmp_path / "cache").glob("*/entry.json"))
    assert evaluate(tmp_path / "run").metrics == run.metrics
    assert len(entries) == 1 and sorted((tmp_path / "cache").glob("*/entry.json")) == entries


def test_labels_that_training_never_saw_are_told() -> None:
    blobs(["cat", "dog", "owl"])
    lines = Path("t.csv").read_text(encoding="utf-8").splitlines()
    numbered = [f"{line},{'when' if number == 0 else number}" for number, line in enumerate(lines)]
    Path("t.csv").write_text("\n".join([*numbered, "0,0,ox,999"]) + "\n", encoding="utf-8")
    values = classifier("sparse_categorical_crossentropy", 3, "softmax", LOOKUP)
    values["data"]["split"] = {"test": 0.1, "order": "when"}
    checked = compile_spec(values)
    assert checked.value is not None
    with pytest.raises(DataError) as caught:
        prepare(checked.value)
    assert [one.code for one in caught.value.diagnostics] == ["MS627"]
    assert '"ox" at t.csv:182' in caught.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("column", "layer", "words"),
    [
        (
            [1, 2, 9],
            {"CategoryEncoding": {"num_tokens": 4, "output_mode": "one_hot"}},
            "`a` is 9 at t.csv:4, but",
        ),
        (
            [5, 6, 7],
            {"IntegerLookup": {"num_oov_indices": 0, "vocabulary": [5, 6]}},
            "`a` is 7 at t.csv:4, which",
        ),
        (
            ["red", "green", "gren"],
            {"StringLookup": {"num_oov_indices": 0, "vocabulary": ["red", "green"]}},
            '`a` is "gren" at t.csv:4, which',
        ),
    ],
)
def test_a_value_without_a_place_is_told(column: list[Any], layer: Any, words: str) -> None:
    """Keras encodes the first as nothing, and fails on the others with a message of its own."""
    table({"a": column, "y": [0, 1, 2]})
    with pytest.raises(DataError) as caught:
        prepare(compiled({"column": "a", "transform": [layer]}))
    assert [one.code for one in caught.value.diagnostics] == ["MS627"]
    assert words in caught.value.diagnostics[0].message


@pytest.mark.parametrize("column", [["red", "green", "red"], [1, 2, 1]])
def test_hashes_are_those_of_keras(column: list[Any]) -> None:
    import keras

    table({"a": column, "y": [0, 1, 2]})
    found = values_of(
        compiled(
            {"column": "a", "transform": [{"Hashing": {"num_bins": 5, "output_mode": "one_hot"}}]}
        )
    )
    layer = keras.layers.Hashing(num_bins=5, output_mode="one_hot")
    np.testing.assert_array_equal(found, np.asarray(layer(np.array(column)[:, None])))


def test_a_place_for_unknown_labels_is_told_where_it_does_not_fit() -> None:
    blobs(["cat", "dog", "owl"])
    checked = compile_spec(
        classifier("sparse_categorical_crossentropy", 3, "softmax", "StringLookup")
    )
    assert checked.value is not None
    with pytest.raises(DataError, match="the lookup makes 4 classes") as caught:
        prepare(checked.value)
    assert "num_oov_indices: 0" in str(caught.value.diagnostics[0].help)


@pytest.mark.parametrize(
    ("transform", "same"),
    [
        (["Normalization"], True),
        ([{"Rescaling": {"scale": 0.01, "offset": -1.0}}, "Normalization"], True),
        ([{"Expression": "arcsinh(x / 1000)"}], True),
        ([{"Expression": "abs(x) / 400"}], False),
    ],
)
def test_predicted_numbers_are_those_of_the_column_where_they_can_be(
    transform: Any, same: bool, tmp_path: Path
) -> None:
    from modelspec.runtime.run import predict

    random = np.random.default_rng(0)
    a = random.uniform(0, 1, 300)
    table({"a": list(a), "y": list(100 + 300 * a)})
    ms.load_spec(
        {
            "seed": 1,
            "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
            "data": {
                "source": {"csv": "t.csv"},
                "inputs": {"column": "a", "transform": ["Normalization"]},
                "targets": {"y": {"column": "y", "transform": transform}},
            },
            "training": {"optimizer": {"Adam": 0.1}, "loss": "mse", "epochs": 30, "batch_size": 32},
        }
    ).train(run_dir=tmp_path / "run")
    found = predict(tmp_path / "run", "t.csv").outputs["y"].ravel()
    expected = 100 + 300 * a
    np.testing.assert_allclose(found, expected if same else expected / 400, rtol=0.05)


# Batches ------------------------------------------------------------------------------------------


def images(count: int = 40) -> None:
    random = np.random.default_rng(0)
    np.savez(
        "t.npz",
        image=random.uniform(0, 1, (count, 8, 8, 3)).astype(np.float32),
        y=np.arange(count) % 2,
        w=random.uniform(0.5, 2, count),
    )


def image_spec(**data: Any) -> Any:
    checked = compile_spec(
        {
            "model": {
                "inputs": {"image": [8, 8, 3]},
                "layers": ["Flatten", {"Dense": {"units": 1, "name": "y"}}],
            },
            "data": {"source": {"npz": "t.npz"}, "inputs": "image", "targets": "y", **data},
            "training": {"loss": "mse", "batch_size": 8},
        }
    )
    assert checked.ok, [str(one) for one in checked.diagnostics]
    return checked.value


def batches(spec: Any, **start: int) -> list[Any]:
    from modelspec.runtime.data.batches import Feed

    part = prepare(spec).parts["train"]
    found = Feed(part.examples).training(part.positions, 5, 8, 3, **start)
    return [tuple(np.asarray(one) for one in batch) for batch in found]


VARIATIONS = [
    [{"RandomFlip": "horizontal"}],
    [{"RandomRotation": 0.2}, {"RandomBrightness": {"factor": 0.3, "value_range": [0, 1]}}],
    [{"GaussianNoise": 0.5}],
    [{"Dropout": 0.5}],
    [{"RandomTranslation": {"height_factor": 0.3, "width_factor": 0.3}}],
    [{"RandAugment": {"value_range": [0, 1]}}],
    [{"RandomErasing": {"value_range": [0, 1]}}],
    [{"RandomHue": {"factor": 0.5, "value_range": [0, 1]}}],
    [{"RandomZoom": 0.5}, {"RandomContrast": 0.5}],
]


@pytest.mark.parametrize("augment", VARIATIONS)
def test_what_augmentation_does_follows_from_the_position(augment: Any) -> None:
    images()
    whole = batches(image_spec(augment=augment))
    plain = batches(image_spec())
    assert len(whole) == len(plain) == 15
    assert not np.array_equal(whole[0][0], plain[0][0]), "it varies"
    for start in ({"first_epoch": 1}, {"first_epoch": 1, "first_step": 3}):
        skipped = 5 + start.get("first_step", 0)
        for one, other in zip(
            batches(image_spec(augment=augment), **start), whole[skipped:], strict=True
        ):
            np.testing.assert_array_equal(one[0], other[0])
            np.testing.assert_array_equal(one[1], other[1])


def test_evaluation_sees_examples_as_they_are() -> None:
    from modelspec.runtime.data.batches import Feed

    images()
    part = prepare(image_spec(augment=[{"GaussianNoise": 0.5}])).parts["train"]
    found = np.concatenate([np.asarray(x) for x, _ in Feed(part.examples).plain(part.positions, 8)])
    np.testing.assert_array_equal(found, part.examples.inputs["image"])


def test_batches_from_disk_are_those_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelspec.runtime.data import held_arrays as module

    images()
    monkeypatch.setattr(module, "_SMALL", 10)
    memory = batches(image_spec(weights="w"), first_epoch=1, first_step=2)
    disk = batches(image_spec(weights="w", cache="disk"), first_epoch=1, first_step=2)
    monkeypatch.setattr(reading, "MEMORY", 10)
    temporary = batches(image_spec(weights="w", cache="off"), first_epoch=1, first_step=2)
    assert len(memory) == 8 and len(memory[0]) == 3
    for one, other, third in zip(memory, disk, temporary, strict=True):
        for a, b, c in zip(one, other, third, strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a, c)


def test_class_weights_train_as_those_of_keras() -> None:
    """Bit for bit what `fit(class_weight=...)` makes of the same batches; several outputs, which
    Keras refuses, too.
    """
    import keras

    from modelspec.runtime.backend import build
    from modelspec.runtime.data.batches import Feed

    table(numbers(64) | {"y": [i % 3 for i in range(64)]})
    head = {"units": 3, "activation": "softmax"}
    weight = {"0": 1.0, "1": 3.0, "2": 0.5}
    values = {
        "model": {"inputs": {"x": [2]}, "layers": [{"Dense": {**head, "name": "y"}}]},
        "data": {"source": {"csv": "t.csv"}, "inputs": ["a", "b"], "targets": "y"},
        "training": {
            "loss": "sparse_categorical_crossentropy",
            "optimizer": {"SGD": 0.01},
            "batch_size": 16,
            "class_weight": weight,
        },
    }
    first = compile_spec(values).value
    assert first is not None
    found = []
    for own in (True, False):
        prepared = prepare(first)
        keras.utils.set_random_seed(0)
        model = build(prepared.compiled)
        part = prepared.parts["train"]
        given = Feed(part.examples).training(part.positions, 0, 16, 2)
        if own:
            model.fit(given, steps_per_epoch=4, epochs=2, verbose=0, shuffle=False)
        else:
            model.fit(
                given.map(lambda x, y, w: (x, y)),
                steps_per_epoch=4,
                epochs=2,
                verbose=0,
                shuffle=False,
                class_weight={int(key): one for key, one in weight.items()},
            )
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    two: dict[str, Any] = {
        "model": {
            "inputs": {"x": [2]},
            "layers": [
                {"Dense": {**head, "name": "y", "from": "x"}},
                {"Dense": {"units": 1, "name": "z", "from": "x"}},
            ],
            "outputs": ["y", "z"],
        },
        "data": {**values["data"], "targets": {"y": "y", "z": "d"}, "weights": "b"},  # type: ignore[dict-item]
        "training": {
            "loss": {"y": "sparse_categorical_crossentropy", "z": "mse"},
            "class_weight": {"y": "balanced"},
        },
    }
    both = compile_spec(two).value
    assert both is not None
    prepared = prepare(both)
    part = prepared.parts["train"]
    _, _, weights = next(iter(Feed(part.examples).training(part.positions, 0, 64, 1)))
    own_weights = np.asarray(weights["z"])
    assert np.all(np.asarray(weights["y"]) != own_weights) or np.any(
        np.asarray(weights["y"]) != own_weights
    )
    logs = build(prepared.compiled).fit(
        Feed(part.examples).training(part.positions, 0, 16, 1), steps_per_epoch=4, verbose=0
    )
    assert np.isfinite(logs.history["loss"][0])


def test_a_run_that_goes_on_sees_what_it_would_have_seen(tmp_path: Path) -> None:
    """Transforms, augmentation, weights of examples and of classes: the same weights to the bit."""
    from modelspec.runtime.run.resume import resume

    images(96)

    def values(epochs: int) -> dict[str, Any]:
        return {
            "seed": 1,
            "model": {
                "inputs": {"image": [8, 8, 3]},
                "layers": [
                    "Flatten",
                    {"Dropout": 0.3},
                    {"Dense": {"units": 1, "activation": "sigmoid", "name": "y"}},
                ],
            },
            "data": {
                "source": {"npz": "t.npz"},
                "inputs": {"column": "image", "transform": ["Normalization"]},
                "targets": "y",
                "weights": "w",
                "augment": [{"RandomFlip": "horizontal"}, {"GaussianNoise": 0.3}],
            },
            "training": {
                "loss": "binary_crossentropy",
                "epochs": epochs,
                "batch_size": 16,
                "class_weight": {"0": 1.0, "1": 2.0},
            },
        }

    whole = ms.load_spec(values(2)).train(run_dir=tmp_path / "whole")
    ms.load_spec(values(1)).train(run_dir=tmp_path / "parts")
    parts = resume(tmp_path / "parts", {"training.epochs": 2})
    for one, other in zip(whole.model.get_weights(), parts.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# Real jobs ----------------------------------------------------------------------------------------


def lookup(**settings: Any) -> dict[str, Any]:
    return {"StringLookup": settings}


def train(name: str, folder: Path, values: dict[str, Any]) -> Any:
    shutil.copy(real(name), folder / name)
    return ms.load_spec({"seed": 1, **values}).train(run_dir=folder / "run")


def joined(names: list[str], *layers: Any) -> list[Any]:
    return [
        {"Concatenate": {"from": names}},
        {"Dense": {"units": 16, "activation": "relu"}},
        *layers,
    ]


def test_penguins_with_missing_values_and_words(tmp_path: Path) -> None:
    from modelspec.runtime.run import predict

    measures = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    run = train(
        "penguins.csv",
        tmp_path,
        {
            "model": {
                "inputs": {"measures": [4], "island": ["auto"], "sex": ["auto"]},
                "layers": joined(
                    ["measures", "island", "sex"],
                    {"Dense": {"units": 3, "activation": "softmax", "name": "species"}},
                ),
            },
            "data": {
                "source": {"csv": "penguins.csv"},
                "split": {"validation": 0.15, "test": 0.2, "stratify": "species"},
                "inputs": {
                    "measures": {
                        "columns": measures,
                        "missing": "mean",
                        "transform": ["Normalization"],
                    },
                    "island": {"column": "island", "transform": [lookup(output_mode="one_hot")]},
                    "sex": {
                        "column": "sex",
                        "missing": "unknown",
                        "transform": [lookup(output_mode="one_hot")],
                    },
                },
                "targets": {
                    "species": {"column": "species", "transform": [lookup(num_oov_indices=0)]}
                },
            },
            "training": {
                "optimizer": {"Adam": 0.02},
                "loss": "sparse_categorical_crossentropy",
                "metrics": ["accuracy"],
                "class_weight": "balanced",
                "epochs": 12,
                "batch_size": 16,
            },
        },
    )
    assert run.metrics["accuracy"] > 0.95
    Path("new.csv").write_text(
        "island,sex,body_mass_g,flipper_length_mm,bill_depth_mm,bill_length_mm\n"
        "Torgersen,,3750,181,18.7,39.1\nBiscoe,MALE,,,14.1,49.0\nMoon,FEMALE,5000,217,14,47\n",
        encoding="utf-8",
    )
    found = predict(tmp_path / "run", "new.csv").classes["species"].tolist()
    assert found == ["Adelie", "Gentoo", "Gentoo"]


def test_titanic_with_mixed_columns(tmp_path: Path) -> None:
    run = train(
        "titanic.csv",
        tmp_path,
        {
            "model": {
                "inputs": {"numbers": [4], "sex": ["auto"], "kind": ["auto"]},
                "layers": joined(
                    ["numbers", "sex", "kind"],
                    {"Dense": {"units": 1, "activation": "sigmoid", "name": "alive"}},
                ),
            },
            "data": {
                "source": {"csv": "titanic.csv"},
                "split": {"validation": 0.1, "test": 0.2, "stratify": "alive"},
                "inputs": {
                    "numbers": {
                        "columns": ["age", "fare", "sibsp", "parch"],
                        "missing": "median",
                        "transform": ["Normalization"],
                    },
                    "sex": {
                        "column": "sex",
                        "transform": [lookup(output_mode="one_hot", num_oov_indices=0)],
                    },
                    "kind": {
                        "column": "pclass",
                        "transform": [
                            {"IntegerLookup": {"output_mode": "one_hot", "num_oov_indices": 0}}
                        ],
                    },
                },
                "targets": {"alive": {"column": "alive", "transform": [lookup(num_oov_indices=0)]}},
            },
            "training": {
                "optimizer": {"Adam": 0.01},
                "loss": "binary_crossentropy",
                "metrics": ["accuracy"],
                "class_weight": {"yes": 1.5, "no": 1.0},
                "epochs": 8,
            },
        },
    )
    assert run.metrics["accuracy"] > 0.72


def test_diamonds_by_the_logarithm_of_their_price(tmp_path: Path) -> None:
    words = ["cut", "color", "clarity"]
    one_hot = lookup(output_mode="one_hot", num_oov_indices=0)
    run = train(
        "diamonds.csv",
        tmp_path,
        {
            "model": {
                "inputs": {"sizes": [6], **{word: ["auto"] for word in words}},
                "layers": joined(["sizes", *words], {"Dense": {"units": 1, "name": "price"}}),
            },
            "data": {
                "source": {"csv": "diamonds.csv"},
                "split": {"validation": 0.1, "test": 0.1},
                "inputs": {
                    "sizes": {
                        "columns": ["carat", "depth", "table", "x", "y", "z"],
                        "transform": ["Normalization"],
                    },
                    **{word: {"column": word, "transform": [one_hot]} for word in words},
                },
                "targets": {
                    "price": {
                        "column": "price",
                        "transform": [{"Expression": "log1p(x)"}, "Normalization"],
                    }
                },
            },
            "training": {
                "optimizer": {"Adam": 0.005},
                "loss": "mse",
                "metrics": ["R2Score"],
                "batch_size": 512,
            },
        },
    )
    assert run.metrics["r2_score"] > 0.93


def test_messages_as_found(tmp_path: Path) -> None:
    header = ["label", "message", "third", "fourth", "fifth"]
    run = train(
        "sms-spam.tsv",
        tmp_path,
        {
            "model": {
                "inputs": {"words": {"shape": ["auto"], "dtype": "int32"}},
                "layers": [
                    {"Embedding": {"input_dim": 3000, "output_dim": 16}},
                    "GlobalAveragePooling1D",
                    {"Dense": {"units": 1, "activation": "sigmoid", "name": "label"}},
                ],
            },
            "data": {
                "source": {"csv": {"path": "sms-spam.tsv", "delimiter": "\t", "header": header}},
                "split": {"validation": 0.1, "test": 0.2, "stratify": "label"},
                "inputs": {
                    "words": {
                        "column": "message",
                        "transform": [
                            {
                                "TextVectorization": {
                                    "max_tokens": 3000,
                                    "output_sequence_length": 40,
                                }
                            }
                        ],
                    }
                },
                "targets": {"label": {"column": "label", "transform": [lookup(num_oov_indices=0)]}},
            },
            "training": {
                "optimizer": {"Adam": 0.02},
                "loss": "binary_crossentropy",
                "metrics": ["accuracy"],
                "epochs": 2,
            },
        },
    )
    assert run.metrics["accuracy"] > 0.95
