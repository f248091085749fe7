"""What is special about the output of an example of keras.io: checks of runs on small data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

from modelspec.cli import main

from .example_data import pixels, rng


def recognized_words(run: Any, folder: Path) -> None:
    """`predict --decode` writes words of the characters of the training, also empty ones."""
    command = ["predict", str(folder / "run"), "--data", str(folder / "words.csv")]
    done = CliRunner().invoke(main, [*command, "--decode", "ctc_greedy", "--format", "json"])
    assert done.exit_code == 0, done.output
    words = [row["word"] for row in json.loads(done.stdout)]
    assert len(words) == 8 and set("".join(words)) <= set("atonulheyNAI'b[UNK]0123456789")


def experts_of_the_gate(run: Any, folder: Path) -> None:
    """The result is that of the four best experts, weighted by the gate."""
    inner = run.predict({"image": pixels(3, 28, 28)}, layers=["gate", "opinions", "expression"])
    best = np.argsort(-inner["gate"], axis=1)[:, :4]
    each = np.arange(3)[:, None]
    chosen = inner["gate"][each, best][..., None] * inner["opinions"][each, best]
    np.testing.assert_allclose(inner["expression"], chosen.sum(axis=1), rtol=1e-5, atol=1e-5)


def bright_images(run: Any, folder: Path) -> None:
    """The curves keep values between 0 and 1."""
    bright = run.predict({"image": pixels(2, 32, 32, 3)}, layers=["bright_8"])["bright_8"]
    assert bright.min() >= 0 and bright.max() <= 1


def seen_light(run: Any, folder: Path) -> None:
    """No ray receives more light than there is, so that colors are from 0 to 1."""
    inner = run.predict({"pose": rng().normal(size=(2, 4, 4))}, layers=["seen", "image"])
    total = inner["seen"].sum(axis=-1)
    assert inner["seen"].min() >= 0 and total.max() <= 1.001
    assert inner["image"].min() >= 0 and inner["image"].max() <= 1.001


def nearest_codes(run: Any, folder: Path) -> None:
    """Each vector is replaced by the nearest of the codebook."""
    layers = ["encoded", "codebook", "codes", "nearest"]
    inner = run.predict({"image": pixels(2, 28, 28)}, layers=layers)
    book = inner["codebook"][0]
    apart = np.square(inner["encoded"][..., None] - book).sum(axis=-2)
    chosen = np.take_along_axis(apart, inner["codes"][..., None].astype(int), axis=-1)[..., 0]
    np.testing.assert_allclose(chosen, apart.min(axis=-1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        inner["nearest"], book.T[inner["codes"].astype(int)], rtol=1e-5, atol=1e-5
    )


def later_pixels(run: Any, folder: Path) -> None:
    """A pixel changes the predictions after it only. Pixels are drawn black or white."""
    image = np.zeros((2, 28, 28, 1), "float32")
    image[1, 14, 14] = 1
    one, other = run.model.predict(image, verbose=0).reshape(2, 784)
    place = 14 * 28 + 14
    np.testing.assert_array_equal(one[: place + 1], other[: place + 1])
    assert np.any(one[place + 1 :] != other[place + 1 :])
    made = run.generate(examples=1)["x"]
    assert made.shape == (1, 28, 28, 1) and set(np.unique(made)) == {0, 1}


def invertible_layers(run: Any, folder: Path) -> None:
    """The noise of a made point is the noise that it was made of."""
    noise = rng().normal(size=(5, 2)).astype("float32")
    made = run.model.predict({"noise": noise, "point": noise}, verbose=0)["made"]
    again = run.model.predict({"noise": noise, "point": made}, verbose=0)["latent"]
    np.testing.assert_allclose(again, noise, atol=1e-4)
    assert run.generate(examples=3)["made_1"].shape == (3, 2)


def made_images(run: Any, folder: Path) -> None:
    """`predict --generate` makes images of values from 0 to 1."""
    made = run.generate(examples=2)
    (images,) = (value for value in made.values() if value.ndim == 4)
    assert images.shape == (2, 28, 28, 1) and images.min() >= 0 and images.max() <= 1


def made_digits(run: Any, folder: Path) -> None:
    """One image for each label that is asked for."""
    np.savez(folder / "asked.npz", target=[3, 7])
    made = run.generate(folder / "asked.npz", examples=1)["made"]
    assert made.shape == (2, 28, 28, 1) and made.min() >= 0 and made.max() <= 1


def made_flowers(run: Any, folder: Path) -> None:
    """The same seed makes the same images."""
    one, other = (run.generate(examples=2, seed=3)["x"] for _ in range(2))
    assert one.shape == (2, 16, 16, 3) and np.isfinite(one).all() and one[0].std() > 0
    np.testing.assert_array_equal(one, other)


def continued_review(run: Any, folder: Path) -> None:
    text = run.generate("this movie", length=3)
    assert set(text.split()) <= {"this", "movie", "is", "not", "long", "[UNK]"}


def windows_of_patches(run: Any, folder: Path) -> None:
    """In the first block a change of a corner reaches its window alone; in the shifted one it
    reaches the corner itself, whose other neighbors are beyond the border.
    """
    image = np.zeros((2, 8, 8, 3), "uint8")
    image[1, :2, :2] = 200
    layers = ["swin_attention_dropout_1", "swin_1_attention_weights"]
    found = run.predict({"image": image}, layers=layers)
    one, other = found[layers[0]].reshape(2, 4, 4, 8)
    changed = np.any(one != other, axis=-1)
    assert changed[:2, :2].all() and changed.sum() == 4
    corner = found[layers[1]][:, 3]  # of the last window: four patches of four regions
    np.testing.assert_allclose(corner, np.broadcast_to(np.eye(4), corner.shape), atol=1e-5)


POINTS: dict[str, Callable[[Any, Path], None]] = {
    "handwriting_recognition": recognized_words,
    "mnist_moe": experts_of_the_gate,
    "zero_dce": bright_images,
    "swin_transformers": windows_of_patches,
    "nerf": seen_light,
    "vae": made_images,
    "vq_vae": nearest_codes,
    "pixelcnn": later_pixels,
    "real_nvp": invertible_layers,
    "conditional_gan": made_digits,
    "wgan_gp": made_images,
    "ddim": made_flowers,
    "text_generation_with_miniature_gpt": continued_review,
}
"""The checks by the name of the example."""
