"""Writes `tests/stored/saved_model` and its outputs with tf-keras: `pip install tf-keras`, then
`python -m tests.tools.record_saved_model`.

Only the description and the weights are kept: the program (`saved_model.pb`) is never read.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

STORED = Path(__file__).parents[1] / "stored"


def two_inputs() -> Any:
    """A model with a nested model, a wrapper, and layers whose weights have an order of their
    own, with random weights.
    """
    import numpy as np
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
    random = np.random.default_rng(0)
    model.set_weights(
        [
            random.uniform(0.2 if "variance" in one.name else -1, 1, one.shape)
            for one in model.weights
        ]
    )
    return model


def main() -> None:
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


if __name__ == "__main__":
    main()
