"""The jobs of `jobs.py`, written by hand with Keras and tuned: arrays in memory or cached images,
many steps per call, no XLA (slower on a processor), no imports that are not needed. Deterministic,
with weights saved after each epoch and the model at the end, like the runs of modelspec.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

SEED, STEPS_PER_CALL = 1, 32


def arrays(job: str) -> tuple[Any, Any]:
    """The inputs and targets of the jobs that read arrays."""
    with np.load(f"{job}.npz") as data:
        return data["x"], data["y"]


def diamonds() -> tuple[Any, Any]:
    """Standardized numbers beside one-hot categories."""
    import pandas as pd

    frame = pd.read_csv("diamonds.csv")
    words = pd.get_dummies(frame[["cut", "color", "clarity"]]).to_numpy("float32")
    numbers = frame[["carat", "depth", "table", "x", "y", "z"]].to_numpy("float32")
    numbers = (numbers - numbers.mean(0)) / numbers.std(0)
    price = frame[["price"]].to_numpy("float32") / 1000
    return np.concatenate([numbers, words], 1), price


def sms() -> tuple[Any, Any]:
    """Word numbers of messages."""
    import keras
    import pandas as pd

    frame = pd.read_csv("sms.csv")
    words = keras.layers.TextVectorization(max_tokens=3000, output_sequence_length=40)
    words.adapt(frame["message"].to_numpy(str))
    return np.asarray(words(frame["message"].to_numpy(str))), (frame[["label"]] == "spam").to_numpy(
        "float32"
    )


def images(folder: str, batch: int) -> tuple[Any, Any]:
    """Training and test images as datasets; the training images are varied."""
    import keras
    import tensorflow as tf

    train, test = keras.utils.image_dataset_from_directory(
        folder,
        image_size=(64, 64),
        batch_size=batch,
        seed=SEED,
        validation_split=0.2,
        subset="both",
        verbose=False,
    )
    vary = keras.Sequential(
        [keras.layers.RandomFlip("horizontal", seed=1), keras.layers.RandomRotation(0.1, seed=2)]
    )
    train = train.map(lambda x, y: (x / 255, y)).cache()
    test = test.map(lambda x, y: (x / 255, y)).cache()
    varied = train.map(lambda x, y: (vary(x, training=True), y), num_parallel_calls=2)
    return varied.prefetch(tf.data.AUTOTUNE), test


def model_of(job: str, x: Any) -> Any:
    """The model of a job, with the same layers as its spec."""
    import keras
    from keras import layers

    convolutions = [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.25),
        layers.Flatten(),
    ]
    small = [layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu")]
    inner = {
        "digits": [layers.Conv2D(32, 3, activation="relu"), layers.Flatten(), layers.Dropout(0.25)],
        "mnist": convolutions,
        "mlp": [*small, layers.Dropout(0.1)],
        "diamonds": small,
        "sms": [layers.Embedding(3000, 16), layers.GlobalAveragePooling1D()],
        "lstm": [layers.LSTM(32)],
        "pngs": convolutions,
    }[job]
    last = {
        "diamonds": layers.Dense(1),
        "sms": layers.Dense(1, activation="sigmoid"),
        "pngs": layers.Dense(2, activation="softmax"),
    }.get(job) or layers.Dense(10, activation="softmax")
    shape = (64, 64, 3) if x is None else x.shape[1:]
    return keras.Sequential([keras.Input(shape), *inner, last])


def main(job: str, settings: str) -> None:
    """Train, evaluate and save."""
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(SEED)
    chosen = json.loads(settings)
    saving = keras.callbacks.ModelCheckpoint("hand-{epoch}.weights.h5", save_weights_only=True)
    fitting = {"epochs": chosen["epochs"], "verbose": 0, "callbacks": [saving]}
    if job == "pngs":
        model, (train, test) = model_of(job, None), images("pngs", chosen["batch_size"])
        given, measured = (train,), (test,)
    else:
        x, y = {"diamonds": diamonds, "sms": sms}.get(job, lambda: arrays(job))()
        model = model_of(job, x)
        order = np.random.default_rng(SEED).permutation(len(x))
        cut = len(x) * 4 // 5
        given, measured = (x[order[:cut]], y[order[:cut]]), (x[order[cut:]], y[order[cut:]])
        fitting["batch_size"] = chosen["batch_size"]
    loss, metric = chosen["loss"], chosen["metric"]
    model.compile(
        "adam", loss, metrics=[metric], jit_compile=False, steps_per_execution=STEPS_PER_CALL
    )
    model.fit(*given, **fitting)
    found = model.evaluate(*measured, verbose=0, return_dict=True)
    model.save("hand.keras")
    print(json.dumps(found[metric]))


if __name__ == "__main__":
    main(*sys.argv[1:3])
