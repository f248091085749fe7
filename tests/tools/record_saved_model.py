"""Writes `tests/stored/saved_model` and `tests/stored/random_layers.h5`, and their outputs, with
tf-keras: `pip install tf-keras`, then `python -m tests.tools.record_saved_model [NAME]`.

Outputs are those of inference, in which layers of augmentation return their input. Of the SavedModel,
only the description and the weights are kept: the program (`saved_model.pb`) is never read.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

STORED = Path(__file__).parents[1] / "stored"


def two_inputs() -> Any:
    """A model with a nested model, a wrapper, and layers whose weights have an order of their
    own, with random weights.
    """
    import tf_keras

    layers = tf_keras.layers
    features = layers.Input((4,), name="features")
    steps = layers.Input((3, 2), name="steps")
    encoder = tf_keras.Sequential(
        [
            layers.Dense(3, activation="tanh", name="dense"),
            layers.BatchNormalization(name="norm"),
        ],
        name="encoder",
    )
    read = layers.Bidirectional(layers.GRU(2), name="reader")(steps)
    both = layers.Concatenate(name="both")([encoder(features), read])
    result = layers.Dense(2, name="result")(both)
    model = tf_keras.Model([features, steps], result, name="two_inputs")
    return _with_random_weights(model)


def random_layers() -> Any:
    """A model with every layer of augmentation of tf-keras, and one with weights after them."""
    import tf_keras

    layers = tf_keras.layers
    return _with_random_weights(
        tf_keras.Sequential(
            [
                layers.Input((8, 6, 3), name="images"),
                layers.RandomFlip(name="flip"),
                layers.RandomRotation(0.2, fill_mode="nearest", name="rotation"),
                layers.RandomZoom(0.3, name="zoom"),
                layers.RandomTranslation(0.2, (-0.1, 0.3), name="translation"),
                layers.RandomContrast(0.5, name="contrast"),
                layers.RandomBrightness(0.4, value_range=(0, 1), name="brightness"),
                layers.RandomHeight(0.2, name="height"),
                layers.RandomWidth((-0.2, 0.1), name="width"),
                layers.GaussianNoise(0.5, name="noise"),
                layers.Conv2D(2, 3, name="convolution"),
                layers.SpatialDropout2D(0.5, name="dropout"),
                layers.GlobalAveragePooling2D(name="pooled"),
            ],
            name="random_layers",
        )
    )


def _with_random_weights(model: Any) -> Any:
    import numpy as np

    random = np.random.default_rng(0)
    model.set_weights(
        [
            random.uniform(0.2 if "variance" in one.name else -1, 1, one.shape)
            for one in model.weights
        ]
    )
    return model


def _record_saved_model() -> None:
    import numpy as np

    model = two_inputs()
    random = np.random.default_rng(1)
    given = {
        name: random.uniform(-1, 1, shape).astype("float32")
        for name, shape in (("features", (2, 4)), ("steps", (2, 3, 2)))
    }
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "saved"
        model.save(written, save_format="tf")
        for name in ("keras_metadata.pb", "variables"):
            place = STORED / "saved_model" / name
            if place.is_dir():
                shutil.rmtree(place)
            place.parent.mkdir(exist_ok=True)
            shutil.move(written / name, place)
    np.savez(STORED / "saved_model_outputs.npz", **given, outputs=model(list(given.values())))


def _record_random_layers() -> None:
    import numpy as np

    model = random_layers()
    model.save(STORED / "random_layers.h5")
    images = np.random.default_rng(1).uniform(0, 1, (2, 8, 6, 3)).astype("float32")
    outputs = model(images, training=False)
    np.savez(STORED / "random_layers_outputs.npz", images=images, outputs=outputs)


_RECORDS = {"saved_model": _record_saved_model, "random_layers": _record_random_layers}


def main() -> None:
    for name in sys.argv[1:] or _RECORDS:
        _RECORDS[name]()


if __name__ == "__main__":
    main()
