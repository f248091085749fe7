"""Sources against TensorFlow and Keras themselves: records, skip-grams, images; and training on
data of a program.
"""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import modelspec as ms
from modelspec.runtime.data import DataError
from modelspec.runtime.data.python_objects import table_from

from .sources import opened

pytestmark = pytest.mark.tensorflow
RANDOM = np.random.default_rng(0)
X = RANDOM.random((40, 2)).astype(np.float32)
Y = (X.sum(1) > 1).astype(np.int64)


def test_records_that_tensorflow_wrote(tmp_path: Path) -> None:
    import tensorflow as tf

    def feature(values: Any) -> Any:
        if isinstance(values[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        if isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    rows = [
        {
            "f": [i / 3, -1.0],
            "n": [i - 5],
            "s": [f"é{i}".encode()],
            "r": list(range(i % 4 + 1)),
            "b": [RANDOM.integers(0, 256, 12, dtype=np.uint8).tobytes()],
        }
        for i in range(50)
    ]
    for name, options in (("a.tfrecord", None), ("a.gz", "GZIP")):
        with tf.io.TFRecordWriter(str(tmp_path / name), options) as writer:
            for row in rows:
                features = tf.train.Features(
                    feature={key: feature(values) for key, values in row.items()}
                )
                writer.write(tf.train.Example(features=features).SerializeToString())
        table = opened(
            {
                "tfrecord": {
                    "path": name,
                    "features": {
                        "f": {"shape": [2]},
                        "n": "int64",
                        "s": "string",
                        "r": {"dtype": "int64", "shape": None},
                        "b": {"dtype": "uint8", "shape": [3, 4]},
                    },
                }
            },
            tmp_path,
        )
        np.testing.assert_array_equal(
            table.column("f"), np.array([row["f"] for row in rows], np.float32)
        )
        assert table.column("n").tolist() == [row["n"][0] for row in rows]
        assert table.column("s").tolist() == [row["s"][0].decode() for row in rows]
        assert [one.tolist() for one in table.column("r")] == [row["r"] for row in rows]
        assert table.column("b").tobytes() == b"".join(row["b"][0] for row in rows)


def test_skipgrams_are_those_of_keras(tmp_path: Path) -> None:
    from keras.src.legacy.preprocessing.sequence import make_sampling_table, skipgrams

    words = RANDOM.integers(0, 40, 80).tolist()
    (tmp_path / "t.txt").write_text(" ".join(map(str, words)))
    random.seed(3)
    couples, labels = skipgrams(
        words,
        40,
        window_size=3,
        negative_samples=1.5,
        seed=3,
        sampling_table=make_sampling_table(40, 1e-2),
    )
    table = opened(
        {
            "skipgrams": {
                "path": "t.txt",
                "vocabulary_size": 40,
                "window_size": 3,
                "negative_samples": 1.5,
                "sampling_factor": 1e-2,
                "seed": 3,
            }
        },
        tmp_path,
    )
    assert np.stack([table.column("target"), table.column("context")], -1).tolist() == couples
    assert table.column("label").tolist() == labels


def test_images_are_those_of_keras(tmp_path: Path) -> None:
    """Without resizing, as the two resize differently."""
    import keras

    for index in range(8):
        path = tmp_path / f"p/{'ab'[index % 2]}/{index}.{('png', 'bmp', 'gif', 'png')[index % 4]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = RANDOM.integers(0, 256, (12, 10, 3), dtype=np.uint8)
        Image.fromarray(values if index % 4 != 2 else values[..., 0]).save(path)
    data = keras.utils.image_dataset_from_directory(
        str(tmp_path / "p"), image_size=(12, 10), batch_size=None, shuffle=False, verbose=False
    )
    expected = [(image, data.class_names[label]) for image, label in data.as_numpy_iterator()]
    table = opened({"images": "p"}, tmp_path)
    np.testing.assert_array_equal(table.column("image"), np.stack([image for image, _ in expected]))
    assert table.column("label").tolist() == [label for _, label in expected]


def test_batches_of_tensorflow_and_keras() -> None:
    import keras
    import tensorflow as tf

    class Data(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> Any:
            return X[8 * index : 8 * index + 8], Y[8 * index : 8 * index + 8]

    dataset = tf.data.Dataset.from_tensor_slices(({"x": X}, Y)).batch(7)
    for data in (
        dataset,
        Data(),
        (tf.constant(X), tf.constant(Y)),
        {"x": keras.ops.convert_to_tensor(X), "y": Y},
    ):
        table = table_from(data)
        np.testing.assert_array_equal(table.column("x"), X)
        np.testing.assert_array_equal(table.column("y"), Y)
    with pytest.raises(DataError, match="endless"):
        table_from(dataset.repeat())


def test_training_on_what_a_program_has(tmp_path: Path) -> None:
    spec = ms.load_spec(
        {
            "model": {
                "inputs": {"x": {"shape": [2]}},
                "layers": [{"Dense": 1}, {"Activation": "sigmoid"}],
            },
            "data": {
                "source": {"csv": "elsewhere.csv"},
                "split": {"validation": 0.25},
                "inputs": {"x": {"column": "x"}},
                "targets": {"column": "y"},
            },
            "training": {
                "loss": "binary_crossentropy",
                "epochs": 2,
                "batch_size": 8,
                "metrics": ["accuracy"],
            },
        }
    )
    whole = spec.train(tmp_path / "a", data=(X, Y))
    again = spec.train(
        tmp_path / "b", data=iter([{"x": X[:15], "y": Y[:15]}, {"x": X[15:], "y": Y[15:]}])
    )
    assert again.metrics == whole.metrics
    parts = spec.train(
        tmp_path / "c", data={"train": {"x": X, "y": Y}, "validation": {"x": X[:9], "y": Y[:9]}}
    )
    assert "val_loss" in parts.history and parts.metrics != whole.metrics


def watching(monitor: str) -> ms.Spec:
    """A spec without a `data` section, in which a callback watches a quantity."""
    stop = {"EarlyStopping": {"monitor": monitor}}
    return ms.load_spec(
        {
            "model": {"inputs": {"x": [2]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
            "training": {"loss": "mse", "epochs": 1, "callbacks": [stop]},
        }
    )


def test_a_run_on_parts_is_opened_again(tmp_path: Path) -> None:
    """Its callbacks watch a validation that only the program's data have."""
    parts = {"train": (X, Y), "validation": (X[:9], Y[:9])}
    run = watching("val_loss").train(tmp_path / "run", data=parts)
    assert ms.open_run(tmp_path / "run").history == run.history
    assert pickle.loads(pickle.dumps(run)) == run == ms.resume(tmp_path / "run")


def test_a_validation_that_the_program_does_not_give_is_missed(tmp_path: Path) -> None:
    """A callback that watches it would never act."""
    for data in ((X, Y), {"train": (X, Y), "test": (X, Y)}):
        with pytest.raises(ms.RunError) as caught:
            watching("val_loss").train(tmp_path / "run", data=data)
        (one,) = caught.value.diagnostics
        assert one.code == "MS521" and "'validation': ..." in str(one.help)
    assert watching("loss").train(tmp_path / "loss", data=(X, Y)).history["loss"]
