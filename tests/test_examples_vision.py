"""The examples of keras.io about vision and generation, as specs: their size is that of the original, and each
trains on data of its form.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .example_data import (
    pixels,
    rng,
    train,
    words,
    write_classes,
    write_lines,
    write_npz,
    write_pictures,
    write_table,
)
from .example_points import POINTS

pytestmark = pytest.mark.tensorflow

Overrides = dict[str, Any]


def dataset(size: tuple[int, ...], classes: int = 10) -> Callable[[Path], Overrides]:
    """Random images with the columns of a data set that Keras downloads."""

    def write(folder: Path) -> Overrides:
        labels = np.arange(12) % classes
        path = write_npz(folder / "images.npz", image=pixels(12, *size), target=labels)
        return {"data.source": {"npz": str(path)}}

    return write


def captchas(folder: Path) -> Overrides:
    names = write_pictures(folder / "captcha_images_v2", pixels(8, 8, 24))
    labels = ["".join(row) for row in rng().choice(list("2345678bcdefgmnpwxy"), (8, 5))]
    write_table(folder / "captchas.csv", {"file": names, "label": labels})
    return {"vars.filters": 2, "vars.width": 4, "vars.size": [8, 24]}


def handwriting(folder: Path) -> Overrides:
    names = write_pictures(folder, pixels(8, 8, 20))
    texts = ["a", "to", "null", "they", "NA", "I'll", "be", "on"]
    write_table(folder / "words.csv", {"file": names, "word": texts})
    return {
        "vars.filters": 2,
        "vars.width": 4,
        "vars.size": [8, 32],
        "vars.length": 4,
    }


def cats_and_dogs(folder: Path) -> Overrides:
    write_classes(folder / "PetImages", ["Cat", "Dog"], (20, 20), each=6)
    (folder / "PetImages" / "Cat" / "broken.jpg").write_bytes(b"not an image")
    return {"vars.size": 16, "vars.stem": 4, "vars.widths": [4], "vars.top": 4}


def pets(folder: Path) -> Overrides:
    write_pictures(folder / "images", pixels(8, 18, 18, 3))
    write_pictures(folder / "annotations/trimaps", pixels(8, 18, 18) % 3 + 1)
    return {"vars.size": 16, "vars.widths": [4, 8]}


def pets_of_vgg(folder: Path) -> Overrides:
    overrides = pets(folder)
    del overrides["vars.widths"]
    precise = {"runtime.precision": "float32"}
    return {**overrides, **precise, "vars.size": 32, "vars.units": 8, "vars.weights": None}


def bags(folder: Path) -> Overrides:
    bag = pixels(10, 3, 28, 28)
    write_npz(folder / "bags.npz", bag=bag, label=np.arange(10) % 2)
    return {}


def clouds(folder: Path) -> Overrides:
    points = rng().normal(size=(20, 16, 3))
    write_npz(folder / "clouds.npz", points=points, label=np.arange(20) % 10)
    return {
        "vars.points": 16,
        "vars.narrow": 4,
        "vars.wide": 8,
        "vars.dense": [8],
    }


def dark_photographs(folder: Path) -> Overrides:
    write_pictures(folder / "lol_dataset/our485/low", pixels(8, 32, 32, 3) // 8)
    return {"vars.size": 32, "vars.filters": 2}


def scans(folder: Path) -> Overrides:
    volume = rng().integers(-1000, 400, (8, 22, 22, 22))
    write_npz(folder / "scans.npz", volume=volume, label=np.arange(8) % 2)
    return {"vars.size": 22, "vars.slices": 22, "vars.filters": [2, 2], "vars.units": 4}


def photographs(folder: Path) -> Overrides:
    write_pictures(folder / "BSR/BSDS500/data/images/train", pixels(6, 30, 30, 3))
    return {"vars.small": 8, "vars.filters": [4, 2], "data.split": {"validation": 0.34}}


def pairs(folder: Path) -> Overrides:
    images = {side: pixels(8, 28, 28, seed=n) for n, side in enumerate(("left", "right"))}
    write_npz(folder / "pairs.npz", **images, different=np.arange(8) % 2)
    return {}


def films(folder: Path) -> Overrides:
    write_npz(folder / "films.npz", film=pixels(6, 4, 8, 8))
    return {"vars.size": 8, "vars.filters": 2, "data.split": {"validation": 0.34}}


def views(folder: Path) -> Overrides:
    image = rng().uniform(size=(6, 6, 6, 3))
    write_npz(folder / "views.npz", image=image, pose=rng().normal(size=(6, 4, 4)))
    return {"vars.size": 6, "vars.focal": 8.3, "vars.samples": 4, "vars.waves": 3, "vars.width": 4}


def unlabelled(folder: Path) -> Overrides:
    labels = np.where(np.arange(12) % 3 == 0, np.arange(12) % 10, -1)
    write_npz(folder / "stl10.npz", image=pixels(12, 32, 32, 3), label=labels)
    return {
        "vars.size": 32,
        "vars.width": 4,
        "vars.epochs": 1,
        "training.epochs": None,
        "training.stages.labels.epochs": 1,
    }


def moons(folder: Path) -> Overrides:
    x, y = rng().normal(size=(2, 20))
    write_table(folder / "moons.csv", {"x": x, "y": y})
    return {"vars.width": 8, "vars.layers": 2, "vars.depth": 1}


def flowers(folder: Path) -> Overrides:
    write_pictures(folder / "flowers", pixels(6, 20, 24, 3))
    return {
        "vars.size": 16,
        "vars.widths": [4, 8],
        "vars.depth": 1,
        "vars.waves": 4,
    }


def faces(folder: Path) -> Overrides:
    write_pictures(folder / "celeba_gan/img_align_celeba", pixels(6, 20, 18, 3))
    return {
        "vars.size": 16,
        "vars.noise": 4,
        "vars.critic": [2, 2, 2],
        "vars.generator": [2, 2, 2],
    }


def characters(folder: Path) -> Overrides:
    write_npz(folder / "text.npz", character=[ord(one) for one in "they wrote a letter " * 5])
    return {"vars.characters": 10, "vars.width": 4}


def reviews(folder: Path) -> Overrides:
    write_lines(folder / "reviews.txt", words(8, 6, ["this", "movie", "is", "not", "long"]))
    return {"vars.words": 12, "vars.length": 5, "vars.width": 4}


ALL: Overrides = {"data.split": None}
"""All examples are for training: the step of the validation takes a quarter of the time."""
SMALL_VIT = {"vars.size": 16, "vars.width": 8, "vars.depth": 1, "vars.head": [8], **ALL}
DATA: dict[str, tuple[Callable[[Path], Overrides], Overrides]] = {
    "mnist_convnet": (dataset((28, 28)), {}),
    "captcha_ocr": (captchas, {}),
    "handwriting_recognition": (handwriting, ALL),
    "convmixer": (dataset((32, 32, 3)), {"vars.filters": 4, "vars.depth": 1, **ALL}),
    "image_classification_from_scratch": (cats_and_dogs, ALL),
    "image_classification_with_vision_transformer": (dataset((32, 32, 3)), SMALL_VIT),
    "cct": (dataset((32, 32, 3)), {"vars.filters": [4, 8], "vars.rates": [0.1], **ALL}),
    "oxford_pets_image_segmentation": (pets, ALL),
    "fully_convolutional_network": (pets_of_vgg, ALL),
    "eanet": (dataset((32, 32, 3)), {"vars.width": 16, "vars.depth": 1, **ALL}),
    "perceiver_image_classification": (
        dataset((32, 32, 3)),
        {"vars.size": 8, "vars.latents": 4, "vars.width": 8, "vars.depth": 1, "vars.rounds": 1},
    ),
    "mnist_moe": (dataset((28, 28)), ALL),
    "attention_mil_classification": (bags, {}),
    "pointnet": (clouds, ALL),
    "zero_dce": (dark_photographs, {}),
    "3D_image_classification": (scans, {}),
    "autoencoder": (
        dataset((28, 28)),
        {
            "vars.filters": 4,
            "training.epochs": None,
            "training.stages.copy.epochs": 1,
            "training.stages.denoise.epochs": 1,
        },
    ),
    "super_resolution_sub_pixel": (photographs, {}),
    "siamese_contrastive": (pairs, {}),
    "conv_lstm": (films, {}),
    "knowledge_distillation": (
        dataset((28, 28)),
        {
            "vars.teacher": 4,
            "vars.student": 2,
            "training.epochs": None,
            "training.stages.teacher.epochs": 1,
            "training.stages.student.epochs": 1,
        },
    ),
    "mlp_image_classification": (dataset((32, 32, 3)), {"vars.width": 8, "vars.depth": 1}),
    "nerf": (views, {"vars.depth": 6, **ALL}),  # its last layer sees the point again
    "vae": (dataset((28, 28)), {}),
    "vq_vae": (dataset((28, 28)), {"vars.width": 4, "vars.codes": 8, "vars.filters": [2, 4]}),
    "pixelcnn": (
        dataset((28, 28)),
        {"vars.filters": 4, "vars.depth": 1, "generate.steps": 56, **ALL},
    ),
    "conditional_gan": (dataset((28, 28)), {"vars.noise": 4}),
    "wgan_gp": (
        dataset((28, 28)),
        {
            "vars.noise": 4,
            "vars.critic": [2, 2, 4, 4],
            "vars.generator": [4, 2],
            "training.players.critic.updates": 1,
        },
    ),
    "real_nvp": (moons, ALL),
    "ddim": (flowers, {"generate.steps": 4, **ALL}),
    "lstm_character_level_text_generation": (characters, {}),
    "dcgan_overriding_train_step": (faces, {}),
    "semisupervised_simclr": (unlabelled, ALL),
    "swin_transformers": (dataset((8, 8, 3)), {"vars.size": 4, "vars.width": 8, **ALL}),
    "mixup": (dataset((28, 28)), {}),
    "text_generation_with_miniature_gpt": (reviews, {}),
}


@pytest.mark.parametrize("name", DATA)
def test_an_example_trains_on_data_of_its_form(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write, small = DATA[name]
    run = train(name, tmp_path, {**write(tmp_path), **small})
    if name in POINTS:
        POINTS[name](run, tmp_path)
