"""What docs/preprocessing.md says of older Keras's functions, compared with those that Keras 3
still has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import prepare

pytestmark = pytest.mark.tensorflow

WORDS = [
    "the cat sat on the mat",
    "the dog sat on the log on the hill",
    "the cat saw the dog",
    "the sat on",
]
"""Every word has a count of its own but those that stand once, which no test compares."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def prepared(source: Any, feature: Any, shape: list[Any], dtype: str = "float32") -> Any:
    """What the model gets of an input that is prepared so."""
    checked = compile_spec(
        {
            "model": {"inputs": {"x": {"shape": shape, "dtype": dtype}}, "layers": ["Identity"]},
            "data": {"source": source, "inputs": {"x": feature}},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return np.asarray(prepare(checked.value).parts["train"].examples.inputs["x"])


def lines(rows: list[Any]) -> dict[str, str]:
    Path("t.jsonl").write_text(
        "".join(json.dumps({"x": row}) + "\n" for row in rows), encoding="utf-8"
    )
    return {"jsonl": "t.jsonl"}


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("length", [None, 3])
def test_pad_sequences(padding: str, truncating: str, length: int | None) -> None:
    import keras

    rows = [[1, 2, 3, 4, 5], [6], [7, 8], [9, 10, 11, 12]]
    pad = {
        "padding": padding,
        "truncating": truncating,
        "value": -1,
        **({"length": length} if length else {}),
    }
    found = prepared(lines(rows), {"column": "x", "pad": pad}, ["auto"], "int32")
    wanted = keras.utils.pad_sequences(
        rows, maxlen=length, padding=padding, truncating=truncating, value=-1
    )
    np.testing.assert_array_equal(found, wanted)


def test_to_categorical_and_normalize() -> None:
    import keras

    labels, x = np.array([0, 3, 1, 2, 3]), np.random.default_rng(0).normal(size=(5, 4))
    np.savez("t.npz", labels=labels, x=x.astype(np.float32))
    one_hot = {
        "column": "labels",
        "transform": [{"CategoryEncoding": {"num_tokens": 4, "output_mode": "one_hot"}}],
    }
    np.testing.assert_array_equal(
        prepared({"npz": "t.npz"}, one_hot, [4]), keras.utils.to_categorical(labels, 4)
    )
    found = prepared({"npz": "t.npz"}, {"column": "x", "transform": ["UnitNormalization"]}, [4])
    np.testing.assert_allclose(found, keras.utils.normalize(x, axis=-1), rtol=1e-5)


def tokenizer() -> Any:
    from keras.src.legacy.preprocessing.text import Tokenizer

    found = Tokenizer()
    found.fit_on_texts(WORDS)
    return found


FREQUENT = ("the", "on", "sat")
"""The words that Tokenizer calls 1, 2 and 3: those of a count of their own."""


def test_words_are_split_and_numbered_one_higher() -> None:
    import keras

    found = prepared(
        lines(WORDS), {"column": "x", "transform": ["TextVectorization"]}, ["auto"], "int32"
    )
    old = tokenizer()
    assert [old.word_index[word] for word in FREQUENT] == [1, 2, 3]
    wanted = keras.utils.pad_sequences(old.texts_to_sequences(WORDS), padding="post")
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(
        np.where(found < 5, found, 0), np.where((wanted > 0) & (wanted < 4), wanted + 1, 0)
    )
    np.testing.assert_array_equal(found > 0, wanted > 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"num_words": 4}, {"max_tokens": 5}),
        ({"num_words": 3, "lower": False, "filters": ""}, {"max_tokens": 4, "standardize": None}),
        ({"num_words": 3, "char_level": True}, {"max_tokens": 4, "split": "character"}),
    ],
)
def test_settings_of_tokenizer(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Words that are not kept are index 1, where `Tokenizer` left them out."""
    from keras.src.legacy.preprocessing.text import Tokenizer

    texts = ["aaaa bbb bbb", "bbb aaaa aaaa cc aaaa", "cc d!", "AAAA."]
    tokens = Tokenizer(**old)
    tokens.fit_on_texts(texts)
    found = prepared(
        lines(texts), {"column": "x", "transform": [{"TextVectorization": new}]}, ["auto"], "int32"
    )
    kept = [[int(one) - 1 for one in row if one > 1] for row in found]
    assert kept == tokens.texts_to_sequences(texts) and any(kept)


@pytest.mark.parametrize(
    ("mode", "transform"),
    [
        ("binary", [{"TextVectorization": {"output_mode": "multi_hot"}}]),
        ("count", [{"TextVectorization": {"output_mode": "count"}}]),
        (
            "freq",
            [
                {"TextVectorization": {"output_mode": "count"}},
                {"Expression": "x / sum(x, axis=-1, keepdims=true)"},
            ],
        ),
    ],
)
def test_texts_to_matrix(mode: str, transform: Any) -> None:
    found = prepared(lines(WORDS), {"column": "x", "transform": transform}, ["auto"])
    wanted = tokenizer().texts_to_matrix(WORDS, mode=mode)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found[:, :4], wanted[:, :4], rtol=1e-6)
    np.testing.assert_allclose(np.sort(found[:, 4:]), np.sort(wanted[:, 4:]), rtol=1e-6)


def test_tf_idf_has_the_idf_of_old_and_counts_for_its_logarithms() -> None:
    transform = [{"TextVectorization": {"output_mode": "tf_idf"}}]
    found = prepared(lines(WORDS), {"column": "x", "transform": transform}, ["auto"])
    old = tokenizer()
    wanted, counts = (old.texts_to_matrix(WORDS, mode=mode)[:, 1:4] for mode in ("tfidf", "count"))
    tf = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0)
    np.testing.assert_allclose(found[:, 1:4] * tf, wanted * counts, rtol=1e-5)


def test_featurewise_center_and_std_normalization() -> None:
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    x = np.random.default_rng(0).integers(0, 256, (20, 6, 5, 3)).astype(np.float32)
    np.savez("t.npz", x=x)
    old = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    old.fit(x)
    found = prepared({"npz": "t.npz"}, {"column": "x", "transform": ["Normalization"]}, [6, 5, 3])
    np.testing.assert_allclose(found, old.standardize(x.copy()), rtol=1e-4, atol=1e-5)


def test_samplewise_center_and_std_normalization() -> None:
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    x = np.random.default_rng(0).integers(0, 256, (20, 6, 5, 3)).astype(np.float32)
    np.savez("t.npz", x=x)
    old = ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True)
    table = (Path(__file__).parents[1] / "docs/preprocessing.md").read_text("utf-8")
    formulas = re.findall(r"^\| `samplewise.*`(Expression: .*?)`", table, re.MULTILINE)
    transform = [dict([formula.split(": ", 1)]) for formula in formulas]
    found = prepared({"npz": "t.npz"}, {"column": "x", "transform": transform}, [6, 5, 3])
    assert len(transform) == 2
    np.testing.assert_allclose(
        found, [old.standardize(image) for image in x.copy()], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"horizontal_flip": True}, {"RandomFlip": "horizontal"}),
        ({"vertical_flip": True}, {"RandomFlip": "vertical"}),
    ],
)
def test_flips_are_those_of_image_data_generator(old: dict[str, bool], new: Any) -> None:
    """Each image comes as it is or flipped, and both come, as from the generator."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    x = np.random.default_rng(0).random((1, 6, 5, 1)).astype(np.float32)
    flow = ImageDataGenerator(**old).flow(np.repeat(x, 40, 0), batch_size=40, seed=1)
    generated = {one.tobytes() for one in next(flow)}
    assert generated == {one.tobytes() for one in varied(x, new)} and len(generated) == 2


def test_a_shift_of_a_whole_pixel_is_that_of_image_data_generator() -> None:
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    x = np.random.default_rng(0).random((1, 8, 8, 1)).astype(np.float32)
    old = ImageDataGenerator(fill_mode="nearest").apply_transform(
        x[0], {"tx": 2}
    )  # what stood 2 to the right
    new = varied(
        x,
        {
            "RandomTranslation": {
                "height_factor": 0.0,
                "width_factor": [-0.25, -0.25],
                "fill_mode": "nearest",
            }
        },
    )[0]
    np.testing.assert_allclose(new, old, atol=1e-5)


def varied(x: Any, layer: Any) -> Any:
    """Forty copies of an image as an epoch of training sees them."""
    from modelspec.runtime.data.batches import Feed

    np.savez("t.npz", x=np.repeat(x, 40, 0), y=np.zeros(40))
    checked = compile_spec(
        {
            "model": {
                "inputs": {"x": list(x.shape[1:])},
                "layers": ["Flatten", {"Dense": {"units": 1, "name": "y"}}],
            },
            "data": {"source": {"npz": "t.npz"}, "inputs": "x", "targets": "y", "augment": [layer]},
            "training": {"loss": "mse"},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    part = prepare(checked.value).parts["train"]
    feed: Callable[..., Any] = Feed(part.examples).training
    inputs = next(iter(feed(part.positions, 0, 40, 1)))[0]
    return np.asarray(next(iter(inputs.values())) if isinstance(inputs, dict) else inputs)


def test_hdf5_matrix() -> None:
    import h5py

    x = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    with h5py.File("t.h5", "w") as file:
        file["x"] = x
    np.testing.assert_array_equal(
        prepared({"hdf5": {"path": "t.h5", "rows": [5, 20]}}, "x", [4]), x[5:20]
    )


def test_hashing_is_the_same_in_every_process() -> None:
    rows = ["red", "green", "blue", "red"]
    found = prepared(
        lines(rows), {"column": "x", "transform": [{"Hashing": {"num_bins": 64}}]}, [1], "int32"
    )
    assert found.ravel().tolist() == [54, 32, 9, 54]
